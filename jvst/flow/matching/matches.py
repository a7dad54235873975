"""DeepMatching: matches of small patches, decided by large ones."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import cv2
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Float32, UInt8

from jvst._types import FlowField, Frame
from jvst.errors import InputError
from jvst.flow.engine import check_pair
from jvst.flow.matching.correlation import PATCH, correlate
from jvst.flow.matching.descriptors import describe
from jvst.flow.matching.pyramid import Best, decide

#: Side of a patch in pixels of the frame.
PATCH_SIDE = 2 * PATCH
#: Two levels of the pyramid.
SMALLEST_SIDE = 40
#: Reach in pixels that any clip gets; 4 GB of memory at 1024×436 would see everything.
_LEAST_REACH = 80
#: Displacements of every level are whole if the lowest reach is a multiple of this.
_REACH_STEP = 16


class Matches(NamedTuple):
    """Points of one frame and where they are in another, best first.

    Attributes:
        points_from: (x, y) in pixels.
        points_to: (x, y) in pixels, in the other frame.
        scores: sum of the responses along the path through the pyramid; higher is better. They
            compare matches of one pair of frames, not pairs of different sizes.
    """

    points_from: Float32[np.ndarray, "m 2"]
    points_to: Float32[np.ndarray, "m 2"]
    scores: Float32[np.ndarray, " m"]


def match(image_from: Frame, image_to: Frame, *, radius: int | None = None) -> Matches:
    """Match two frames by DeepMatching.

    Args:
        image_from: a frame, 8-bit RGB.
        image_to: another, of the same size.
        radius: how far a patch is looked for, down and across, in pixels; beyond the frame's
            sides it is the full search. None is ``default_radius``. Memory grows with its square.

    Returns:
        Matches that are the best of both their patches, at most one for 8×8 pixels.

    Raises:
        InputError: frames of other types, of different sizes or with a side under 40 px, or a
            radius below 1.
    """
    check_pair(image_from, image_to)
    return match_batch(image_from[None], image_to[None], radius=radius)[0]


def match_batch(
    images_from: UInt8[np.ndarray, "n h w 3"],
    images_to: UInt8[np.ndarray, "n h w 3"],
    *,
    radius: int | None = None,
    at_once: int = 1,
) -> list[Matches]:
    """Match n pairs of frames, all of one size, in one program.

    Args:
        images_from: frames, 8-bit RGB.
        images_to: their partners.
        radius: as for ``match``.
        at_once: pairs that a device works on together; each takes its own memory.

    Raises:
        InputError: a side is under 40 px, or the radius is below 1.
    """
    _, height, width, _ = images_from.shape
    if min(height, width) < SMALLEST_SIDE:
        raise InputError(
            f"the frames are {width}x{height} pixels; DeepMatching needs at least "
            f"{SMALLEST_SIDE} pixels a side: give larger frames, or use the engine dis"
        )
    if radius is not None and radius < 1:
        raise InputError(f"the matching radius is {radius}; expected at least 1 pixel")
    radius = default_radius(width) if radius is None else radius
    reach = _reach(height, radius), _reach(width, radius)
    greys = [
        jnp.asarray(np.stack([cv2.cvtColor(i, cv2.COLOR_RGB2GRAY) for i in images]), jnp.float32)
        for images in (images_from, images_to)
    ]
    found = jax.device_get(_match_greys(*greys, reach=reach, at_once=at_once))
    each = zip(found.displacement, found.score, strict=True)
    return [_reciprocal(Best(*one), (height // 2, width // 2)) for one in each]


def estimate_from_matches(
    images_from: UInt8[np.ndarray, "n h w 3"],
    images_to: UInt8[np.ndarray, "n h w 3"],
    estimate: Callable[[Frame, Frame, Matches], FlowField],
    *,
    radius: int | None,
) -> Float32[np.ndarray, "n h w 2"]:
    """Match n pairs of frames in one program, then make a field of each with its matches.

    Raises:
        InputError: as for ``match_batch``.
    """
    found = match_batch(images_from, images_to, radius=radius)
    each = zip(images_from, images_to, found, strict=True)
    return np.stack([estimate(*one) for one in each])


def default_radius(width: int) -> int:
    """Return a reach in pixels that costs and loses little: 80, or an eighth of the width."""
    return max(_LEAST_REACH, width // 8)


def matcher_settings(radius: int | None) -> dict[str, str | int | float | bool]:
    """Return what matches depend on besides the frames, for an engine's ``settings``."""
    return {
        "opencv": cv2.__version__,
        "jax": jax.__version__,
        "device": jax.default_backend(),
        "radius": radius or 0,
    }


@partial(jax.jit, static_argnames=("reach", "at_once"))
def _match_greys(
    greys_from: Float[Array, "n h w"],
    greys_to: Float[Array, "n h w"],
    *,
    reach: tuple[int, int],
    at_once: int,
) -> Best:
    def one(pair: tuple[Array, Array]) -> Best:
        source, target = (describe(grey) for grey in pair)
        bottom = correlate(source, target, reach=reach)
        h, w, _ = source.shape
        return decide(bottom, size=(h, w), reach=reach)

    return jax.lax.map(one, (greys_from, greys_to), batch_size=at_once)


def _reach(side: int, radius: int) -> int:
    """Return the radius in pixels of the descriptor, rounded up to whole steps of all levels."""
    wanted = -(-min(radius, side) // 2)
    return max(-(-wanted // _REACH_STEP), 1) * _REACH_STEP


def _reciprocal(best: Best, size: tuple[int, int]) -> Matches:
    """Keep matches that are also the best that arrive in their 8×8 pixels."""
    rows, columns = best.score.shape
    height, width = size
    y, x = np.mgrid[:rows, :columns]
    start = PATCH * np.stack([x, y], -1) + (PATCH - 1) / 2  # pixels of the descriptor
    target = (start + best.displacement).reshape(-1, 2)
    inside = np.all((target >= 0) & (target <= [width - 1, height - 1]), -1)
    score = np.where(inside, best.score.ravel(), -np.inf)
    # A pixel of the descriptor is the middle of two of the frame's.
    points_from, points_to = 2 * start.reshape(-1, 2) + 0.5, 2 * target + 0.5
    bins = np.where(inside[:, None], points_to // PATCH_SIDE, 0).astype(np.int64)
    where = bins[:, 1] * (2 * width // PATCH_SIDE + 1) + bins[:, 0]
    highest = np.full(int(where.max()) + 1, -np.inf)
    np.maximum.at(highest, where, score)
    kept = np.flatnonzero(np.isfinite(score) & (score == highest[where]))
    kept = kept[np.argsort(-score[kept], kind="stable")]
    return Matches(*(a[kept].astype(np.float32) for a in (points_from, points_to, score)))
