"""Colours of decoded video, brought to 8-bit RGB."""

from pathlib import Path
from typing import Any, cast

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace, Interpolation
from jaxtyping import UInt8, UInt16

from jvst._types import Frame
from jvst.errors import InputError
from jvst.video.display import over_white
from jvst.video.tone import COMMON_PEAK, ToneMap, Transfer

# Without the last two, swscale takes short cuts that are off by several levels.
_INTERPOLATION = int(
    Interpolation.BILINEAR | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT
)
# Numbers of ITU-T H.273, tables 2 to 4.
_UNTAGGED = 2
_RESERVED_MATRIX = 3
_YCGCO = 8
_TRANSFERS: dict[int, Transfer] = {16: "pq", 18: "hlg"}
_WIDE_PRIMARIES = {9: "bt2020", 11: "p3", 12: "p3"}
#: Matrices that swscale has no conversion for, by their names in H.273.
_UNREADABLE = {
    10: "BT.2020 with constant luminance",
    11: "SMPTE ST 2085",
    12: "derived from the primaries",
    13: "derived from the primaries, with constant luminance",
    14: "ICtCp",
    15: "IPT-C2",
    16: "YCgCo-Re",
    17: "YCgCo-Ro",
}
# Players take untagged video of more lines than this (PAL) for BT.709, and other for BT.601.
_STANDARD_DEFINITION_LINES = 576
_FULL_RANGE = int(ColorRange.JPEG)


def check_colours(frame: av.VideoFrame, path: Path) -> None:
    """Refuse colours that can't be converted.

    Raises:
        InputError: names them.
    """
    matrix = _UNREADABLE.get(frame.colorspace)
    if matrix is not None and _is_yuv(frame):
        raise InputError(
            f"{path} stores its colours as {matrix} (matrix {frame.colorspace}), which can't be "
            "converted; expected BT.601, BT.709, BT.2020 or YCgCo; convert it to BT.709"
        )


def tone_map(frame: av.VideoFrame) -> ToneMap | None:
    """Choose how a clip's light is shown, by the tags of its first frame; None: as it is."""
    transfer = _TRANSFERS.get(frame.color_trc)
    primaries = _WIDE_PRIMARIES.get(frame.color_primaries)
    if transfer is not None:
        if frame.color_primaries == _UNTAGGED:
            primaries = "bt2020"  # what HDR is made in
        peak = _mastering_peak(frame) if transfer == "pq" else None
        return ToneMap(transfer, primaries or "bt709", peak or COMMON_PEAK)
    return None if primaries is None else ToneMap("gamma", primaries)


def describe_tone_map(chosen: ToneMap, frame: av.VideoFrame) -> str:
    """Say in a few words how a clip's light is shown."""
    if chosen.transfer == "gamma":
        return f"has the colours of {chosen.primaries.upper()}; they are converted to BT.709"
    assumed = "" if chosen.transfer == "pq" and _mastering_peak(frame) else " (assumed)"
    return (
        f"is HDR ({chosen.transfer.upper()}); it is tone-mapped by BT.2390 from a peak of "
        f"{chosen.peak:g} cd/m²{assumed}, with white at 203 cd/m²"
    )


def to_rgb(frame: av.VideoFrame, chosen: ToneMap | None) -> Frame:
    """Convert a decoded frame to 8-bit RGB, over white where it is transparent."""
    if frame.colorspace == _YCGCO and _is_yuv(frame):
        return _from_ycgco(frame)
    if chosen is not None:
        return chosen.convert(cast(UInt16[np.ndarray, "h w 3"], _array(frame, "rgb48le")))
    transparent = any(component.is_alpha for component in frame.format.components)
    pixels = _array(frame, "rgba" if transparent else "rgb24")
    return over_white(pixels) if transparent else pixels


def _array(frame: av.VideoFrame, pixel_format: str) -> Any:
    matrix = None
    unknown = frame.colorspace in (_UNTAGGED, _RESERVED_MATRIX)
    if unknown and frame.height > _STANDARD_DEFINITION_LINES:
        matrix = int(Colorspace.ITU709)
    return frame.to_ndarray(
        format=pixel_format, src_colorspace=matrix, interpolation=_INTERPOLATION
    )


def _from_ycgco(frame: av.VideoFrame) -> Frame:
    r"""Convert luma and green and orange chroma.

    .. math:: G = Y + C_g, \qquad R = Y - C_g + C_o, \qquad B = Y - C_g - C_o

    Source: ITU-T H.273, equations 62 to 65.
    """
    # The sizes and depths of planes are swscale's work, which knows no such matrix: from one that
    # it knows to the same it converts no colours.
    full = frame.color_range == _FULL_RANGE
    extent = int(ColorRange.JPEG if full else ColorRange.MPEG)
    frame.colorspace = Colorspace.ITU709
    scaled = frame.reformat(
        format="yuv444p",
        dst_colorspace=Colorspace.ITU709,
        src_color_range=extent,
        dst_color_range=extent,
        interpolation=_INTERPOLATION,
    )
    frame.colorspace = _YCGCO
    luma, green, orange = scaled.to_ndarray().astype(np.float32)
    if not full:
        luma = (luma - 16) * np.float32(255 / 219)
        green, orange = ((c - 128) * np.float32(255 / 224) for c in (green, orange))
    else:
        green, orange = green - 128, orange - 128
    pixels = np.stack([luma - green + orange, luma + green, luma - green - orange], -1)
    return cast(UInt8[np.ndarray, "h w 3"], np.clip(np.round(pixels), 0, 255).astype(np.uint8))


def _is_yuv(frame: av.VideoFrame) -> bool:
    return not frame.format.is_rgb and not frame.format.has_palette and len(frame.planes) > 1


def _mastering_peak(frame: av.VideoFrame) -> float | None:
    """Read the largest light of the screen that the clip was made on, cd/m²."""
    data = cast(Any, frame.side_data).get("MASTERING_DISPLAY_METADATA")
    if data is None:
        return None
    # AVMasteringDisplayMetadata of FFmpeg's libavutil/mastering_display_metadata.h: ten
    # fractions (the primaries, white, least and largest light) and two flags.
    numbers = np.frombuffer(bytes(data), np.int32)
    numerator, denominator, has_light = int(numbers[18]), int(numbers[19]), bool(numbers[21])
    return numerator / denominator if has_light and denominator > 0 and numerator > 0 else None
