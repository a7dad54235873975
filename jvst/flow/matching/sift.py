"""Sparse matches of distinctive points (SIFT)."""

import cv2
import numpy as np
from jaxtyping import Float32, UInt8

Grey = UInt8[np.ndarray, "h w"]
Points = Float32[np.ndarray, "m 2"]

#: More find little more: the matching costs their square.
_MOST_POINTS = 4000
#: OpenCV's default is .04, which leaves weak texture without points.
_CONTRAST = 0.005
#: Lowe 2004, section 7.1: the second best must be clearly further away.
_RATIO = 0.8


def sift_matches(grey_from: Grey, grey_to: Grey) -> tuple[Points, Points]:
    """Match SIFT points (Lowe 2004) that choose each other, clearly, both ways.

    Args:
        grey_from: a frame, 8-bit grey.
        grey_to: another.

    Returns:
        Their (x, y) in pixels in each frame, row by row; there may be none. Swapping the frames
        swaps the two.
    """
    points_from, descriptors_from = _describe(grey_from)
    points_to, descriptors_to = _describe(grey_to)
    if min(len(points_from), len(points_to)) < 2:  # the ratio needs a second best
        return points_from[:0], points_to[:0]
    squared = _squared_distances(descriptors_from, descriptors_to)
    there, clear_there = _nearest(squared)
    back, clear_back = _nearest(squared.T)
    mutual = back[there] == np.arange(len(there))
    chosen = np.flatnonzero(mutual & clear_there & clear_back[there])
    return points_from[chosen], points_to[there[chosen]]


def _describe(grey: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    sift = cv2.SIFT.create(nfeatures=_MOST_POINTS, contrastThreshold=_CONTRAST)
    keypoints, descriptors = sift.detectAndCompute(np.ascontiguousarray(grey), None)  # pyright: ignore
    if descriptors is None:  # what OpenCV says when it finds no point
        return np.zeros((0, 2), np.float32), np.zeros((0, 128), np.float32)
    return np.array([point.pt for point in keypoints], np.float32), descriptors


def _squared_distances(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    # Descriptors are whole numbers up to 255, so float32 holds every sum exactly, whatever
    # the order in which threads add.
    products = one @ other.T
    return (one * one).sum(1)[:, None] + (other * other).sum(1)[None] - 2 * products


def _nearest(squared: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Find the nearest column of each row, and whether it is clearly nearer than the next."""
    best = squared.argmin(1)
    two = np.partition(squared, 1, axis=1)[:, :2]
    return best, two[:, 0] < _RATIO**2 * two[:, 1]
