"""``epic``: several dense guesses, checked and spread along edges."""

from dataclasses import dataclass, field

import cv2
import numpy as np
from jaxtyping import Float32, UInt8

from jvst._types import Frame
from jvst.errors import InputError
from jvst.flow.dense.interpolation import interpolate
from jvst.flow.dense.search import dense_search, grey_of
from jvst.flow.dense.spread import PIPELINE, Guesses, spread_batch
from jvst.flow.engine import contrib_function
from jvst.flow.matching.patches import patch_matches, unexplained
from jvst.flow.matching.sift import Points, sift_matches

#: Below, scales of the search are missing (see ``dis``), and a grid holds few matches.
SMALLEST_SIDE = 40
#: Sparse matches that a local motion is fitted to. Of more, a small thing that moves fast has too
#: few to be heard.
_NEIGHBOURS = 24
#: Share of pixels that neither guess explains, above which frames are taken for unrelated (see
#: ``spread``) and no patch is looked for; and matches of patches below which they change nothing.
_UNRELATED, _FEWEST_PATCHES = 0.7, 4


@dataclass(frozen=True)
class Epic:
    """The best field that OpenCV's parts make, at some hundred times the cost of plain search.

    1. Guesses, both ways: dense inverse search at full resolution, and the same search
       started from SIFT matches spread along edges, which finds what moves far. What neither
       explains is looked for patch by patch; matches found so make a third guess.
    2. At each pixel the guess whose way back returns, and that matches the colours better.
    3. Those pixels on a grid, spread along edges over the rest (what one frame hides, above all).
    4. Variational refinement.
    5. Flat areas, where nothing tells one motion from another, take that of what surrounds them.
    6. Outlines are moved to where colours and the way back agree with them.

    Each step repairs a fault of the others: no seed wins on every clip, and the checked
    interpolation is what makes the masks follow the true edges.
    """

    name: str = field(default="epic", init=False)

    @property
    def settings(self) -> dict[str, str | int | float | bool]:
        """What the result depends on besides the frames."""
        return {"opencv": cv2.__version__, "pipeline": PIPELINE}

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
        if min(height, width) < SMALLEST_SIDE:
            raise InputError(
                f"the frames are {width}x{height} pixels; the flow engine epic needs at least "
                f"{SMALLEST_SIDE} pixels a side: give larger frames, or use the engine dis"
            )
        return spread_batch(images_from, images_to, _guesses, engine=self.name)


def _guesses(image_from: Frame, image_to: Frame) -> Guesses:
    """Guess the motion both ways, up to three times."""
    grey_from, grey_to = grey_of(image_from), grey_of(image_to)
    guesses = [(dense_search(grey_from, grey_to), dense_search(grey_to, grey_from))]
    points = sift_matches(grey_from, grey_to)
    guesses += _searched_from(image_from, image_to, points)
    missing = unexplained(guesses)
    missing_back = unexplained([(back, there) for there, back in guesses])
    if max(missing.mean(), missing_back.mean()) > _UNRELATED:
        return guesses
    more = patch_matches(image_from, image_to, missing)
    more_back = patch_matches(image_to, image_from, missing_back)
    if len(more[0]) + len(more_back[0]) >= _FEWEST_PATCHES:
        together = zip(points, more, more_back[::-1], strict=True)
        points_from, points_to = (np.concatenate(each) for each in together)
        guesses += _searched_from(image_from, image_to, (points_from, points_to))
    return guesses


def _searched_from(image_from: Frame, image_to: Frame, points: tuple[Points, Points]) -> Guesses:
    """Spread sparse matches along edges, and search from there; nothing if they are too few."""
    seed, seed_back = (
        interpolate(*frames, *ends, neighbours=_NEIGHBOURS, engine="epic")
        for frames, ends in (
            ((image_from, image_to), points),
            ((image_to, image_from), points[::-1]),
        )
    )
    if seed is None or seed_back is None:
        return []
    grey_from, grey_to = grey_of(image_from), grey_of(image_to)
    there = dense_search(grey_from, grey_to, start=seed)
    return [(there, dense_search(grey_to, grey_from, start=seed_back))]
