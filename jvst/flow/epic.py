"""``epic``: two dense guesses, checked against each other, then spread along edges."""

from dataclasses import dataclass, field

import cv2
import numpy as np
from jaxtyping import Float32, UInt8

from jvst._types import FlowField, Frame
from jvst.errors import InputError
from jvst.flow.contrib import contrib_function
from jvst.flow.hypotheses import Chosen, choose
from jvst.flow.interpolation import FEWEST_MATCHES, grid_step, interpolate
from jvst.flow.refinement import refine
from jvst.flow.search import dense_search, grey_of
from jvst.flow.sift import sift_matches

#: Below, scales of the search are missing (see ``dis``), and a grid of 4 px holds few matches.
_SMALLEST_SIDE = 40
#: Fewer sparse matches spread over the frame make a worse guess than none.
_FEWEST_SEEDS = 200
#: Pixels: below this mean motion, more refinement brings accuracy; above, it only blurs edges.
_SMALL_MOTION = 2.0


@dataclass(frozen=True)
class Epic:
    """The best field that OpenCV's parts make, at 50 to 70 times the cost of plain search.

    1. Two guesses, both ways: dense inverse search at full resolution, and the same search
       started from SIFT matches spread along edges, which finds what moves far.
    2. At each pixel the guess whose way back returns, and that matches the colours better.
    3. Those pixels on a grid, spread along edges over the rest (what one frame hides, above all).
    4. Variational refinement.

    Each step repairs a fault of the others: no seed wins on every clip, and the checked
    interpolation is what makes the masks follow the true edges.
    """

    name: str = field(default="epic", init=False)

    @property
    def settings(self) -> dict[str, str | int | float | bool]:
        """What the result depends on besides the frames."""
        return {"opencv": cv2.__version__, "pipeline": 1}

    def estimate_batch(
        self, images_from: UInt8[np.ndarray, "n h w 3"], images_to: UInt8[np.ndarray, "n h w 3"]
    ) -> Float32[np.ndarray, "n h w 2"]:
        """Estimate n fields; where the batch holds a pair both ways, its work is shared.

        Raises:
            InputError: this OpenCV comes without its contrib modules, or a side is shorter than
                40 px.
        """
        contrib_function("ximgproc", "createEdgeAwareInterpolator", engine=self.name)
        height, width = images_from.shape[1:3]
        if min(height, width) < _SMALLEST_SIDE:
            raise InputError(
                f"the frames are {width}x{height} pixels; the flow engine epic needs at least "
                f"{_SMALLEST_SIDE} pixels a side: give larger frames, or use the engine dis"
            )
        flows = np.empty((*images_from.shape[:3], 2), np.float32)
        done: set[int] = set()
        for index, pair in enumerate(zip(images_from, images_to, strict=True)):
            if index in done:
                continue
            reverse = _find(images_from, images_to, pair[::-1], after=index)
            guesses = _guesses(*pair)
            flows[index] = _finish(*pair, guesses)
            if reverse is not None:
                flows[reverse] = _finish(*pair[::-1], [guess[::-1] for guess in guesses])
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


def _guesses(image_from: Frame, image_to: Frame) -> list[tuple[FlowField, FlowField]]:
    """Guess the motion both ways, once or twice."""
    grey_from, grey_to = grey_of(image_from), grey_of(image_to)
    guesses = [(dense_search(grey_from, grey_to), dense_search(grey_to, grey_from))]
    points_from, points_to = sift_matches(grey_from, grey_to)
    if len(points_from) < _FEWEST_SEEDS:
        return guesses
    seed = interpolate(image_from, image_to, points_from, points_to, neighbours=128, engine="epic")
    seed_back = interpolate(
        image_to, image_from, points_to, points_from, neighbours=128, engine="epic"
    )
    if seed is not None and seed_back is not None:
        there, back = (
            dense_search(grey_from, grey_to, start=seed),
            dense_search(grey_to, grey_from, start=seed_back),
        )
        guesses.append((there, back))
    return guesses


def _finish(
    image_from: Frame, image_to: Frame, guesses: list[tuple[FlowField, FlowField]]
) -> FlowField:
    """Spread what can be believed over the frame, and refine it."""
    if np.array_equal(image_from, image_to):
        return np.zeros_like(guesses[0][0])  # the jitter of the matches would move it
    chosen = choose(image_from, image_to, guesses)
    points_from, points_to = _grid(chosen)
    flow = interpolate(image_from, image_to, points_from, points_to, neighbours=64, engine="epic")
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
