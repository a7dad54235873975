"""Decoding of video files, damaged ones included."""

from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import av
import numpy as np
from av.container import InputContainer
from av.error import FFmpegError
from av.video.reformatter import Colorspace, Interpolation

from jvst._types import Frame
from jvst.errors import InputError
from jvst.video.container import open_container, require_picture_stream
from jvst.video.display import (
    UPRIGHT,
    Orientation,
    fit,
    orient,
    orientation_from_matrix,
    over_white,
)

# Without the last two, swscale takes short cuts that are off by several levels.
_INTERPOLATION = int(
    Interpolation.BILINEAR | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT
)
# AVCOL_SPC_UNSPECIFIED of FFmpeg's libavutil/pixfmt.h (ITU-T H.273, table 4).
_UNTAGGED = 2
# Players take untagged video of more lines than this (PAL) for BT.709, and other for BT.601.
_STANDARD_DEFINITION_LINES = 576


class DamagedClipError(InputError):
    """A clip can be read up to some frame and no further.

    Attributes:
        frames_read: how many sound frames the clip has, counted from its beginning.
    """

    def __init__(self, message: str, frames_read: int):
        """Keep the count beside the message."""
        super().__init__(message)
        self.frames_read = frames_read


@dataclass(frozen=True)
class Display:
    """How the stored frames of a video are shown."""

    orientation: Orientation
    width: int
    height: int


def decode(
    container: InputContainer, stream: av.VideoStream, path: Path
) -> Generator[av.VideoFrame, None, None]:
    """Decode a video from its beginning, in the order of display.

    Raises:
        DamagedClipError: after the last frame before the damage. The file counts as damaged where
            a packet is cut off or can't be decoded, and where it ends earlier than it states.
    """
    stated = stated_packets(container, stream)
    demuxed = container.demux(stream)
    count, packets = 0, 0
    last: av.VideoFrame | None = None
    damaged = False
    while not damaged:
        packet = None
        try:
            packet = next(demuxed, None)
            if packet is None:
                break
            flushes = packet.size == 0 and packet.dts is None
            packets += not (flushes or packet.is_discard)
            if packet.size == 0 and not flushes:
                continue  # avi's way to say "the same frame again"; decoding it would end the clip
            damaged = packet.is_corrupt
            frames = _held_frames(stream) if damaged else packet.decode()
            if flushes:
                damaged = _ends_early(stream, stated, packets, [last, *frames])
        except FFmpegError:
            damaged = True
            frames = _held_frames(stream)
        if damaged:
            frames = _before_gap(frames, last, stream, None if packet is None else packet.pts)
        for frame in frames:
            if frame.is_corrupt:
                damaged = True
                break
            yield frame
            count += 1
            last = frame
    # Where only the sound is cut off, the picture may be complete.
    if damaged and (stated is None or count < stated):
        raise DamagedClipError(_describe_damage(path, count), count)


def find_display(frame: av.VideoFrame, stream: av.VideoStream) -> Display:
    """Find how frames are shown: turned upright, then widened or narrowed to square pixels.

    The number of rows stays.
    """
    matrix = cast(Any, frame.side_data).get("DISPLAYMATRIX")
    orientation = orientation_from_matrix(bytes(matrix)) if matrix else UPRIGHT
    aspect = Fraction(stream.sample_aspect_ratio or 1)
    if orientation.transpose:
        width, height, aspect = frame.height, frame.width, 1 / aspect
    else:
        width, height = frame.width, frame.height
    return Display(orientation, max(1, round(width * aspect)), height)


def to_picture(frame: av.VideoFrame, display: Display) -> Frame:
    """Convert a decoded frame to RGB as it is shown; one of another size is resized to fit."""
    colorspace = None
    if frame.colorspace == _UNTAGGED and frame.height > _STANDARD_DEFINITION_LINES:
        colorspace = int(Colorspace.ITU709)
    transparent = any(component.is_alpha for component in frame.format.components)
    pixels = frame.to_ndarray(
        format="rgba" if transparent else "rgb24",
        src_colorspace=colorspace,
        interpolation=_INTERPOLATION,
    )
    pixels = over_white(pixels) if transparent else pixels
    pixels = fit(orient(pixels, display.orientation), width=display.width, height=display.height)
    # A copy: the array may lie in a buffer of the decoder.
    return np.array(pixels, order="C")


def read_video(path: Path, start: int, stop: int | None, display: Display) -> Iterator[Frame]:
    """Yield the frames ``start`` to ``stop`` of a video file, as they are shown."""
    with open_container(path) as container:
        stream = require_picture_stream(container, path)
        count = 0
        with closing(decode(container, stream, path)) as frames:
            for frame in frames:
                if count >= start:
                    yield to_picture(frame, display)
                count += 1
                if count == stop:
                    return
    if start >= count:
        raise InputError(f"{path} has {count} frames; start must be less than that, not {start}")


def _held_frames(stream: av.VideoStream) -> list[av.VideoFrame]:
    try:
        return stream.codec_context.decode(None)
    except FFmpegError:
        return []


def _before_gap(
    frames: list[av.VideoFrame],
    last: av.VideoFrame | None,
    stream: av.VideoStream,
    broken: int | None,
) -> list[av.VideoFrame]:
    """Choose the frames that follow ``last`` without a gap and come before the broken packet.

    Packets come in the order of decoding: at the damage, a decoder holds frames that are shown
    later than ones that it never got.
    """
    following = []
    for frame in frames:
        if frame.pts is not None and broken is not None and frame.pts >= broken:
            break
        if last is not None and frame.pts is not None and last.pts is not None:
            rate, time_base = stream.average_rate, stream.time_base
            average = 1 / (rate * time_base) if rate and time_base else 0
            if frame.pts - last.pts > 1.5 * max(last.duration, average):
                break
        following.append(frame)
        last = frame
    return following


def stated_packets(container: InputContainer, stream: av.VideoStream) -> int | None:
    """Read how many frames the container says that the video has."""
    stated = stream.frames or None
    if stated and "mp4" in container.format.name:
        # An edit list can leave frames out; the index knows, the header doesn't.
        return min(stated, sum(not entry.is_discard for entry in stream.index_entries))
    return stated


def _ends_early(
    stream: av.VideoStream,
    stated: int | None,
    packets: int,
    last: list[av.VideoFrame | None],
) -> bool:
    # Some writers count one or two frames too many; that is no damage.
    if stated is not None and stated - packets > max(1, stated // 50):
        return True
    # Matroska states no number of frames, but many writers a length: 00:00:01.234000000.
    hours, _, rest = stream.metadata.get("DURATION", "").partition(":")
    minutes, _, seconds = rest.partition(":")
    try:
        length = 3600 * int(hours) + 60 * int(minutes) + float(seconds)
    except ValueError:
        return False
    end = max(((frame.pts or 0) + frame.duration for frame in last if frame is not None), default=0)
    return length - float(end * (stream.time_base or 0)) > max(0.1, length / 50)


def _describe_damage(path: Path, count: int) -> str:
    if count == 0:
        return (
            f"{path.name} is damaged from its first frame on; expected a video that plays; give "
            "another copy"
        )
    return (
        f"{path.name} is damaged after {count} frames; choose `frames` 0:{count} to stylize those"
    )
