"""safetensors files: a header of JSON, then numbers.

Only the tensors asked for are read.
"""

import json
import math
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from jvst.errors import InputError
from jvst.network.weights.formats.imported import DamagedFileError
from jvst.network.weights.formats.source import Source, check_span, open_source

# The header of VGG-19 takes 4 kB. The format allows 100 MB, whose parsing would take gigabytes.
_LONGEST_HEADER = 1 << 20

_TYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2"}
_BYTES = {
    "F64": 8, "I64": 8, "U64": 8, "F32": 4, "I32": 4, "U32": 4, "F16": 2, "BF16": 2, "I16": 2,
    "U16": 2, "I8": 1, "U8": 1, "BOOL": 1, "F8_E4M3": 1, "F8_E5M2": 1,
}  # fmt: skip


class Entry(NamedTuple):
    """Where a tensor lies in the file."""

    dtype: str
    shape: tuple[int, ...]
    offset: int  # in bytes, from the beginning of the file
    length: int  # in bytes


class Header(NamedTuple):
    """What a safetensors file states about itself."""

    entries: dict[str, Entry]
    metadata: dict[str, str]


def read_safetensors(
    path: str | Path, *, prefix: str = ""
) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Return the tensors whose names begin with ``prefix``, and the metadata.

    Raises:
        InputError: a file that is missing, damaged or no safetensors file.
    """
    try:
        with open_source(path) as source:
            header = read_header(source)
            return {
                name: read_tensor(source, entry)
                for name, entry in header.entries.items()
                if name.startswith(prefix)
            }, header.metadata
    except DamagedFileError as error:
        raise InputError(f"{path} is truncated or damaged ({error}); get it again") from error


def read_metadata(path: str | Path) -> dict[str, str]:
    """Return the metadata of a safetensors file.

    Raises:
        InputError: a file that is missing, damaged or no safetensors file.
    """
    try:
        with open_source(path) as source:
            return read_header(source).metadata
    except DamagedFileError as error:
        raise InputError(f"{path} is truncated or damaged ({error}); get it again") from error


def to_bytes(tensors: dict[str, np.ndarray], metadata: dict[str, str]) -> bytes:
    """Return a safetensors file of float32 and float16 tensors; the same input, the same bytes.

    The official library keeps metadata in an order that changes from run to run.
    """
    header: dict[str, Any] = {"__metadata__": dict(sorted(metadata.items()))}
    pieces, position = [], 0
    for name, array in sorted(tensors.items()):
        dtype = {"f4": "F32", "f2": "F16"}[array.dtype.str[1:]]
        piece = array.astype(_TYPES[dtype], copy=False).tobytes()
        offsets = [position, position + len(piece)]
        header[name] = {"dtype": dtype, "shape": list(array.shape), "data_offsets": offsets}
        pieces.append(piece)
        position += len(piece)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)  # so that the numbers are aligned
    return b"".join([len(text).to_bytes(8, "little"), text, *pieces])


def read_header(source: Source) -> Header:
    """Read and check the header: every tensor inside the file, none over another.

    Raises:
        DamagedFileError: it contradicts itself or the file.
    """
    if source.size < 10 or source.read(8, 1) != b"{":
        raise DamagedFileError("it is no safetensors file")
    length = int.from_bytes(source.read(0, 8), "little")
    if not 2 <= length <= min(_LONGEST_HEADER, source.size - 8):
        raise DamagedFileError("the length of its safetensors header is impossible")
    try:
        parsed = json.loads(source.read(8, length), object_pairs_hook=_unique)
    # Deep nesting ends in RecursionError; bytes that aren't UTF-8 in UnicodeDecodeError.
    except (ValueError, RecursionError) as error:
        raise DamagedFileError("its safetensors header is no JSON") from error
    if not isinstance(parsed, dict):
        raise DamagedFileError("its safetensors header is no table")
    metadata = parsed.pop("__metadata__", None) or {}
    if not isinstance(metadata, dict) or any(not isinstance(v, str) for v in metadata.values()):
        raise DamagedFileError("its metadata is no table of texts")
    begin = 8 + length
    entries = {name: _entry(name, stated, begin, source) for name, stated in parsed.items()}
    position = begin
    for entry in sorted(entries.values(), key=lambda entry: (entry.offset, entry.length)):
        if entry.offset != position:
            raise DamagedFileError("its tensors overlap or leave gaps")
        position += entry.length
    if position != source.size:
        raise DamagedFileError("its tensors end elsewhere than the file")
    return Header(entries, metadata)


def read_tensor(source: Source, entry: Entry) -> np.ndarray:
    """Read one tensor; bfloat16 comes as float32.

    Raises:
        DamagedFileError: its numbers are of no floating-point type that is known.
    """
    if entry.dtype not in _TYPES:
        raise DamagedFileError(f"a tensor is of type {entry.dtype}, not of floating-point numbers")
    array = np.frombuffer(source.read(entry.offset, entry.length), _TYPES[entry.dtype])
    if entry.dtype == "BF16":
        array = (array.astype(np.uint32) << np.uint32(16)).view(np.float32)
    return array.reshape(entry.shape)


def _entry(name: str, stated: Any, begin: int, source: Source) -> Entry:
    """Check what the header states of one tensor."""
    shown = repr(name[:40])
    if not isinstance(stated, dict):
        raise DamagedFileError(f"its header does not describe {shown}")
    dtype = stated.get("dtype")
    if not isinstance(dtype, str) or dtype not in _BYTES:
        raise DamagedFileError(f"{shown} is of an unknown type")
    shape, offsets = _whole_numbers(stated.get("shape")), _whole_numbers(stated.get("data_offsets"))
    if len(offsets) != 2:
        raise DamagedFileError(f"{shown} has no place")
    # NumPy has at most 64 axes; 8 are more than any layer needs.
    if len(shape) > 8:
        raise DamagedFileError(f"{shown} has {len(shape)} axes")
    first, last = offsets
    check_span(begin + first, last - first, source.size)
    if math.prod(shape) * _BYTES[dtype] != last - first:
        raise DamagedFileError(f"the size of {shown} does not fit its shape")
    return Entry(dtype, tuple(shape), begin + first, last - first)


def _whole_numbers(value: Any) -> list[int]:
    if isinstance(value, list) and all(type(x) is int and 0 <= x < 2**48 for x in value):
        return value
    raise DamagedFileError("a shape or a place in its header is no list of whole numbers")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse a name that occurs twice: readers would differ on which tensor it means."""
    table = dict(pairs)
    if len(table) != len(pairs):
        raise ValueError("a name occurs twice")
    return table
