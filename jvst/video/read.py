"""The properties of a clip, and its frames in order."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from jvst._types import Frame
from jvst.errors import InputError
from jvst.video.container import open_container, require_picture_stream
from jvst.video.decode import (
    DamagedClipError,
    Display,
    decode,
    find_display,
    read_video,
    stated_packets,
)
from jvst.video.pictures import picture_size, read_picture
from jvst.video.sequence import picture_files

#: The frame rate of pictures when none is given; FFmpeg's own default for them.
DEFAULT_FRAME_RATE = Fraction(25)


@dataclass(frozen=True)
class ClipInfo:
    """What ``probe`` found.

    Attributes:
        source: the clip, as it was given.
        frame_rate: frames per second; the average where the rate varies. Pictures have none: 25,
            unless the caller knows better.
        width: of a frame as it is shown, in pixels: upright, with square pixels.
        height: the same.
        frames: how many there are, if the container or the folder says; otherwise None.
        has_audio: whether there is sound.
    """

    source: str
    frame_rate: Fraction
    width: int
    height: int
    frames: int | None
    has_audio: bool


def probe(source: str | Path) -> ClipInfo:
    """Find out what a clip is, by decoding no more than one frame of it.

    Args:
        source: a video file, a picture, a folder of pictures, a printf pattern
            (``frames/%04d.png``: from the smallest number there is to the first gap) or a glob
            pattern (``frames/*.png``: numbers in natural order).

    Raises:
        InputError: there is no such clip, it has no frame that can be decoded, or its pictures
            are not all of one size.
    """
    files = picture_files(source)
    if files is None:
        return _probe_video(source)[0]
    height, width = _common_size(files)
    return ClipInfo(str(source), DEFAULT_FRAME_RATE, width, height, len(files), False)


def read_frames(source: str | Path, *, start: int = 0, stop: int | None = None) -> Iterator[Frame]:
    """Read the frames of a clip one at a time.

    Frames are upright, with square pixels (the number of rows stays, the width changes), over
    white where they are transparent, and all of one size. Untagged video of more than 576 lines
    is taken for BT.709, other for BT.601, as players do. High dynamic range is not tone-mapped.

    Args:
        source: as for ``probe``.
        start: the first frame, counted from 0.
        stop: the frame after the last, or None for all that there are; more than there are is
            the same as None.

    Returns:
        An iterator; what is wrong with the source or the range is raised before it is returned,
        damage further on when it is reached.

    Raises:
        InputError: as ``probe``, or a range that the clip doesn't have.
        DamagedClipError: after the last sound frame, unless ``stop`` comes before the damage.
    """
    files = picture_files(source)
    if files is not None:
        height, width = _common_size(files)
        _check_range(source, start, stop, len(files))
        return _read_pictures(files[start:stop], (height, width))
    info, display = _probe_video(source)
    _check_range(source, start, stop, info.frames)
    return read_video(Path(source), start, stop, display)


def _probe_video(source: str | Path) -> tuple[ClipInfo, Display]:
    path = Path(source)
    with open_container(path) as container:
        stream = require_picture_stream(container, path)
        frames = stated_packets(container, stream)
        try:
            with closing(decode(container, stream, path)) as decoded:
                first = next(decoded, None)
        except DamagedClipError as error:
            raise InputError(str(error)) from error
        if first is None:
            raise InputError(f"{source} has no frames; expected at least 1; give another clip")
        display = find_display(first, stream)
        rate = stream.average_rate or stream.guessed_rate
        is_gif = container.format.name == "gif"
        has_audio = bool(container.streams.audio)
    if is_gif or not rate:
        # A gif states no rate but how long each frame is shown.
        frames, rate = _measure(path)
    info = ClipInfo(str(source), rate, display.width, display.height, frames, has_audio)
    return info, display


def _measure(path: Path) -> tuple[int, Fraction]:
    """Count the frames and average the rate, by reading the file without decoding it."""
    with open_container(path) as container:
        stream = require_picture_stream(container, path)
        count, ticks = 0, 0
        for packet in container.demux(stream):
            if packet.size > 0:
                count += 1
                ticks += packet.duration or 0
        if ticks == 0 or stream.time_base is None:
            return count, DEFAULT_FRAME_RATE
        return count, count / (ticks * stream.time_base)


def _common_size(files: list[Path]) -> tuple[int, int]:
    first = picture_size(files[0])
    for file in files[1:]:
        size = picture_size(file)
        if size != first:
            raise InputError(
                f"{file} is {size[1]}x{size[0]} but {files[0].name} is {first[1]}x{first[0]}; "
                "expected frames of one size; resize them or leave the others out"
            )
    return first


def _check_range(source: str | Path, start: int, stop: int | None, frames: int | None) -> None:
    length = f"{source} has {frames} frames" if frames else f"{source} is a video"
    if start < 0 or (stop is not None and stop < 0):
        raise InputError(
            f"{length}, counted from 0; start and stop can't be negative, as in {start}:{stop}"
        )
    if frames is not None and start >= frames:
        raise InputError(f"{length}; start must be less than that, not {start}")
    if stop is not None and stop <= start:
        raise InputError(f"{length}; {start}:{stop} chooses none; stop must be more than start")


def _read_pictures(files: list[Path], size: tuple[int, int]) -> Iterator[Frame]:
    for file in files:
        frame = read_picture(file)
        if frame.shape[:2] != size:
            raise InputError(f"{file} has changed its size while the clip was read; start again")
        yield frame
