"""From dense guesses to a field that stops at edges: what ``epic`` and ``epicflow`` share."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float32, UInt8

from jvst._types import FlowField, Frame
from jvst.flow.hypotheses import Chosen, choose
from jvst.flow.interpolation import FEWEST_MATCHES, grid_step, interpolate
from jvst.flow.refinement import refine
from jvst.flow.search import grey_of

#: Fields both ways between two frames, the one from the first frame first.
Guesses = list[tuple[FlowField, FlowField]]

#: Pixels: below this mean motion, more refinement brings accuracy; above, it only blurs edges.
_SMALL_MOTION = 2.0


def spread_batch(
    images_from: UInt8[np.ndarray, "n h w 3"],
    images_to: UInt8[np.ndarray, "n h w 3"],
    guess: Callable[[Frame, Frame], Guesses],
    *,
    engine: str,
) -> Float32[np.ndarray, "n h w 2"]:
    """Guess, check, spread and refine n fields.

    Where the batch holds a pair both ways, one call of ``guess`` serves both.

    Args:
        images_from: frames on which the arrows start.
        images_to: frames to which they point.
        guess: gives fields both ways between two frames.
        engine: who asks, for messages.
    """
    flows = np.empty((*images_from.shape[:3], 2), np.float32)
    done: set[int] = set()
    for index, pair in enumerate(zip(images_from, images_to, strict=True)):
        if index in done:
            continue
        guesses = guess(pair[0], pair[1])
        flows[index] = spread(pair[0], pair[1], guesses, engine=engine)
        reverse = _find(images_from, images_to, (pair[1], pair[0]), after=index)
        if reverse is not None:
            back = [(one_back, one) for one, one_back in guesses]
            flows[reverse] = spread(pair[1], pair[0], back, engine=engine)
            done.add(reverse)
    return flows


def _find(
    images_from: np.ndarray, images_to: np.ndarray, pair: tuple[Frame, Frame], *, after: int
) -> int | None:
    """Find a later item of the batch that is this pair."""
    for index in range(after + 1, len(images_from)):
        if np.array_equal(images_from[index], pair[0]) and np.array_equal(
            images_to[index], pair[1]
        ):
            return index
    return None


def spread(image_from: Frame, image_to: Frame, guesses: Guesses, *, engine: str) -> FlowField:
    """Spread what can be believed of some guesses over the frame, along edges, and refine it."""
    if np.array_equal(image_from, image_to):
        return np.zeros_like(guesses[0][0])  # the jitter of the matches would move it
    chosen = choose(image_from, image_to, guesses)
    points_from, points_to = _grid(chosen)
    flow = interpolate(image_from, image_to, points_from, points_to, neighbours=64, engine=engine)
    if flow is None:  # a cut, or nothing to see: no guess is better than the plain search
        flow = guesses[0][0]
    rounds = 3 if np.linalg.norm(flow, axis=-1).mean() < _SMALL_MOTION else 1
    return refine(flow, grey_of(image_from), grey_of(image_to), rounds=rounds)


def _grid(chosen: Chosen) -> tuple[np.ndarray, np.ndarray]:
    """Matches at the believable pixels of a grid."""
    height, width = chosen.consistent.shape
    step = grid_step(height, width)
    y, x = np.mgrid[step // 2 : height : step, step // 2 : width : step]
    believed = chosen.consistent[y, x]
    x, y = x[believed], y[believed]
    if len(x) < FEWEST_MATCHES:
        x, y = x[:0], y[:0]
    points = np.stack([x, y], -1).astype(np.float32)
    return points, points + chosen.flow[y, x]
