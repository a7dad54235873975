"""Files that appear under their name only when they are whole."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from av.error import FFmpegError

from jvst.errors import InputError


@contextmanager
def writing_to(path: Path) -> Iterator[None]:
    """Say in one line why ``path`` can't be written, where the system refuses.

    Raises:
        InputError: the disk is full, the folder can't be written to, or the like.
    """
    try:
        yield
    except (OSError, FFmpegError) as error:
        if error.errno == errno.ENOSPC:
            raise InputError(
                f"{path} can't be written: the disk is full; free some space or choose a path on "
                "another disk"
            ) from error
        reason = error.strerror or type(error).__name__
        raise InputError(
            f"{path} can't be written ({reason}); expected a path in a folder that can be written "
            "to; choose another"
        ) from error


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary name beside ``path``; what is written there becomes ``path`` at the end.

    Missing folders are made. If the body raises, the temporary file is removed and whatever was
    at ``path`` before stays.

    Raises:
        InputError: the folder can't be made or written to.
    """
    temporary = path.with_name(f".{path.stem}.{os.getpid()}.part{path.suffix}")
    with writing_to(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield temporary
        with writing_to(path):
            temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
