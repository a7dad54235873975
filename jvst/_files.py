"""Atomic file writes, locks, and the user's cache."""

import contextlib
import errno
import os
import re
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from jvst.errors import InputError

_TEMPORARY = ".jvst-"
_TEMPORARY_NAME = re.compile(r"\.jvst-[0-9a-f]{16}(\..*)?")
#: What a system says when a disk, or the user's part of it, is full.
_FULL = (errno.ENOSPC, errno.EDQUOT)


class DiskFullError(InputError):
    """A file can't be written because nothing more fits on its disk."""


def user_cache(name: str) -> Path:
    """Return a folder of the user's cache; the environment variable ``JVST_CACHE`` moves it.

    Args:
        name: what is kept there, such as ``weights``, ``flow`` or ``programs``.
    """
    base = os.environ.get("JVST_CACHE")
    if not base:
        import platformdirs  # noqa: PLC0415  of no use to who only takes the losses

        base = platformdirs.user_cache_dir("jvst")
    base = os.path.expanduser(base)  # noqa: PTH111 (it leaves ~ where there is no home)
    if base.startswith("~"):
        base = str(Path(tempfile.gettempdir()) / "jvst-cache")
    return Path(base) / name


def unwritable(folder: Path) -> str:
    """Say why nothing can be kept in a folder, there or still to be made; nothing if it can."""
    existing = folder
    try:
        while not existing.exists() and existing != existing.parent:
            existing = existing.parent
        with tempfile.TemporaryFile(dir=existing, prefix=_TEMPORARY):
            return ""
    except OSError as error:
        return error.strerror or type(error).__name__


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary name beside ``path``; what is written there becomes ``path`` at the end.

    Missing folders are made. If the body raises, the temporary file is removed and whatever was
    at ``path`` before stays; the error passes through, for it may not be about ``path`` at all.

    Raises:
        InputError: the folder can't be made or written to, or the disk is full.
    """
    temporary = temporary_beside(path)
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


def write_whole(path: Path, content: bytes) -> None:
    """Write a file that appears whole or not at all, into a folder that exists.

    Raises:
        InputError: the path can't be written to.
        OSError: the disk is full or failed; an older file at ``path`` is left as it was.
    """
    # Another ending, so that a search for files of a kind meets none that is not whole.
    temporary = temporary_beside(path).with_suffix(".tmp")
    try:
        with temporary.open("xb") as handle:
            handle.write(content)
            handle.flush()
            os.fsync(handle.fileno())
        temporary.replace(path)
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError, PermissionError) as error:
        raise InputError(
            f"{path} can't be written ({error.strerror}); give a path in a folder that exists "
            "and can be written to"
        ) from error
    finally:
        with contextlib.suppress(OSError):  # after the rename there is nothing to remove
            temporary.unlink()


def temporary_beside(path: Path) -> Path:
    """Return a new hidden name beside ``path`` that ends as it does, for encoders go by that."""
    return path.with_name(f"{_TEMPORARY}{secrets.token_hex(8)}{path.suffix}")


def existing_folder(folder: Path) -> Path:
    """Return the folder itself, or the nearest above it that is there.

    Raises:
        NotADirectoryError: something else has the name of a folder that is needed.
    """
    while not folder.exists() and not folder.is_symlink() and folder != folder.parent:
        folder = folder.parent
    if not folder.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder))
    return folder


def set_aside(path: Path) -> None:
    """Give a folder that stands where a file is to be written another name beside its own.

    Raises:
        InputError: it can't be renamed.
    """
    if path.is_dir() and not path.is_symlink():
        other, number = path.with_name(f"{path.name}.aside"), 1
        while other.exists() or other.is_symlink():
            number += 1
            other = path.with_name(f"{path.name}.aside-{number}")
        with writing_to(path):
            path.rename(other)


def is_temporary(path: Path) -> bool:
    """Tell whether a name is one that a file has before it is whole."""
    return _TEMPORARY_NAME.fullmatch(path.name) is not None


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
    if error.errno in _FULL:
        return DiskFullError(
            f"{path} can't be written: the disk is full; free some space or choose a path on "
            "another disk"
        )
    reason = error.strerror or type(error).__name__
    return InputError(
        f"{path} can't be written ({reason}); expected a path in a folder that can be written to; "
        "choose another"
    )


def lock(file: IO[Any]) -> None:
    """Hold an open file against other processes until it is closed.

    Where the system can't lock files, nothing is held.

    Args:
        file: opened for writing.

    Raises:
        BlockingIOError: another process holds it.
    """
    try:
        import fcntl  # noqa: PLC0415
    except ImportError:  # Windows
        return
    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
