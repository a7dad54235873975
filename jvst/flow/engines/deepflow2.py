"""``deepflow2``: the paper's DeepFlow, with matches, in JAX."""

from dataclasses import dataclass, field

import cv2
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float32, UInt8

from jvst._types import FlowField, Frame
from jvst.core.consistency import corner_strength
from jvst.flow.dense.search import grey_of
from jvst.flow.dense.variational import Guides, minimize
from jvst.flow.matching.matches import Matches, estimate_from_matches, matcher_settings

#: From level to level. DeepFlow's .95 needs five times the levels, each compiled.
_FACTOR = 0.75
#: Shorter side of the coarsest level, pixels.
_COARSEST_SIDE = 24
#: Strength of the matches at the coarsest level, and how it falls: nothing at the finest. DeepFlow
#: has 300 and .6; it falls faster here, where a level is as far from the next as five of its.
_BETA, _FALL = 100.0, 1.5


@dataclass(frozen=True)
class DeepFlow2:
    """DeepFlow (Weinzaepfel et al. 2013): a variational energy with a matching term, in JAX.

    Differs from the original: grey instead of colour, fewer levels, and DeepMatching with
    ``default_radius``.

    Args:
        radius: how far patches are looked for, pixels; None for ``default_radius``.
        matching: strength of the matching term; 0 leaves it out.
    """

    radius: int | None = None
    matching: float = _BETA
    name: str = field(default="deepflow2", init=False)

    @property
    def settings(self) -> dict[str, str | int | float | bool]:
        """What the result depends on besides the frames."""
        return {**matcher_settings(self.radius), "matching": self.matching}

    def estimate_batch(
        self, images_from: UInt8[np.ndarray, "n h w 3"], images_to: UInt8[np.ndarray, "n h w 3"]
    ) -> Float32[np.ndarray, "n h w 2"]:
        """Estimate n fields; all are matched in one program.

        Raises:
            InputError: a side is shorter than 40 px.
        """
        return estimate_from_matches(images_from, images_to, self._estimate, radius=self.radius)

    def _estimate(self, image_from: Frame, image_to: Frame, matches: Matches) -> FlowField:
        if np.array_equal(image_from, image_to):
            return np.zeros((*image_from.shape[:2], 2), np.float32)  # matches have fractions
        greys = [smooth_grey(image) for image in (image_from, image_to)]
        sizes = _level_sizes(*image_from.shape[:2])
        weights = _weights(image_from, matches)
        flow = np.zeros((*sizes[-1], 2), np.float32)
        for level in range(len(sizes) - 1, -1, -1):
            size = sizes[level]
            small = [cv2.resize(g, size[::-1], interpolation=cv2.INTER_AREA) for g in greys]
            flow = _resized(flow, size)
            strength = self.matching * (level / max(len(sizes) - 1, 1)) ** _FALL
            guides = _guides(matches, strength * weights, image_from.shape[:2], size)
            flow = np.asarray(minimize(jnp.asarray(flow), *map(jnp.asarray, small), guides))
        return flow


def _level_sizes(height: int, width: int) -> list[tuple[int, int]]:
    """Return the sizes of all levels, the frame's own first."""
    sizes, scale = [(height, width)], _FACTOR
    while min(height, width) * scale >= _COARSEST_SIDE:
        sizes.append((round(height * scale), round(width * scale)))
        scale *= _FACTOR
    return sizes


def _weights(image: Frame, matches: Matches) -> Float32[np.ndarray, " m"]:
    """Trust in each match: little where there is nothing to hold on to.

    Lonely matches stay: the robust term bears wrong ones, and small fast things have few.
    """
    if len(matches.scores) == 0:
        return matches.scores
    x, y = matches.points_from.astype(np.intp).T
    corner = np.asarray(_corner_strength(jnp.asarray(image, jnp.float32) / 255))[y, x]
    hold = np.minimum(corner / max(float(corner.mean()), 1e-12), 1.0)
    return np.square(hold).astype(np.float32)  # noise has some corners everywhere, weak ones


def smooth_grey(image: Frame) -> Float32[np.ndarray, "h w"]:
    """Turn RGB into grey of 0 to 255, blurred by 0.6 px as DeepFlow does."""
    return cv2.GaussianBlur(grey_of(image).astype(np.float32), (0, 0), 0.6)


_corner_strength = jax.jit(corner_strength)


def _guides(
    matches: Matches, weights: np.ndarray, frame: tuple[int, int], size: tuple[int, int]
) -> Guides:
    """Put the matches on the pixels of a level; the heaviest of a pixel stays."""
    scale = np.array([size[1] / frame[1], size[0] / frame[0]], np.float32)
    flow, weight = np.zeros((*size, 2), np.float32), np.zeros(size, np.float32)
    order = np.argsort(weights, kind="stable")
    cells = ((matches.points_from + 0.5) * scale).astype(np.intp)[order]
    x, y = np.clip(cells, 0, [size[1] - 1, size[0] - 1]).T
    flow[y, x] = ((matches.points_to - matches.points_from) * scale)[order]
    weight[y, x] = weights[order]
    return Guides(jnp.asarray(flow), jnp.asarray(weight))


def _resized(flow: FlowField, size: tuple[int, int]) -> Float32[np.ndarray, "h2 w2 2"]:
    height, width = flow.shape[:2]
    large = cv2.resize(flow, size[::-1], interpolation=cv2.INTER_LINEAR)
    return large * np.array([size[1] / width, size[0] / height], np.float32)
