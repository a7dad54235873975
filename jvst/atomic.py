"""Files that appear under their name only when they are whole."""

import errno
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from jvst.errors import InputError


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary name beside ``path``; what is written there becomes ``path`` at the end.

    Missing folders are made. If the body raises, the temporary file is removed and whatever was
    at ``path`` before stays; the error passes through, for it may not be about ``path`` at all.

    Raises:
        InputError: the folder can't be made or written to, or the disk is full.
    """
    mine = f"{os.getpid()}-{threading.get_ident()}"
    temporary = path.with_name(f".{path.stem}.{mine}.part{path.suffix}")
    with writing_to(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield temporary
        with writing_to(path):
            with temporary.open("rb") as file:
                os.fsync(file.fileno())  # or a crash may leave the new name on empty blocks
            temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def writing_to(path: Path) -> Iterator[None]:
    """Turn what the system says against writing ``path`` into one line.

    Raises:
        InputError: the body raised an ``OSError``.
    """
    try:
        yield
    except OSError as error:
        raise cannot_write(path, error) from error


def cannot_write(path: Path, error: OSError) -> InputError:
    """Say in one line why ``path`` can't be written."""
    if error.errno == errno.ENOSPC:
        return InputError(
            f"{path} can't be written: the disk is full; free some space or choose a path on "
            "another disk"
        )
    reason = error.strerror or type(error).__name__
    return InputError(
        f"{path} can't be written ({reason}); expected a path in a folder that can be written to; "
        "choose another"
    )
