"""``dis``: OpenCV's dense inverse search, refined variationally."""

from dataclasses import dataclass, field

import cv2
import numpy as np
from jaxtyping import Float32, UInt8

from jvst._types import FlowField, Frame
from jvst.errors import InputError
from jvst.flow.dense.refinement import refine

#: The patch is 8 px; below 8 px OpenCV reads outside the frame, and it says itself that it
#: needs 12.
_SMALLEST_SIDE = 12
#: Below 16 px OpenCV chooses its scales by the width alone. See ``_search``.
_SMALL_SIDE = 16


@dataclass(frozen=True)
class Dis:
    """Dense inverse search (Kroeger et al. 2016), preset medium, refined variationally.

    The search alone is blocky: refinement takes its error on moving smooth textures down to
    between a quarter and two thirds, and on real footage it comes half as far from DeepFlow's
    published fields. No contrib is needed.

    Args:
        refinements: number of times that the second frame is warped again and the field refined.
    """

    refinements: int = 3
    name: str = field(default="dis", init=False)

    @property
    def settings(self) -> dict[str, str | int | float | bool]:
        """What the result depends on besides the frames."""
        return {"opencv": cv2.__version__, "preset": "medium", "refinements": self.refinements}

    def estimate_batch(
        self, images_from: UInt8[np.ndarray, "n h w 3"], images_to: UInt8[np.ndarray, "n h w 3"]
    ) -> Float32[np.ndarray, "n h w 2"]:
        """Estimate n fields, one after the other.

        Raises:
            InputError: a side is shorter than 12 px.
        """
        height, width = images_from.shape[1:3]
        if min(height, width) < _SMALLEST_SIDE:
            raise InputError(
                f"the frames are {width}x{height} pixels; the flow engine dis needs at least "
                f"{_SMALLEST_SIDE} pixels a side: give larger frames"
            )
        return np.stack(
            [self._estimate(*pair) for pair in zip(images_from, images_to, strict=True)]
        )

    def _estimate(self, image_from: Frame, image_to: Frame) -> FlowField:
        grey_from = cv2.cvtColor(image_from, cv2.COLOR_RGB2GRAY)
        grey_to = cv2.cvtColor(image_to, cv2.COLOR_RGB2GRAY)
        flow = _search(grey_from, grey_to)
        return refine(flow, grey_from, grey_to, rounds=self.refinements)


def _search(grey_from: np.ndarray, grey_to: np.ndarray) -> np.ndarray:
    """Run dense inverse search on 8-bit grey, the only input it takes.

    A search object holds buffers: one a call, so that threads don't share it.
    """
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    if min(grey_from.shape) < _SMALL_SIDE:
        # When the pyramid does not reach the preset's finest scale (1), OpenCV 4.13 chooses all
        # scales by the width alone: a frame of 200x15 pixels then has levels lower than a patch,
        # and the process crashes. From 16 px a side that can't happen; below, asking for scale 0
        # keeps OpenCV from choosing.
        search.setFinestScale(0)
    # The stub doesn't know that None asks for a field made from nothing.
    return search.calc(grey_from, grey_to, None)  # pyright: ignore
