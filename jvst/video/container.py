"""Video and audio files, and the streams in them."""

import io
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import av
from av.container import InputContainer
from av.error import FFmpegError
from av.stream import Disposition, Stream

from jvst.errors import InputError
from jvst.video.ending import whole_fragments

# What a file says of itself may be in any encoding. PyAV 19 replaces what it can't read by itself.
_LENIENT: dict[str, Any] = (
    {"metadata_errors": "replace"} if int(av.__version__.partition(".")[0]) < 19 else {}
)

_Stream = TypeVar("_Stream", bound=Stream)


@contextmanager
def open_container(path: Path) -> Iterator[InputContainer]:
    """Open a video or audio file, and close it at the end.

    Raises:
        InputError: it is missing, or nothing in it can be read.
    """
    with ExitStack() as opened:
        try:
            # "file:" keeps a colon in the name from being taken for a protocol.
            container = av.open(f"file:{path}", "r", **_LENIENT)
        except (FFmpegError, OSError) as error:
            if not path.exists():
                raise InputError(f"{path} doesn't exist; check the path") from error
            container = _open_fragments(path, opened)
            if container is None:
                raise InputError(
                    f"{path} is not a video, or is truncated (a cut mp4 can lose the index at its "
                    "end); expected an mp4, mov, webm, mkv, avi or gif that plays; give another "
                    "copy"
                ) from error
        yield opened.enter_context(container)


class _Beginning(io.RawIOBase):
    """A file up to some byte, for FFmpeg to read."""

    def __init__(self, path: Path, size: int):
        self._file, self._size = path.open("rb"), size

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._file.tell()

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        if whence == io.SEEK_END:
            return self._file.seek(self._size + offset)
        return self._file.seek(offset, whence)

    def read(self, size: int = -1) -> bytes:
        left = max(self._size - self._file.tell(), 0)
        return self._file.read(left if size < 0 else min(size, left))

    def close(self) -> None:
        self._file.close()
        super().close()


def _open_fragments(path: Path, opened: ExitStack) -> InputContainer | None:
    """Open what is whole of an mp4 in fragments that is cut off; None for any other file."""
    try:
        size = whole_fragments(path)
        if size is None:
            return None
        beginning = opened.enter_context(closing(_Beginning(path, size)))
        return av.open(beginning, "r", **_LENIENT)
    except (FFmpegError, OSError):
        return None


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
