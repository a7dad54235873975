"""Small pictures of frames, masks and flow for the page."""

import base64
from typing import NamedTuple

import cv2
import numpy as np
from jaxtyping import Float32, UInt8

from jvst._types import FlowField, Frame
from jvst.flow.pictures import colour_flow, overlay_mask

#: Longest side, pixels.
_SIDE = 320
_WHEEL = 120  # pixels
#: Below this a picture is kept as it is; a larger one is worth a little loss.
_LOSSLESS_BYTES = 120_000

Thumbnail = UInt8[np.ndarray, "_h _w 3"]


class SheetRow(NamedTuple):
    """One frame of the contact sheet, small."""

    index: int  # from 0
    source: Thumbnail
    output: Thumbnail
    mask: Thumbnail | None  # over the input; None where there is no mask
    flow: Float32[np.ndarray, "_h _w 2"] | None  # in pixels of the full size


def sheet_row(
    index: int,
    source: Frame,
    output: Frame,
    flow: FlowField | None,
    mask: Float32[np.ndarray, "h w"] | None,
) -> SheetRow:
    """Shrink what the contact sheet shows of a frame."""
    return SheetRow(
        index,
        thumbnail(source),
        thumbnail(output),
        None if mask is None else thumbnail(overlay_mask(source, mask)),
        None if flow is None else _shrink(flow),
    )


def thumbnail(picture: Frame) -> Thumbnail:
    """Shrink a picture to at most 320 pixels a side; a smaller one stays."""
    return _shrink(picture)


def longest_motion(rows: list[SheetRow]) -> float:
    """Return the length of full colour for all flows of a sheet, in pixels; 0 where there is none.

    The length that one pixel in a hundred exceeds: a single wild arrow would turn all else white.
    """
    lengths = [np.linalg.norm(row.flow, axis=-1).ravel() for row in rows if row.flow is not None]
    return float(np.percentile(np.concatenate(lengths), 99)) if lengths else 0.0


def flow_picture(flow: Float32[np.ndarray, "h w 2"], longest: float) -> Frame:
    """Colour a flow; a field that stands still is white."""
    return colour_flow(flow, largest=max(longest, 0.1))  # pixels; less is no motion to speak of


def wheel_picture() -> Frame:
    """Draw the colours of all directions, those of short arrows inside."""
    along = np.linspace(-1.0, 1.0, _WHEEL, dtype=np.float32)
    arrows = np.stack(np.meshgrid(along, along), axis=-1)  # [h w 2]
    outside = np.linalg.norm(arrows, axis=-1) > 1.0
    arrows[outside] = 0.0
    return colour_flow(arrows, largest=1.0)


def photo(picture: Thumbnail) -> str:
    """Return a picture as a ``data:`` address, by JPEG."""
    return address("jpeg", _encode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 82]))


def drawing(picture: Thumbnail) -> str:
    """Return a picture as a ``data:`` address, without loss where that is small.

    Rows of different frames keep their own colours even where it is not.
    """
    lossless = _encode(".png", picture, [])
    if len(lossless) <= _LOSSLESS_BYTES:
        return address("png", lossless)
    every_pixel = [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
    return address("jpeg", _encode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 88, *every_pixel]))


def address(kind: str, encoded: bytes) -> str:
    """Return an encoded picture as a ``data:`` address; kind: png, jpeg or svg+xml."""
    return f"data:image/{kind};base64,{base64.b64encode(encoded).decode('ascii')}"


def _shrink(picture: np.ndarray) -> np.ndarray:
    height, width = picture.shape[:2]
    scale = _SIDE / max(height, width)
    if scale >= 1.0:
        return picture.copy()  # a view would keep its frame in memory
    size = max(round(width * scale), 1), max(round(height * scale), 1)
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA)


def _encode(kind: str, picture: Thumbnail, options: list[int]) -> bytes:
    good, encoded = cv2.imencode(kind, cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), options)
    assert good  # in memory nothing can be missing or full
    return encoded.tobytes()
