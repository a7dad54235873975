"""Files with a checksum of their own.

Arrays carry it behind their last byte, where NumPy doesn't look; a JSON object under the key
``checksum``. Each appears whole or not at all. Files from before there were checksums are taken if
they can be read to their last byte. Nothing is ever unpickled.
"""

import hashlib
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np

from jvst._files import replacing, set_aside, writing_to

_MARK = b"jvst-sum"
_DIGEST_BYTES = 16
_SEAL_BYTES = len(_MARK) + _DIGEST_BYTES
_PART = 1 << 20
_KEY = "checksum"


class DamagedError(Exception):
    """A file is missing, or isn't what was written; the message says which."""


def write_array(path: Path, array: np.ndarray) -> None:
    """Write an array, as ``.npy``.

    Raises:
        InputError: the disk is full, or the path can't be written.
    """
    content = io.BytesIO()  # NumPy hides from its caller why a file can't be written
    np.save(content, array, allow_pickle=False)
    with sealing(path) as file:
        file.write(content.getbuffer())


def read_array(path: Path) -> np.ndarray:
    """Read an array.

    Raises:
        DamagedError: it is missing or damaged.
    """
    with _reading(path):
        content = path.read_bytes()
        sealed = content[-_SEAL_BYTES:-_DIGEST_BYTES] == _MARK
        if sealed:
            content, digest = content[:-_SEAL_BYTES], content[-_DIGEST_BYTES:]
            if _digest(content) != digest:
                raise DamagedError(f"{path} is damaged")
        stream = io.BytesIO(content)
        array = np.load(stream, allow_pickle=False)
        if not isinstance(array, np.ndarray) or stream.read(1):
            raise DamagedError(f"{path} is damaged")
        return array


def write_arrays(path: Path, arrays: Sequence[np.ndarray]) -> None:
    """Write several arrays, as ``.npz``.

    Raises:
        InputError: the disk is full, or the path can't be written.
    """
    with sealing(path) as file:
        np.savez(file, *arrays)


def read_arrays(path: Path) -> list[np.ndarray]:
    """Read several arrays.

    Raises:
        DamagedError: they are missing or damaged.
    """
    with _reading(path):
        check_seal(path, required=False)
        # A file that NumPy opens itself stays open where it turns out to be damaged.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as kept:
            return [kept[f"arr_{i}"] for i in range(len(kept.files))]


def read_kept(path: Path, key: bytes) -> tuple[list[int], list[np.ndarray]] | None:
    """Read arrays that were kept with the numbers that say of what they are.

    Args:
        path: the file.
        key: of the run.

    Returns:
        Numbers and arrays; None where they are damaged, or another run's.
    """
    try:
        place, *leaves, last = read_arrays(path)
        if last.dtype != np.uint8:
            leaves.append(last)  # from before there were keys
        elif last.tobytes() != key:
            return None
        return place.tolist(), leaves
    except (DamagedError, ValueError, TypeError):
        return None


def write_kept(path: Path, place: Sequence[int], leaves: Sequence[np.ndarray], key: bytes) -> None:
    """Keep arrays.

    Args:
        path: the file.
        place: numbers that say of what they are.
        leaves: the arrays.
        key: of the run.

    Raises:
        InputError: the disk is full, or the path can't be written.
    """
    write_arrays(path, [np.asarray(place), *leaves, np.frombuffer(key, np.uint8)])


@contextmanager
def sealing(path: Path) -> Iterator[IO[bytes]]:
    """Give a file to be written, which gets its checksum and then its name.

    Raises:
        InputError: the disk is full, or the path can't be written.
    """
    set_aside(path)
    with replacing(path) as temporary, writing_to(path), temporary.open("w+b") as file:
        yield file
        file.flush()
        file.seek(0)
        seal = _MARK + hashlib.file_digest(file, _hash).digest()
        file.seek(0, 2)
        file.write(seal)


def check_seal(path: Path, *, required: bool = True) -> None:
    """Make sure that a file is the one that was written, by reading it through.

    Args:
        path: the file.
        required: whether one without a checksum counts as damaged.

    Raises:
        DamagedError: it is missing or damaged.
    """
    with _reading(path), path.open("rb") as file:
        left = file.seek(0, 2) - _SEAL_BYTES
        file.seek(max(left, 0))
        seal = file.read()
        if left < 0 or not seal.startswith(_MARK):
            if required:
                raise DamagedError(f"{path} has no checksum")
            return
        file.seek(0)
        digest = _hash()
        while left > 0 and (part := file.read(min(_PART, left))):
            digest.update(part)
            left -= len(part)
        if digest.digest() != seal[len(_MARK) :]:
            raise DamagedError(f"{path} is damaged")


def write_json(path: Path, value: Mapping[str, Any], *, indent: int | None = None) -> None:
    """Write a JSON object.

    Raises:
        InputError: the disk is full, or the path can't be written.
    """
    text = json.dumps({**value, _KEY: _digest(_canonical(value)).hex()}, indent=indent)
    set_aside(path)
    with replacing(path) as temporary, writing_to(path):
        temporary.write_text(text + "\n", encoding="utf-8")


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        DamagedError: it is missing or damaged.
    """
    with _reading(path):
        value = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(value, dict):
            raise DamagedError(f"{path} is damaged")
        told = value.pop(_KEY, None)
        if told is not None and told != _digest(_canonical(value)).hex():
            raise DamagedError(f"{path} is damaged, or was changed by hand")
        return value


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Let all that a damaged file can cause be the one error."""
    try:
        yield
    except DamagedError:
        raise
    except FileNotFoundError as error:
        raise DamagedError(f"{path} is missing") from error
    # Damage reaches the parsers of headers and archives, which fail in any way.
    except Exception as error:
        raise DamagedError(f"{path} is damaged") from error


def _hash() -> Any:
    return hashlib.blake2b(digest_size=_DIGEST_BYTES)


def _digest(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=_DIGEST_BYTES).digest()


def _canonical(value: Mapping[str, Any]) -> bytes:
    # Through JSON and back: what is read must give the same text, tuples and keys included.
    plain = json.loads(json.dumps(value))
    return json.dumps(plain, sort_keys=True, separators=(",", ":")).encode()
