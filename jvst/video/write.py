"""Films written as video files or as numbered pictures."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from fractions import Fraction
from itertools import chain
from pathlib import Path

import av
import numpy as np
from av.container import OutputContainer
from av.error import FFmpegError

from jvst._files import existing_folder, replacing, temporary_beside
from jvst._types import Frame
from jvst.errors import InputError
from jvst.video.audio import Sound, add_audio
from jvst.video.encode import CONTAINERS, add_video, pad_to_even
from jvst.video.pictures import write_picture
from jvst.video.sequence import numbered
from jvst.video.target import is_folder, pictures_of
from jvst.video.timing import Ticks, ticks
from jvst.video.writing import writing_to


def write_video(
    path: str | Path,
    frames: Iterable[Frame],
    *,
    frame_rate: Fraction | int,
    times: Sequence[Fraction] | None = None,
    audio_from: str | Path | None = None,
    audio_start: float | Fraction = 0.0,
    audio_stream: int | None = None,
    video_stream: int | None = None,
    quality: int = 18,
    earlier: int = 0,
) -> None:
    """Write frames as a film, with the sound of another.

    A file is encoded under a temporary name beside its own and renamed at the end, so that under
    ``path`` is a whole film or what was there before. A folder gets its frames one by one, each
    of them whole, numbered from 1; of an earlier and longer film those beyond the new end are
    removed, if the caller says how many there were.

    Args:
        path: ``.mp4``, ``.mov`` and ``.mkv`` (H.264), ``.webm`` (VP9), ``.gif`` (at most 50
            frames per second, 256 colours a frame); a printf pattern of pictures
            (``frames/%04d.png``); or a folder, which is a name without a suffix or with ``/`` at
            its end, for ``frame_0001.png`` and so on. Missing folders are made.
        frames: 8-bit RGB, all of one size, taken one at a time. H.264 needs even sizes: the last
            row or column of an odd one is repeated.
        frame_rate: frames per second, kept exactly (a gif rounds to 1/100 s a frame).
        times: when each frame begins and when the last one ends, in seconds from the first, where
            they are not shown equally long; ``frame_rate`` is their average. A gif rounds to
            1/100 s, a mkv and a webm to 1/1000 s, others to 1/90000 s. A folder holds no times.
        audio_from: the film that the sound is taken from, if it has any. Its packets are copied
            where the container takes them, else encoded anew as AAC (mp4, mov) or Opus (webm),
            in mono or stereo. A gif and a folder have no sound.
        audio_start: where in that film the first frame stands, in seconds. The sound ends with
            the last frame.
        audio_stream: which sound of that film, from 0; its default when left out.
        video_stream: which video stream of that film the frames come from.
        quality: 0 (largest file) to 51, as x264's CRF; VP9's is scaled to match. Of no effect on
            gifs and pictures.
        earlier: number of pictures of the caller's earlier film under these names; no others are
            removed.

    Raises:
        InputError: an option that can't be used, no frames, frames of more than one size, a path
            that can't be written, or sound that can't be read.
    """
    target = Path(path)
    _check_options(target, frame_rate, quality, audio_start)
    frame_rate = Fraction(frame_rate)
    pattern = pictures_of(path)
    if pattern is not None:
        _write_pictures(pattern, frames, earlier)
        return
    checked = _of_one_size(target, frames)
    first = next(checked)
    with replacing(target) as temporary:
        _write_file(
            target,
            temporary,
            chain([first], checked),
            size=first.shape[:2],
            clock=_clock(target, frame_rate, times),
            sound=Sound(audio_from, audio_start, audio_stream, video_stream),
            quality=quality,
        )


def holds_times(path: str | Path) -> bool:
    """Tell whether an output of that name can show its frames for different times."""
    return Path(path).suffix.lower() in CONTAINERS and not is_folder(path)


def _write_file(
    target: Path,
    temporary: Path,
    frames: Iterable[Frame],
    *,
    size: tuple[int, ...],
    clock: Ticks,
    sound: Sound,
    quality: int,
) -> None:
    container = CONTAINERS[target.suffix.lower()]
    # The index first, so that a film can start to play while it is still loading.
    options = {"movflags": "+faststart"} if container in ("mp4", "mov") else {}
    # Else Matroska and WebM are given a random number, and the same frames another film.
    options["fflags"] = "+bitexact"
    with writing_to(target):
        output = av.open(f"file:{temporary}", "w", format=container, container_options=options)
    try:
        height, width = size
        encoder = add_video(
            output,
            target,
            width=width,
            height=height,
            frame_rate=clock.frame_rate,
            time_base=clock.unit,
            quality=quality,
        )
        halves_colours = container in ("mp4", "mov", "matroska")
        with add_audio(output, sound, container=container) as audio:
            for number, frame in enumerate(frames):
                begin, end = clock.begin(number), clock.begin(number + 1)
                with writing_to(target):
                    even = pad_to_even(frame) if halves_colours else frame
                    output.mux(list(encoder.encode(even, begin, end)))
                    if audio is not None:
                        audio.write_until(end * clock.unit)
            with writing_to(target):
                output.mux(list(encoder.finish()))
                output.close()
    except BaseException:
        _abandon(output)
        raise


def _clock(target: Path, frame_rate: Fraction, times: Sequence[Fraction] | None) -> Ticks:
    if target.suffix.lower() == ".gif":
        # In a gif frames last whole hundredths of a second, and browsers want two at least.
        return ticks(frame_rate, times, unit=Fraction(1, 100), least=2)
    return ticks(frame_rate, times, unit=None, least=1)


def _abandon(output: OutputContainer) -> None:
    # Closing writes what is left, and fails again where writing failed before; the second call
    # finds nothing left, and so does the destructor, which would complain.
    for _ in range(2):
        with suppress(FFmpegError, OSError, ValueError):
            output.close()


def try_film(
    path: str | Path,
    size: tuple[int, int],
    *,
    frame_rate: Fraction | int,
    times: Sequence[Fraction] | None = None,
    audio_from: str | Path | None = None,
    audio_start: float | Fraction = 0.0,
    audio_stream: int | None = None,
    video_stream: int | None = None,
    quality: int = 18,
) -> None:
    """Make sure that a film can be written, by writing one of a single frame beside it.

    Nothing stays, and nothing that is there is touched; missing folders are not made.

    Args:
        path: see ``write_video``.
        size: (width, height) of the frames, pixels.
        frame_rate: see ``write_video``.
        times: see ``write_video``.
        audio_from: see ``write_video``.
        audio_start: see ``write_video``.
        audio_stream: see ``write_video``.
        video_stream: see ``write_video``.
        quality: see ``write_video``.

    Raises:
        InputError: as ``write_video`` would after the last frame.
    """
    target = Path(path)
    _check_options(target, frame_rate, quality, audio_start)
    pattern = pictures_of(path)
    frame = np.zeros((size[1], size[0], 3), np.uint8)
    place = target if pattern is None else pattern
    with writing_to(target):
        folder = existing_folder(place.parent)
    temporary = temporary_beside(folder / place.name)
    try:
        if pattern is not None:
            with writing_to(target):
                temporary.write_bytes(b"of no meaning")
            return
        _write_file(
            target,
            temporary,
            [frame],
            size=frame.shape[:2],
            clock=_clock(target, Fraction(frame_rate), times),
            sound=Sound(audio_from, audio_start, audio_stream, video_stream),
            quality=quality,
        )
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def _write_pictures(pattern: Path, frames: Iterable[Frame], earlier: int) -> None:
    number = 0
    for number, frame in enumerate(_of_one_size(pattern, frames), start=1):
        write_picture(numbered(pattern, number), frame)
    for leftover in range(number + 1, earlier + 1):
        with writing_to(numbered(pattern, leftover)):
            numbered(pattern, leftover).unlink(missing_ok=True)


def _of_one_size(path: Path, frames: Iterable[Frame]) -> Iterator[Frame]:
    first: np.ndarray | None = None
    for number, frame in enumerate(frames):
        if frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3:
            raise InputError(
                f"frame {number} for {path} is {frame.dtype}{list(frame.shape)}; expected uint8 "
                "[height width 3]; convert it with jvst.core.image.to_uint8"
            )
        first = frame if first is None else first
        if frame.shape != first.shape:
            raise InputError(
                f"frame {number} for {path} is {frame.shape[1]}x{frame.shape[0]} but the first is "
                f"{first.shape[1]}x{first.shape[0]}; expected frames of one size; resize them"
            )
        yield frame
    if first is None:
        raise InputError(f"there are no frames to write to {path}; expected at least 1")


def _check_options(
    path: Path, frame_rate: Fraction | int, quality: int, audio_start: float | Fraction
) -> None:
    if not isinstance(frame_rate, Fraction | int):
        raise InputError(
            f"the frame rate of {path} is {frame_rate!r}; expected a Fraction, such as "
            "Fraction(30000, 1001) for 29.97"
        )
    if frame_rate <= 0:
        raise InputError(f"the frame rate of {path} is {frame_rate}; expected more than 0")
    if not 0 <= quality <= 51:
        raise InputError(f"the quality of {path} is {quality}; expected 0 (best) to 51 (smallest)")
    if not 0 <= audio_start < float("inf"):
        raise InputError(f"the sound of {path} starts at {audio_start} s; expected 0 or more")
