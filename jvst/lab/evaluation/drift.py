"""Drift of light over a stylized static shot.

Users of the Torch code report that a static background darkens. That code reads the previous
frame back from an 8-bit picture. Here the same shot is stylized several times, and only what a
frame hands on to the next differs.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import PRNGKeyArray

from jvst._types import Image, StyleTargets
from jvst.core.image import luminance
from jvst.film.clip import ClipConfig, stylize_clip
from jvst.film.neighbours import Motion
from jvst.network.vgg import VGG19
from jvst.solver.objective import LossWeights

#: What a frame hands on to the next.
CARRIED: dict[str, Callable[[Image], Image]] = {
    "float32, as jvst does": lambda image: image,
    "8 bits, rounded": lambda image: jnp.round(255.0 * jnp.clip(image, 0.0, 1.0)) / 255.0,
    "8 bits, cut off": lambda image: jnp.floor(255.0 * jnp.clip(image, 0.0, 1.0)) / 255.0,
}


class Course(NamedTuple):
    """Light of a stylized static shot, frame by frame."""

    name: str
    mean: np.ndarray  # mean luminance of each frame, [0, 1]
    border: np.ndarray  # the same over the outermost four pixels
    change: np.ndarray  # mean absolute change of a channel from the frame before
    iterations: np.ndarray

    def drift(self, since: int = 0) -> float:
        """Change of the mean luminance up to the last frame, as a part of what it was."""
        return float(self.mean[-1] / self.mean[since] - 1.0)


def measure_course(
    name: str,
    frames: Sequence[Image],
    vgg: VGG19,
    style: StyleTargets,
    weights: LossWeights,
    *,
    config: ClipConfig,
    key: PRNGKeyArray,
    carry: Callable[[Image], Image],
) -> Course:
    """Stylize a static shot, handing each frame on through ``carry``.

    Args:
        name: what to call it.
        frames: the shot, RGB in [0, 1]; nothing in it moves.
        vgg: the network.
        style: Gram matrices of the style.
        weights: weights of the terms.
        config: caps, mask and solver.
        key: draws the noise image.
        carry: what becomes of a finished frame before the next starts from it.
    """
    height, width, _ = frames[0].shape
    still = jnp.zeros((height, width, 2))
    means, borders, changes, iterations = [], [], [], []
    edge = np.ones((height, width), bool)
    edge[4:-4, 4:-4] = False
    before: Image | None = None
    for index, frame in enumerate(frames):
        earlier = {} if before is None else {index - 1: carry(before)}
        motions = {} if before is None else {1: Motion(still, still)}
        (made,) = stylize_clip(
            [frame],
            [motions],
            vgg,
            style,
            weights,
            config=config,
            key=key,
            first=index,
            earlier=earlier,
        )
        shown = jnp.clip(made.image, 0.0, 1.0)
        light = np.asarray(luminance(shown))
        means.append(light.mean())
        borders.append(light[edge].mean())
        changes.append(
            0.0 if before is None else float(jnp.mean(jnp.abs(shown - jnp.clip(before, 0.0, 1.0))))
        )
        iterations.append(made.info.iterations)
        before = made.image
    return Course(name, *(np.asarray(x) for x in (means, borders, changes, iterations)))


def markdown(courses: Sequence[Course], *, shown: Sequence[int] = (1, 10, 50, 100)) -> str:
    """Return the table: light at some frames, and how far it has drifted.

    Args:
        courses: one a row.
        shown: frames, counted from 1; those beyond the end are left out.
    """
    numbers = [n for n in shown if n <= len(courses[0].mean)]
    head = ["carried over", *(f"light, frame {n}" for n in numbers)]
    head += ["drift from frame 1", "drift from frame 10", "border", "change a frame", "iterations"]
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    for course in courses:
        border = float(course.border[-1] / course.border[0] - 1.0)
        cells = [course.name, *(f"{course.mean[n - 1]:.4f}" for n in numbers)]
        cells += [f"{100 * course.drift():+.2f} %"]
        cells += [f"{100 * course.drift(min(9, len(course.mean) - 1)):+.2f} %"]
        cells += [f"{100 * border:+.2f} %", f"{255 * course.change[1:].mean():.3f} levels"]
        cells += [f"{course.iterations[1:].mean():.0f}"]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)
