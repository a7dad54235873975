"""A contact sheet of a run, before and after."""

from collections.abc import Sequence

import cv2
import numpy as np
from jaxtyping import UInt8

#: 8-bit RGB of any size.
Picture = UInt8[np.ndarray, "_h _w 3"]

_GAP = 6  # pixels between the pictures


def contact_sheet(
    clip: Sequence[Picture],
    stylized: Sequence[Picture],
    paintings: Sequence[Picture],
    *,
    columns: int,
) -> Picture:
    """Draw rows of frames before and after, the paintings in front of them.

    Args:
        clip: content frames, all of one size.
        stylized: the same frames, stylized.
        paintings: of any size.
        columns: how many frames to show, evenly spread over the clip.

    Raises:
        ValueError: not as many stylized frames as content frames, or none.
    """
    if not clip or len(clip) != len(stylized):
        raise ValueError(f"{len(clip)} frames and {len(stylized)} stylized; expected as many")
    height, width, _ = clip[0].shape
    chosen = np.linspace(0, len(clip) - 1, min(columns, len(clip))).round().astype(int)
    rows = [
        np.concatenate([_framed(frames[i], width, height) for i in chosen], axis=1)
        for frames in (clip, stylized)
    ]
    frames = np.concatenate(rows, axis=0)
    share = frames.shape[0] // len(paintings) - _GAP
    aside = [_framed(_fitted(painting, width, share), width, share) for painting in paintings]
    column = np.concatenate(aside, axis=0)
    missing = frames.shape[0] - column.shape[0]
    column = np.pad(column, ((0, missing), (0, 0), (0, 0)), constant_values=255)
    return np.concatenate([column, frames], axis=1)


def _fitted(picture: Picture, width: int, height: int) -> Picture:
    """Scale a picture into a box, aspect kept."""
    scale = min(width / picture.shape[1], height / picture.shape[0])
    size = max(round(picture.shape[1] * scale), 1), max(round(picture.shape[0] * scale), 1)
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA).astype(np.uint8)


def _framed(picture: Picture, width: int, height: int) -> Picture:
    """Put a picture into the middle of a white box with a gap around it."""
    box = np.full((height + _GAP, width + _GAP, 3), 255, np.uint8)
    top, left = (height - picture.shape[0]) // 2, (width - picture.shape[1]) // 2
    box[top : top + picture.shape[0], left : left + picture.shape[1]] = picture
    return box
