"""Matches of patches, where no guess explains the motion."""

import cv2
import numpy as np
from jaxtyping import Bool, Float32

from jvst._types import FlowField, Frame
from jvst.flow.dense.hold import has_hold
from jvst.flow.dense.hypotheses import returns
from jvst.flow.matching.sift import Points

#: Patches are compared at half the size, where noise is half as strong and a search costs a
#: sixteenth, after a blur of this many pixels.
_BLUR = 1.0
#: Of half the size: side of a patch, distance between patches, and the part of the frame's width
#: that is searched in each direction.
_PATCH, _STEP, _REACH = 15, 6, 1 / 8
#: Most patches in a direction, which bounds the time on frames that have nothing in common.
_MOST_PATCHES = 400
#: A patch is looked for where guesses fail and texture holds, each in half of it at least, ...
_SHARE, _WINDOW = 0.5, 9
#: ... and found where it correlates this well, and by this much better than over 3 px away.
_CORRELATED, _CLEARLY_BETTER, _PEAK = 0.75, 0.03, 3
#: The patch found must find the first one again within this many pixels of half the size.
_RETURNS = 1.5


def unexplained(guesses: list[tuple[FlowField, FlowField]]) -> Bool[np.ndarray, "h w"]:
    """Tell where no guess's way back returns.

    Args:
        guesses: fields both ways, the one on whose grid to tell first.
    """
    return ~np.any([returns(there, back) for there, back in guesses], axis=0)


def patch_matches(
    image_from: Frame, image_to: Frame, missing: Bool[np.ndarray, "h w"]
) -> tuple[Points, Points]:
    """Look for the patches of some pixels by normalised correlation of colours, and back.

    Args:
        image_from: the frame that holds the patches.
        image_to: the frame in which to look for them.
        missing: the pixels.

    Returns:
        (x, y) in pixels in each frame, good to a pixel or two; there may be none.
    """
    one, other = _halved(image_from), _halved(image_to)
    height, width = one.shape[:2]
    wanted = [
        cv2.blur(cv2.resize(mask.astype(np.float32), (width, height)), (_WINDOW, _WINDOW)) > _SHARE
        for mask in (missing, has_hold(image_from))
    ]
    y, x = np.mgrid[_STEP // 2 : height : _STEP, _STEP // 2 : width : _STEP]
    chosen = wanted[0][y, x] & wanted[1][y, x]
    points = np.stack([x[chosen], y[chosen]], -1)
    if len(points) > _MOST_PATCHES:
        points = points[np.linspace(0, len(points) - 1, _MOST_PATCHES).astype(np.int64)]
    reach = max(round(width * _REACH), _PATCH)
    found, clear = _search(one, other, points, reach)
    points, found = points[clear], found[clear]
    again, clear = _search(other, one, found, reach)
    mutual = clear & (np.linalg.norm(again - points, axis=-1) <= _RETURNS)
    # Pixel p of half the size lies between 2p and 2p + 1.
    there, back = ((2 * p[mutual] + 0.5).astype(np.float32) for p in (points, found))
    return there, back


def _halved(image: Frame) -> Float32[np.ndarray, "h2 w2 3"]:
    height, width = image.shape[:2]
    smooth = cv2.GaussianBlur(image, (0, 0), _BLUR)
    small = cv2.resize(smooth, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
    return small.astype(np.float32)


def _search(
    one: Float32[np.ndarray, "h w 3"],
    other: Float32[np.ndarray, "h w 3"],
    points: np.ndarray,
    reach: int,
) -> tuple[np.ndarray, Bool[np.ndarray, " m"]]:
    """Return where each point's patch correlates best in another picture, and whether clearly."""
    height, width = one.shape[:2]
    margin = _PATCH // 2
    one, other = (
        np.pad(x, ((margin, margin), (margin, margin), (0, 0)), mode="edge") for x in (one, other)
    )
    found, clear = np.zeros((len(points), 2), np.int64), np.zeros(len(points), bool)
    for number, (x, y) in enumerate(points):
        left, right = max(0, x - reach), min(width - 1, x + reach)
        top, bottom = max(0, y - reach), min(height - 1, y + reach)
        scores = cv2.matchTemplate(
            other[top : bottom + _PATCH, left : right + _PATCH],
            one[y : y + _PATCH, x : x + _PATCH],
            cv2.TM_CCOEFF_NORMED,
        )
        _, best, _, (column, row) = cv2.minMaxLoc(scores)
        found[number] = left + column, top + row
        rows = slice(max(0, row - _PEAK), row + _PEAK + 1)
        scores[rows, max(0, column - _PEAK) : column + _PEAK + 1] = -1
        clear[number] = best > _CORRELATED and best - scores.max() > _CLEARLY_BETTER
    return found, clear
