"""The properties of a clip, and its frames in order."""

from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from jvst._types import Frame
from jvst.errors import InputError
from jvst.video.animation import animation_length, content_of, read_animation
from jvst.video.clock import DEFAULT_FRAME_RATE, Clock, frame_rate
from jvst.video.container import open_container, require_picture_stream, sound_stream
from jvst.video.decode import DamagedClipError, decode
from jvst.video.ending import counted_frames
from jvst.video.pictures import picture_size, read_picture
from jvst.video.sequence import Pictures, find_pictures
from jvst.video.shown import Display, find_display, read_video
from jvst.video.timing import TimedFrame


@dataclass(frozen=True)
class ClipInfo:
    """What ``probe`` found.

    Attributes:
        source: the clip, as it was given.
        frame_rate: frames per second; the average where the rate varies. Pictures have none: 25,
            unless the caller knows better.
        width: of a frame as it is shown, in pixels: upright, with square pixels.
        height: the same.
        frames: how many there are, if the container or the folder knows; otherwise None.
        has_audio: whether there is sound.
        has_times: whether the clip says when its frames are shown; pictures don't.
        tick: what its clock counts in, in seconds.
        notices: what the user should know of how frames are read, a line each.
    """

    source: str
    frame_rate: Fraction
    width: int
    height: int
    frames: int | None
    has_audio: bool
    has_times: bool = False
    tick: Fraction = Fraction(0)
    notices: tuple[str, ...] = ()


def probe(
    source: str | Path, *, video_stream: int | None = None, audio_stream: int | None = None
) -> ClipInfo:
    """Find out what a clip is, by decoding no more than one frame of it.

    Args:
        source: a video file, a moving or a still picture, a folder of pictures, a printf pattern
            (``frames/%04d.png``: all numbers that there are) or a glob pattern
            (``frames/*.png``: numbers in natural order).
        video_stream: which one of a video file, from 0; its default when left out.
        audio_stream: which sound of it; the same.

    Raises:
        InputError: there is no such clip, it has no frame that can be decoded, or not that
            stream, or its pictures are not all of one size.
    """
    found = find_pictures(source)
    animated = found is None and content_of(Path(source)) == "animation"
    chosen = video_stream is not None or audio_stream is not None
    if chosen and (animated or found is not None):
        raise InputError(
            f"{source} is made of pictures; `video_stream` and `audio_stream` choose among the "
            "streams of a video file: leave them out"
        )
    if found is not None:
        height, width = _common_size(found.files)
        count = len(found.files)
        return ClipInfo(
            str(source), DEFAULT_FRAME_RATE, width, height, count, False, notices=found.notices
        )
    if animated:
        return _probe_animation(Path(source))
    return _probe_video(source, video_stream, audio_stream)[0]


def read_frames(
    source: str | Path, *, start: int = 0, stop: int | None = None, video_stream: int | None = None
) -> Iterator[Frame]:
    """Read the frames of a clip one at a time, as ``read_timed_frames``, without their times."""
    timed = read_timed_frames(source, start=start, stop=stop, video_stream=video_stream)

    def pixels() -> Iterator[Frame]:
        with closing(timed):
            for frame in timed:
                yield frame.pixels

    return pixels()


def read_timed_frames(
    source: str | Path,
    *,
    start: int = 0,
    stop: int | None = None,
    video_stream: int | None = None,
    frame_rate: Fraction = DEFAULT_FRAME_RATE,
    on_notice: Callable[[str], object] = lambda _: None,
) -> Generator[TimedFrame, None, None]:
    """Read the frames of a clip one at a time, with the times at which they are shown.

    Frames are upright, with square pixels (the number of rows stays, the width changes), over
    white where they are transparent, in the colours of a common screen, and all of one size.
    Interlaced ones become whole frames, as many as there were. Untagged video of more than 576
    lines is taken for BT.709, other for BT.601, as players do. High dynamic range is tone-mapped
    (``jvst.video.tone``). Repeats that an avi leaves out are longer times of the frame before.

    Args:
        source: as for ``probe``.
        start: the first frame, counted from 0.
        stop: the frame after the last, or None for all that there are; more than there are is
            the same as None.
        video_stream: as for ``probe``.
        frame_rate: of pictures, which say no times.
        on_notice: told, in a line, what the user should know of frames that ``probe`` didn't see;
            some lines are those of ``probe``.

    Returns:
        A generator; what is wrong with the source or the range is raised before it is returned,
        damage further on when it is reached.

    Raises:
        InputError: as ``probe``, or a range that the clip doesn't have.
        DamagedClipError: after the last sound frame, unless ``stop`` comes before the damage.
    """
    found = find_pictures(source)
    if found is not None:
        size = _common_size(found.files)
        _check_range(source, start, stop, len(found.files))
        return _read_pictures(found, start, stop, size, frame_rate, on_notice)
    path = Path(source)
    if content_of(path) == "animation":
        _check_range(source, start, stop, animation_length(path)[0])
        return read_animation(path, start, stop)
    info, display = _probe_video(source, video_stream)
    _check_range(source, start, stop, info.frames)
    return read_video(path, start, stop, display, video_stream, on_notice=on_notice)


def _probe_video(
    source: str | Path, number: int | None, sound: int | None = None
) -> tuple[ClipInfo, Display]:
    path = Path(source)
    with open_container(path) as container:
        stream = require_picture_stream(container, path, number)
        try:
            with closing(decode(container, stream, path)) as decoded:
                first = next(decoded, None)
        except DamagedClipError as error:
            raise InputError(str(error)) from error
        if first is None:
            raise InputError(f"{source} has no frames; expected at least 1; give another clip")
        display = find_display(first, stream, path)
        frames, rate = counted_frames(container, stream, path), frame_rate(stream)
        tick = Clock(container, stream).tick
        is_gif = container.format.name == "gif"
        has_audio = sound_stream(container, path, sound) is not None
        unstated = not (stream.average_rate or stream.guessed_rate)
    if is_gif or unstated:
        # A gif states no rate but how long each frame is shown.
        frames, rate = _measure(path, number)
    info = ClipInfo(
        str(source),
        rate,
        display.width,
        display.height,
        frames,
        has_audio,
        has_times=True,
        tick=tick,
        notices=display.notices,
    )
    return info, display


def _probe_animation(path: Path) -> ClipInfo:
    height, width = picture_size(path)
    count, seconds = animation_length(path)
    rate = count / seconds
    return ClipInfo(
        str(path), rate, width, height, count, False, has_times=True, tick=Fraction(1, 1000)
    )


def _measure(path: Path, number: int | None) -> tuple[int, Fraction]:
    """Count the frames and average the rate, by reading the file without decoding it."""
    with open_container(path) as container:
        stream = require_picture_stream(container, path, number)
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


def _read_pictures(
    found: Pictures,
    start: int,
    stop: int | None,
    size: tuple[int, int],
    frame_rate: Fraction,
    on_notice: Callable[[str], object],
) -> Generator[TimedFrame, None, None]:
    places = [*found.places, found.places[-1] + 1]
    for number in range(len(found.files))[start:stop]:
        file = found.files[number]
        # What is wrong with one is mostly so with all.
        frame = read_picture(file, on_notice=on_notice if number == start else None)
        if frame.shape[:2] != size:
            raise InputError(f"{file} has changed its size while the clip was read; start again")
        begin, end = places[number], places[number + 1]
        yield TimedFrame(frame, begin / frame_rate, (end - begin) / frame_rate)
