"""Flow files of the common formats.

Middlebury's ``.flo`` is read and written; ``.npy`` and KITTI's ``.png`` are read.

Every field is float32 ``[h w 2]``, (dx, dy) in pixels, x to the right and y down. A file that
can't be used as it is, whole, is an error of one line: nothing is repaired in silence.
"""

import os
import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import cv2
import numpy as np

from jvst._files import write_whole
from jvst._types import FlowField
from jvst.errors import InputError

#: Middlebury's mark of a pixel of unknown flow is any magnitude above this.
#: Source: ``UNKNOWN_FLOW_THRESH`` of the benchmark's flowIO.
UNKNOWN_ABOVE = np.float64(1e9)  # typed: half precision can be compared with it

_TAG = b"PIEH"
_HEADER = struct.Struct("<4sii")
_VALUE = np.dtype("<f4")
#: 16384 × 16384, 2 GiB of flow: more is a damaged header, not a film.
_MOST_PIXELS = 2**28
#: Signature, then the length and name of the first chunk, width, height, depth, colour type.
_PNG_HEADER = struct.Struct(">8sI4sIIBB")
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PNG_RGB = 2

#: From the path, the open file and the (width, height) that is expected.
Reader = Callable[[Path, BinaryIO, tuple[int, int] | None], Any]


def read_flow(path: str | Path, *, size: tuple[int, int] | None = None) -> FlowField:
    """Read a flow field from a ``.flo``, ``.npy`` or KITTI 16-bit ``.png`` file.

    Args:
        path: the file; its ending says the format.
        size: (width, height) in pixels that the field must have, or None for any.

    Returns:
        (dx, dy) in pixels, every value finite.

    Raises:
        InputError: the file is missing, not of its format, cut short or too long, of another
            size, or holds pixels without a usable flow.
    """
    return _read(Path(path), size, _READERS)


def measure_flow(path: str | Path, *, size: tuple[int, int] | None = None) -> None:
    """Make sure that a flow file is whole and of the right size, without reading its values.

    Args:
        path: see ``read_flow``.
        size: see ``read_flow``.

    Raises:
        InputError: as ``read_flow``, but for what only the values show.
    """
    _read(Path(path), size, _MEASURES)


def _read(path: Path, size: tuple[int, int] | None, readers: Mapping[str, Reader]) -> Any:
    reader = readers.get(path.suffix.lower())
    if reader is None:
        endings = ", ".join(readers)
        raise InputError(f"{path} is not a flow file by its ending; give one of {endings}")
    try:
        with path.open("rb") as handle:
            return reader(path, handle, size)
    except FileNotFoundError as error:
        raise InputError(f"{path} does not exist; give the path of a flow file") from error
    except OSError as error:
        raise InputError(
            f"{path} can't be read ({error.strerror or error}); give a readable flow file"
        ) from error


def write_flow(path: str | Path, flow: FlowField) -> None:
    """Write a Middlebury ``.flo`` file: the whole file appears at once, or none of it.

    The bytes go to a temporary file in the same folder, are flushed to the disk, and the file
    is then renamed, so that neither a reader nor a crash can meet half a field.

    Args:
        path: the file to write or replace; its ending is ``.flo`` and its folder exists.
        flow: (dx, dy) in pixels, every value finite.

    Raises:
        InputError: the ending, the folder or the field can't be used.
        OSError: the disk is full or failed; an older file at ``path`` is left as it was.
    """
    path = Path(path)
    if path.suffix.lower() != ".flo":
        raise InputError(f"{path} can't be written: flow is written as .flo; end the name so")
    if not isinstance(flow, np.ndarray):
        raise InputError(
            f"{path} can't be written from {type(flow).__name__}; give a NumPy array, float32 "
            "[height, width, 2]: numpy.asarray(flow)"
        )
    if flow.ndim != 3 or flow.shape[2] != 2 or flow.dtype != np.float32:
        raise InputError(
            f"{path} can't be written from {flow.dtype}{list(flow.shape)}; "
            "give a float32 array [height, width, 2]"
        )
    height, width = flow.shape[:2]
    _check_extent(path, width, height, None)
    _check_values(path, flow)
    write_whole(path, _HEADER.pack(_TAG, width, height) + flow.astype(_VALUE).tobytes())


def _measure_flo(path: Path, handle: BinaryIO, size: tuple[int, int] | None) -> tuple[int, int]:
    """Read the header, and return the width and height that the file has room for."""
    header = handle.read(_HEADER.size)
    if header[:4] != _TAG:
        raise InputError(f"{path} does not begin with the tag PIEH; give a Middlebury .flo file")
    if len(header) < _HEADER.size:
        raise InputError(f"{path} ends inside its header; copy or compute it again")
    _, width, height = _HEADER.unpack(header)
    _check_extent(path, width, height, size)
    expected = _HEADER.size + _bytes_of(width, height)
    actual = os.fstat(handle.fileno()).st_size
    if actual != expected:
        what = "is cut short" if actual < expected else "has bytes after its end"
        raise InputError(
            f"{path} {what}: {width}x{height} needs {expected} bytes, it has {actual}; "
            "copy or compute it again"
        )
    return width, height


