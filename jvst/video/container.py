"""Video and audio files, and the picture stream in them."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av
from av.container import InputContainer
from av.error import FFmpegError
from av.stream import Disposition

from jvst.errors import InputError


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


def picture_stream(container: InputContainer) -> av.VideoStream | None:
    """Find the moving picture: the first video stream that is not a cover picture."""
    streams = (
        stream
        for stream in container.streams.video
        if not stream.disposition & Disposition.attached_pic
    )
    return next(streams, None)


def require_picture_stream(container: InputContainer, path: Path) -> av.VideoStream:
    """Find the moving picture.

    Raises:
        InputError: the file has none, or one that FFmpeg has no decoder for.
    """
    stream = picture_stream(container)
    # FFmpeg's tty reads any text file as a film of a terminal.
    if stream is None or container.format.name == "tty":
        raise InputError(f"{path} has no video stream; expected a video; give another file")
    if stream.codec_context is None:
        raise InputError(
            f"{path} holds video in a format that can't be decoded; convert it to H.264 mp4"
        )
    return stream
