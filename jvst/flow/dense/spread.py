"""The steps that ``epic`` and ``epicflow`` share."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Bool, Float32, UInt8

from jvst._types import FlowField, Frame
from jvst.flow.dense.hold import fill_flat
from jvst.flow.dense.hypotheses import Chosen, choose, fits
from jvst.flow.dense.interpolation import FEWEST_MATCHES, grid_step, interpolate
from jvst.flow.dense.outlines import Both, sharpen
from jvst.flow.dense.refinement import refine
from jvst.flow.dense.search import grey_of

#: Fields both ways between two frames, the one from the first frame first.
Guesses = list[tuple[FlowField, FlowField]]

#: Changes with what this module makes of the same guesses, for the engines' ``settings``.
PIPELINE = 3
#: Share of pixels whose motion returns, below which two frames are taken for unrelated, and keep
#: the plain search: what the next steps do would make their fields agree where nothing does.
#: Measured over six scenes: up to 0.28 over cuts, from 0.43 between neighbours that move fast.
_IN_COMMON = 0.3
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

    Where the batch holds a pair both ways, it is worked on once.

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
        flows[index], back = spread_pair(*pair, guess(*pair), engine=engine)
        reverse = _find(images_from, images_to, (pair[1], pair[0]), after=index)
        if reverse is not None:
            flows[reverse] = back
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


def spread_pair(image_from: Frame, image_to: Frame, guesses: Guesses, *, engine: str) -> Both:
    """Spread what can be believed of some guesses over two frames, and refine it, both ways.

    Args:
        image_from: a frame.
        image_to: the other.
        guesses: fields both ways, the one from ``image_from`` first.
        engine: who asks, for messages.

    Returns:
        the field from ``image_from`` and the one back.
    """
    if np.array_equal(image_from, image_to):
        return np.zeros_like(guesses[0][0]), np.zeros_like(guesses[0][0])  # jitter would move it
    turned = [(one_back, one) for one, one_back in guesses]
    chosen = choose(image_from, image_to, guesses)
    chosen_back = choose(image_to, image_from, turned)
    if min(one.consistent.mean() for one in (chosen, chosen_back)) < _IN_COMMON:
        plain, plain_back = guesses[0]
        return _refine(image_from, image_to, plain), _refine(image_to, image_from, plain_back)
    there = _spread(image_from, image_to, chosen, guesses[0][0], engine=engine)
    back = _spread(image_to, image_from, chosen_back, turned[0][0], engine=engine)
    there = fill_flat(image_from, there, chosen)
    back = fill_flat(image_to, back, chosen_back)
    return sharpen(image_from, image_to, (there, back))


def _spread(
    image_from: Frame, image_to: Frame, chosen: Chosen, plain: FlowField, *, engine: str
) -> FlowField:
    """Spread and refine one field."""
    believed = chosen.consistent & fits(image_from, image_to, chosen.flow)
    points_from, points_to = _grid(chosen.flow, believed)
    flow = interpolate(image_from, image_to, points_from, points_to, neighbours=64, engine=engine)
    return _refine(image_from, image_to, plain if flow is None else flow)


def _refine(image_from: Frame, image_to: Frame, flow: FlowField) -> FlowField:
    rounds = 3 if np.linalg.norm(flow, axis=-1).mean() < _SMALL_MOTION else 1
    return refine(flow, grey_of(image_from), grey_of(image_to), rounds=rounds)


def _grid(flow: FlowField, believed: Bool[np.ndarray, "h w"]) -> tuple[np.ndarray, np.ndarray]:
    """Return matches at the believable pixels of a grid."""
    height, width = believed.shape
    step = grid_step(height, width)
    y, x = np.mgrid[step // 2 : height : step, step // 2 : width : step]
    chosen = believed[y, x]
    x, y = x[chosen], y[chosen]
    if len(x) < FEWEST_MATCHES:
        x, y = x[:0], y[:0]
    points = np.stack([x, y], -1).astype(np.float32)
    return points, points + flow[y, x]
