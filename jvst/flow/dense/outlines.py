"""Alignment of a field's outlines with those of the pictures."""

import cv2
import numpy as np
from jaxtyping import Float32

from jvst._types import FlowField, Frame
from jvst.flow.dense.hypotheses import miss, targets

#: How far away, in pixels, a pixel looks for a motion that fits it better. Refinement smooths a
#: field over some 3 px, and a grid of matches places its outlines no better than its step.
_DISTANCES = (3, 6)
_DIRECTIONS = ((1, 0), (-1, 0), (0, 1), (0, -1), (0.7, 0.7), (0.7, -0.7), (-0.7, 0.7), (-0.7, -0.7))
#: Side in pixels of the window in which colours are compared: as small as noise allows.
_WINDOW = 3
#: Colours further apart than this are just different, of 255.
_TRUNCATED = 40.0
#: What a miss of one pixel on the way back counts, of 255, and the largest miss that counts more.
_MISS, _LARGEST_MISS = 3.0, 2.0
#: Least improvement of the fit for which another motion is taken, of 255.
_CLEARLY_BETTER = 1.0
#: Pixels: a field whose way back misses by more isn't believed.
_RETURNS = 0.7

Both = tuple[FlowField, FlowField]


def sharpen(image_from: Frame, image_to: Frame, flows: Both) -> Both:
    """Give each pixel the motion found near it that matches its colours and returns.

    Where neither the new motion nor the old one returns, the pixel is hidden in the other frame,
    colours say nothing, and the old one stays.

    Args:
        image_from: the frame on which the first field's arrows start.
        image_to: the other.
        flows: fields both ways, (dx, dy) in pixels; not changed.
    """
    there, back = flows
    sharp = _best_nearby(image_from, image_to, there, back)
    sharp_back = _best_nearby(image_to, image_from, back, there)
    return _unless_hidden(sharp, there, sharp_back), _unless_hidden(sharp_back, back, sharp)


def _best_nearby(
    image_from: Frame, image_to: Frame, flow: FlowField, flow_back: FlowField
) -> FlowField:
    best, cost = flow.copy(), _misfit(image_from, image_to, flow, flow_back) - _CLEARLY_BETTER
    for distance in _DISTANCES:
        for right, down in _DIRECTIONS:
            other = _from_nearby(flow, round(distance * right), round(distance * down))
            other_cost = _misfit(image_from, image_to, other, flow_back)
            better = other_cost < cost
            best[better] = other[better]
            cost = np.minimum(cost, other_cost)
    return best


def _misfit(
    image_from: Frame, image_to: Frame, flow: FlowField, flow_back: FlowField
) -> Float32[np.ndarray, "h w"]:
    """Measure how badly a field fits at each pixel: by colours, of 255, and by its way back."""
    x, y = np.moveaxis(targets(flow), -1, 0)
    # On 8 bits, which is 4 times as fast as on floats; rounding is far below what decides.
    moved = cv2.remap(
        image_to,
        np.ascontiguousarray(x),
        np.ascontiguousarray(y),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    difference = cv2.transform(
        cv2.absdiff(moved, image_from).astype(np.float32), np.full((1, 3), 1 / 3, np.float32)
    )
    colours = cv2.blur(np.minimum(difference, np.float32(_TRUNCATED)), (_WINDOW, _WINDOW))
    return colours + np.float32(_MISS) * np.minimum(miss(flow, flow_back), _LARGEST_MISS)


def _from_nearby(flow: FlowField, right: int, down: int) -> FlowField:
    """Take each pixel's motion from the pixel at that offset; the border's go on outside."""
    height, width = flow.shape[:2]
    rows = np.clip(np.arange(height) + down, 0, height - 1)
    columns = np.clip(np.arange(width) + right, 0, width - 1)
    return flow[rows][:, columns]


def _unless_hidden(sharp: FlowField, before: FlowField, sharp_back: FlowField) -> FlowField:
    hidden = (miss(sharp, sharp_back) > _RETURNS) & (miss(before, sharp_back) > _RETURNS)
    return np.where(hidden[..., None], before, sharp)
