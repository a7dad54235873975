"""Decoding of video files, damaged ones included."""

from collections.abc import Generator
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
from av.codec import CodecContext
from av.container import InputContainer
from av.error import FFmpegError
from av.video.codeccontext import VideoCodecContext

from jvst.errors import InputError
from jvst.video.ending import is_cut_off, stated_end

# FFmpeg's own decoders of these leave the alpha out that WebM keeps beside each packet.
_DECODERS_WITH_ALPHA = {"vp8": "libvpx", "vp9": "libvpx-vp9"}
# A picture may end this much earlier than stated: writers round, and count a frame too many.
_SHORTFALL_SECONDS = Fraction(1, 10)
_SHORTFALL_SHARE = Fraction(1, 50)


class DamagedClipError(InputError):
    """A clip can be read up to some frame and no further.

    Attributes:
        frames_read: how many sound frames the clip has, counted from its beginning.
    """

    def __init__(self, message: str, frames_read: int):
        """Keep the count beside the message."""
        super().__init__(message)
        self.frames_read = frames_read


def decode(
    container: InputContainer, stream: av.VideoStream, path: Path
) -> Generator[av.VideoFrame, None, None]:
    """Decode a video from its beginning, in the order of display.

    Raises:
        DamagedClipError: after the last frame before the damage. The file counts as damaged where
            a packet is cut off or can't be decoded, and where the picture ends earlier than the
            file states, or the file within a part of its container.
    """
    decoder, is_avi = _decoder(stream), container.format.name == "avi"
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
            packets += not flushes
            if packet.size == 0 and not flushes:
                continue  # avi's way to say "the same frame again"; decoding it would end the clip
            damaged = packet.is_corrupt
            frames = _held_frames(decoder) if damaged else decoder.decode(packet)
            if flushes:
                end = max([last, *frames], key=_end_ticks, default=None)
                damaged = _ends_early(container, stream, path, end)
                # Where only the sound is cut off, the picture may be complete.
                damaged = damaged and not _is_complete(container, stream, path, end)
        except FFmpegError:
            damaged = True
            frames = _held_frames(decoder)
        if damaged:
            frames = _before_gap(frames, last, stream, None if packet is None else packet.pts)
        for frame in frames:
            if frame.is_corrupt:
                damaged = True
                break
            # An avi has times of decoding only; what else FFmpeg gives are guesses.
            if is_avi or frame.pts is None:
                frame.pts = frame.dts
            yield frame
            count += 1
            last = frame
    # So it may be where an index is cut off.
    counted = is_avi and packets >= (stream.frames or packets + 1)
    if damaged and not counted and not _is_complete(container, stream, path, last):
        raise DamagedClipError(_describe_damage(path, count), count)


def _decoder(stream: av.VideoStream) -> VideoCodecContext:
    context = stream.codec_context
    name = _DECODERS_WITH_ALPHA.get(context.codec.canonical_name)
    # A writer's remark and the track's own element come under one name, in either case.
    remarks = {key.lower(): value for key, value in stream.metadata.items()}
    if name is None or remarks.get("alpha_mode") != "1":
        return context
    with_alpha = cast(VideoCodecContext, CodecContext.create(name, "r"))
    with_alpha.extradata = context.extradata
    return with_alpha


def _held_frames(decoder: VideoCodecContext) -> list[av.VideoFrame]:
    try:
        return decoder.decode(None)
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


def _end_ticks(frame: av.VideoFrame | None) -> int:
    return -1 if frame is None else (frame.pts or 0) + (frame.duration or 0)


def _missing(
    container: InputContainer,
    stream: av.VideoStream,
    path: Path,
    last: av.VideoFrame | None,
) -> tuple[Fraction, Fraction] | None:
    """Return how many seconds are missing at the end, and of how many; None if that isn't said."""
    stated = stated_end(container, stream, path)
    if stated is None or stream.time_base is None:
        return None
    end = Fraction(0) if last is None else _end_ticks(last) * stream.time_base
    begin = (stream.start_time or 0) * stream.time_base
    return stated - end, stated - begin


def _ends_early(
    container: InputContainer, stream: av.VideoStream, path: Path, last: av.VideoFrame | None
) -> bool:
    cut_off = is_cut_off(container, path)
    # Matroska's last frame may be shown much longer than its own duration says.
    if cut_off or (cut_off is False and "matroska" in container.format.name):
        return cut_off
    missing = _missing(container, stream, path, last)
    if missing is None:
        return False
    seconds, length = missing
    return seconds > max(_SHORTFALL_SECONDS, length * _SHORTFALL_SHARE)


def _is_complete(
    container: InputContainer, stream: av.VideoStream, path: Path, last: av.VideoFrame | None
) -> bool:
    missing = _missing(container, stream, path, last)
    if missing is None or last is None:
        return False
    # Half of the last frame, which a cut picture lacks as a whole.
    frame = (last.duration or 0) * Fraction(stream.time_base or 0)
    return missing[0] <= max(frame / 2, Fraction(1, 1000))


def _describe_damage(path: Path, count: int) -> str:
    if count == 0:
        return (
            f"{path.name} is damaged from its first frame on; expected a video that plays; give "
            "another copy"
        )
    return (
        f"{path.name} is damaged after {count} frames; choose `frames` 0:{count} to stylize those"
    )
