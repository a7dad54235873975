"""Orientation, transparency and size of pictures for display."""

from typing import NamedTuple

import cv2
import numpy as np
from jaxtyping import UInt8

from jvst._types import Frame


class Orientation(NamedTuple):
    """How to turn a stored picture upright: transpose first, then mirror."""

    transpose: bool = False
    flip_rows: bool = False
    flip_columns: bool = False


UPRIGHT = Orientation()


def orientation_from_matrix(matrix: bytes) -> Orientation:
    r"""Read the display matrix of a video stream.

    .. math:: x' = a x + c y, \qquad y' = b x + d y

    Args:
        matrix: nine native 32-bit integers ``a b u c d v x y w``, as FFmpeg gives them.

    Returns:
        The nearest of the eight ways to turn and mirror by quarter turns.

    Source: ISO/IEC 14496-12, track header box; FFmpeg ``libavutil/display.h``.
    """
    a, b, _, c, d = (int(number) for number in np.frombuffer(matrix, np.int32)[:5])
    if abs(a) + abs(d) >= abs(b) + abs(c):
        return Orientation(False, flip_rows=d < 0, flip_columns=a < 0)
    return Orientation(True, flip_rows=b < 0, flip_columns=c < 0)


def orient(
    pixels: UInt8[np.ndarray, "h w c"], orientation: Orientation
) -> UInt8[np.ndarray, "h_upright w_upright c"]:
    """Turn a stored picture upright."""
    if orientation.transpose:
        pixels = pixels.swapaxes(0, 1)
    if orientation.flip_rows:
        pixels = pixels[::-1]
    if orientation.flip_columns:
        pixels = pixels[:, ::-1]
    return pixels


def over_white(pixels: UInt8[np.ndarray, "h w 4"]) -> Frame:
    """Lay a picture with transparency over white paper."""
    alpha = pixels[..., 3:].astype(np.uint16)
    # 255 · 255 + 127 < 2^16, so this stays exact, and rounds to nearest.
    blended = (pixels[..., :3] * alpha + 255 * (255 - alpha) + 127) // 255
    return blended.astype(np.uint8)


def fit(frame: Frame, *, width: int, height: int) -> UInt8[np.ndarray, "{height} {width} 3"]:
    """Resize, by area where the frame shrinks and linearly where it grows."""
    if frame.shape[:2] == (height, width):
        return frame
    shrinks = width * height < frame.shape[0] * frame.shape[1]
    interpolation = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(
        cv2.resize(np.ascontiguousarray(frame), (width, height), interpolation=interpolation)
    )
