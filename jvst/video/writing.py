"""PyAV's errors in writing, as messages of one line."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from av.error import FFmpegError

from jvst._files import cannot_write


@contextmanager
def writing_to(path: Path) -> Iterator[None]:
    """Say in one line why ``path`` can't be written, where the system or FFmpeg refuses.

    Raises:
        InputError: the disk is full, the folder can't be written to, or the like.
    """
    try:
        yield
    except (OSError, FFmpegError) as error:
        raise cannot_write(path, OSError(error.errno, error.strerror)) from error
