"""Dense inverse search (Kroeger et al. 2016) to full resolution."""

import cv2
import numpy as np
from jaxtyping import UInt8

from jvst._types import FlowField, Frame

#: The finest scale of a started search is 0, its coarsest this: coarser ones would lose again
#: what the start has found.
_COARSEST_FROM_START = 2


def dense_search(
    grey_from: UInt8[np.ndarray, "h w"],
    grey_to: UInt8[np.ndarray, "h w"],
    *,
    start: FlowField | None = None,
) -> FlowField:
    """Search at every scale down to the pixel.

    Args:
        grey_from: the frame on which the arrows start, at least 16 px a side.
        grey_to: the frame to which they point.
        start: a field to begin from, (dx, dy) in pixels; not changed.
    """
    # A search object holds buffers: one a call, so that threads don't share it.
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    search.setFinestScale(0)
    if start is not None:
        search.setCoarsestScale(_COARSEST_FROM_START)
        start = np.array(start, np.float32)
    # The stub doesn't know that None asks for a field made from nothing.
    return search.calc(grey_from, grey_to, start)  # pyright: ignore


def grey_of(image: Frame) -> UInt8[np.ndarray, "h w"]:
    """Weigh RGB to 8-bit grey, the only input that the search takes."""
    return cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
