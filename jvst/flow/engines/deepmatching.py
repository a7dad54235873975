"""``deepmatching``: dense search that starts where DeepMatching points."""

from dataclasses import dataclass, field

import cv2
import numpy as np
from jaxtyping import Float32, UInt8

from jvst._types import FlowField, Frame
from jvst.flow.dense.refinement import refine
from jvst.flow.dense.search import dense_search, grey_of
from jvst.flow.matching.matches import PATCH_SIDE, Matches, estimate_from_matches, matcher_settings


@dataclass(frozen=True)
class DeepMatching:
    """Matches of small patches, filled in, searched from and refined. No contrib is needed.

    It finds fast things that search alone loses; ``match`` gives the matches by themselves.

    Args:
        radius: how far patches are looked for, pixels; None for ``default_radius``.
        refinements: rounds of variational refinement.
    """

    radius: int | None = None
    refinements: int = 3
    name: str = field(default="deepmatching", init=False)

    @property
    def settings(self) -> dict[str, str | int | float | bool]:
        """What the result depends on besides the frames."""
        return {**matcher_settings(self.radius), "refinements": self.refinements}

    def estimate_batch(
        self, images_from: UInt8[np.ndarray, "n h w 3"], images_to: UInt8[np.ndarray, "n h w 3"]
    ) -> Float32[np.ndarray, "n h w 2"]:
        """Estimate n fields; all are matched in one program.

        Raises:
            InputError: a side is shorter than 40 px.
        """
        return estimate_from_matches(images_from, images_to, self._estimate, radius=self.radius)

    def _estimate(self, image_from: Frame, image_to: Frame, matches: Matches) -> FlowField:
        grey_from, grey_to = grey_of(image_from), grey_of(image_to)
        start = fill(matches, image_from.shape[:2])
        flow = dense_search(grey_from, grey_to, start=start)
        return refine(flow, grey_from, grey_to, rounds=self.refinements)


def fill(matches: Matches, size: tuple[int, int]) -> FlowField:
    """Spread matches over the frame: holes take their nearest patch's, outliers go.

    Args:
        matches: of patches of 8×8 pixels, in any order.
        size: height and width of the frame.
    """
    height, width = size
    rows, columns = height // PATCH_SIDE, width // PATCH_SIDE
    if len(matches.scores) == 0:
        return np.zeros((height, width, 2), np.float32)
    cells = (matches.points_from // PATCH_SIDE).astype(np.intp)
    empty = np.ones((rows, columns), np.uint8)
    empty[cells[:, 1], cells[:, 0]] = 0
    grid = np.zeros((rows, columns, 2), np.float32)
    grid[cells[:, 1], cells[:, 0]] = matches.points_to - matches.points_from
    # Each pixel gets the label of the zero pixel nearest to it; labels count zero pixels.
    _, labels = cv2.distanceTransformWithLabels(
        empty, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    labels = np.asarray(labels, np.intp)
    values = np.zeros((int(labels.max()) + 1, 2), np.float32)
    values[labels[empty == 0]] = grid[empty == 0]
    filled = values[labels]
    smooth = [cv2.medianBlur(np.ascontiguousarray(filled[..., i]), 5) for i in (0, 1)]
    # Patches that a border cuts are no patches: the grid is a little smaller than the frame.
    y, x = np.mgrid[:height, :width].astype(np.float32)
    y, x = (y - 3.5) / PATCH_SIDE, (x - 3.5) / PATCH_SIDE
    large = [cv2.remap(s, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE) for s in smooth]
    return np.stack(large, -1)
