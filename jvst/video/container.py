"""Video and audio files, and the streams in them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import av
from av.container import InputContainer
from av.error import FFmpegError
from av.stream import Disposition, Stream

from jvst.errors import InputError

_Stream = TypeVar("_Stream", bound=Stream)


@contextmanager
def open_container(path: Path) -> Iterator[InputContainer]:
    """Open a video or audio file, and close it at the end.

    Raises:
        InputError: it is missing, or nothing in it can be read.
    """
    try:
        # "file:" keeps a colon in the name from being taken for a protocol.
        container = av.open(f"file:{path}", "r", metadata_errors="replace")
    except (FFmpegError, OSError) as error:
        if not path.exists():
            raise InputError(f"{path} doesn't exist; check the path") from error
        raise InputError(
            f"{path} is not a video, or is truncated (a cut mp4 can lose the index at its end); "
            "expected an mp4, mov, webm, mkv, avi or gif that plays; give another copy"
        ) from error
    with container:
        yield container


def is_video(path: Path) -> bool:
    """Tell whether a file holds a moving picture, whatever it is called."""
    try:
        with open_container(path) as container:
            # FFmpeg takes single pictures, and with its tty any text, for films.
            name = container.format.name
            return not name.endswith(("_pipe", "tty", "image2")) and bool(container.streams.video)
    except InputError:
        return False


def picture_stream(container: InputContainer, number: int | None = None) -> av.VideoStream | None:
    """Find a moving picture; cover pictures are none.

    Args:
        container: the file.
        number: which one, from 0. When left out, the first that the file marks as its default,
            else the first.
    """
    moving = [
        stream
        for stream in container.streams.video
        if not stream.disposition & Disposition.attached_pic
    ]
    return _chosen(moving, number)


def require_picture_stream(
    container: InputContainer, path: Path, number: int | None = None
) -> av.VideoStream:
    """Find the moving picture.

    Raises:
        InputError: the file has none, not as many, or one that FFmpeg has no decoder for.
    """
    stream = picture_stream(container, number)
    # FFmpeg's tty reads any text file as a film of a terminal.
    if picture_stream(container) is None or container.format.name == "tty":
        raise InputError(f"{path} has no video stream; expected a video; give another file")
    if stream is None:
        raise InputError(_no_such(path, "video", "`video_stream`", container.streams.video, number))
    if stream.codec_context is None:
        raise InputError(
            f"{path} holds video in a format that can't be decoded; convert it to H.264 mp4"
        )
    return stream


def sound_stream(
    container: InputContainer, path: Path, number: int | None = None
) -> av.AudioStream | None:
    """Find the sound; what can't be decoded is none.

    Args:
        container: the file.
        path: its name, for the message.
        number: which one, from 0. When left out, the first that the file marks as its default,
            else the first.

    Raises:
        InputError: a number that the file hasn't.
    """
    streams = container.streams.audio
    if number is None:
        return _chosen([stream for stream in streams if stream.codec_context is not None], None)
    stream = _chosen(streams, number)
    if stream is None or stream.codec_context is None:
        raise InputError(_no_such(path, "sound", "`audio_stream`", streams, number))
    return stream


def _chosen(streams: Sequence[_Stream], number: int | None) -> _Stream | None:
    if number is not None:
        return streams[number] if 0 <= number < len(streams) else None
    marked = (stream for stream in streams if stream.disposition & Disposition.default)
    return next(marked, next(iter(streams), None))


def _no_such(
    path: Path, kind: str, option: str, streams: Sequence[Stream], number: int | None
) -> str:
    if not streams:
        return f"{path} has no {kind}, but {option} is {number}; leave it out"
    languages = [stream.language or "unknown" for stream in streams]
    numbered = ", ".join(f"{index} ({language})" for index, language in enumerate(languages))
    return f"{path} has the {kind} streams {numbered}; {option} {number} is none of them"