def _bytes_of(width: int, height: int) -> int:
    return width * height * 2 * _VALUE.itemsize


def _read_flo(path: Path, handle: BinaryIO, size: tuple[int, int] | None) -> FlowField:
    """Read "PIEH", int32 width, int32 height, float32 (u, v) row by row, little endian."""
    width, height = _measure_flo(path, handle, size)
    body = handle.read(_bytes_of(width, height))
    if len(body) != _bytes_of(width, height):
        raise InputError(f"{path} was cut short while it was read; copy or compute it again")
    values = np.frombuffer(body, _VALUE).reshape(height, width, 2)
    _check_values(path, values)
    return values.astype(np.float32)  # a copy: native byte order, writable


def _measure_npy(path: Path, handle: BinaryIO, size: tuple[int, int] | None) -> np.ndarray:
    """Map NumPy's own format, float ``[h w 2]``; a pickled array is refused unread."""
    del handle  # mapped by name, so that an absurd shape takes no memory
    try:
        values = np.lib.format.open_memmap(path, mode="r")
    # A damaged header is parsed as Python's literals, which may fail in any way.
    except Exception as error:
        raise InputError(f"{path} is not a whole .npy array; save it again") from error
    if values.ndim != 3 or values.shape[2] != 2 or values.dtype.kind != "f":
        raise InputError(
            f"{path} holds {values.dtype}{list(values.shape)}; "
            "expected floats [height, width, 2], (dx, dy) in pixels"
        )
    _check_extent(path, values.shape[1], values.shape[0], size)
    return values


def _read_npy(path: Path, handle: BinaryIO, size: tuple[int, int] | None) -> FlowField:
    values = _measure_npy(path, handle, size)
    _check_values(path, values)
    return np.array(values, np.float32)


def _measure_kitti(
    path: Path, handle: BinaryIO, size: tuple[int, int] | None
) -> tuple[bytes, int, int]:
    """Read the header of a 16-bit PNG; return it with the width and height."""
    header = handle.read(_PNG_HEADER.size)
    wanted = f"{path} is not a 16-bit RGB PNG; give a flow file as the KITTI benchmark writes it"
    if len(header) < _PNG_HEADER.size:
        raise InputError(wanted)
    signature, _, chunk, width, height, depth, colour = _PNG_HEADER.unpack(header)
    if (signature, chunk, depth, colour) != (_PNG_SIGNATURE, b"IHDR", 16, _PNG_RGB):
        raise InputError(wanted)
    _check_extent(path, width, height, size)
    return header, width, height


def _read_kitti(path: Path, handle: BinaryIO, size: tuple[int, int] | None) -> FlowField:
    """Read 16-bit RGB: (value − 2¹⁵) / 64 of R and G is (u, v), B says whether it is known."""
    header, width, height = _measure_kitti(path, handle, size)
    encoded = np.frombuffer(header + handle.read(), np.uint8)
    try:
        pixels = cv2.imdecode(encoded, cv2.IMREAD_UNCHANGED)  # [h w 3], B G R
    except cv2.error:
        pixels = None
    if pixels is None or pixels.dtype != np.uint16 or pixels.shape != (height, width, 3):
        raise InputError(f"{path} is a damaged PNG; copy or compute it again")
    _check_known(path, pixels[..., 0] == 0)
    return (pixels[..., :0:-1].astype(np.float32) - 2**15) / 64  # [h w 2]


_READERS: Mapping[str, Reader] = {".flo": _read_flo, ".npy": _read_npy, ".png": _read_kitti}
_MEASURES: Mapping[str, Reader] = {
    ".flo": _measure_flo,
    ".npy": _measure_npy,
    ".png": _measure_kitti,
}


def _check_extent(path: Path, width: int, height: int, size: tuple[int, int] | None) -> None:
    """Refuse a size that is absurd or not the one expected, before memory is taken."""
    if width < 1 or height < 1 or width * height > _MOST_PIXELS:
        raise InputError(
            f"{path} says that it is {width}x{height} pixels; expected at least 1x1 and at most "
            f"{_MOST_PIXELS} pixels; compute it again"
        )
    if size is not None and (width, height) != tuple(size):
        raise InputError(
            f"{path} is {width}x{height} pixels, the frames are {size[0]}x{size[1]}; "
            "give flow of the same size"
        )


def _check_values(path: Path, values: np.ndarray) -> None:
    """Refuse values that are not finite or that say "unknown"."""
    strange = np.count_nonzero(~np.isfinite(values).all(-1))
    if strange:
        raise InputError(f"{path} is not finite at {strange} pixels; compute it again")
    _check_known(path, np.any(np.abs(values) > UNKNOWN_ABOVE, axis=-1))


def _check_known(path: Path, unknown: np.ndarray) -> None:
    """Refuse a sparse field: jvst needs an arrow at every pixel."""
    count = np.count_nonzero(unknown)
    if count:
        raise InputError(
            f"{path} marks {count} of {unknown.size} pixels as unknown flow; "
            "give a dense field, or fill the holes first"
        )
