"""Variational refinement of a field, by OpenCV.

It is the last step of every engine that finds motion in another way.
"""

import cv2
import numpy as np
from jaxtyping import UInt8

from jvst._types import FlowField


def refine(
    flow: FlowField,
    grey_from: UInt8[np.ndarray, "h w"],
    grey_to: UInt8[np.ndarray, "h w"],
    *,
    rounds: int,
) -> FlowField:
    """Move a field to a nearby minimum of brightness, gradient and smoothness terms.

    It sharpens sub-pixel accuracy; it can't find an object that the field has lost.

    Args:
        flow: (dx, dy) in pixels; not changed.
        grey_from: the frame on which the arrows start.
        grey_to: the frame to which they point.
        rounds: number of times that the second frame is warped again and the field refined.

    Source: OpenCV's VariationalRefinement with the settings of OpenCV's own DeepFlow
    (deepflow.cpp), which are those of Weinzaepfel et al. 2013.
    """
    refinement = cv2.VariationalRefinement.create()
    refinement.setAlpha(4.0)
    refinement.setDelta(0.5 / 3)
    refinement.setGamma(5.0 / 3)
    refinement.setFixedPointIterations(5)
    refinement.setSorIterations(25)
    refinement.setOmega(1.6)
    smooth_from, smooth_to = _smooth(grey_from), _smooth(grey_to)
    refined = flow.copy()
    for _ in range(rounds):
        # calc warps once, at the field that it is given, and updates it in place.
        refined = refinement.calc(smooth_from, smooth_to, refined)
    return np.asarray(refined)


def _smooth(grey: np.ndarray) -> np.ndarray:
    """Blur by 0.6 px, in float32 of 0 to 255: the refinement's settings depend on that scale."""
    return cv2.GaussianBlur(grey.astype(np.float32), (0, 0), 0.6)
