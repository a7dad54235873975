"""The choice among several guesses of one motion."""

from typing import NamedTuple

import cv2
import numpy as np
from jaxtyping import Bool, Float32

from jvst._types import FlowField, Frame

#: Largest miss between a guess and its way back, pixels.
_CONSISTENT = 0.5
#: Least improvement in colours for which another guess is taken, of 255.
_CLEARLY_BETTER = 0.5
#: Colours further apart than this are just different, of 255.
_TRUNCATED = 40.0
_WINDOW = 9
#: A match is doubted whose colours differ by more than this many times the frame's median, which
#: noise makes, and this much, of 255; in a window small enough for outlines.
_USUAL, _ALLOWED, _SMALL_WINDOW = 3.0, 4.0, 5


class Chosen(NamedTuple):
    """The best guess at each pixel, and where any guess can be believed."""

    flow: FlowField
    consistent: Bool[np.ndarray, "h w"]


def choose(
    image_from: Frame, image_to: Frame, guesses: list[tuple[FlowField, FlowField]]
) -> Chosen:
    """Take at each pixel the guess that returns to it and matches the colours around it best.

    Args:
        image_from: the frame on which the arrows start.
        image_to: the frame to which they point.
        guesses: fields both ways, the one from ``image_from`` first; an earlier guess stays
            unless a later one is clearly better.
    """
    best, _ = guesses[0]
    consistent = returns(*guesses[0])
    if len(guesses) == 1:
        return Chosen(best, consistent)
    error = colour_error(image_from, image_to, best)
    for flow, flow_back in guesses[1:]:
        other, other_error = returns(flow, flow_back), colour_error(image_from, image_to, flow)
        better = other & (~consistent | (other_error < error - _CLEARLY_BETTER))
        best = np.where(better[..., None], flow, best)
        error = np.where(better, other_error, error)
        consistent = consistent | other
    return Chosen(best, consistent)


def returns(flow: FlowField, flow_back: FlowField) -> Bool[np.ndarray, "h w"]:
    """Tell where the way back ends within half a pixel of where the way there began."""
    height, width = flow.shape[:2]
    target = targets(flow)
    inside = np.all((target >= 0) & (target <= [width - 1, height - 1]), axis=-1)
    return inside & (miss(flow, flow_back) < _CONSISTENT)


def miss(flow: FlowField, flow_back: FlowField) -> Float32[np.ndarray, "h w"]:
    """Measure how far the way back ends from where the way there began, pixels.

    Outside the frame the way back is that of the border.
    """
    return np.linalg.norm(flow + _sample(flow_back, targets(flow)), axis=-1)


def fits(image_from: Frame, image_to: Frame, flow: FlowField) -> Bool[np.ndarray, "h w"]:
    """Tell where a field matches colours as it does in most of the frame.

    Beside an outline dense search carries one side's motion over to the other, both ways alike:
    that returns, but it doesn't match.
    """
    error = colour_error(image_from, image_to, flow, window=_SMALL_WINDOW)
    return error < _USUAL * np.median(error) + _ALLOWED


def colour_error(
    image_from: Frame, image_to: Frame, flow: FlowField, *, window: int = _WINDOW
) -> Float32[np.ndarray, "h w"]:
    """Average the differences of colours along a field in a window, each truncated, of 255."""
    moved = _sample(image_to.astype(np.float32), targets(flow))
    difference = np.abs(moved - image_from).mean(-1, dtype=np.float32)
    return cv2.blur(np.minimum(difference, np.float32(_TRUNCATED)), (window, window))


def targets(flow: FlowField) -> Float32[np.ndarray, "h w 2"]:
    """Return where each arrow ends, (x, y) in pixels."""
    height, width = flow.shape[:2]
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    return flow + np.stack([x, y], -1)


def _sample(image: np.ndarray, target: np.ndarray) -> np.ndarray:
    # OpenCV 4 rounds coordinates to 1/32 px here. That is far below both thresholds; what is
    # shown or optimized is warped elsewhere, exactly.
    x, y = np.ascontiguousarray(target[..., 0]), np.ascontiguousarray(target[..., 1])
    return cv2.remap(image, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
