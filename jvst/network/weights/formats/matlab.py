"""MATLAB's level 5 MAT-files, plain and compressed.

Only the variables asked for are read, of bounded size.

Arrays of more numbers than VGG-19's largest kernel are passed over, never held. Compressed
variables are inflated piece by piece, so that a malicious file costs some seconds at most.

Source: MathWorks, "MAT-File Format", level 5.
"""

import math
import struct
import zlib
from collections.abc import Iterator
from typing import Any, Protocol, runtime_checkable

import numpy as np

from jvst.network.weights.formats.imported import LARGEST_KERNEL, DamagedFileError
from jvst.network.weights.formats.source import Source, check_span

#: An array of numbers, a cell array in column order, a struct array, or what was passed over.
Value = np.ndarray | list[Any] | tuple[dict[str, Any], ...] | None

_TYPES = {
    1: "i1",
    2: "u1",
    3: "i2",
    4: "u2",
    5: "i4",
    6: "u4",
    7: "f4",
    9: "f8",
    12: "i8",
    13: "u8",
    16: "u1",  # UTF-8, UTF-16, UTF-32
    17: "u2",
    18: "u4",
}
_MATRIX, _COMPRESSED = 14, 15
_CELL, _STRUCT, _TEXT = 1, 2, 4
_NUMERIC = range(6, 16)

# imagenet-vgg-verydeep-19.mat inflates to 575 MB, has some 2,500 elements and a depth of 6.
_MOST_INFLATED = 1 << 30
_MOST_ELEMENTS = 100_000
_MOST_KEPT = 16 * LARGEST_KERNEL
_DEEPEST = 16
# Names of layers; a longer text is passed over, maybe of more bytes than letters.
_LONGEST_TEXT = 32
_PIECE = 1 << 16


@runtime_checkable
class _Stream(Protocol):
    """Bytes in order."""

    position: int

    def read(self, count: int) -> bytes: ...
    def skip(self, count: int) -> None: ...


def read_variables(source: Source, wanted: tuple[str, ...]) -> dict[str, Value]:
    """Return those of the wanted variables that the file has.

    Raises:
        DamagedFileError: it contradicts itself, or states sizes that VGG-19 has not.
    """
    order = "<" if source.read(126, 2) == b"IM" else ">"
    found: dict[str, Value] = {}
    position, budget = 128, _Budget()
    while position + 8 <= source.size and len(found) < len(wanted):
        kind, length = struct.unpack(order + "2I", source.read(position, 8))
        position += 8
        check_span(position, length, source.size)
        stream: _Stream
        if kind == _COMPRESSED:
            stream = _Inflated(source, position, position + length)
            kind, inner = struct.unpack(order + "2I", stream.read(8))
        else:
            stream, inner = _Plain(source, position), length
        if kind == _MATRIX:
            reader = _Reader(stream, order, budget)
            name, value = reader.matrix(stream.position + inner, 0, wanted)
            if name in wanted:
                found[name] = value
        position += length
    return found


class _Budget:
    """What is left of the elements and the numbers that a file may have."""

    def __init__(self) -> None:
        self.elements, self.kept = _MOST_ELEMENTS, _MOST_KEPT

    def spend(self, elements: int, kept: int) -> None:
        self.elements -= elements
        self.kept -= kept
        if self.elements < 0 or self.kept < 0:
            raise DamagedFileError("it has too many elements")


class _Plain:
    """Bytes of a file from an offset on."""

    def __init__(self, source: Source, position: int):
        self._source, self.position = source, position

    def read(self, count: int) -> bytes:
        data = self._source.read(self.position, count)
        self.position += count
        return data

    def skip(self, count: int) -> None:
        check_span(self.position, count, self._source.size)
        self.position += count


class _Inflated:
    """Bytes that come out of a compressed part of a file."""

    def __init__(self, source: Source, begin: int, end: int):
        self._source, self._begin, self._end = source, begin, end
        self._inflate, self._ready, self.position = zlib.decompressobj(), bytearray(), 0

    def read(self, count: int) -> bytes:
        # What is wanted at once is an array of at most LARGEST_KERNEL doubles.
        if not 0 <= count <= 8 * LARGEST_KERNEL:
            raise DamagedFileError("an element is too long")
        while len(self._ready) < count:
            self._ready += self._next()
        data = bytes(self._ready[:count])
        del self._ready[:count]
        self.position += count
        return data

    def skip(self, count: int) -> None:
        if count < 0 or self.position + count > _MOST_INFLATED:
            raise DamagedFileError("it inflates to more than VGG-19 has")
        self.position += count
        while count > len(self._ready):
            count -= len(self._ready)
            self._ready = bytearray(self._next())
        del self._ready[:count]

    def _next(self) -> bytes:
        packed = self._inflate.unconsumed_tail
        if not packed and self._begin < self._end:
            length = min(_PIECE, self._end - self._begin)
            packed = self._source.read(self._begin, length)
            self._begin += length
        try:
            piece = self._inflate.decompress(packed, 1 << 20)
        except zlib.error as error:
            raise DamagedFileError("its compressed part is damaged") from error
        if not piece and (self._inflate.eof or not packed):
            raise DamagedFileError("its compressed part is truncated")
        return piece


class _Reader:
    """Reads nested elements of one stream."""

    def __init__(self, stream: _Stream, order: str, budget: _Budget):
        self._stream, self._order, self._budget = stream, order, budget

    def matrix(self, end: int, depth: int, wanted: tuple[str, ...] = ()) -> tuple[str, Value]:
        """Read the content of a matrix element up to ``end``; pass over others than wanted."""
        self._budget.spend(1, 0)
        if depth > _DEEPEST:
            raise DamagedFileError("its elements are nested too deeply")
        if self._stream.position == end:
            return "", None
        flags = self._small(end, 16)
        sizes = self._small(end, 64)
        name = self._small(end, 64).decode("latin-1")
        shape = struct.unpack(f"{self._order}{len(sizes) // 4}i", sizes[: len(sizes) // 4 * 4])
        if len(flags) < 4 or len(sizes) % 4 or any(size < 0 for size in shape):
            raise DamagedFileError("an element has an impossible shape")
        value: Value = None
        kind = int.from_bytes(flags[:4], "little" if self._order == "<" else "big") & 0xFF
        if not wanted or name in wanted:
            if kind == _CELL:
                value = list(self._elements(math.prod(shape), end, depth))
            elif kind == _STRUCT:
                value = self._structs(math.prod(shape), end, depth)
            elif kind in _NUMERIC and math.prod(shape) <= LARGEST_KERNEL:
                value = self._array(shape, end)
            elif kind == _TEXT and math.prod(shape) <= _LONGEST_TEXT:
                value = self._array((math.prod(shape),), end)
        self._skip_to(end)
        return name, value

    def _elements(self, count: int, end: int, depth: int) -> Iterator[Value]:
        self._budget.spend(0, count)
        for _ in range(count):
            kind, inner, _ = self._tag(end)
            if kind != _MATRIX:
                raise DamagedFileError("an element is of an unknown kind")
            yield self.matrix(inner, depth + 1)[1]

    def _structs(self, count: int, end: int, depth: int) -> tuple[dict[str, Value], ...]:
        longest = int.from_bytes(self._small(end, 4), "little" if self._order == "<" else "big")
        names = self._small(end, 1 << 14)
        if not 0 < longest <= 64:
            raise DamagedFileError("the names of its fields are damaged")
        fields = [
            names[at : at + longest].split(b"\0")[0].decode("latin-1")
            for at in range(0, len(names), longest)
        ]
        # A struct array without fields states any count at no cost.
        self._budget.spend(count, 0)
        values = self._elements(count * len(fields), end, depth)
        return tuple({field: next(values) for field in fields} for _ in range(count))

    def _array(self, shape: tuple[int, ...], end: int) -> np.ndarray:
        kind, inner, padded = self._tag(end)
        count = math.prod(shape)
        self._budget.spend(0, count)
        if kind not in _TYPES or len(shape) > 8:
            raise DamagedFileError("an array is of an unknown kind")
        dtype = np.dtype(self._order + _TYPES[kind])
        if count * dtype.itemsize != inner - self._stream.position:
            raise DamagedFileError("an array does not fit its shape")
        flat = np.frombuffer(self._stream.read(count * dtype.itemsize), dtype)
        self._skip_to(padded)
        return flat.reshape(shape, order="F")

    def _small(self, end: int, most: int) -> bytes:
        """Read an element of a limited number of bytes."""
        _, inner, padded = self._tag(end)
        if inner - self._stream.position > most:
            raise DamagedFileError("an element is too long")
        data = self._stream.read(inner - self._stream.position)
        self._skip_to(padded)
        return data

    def _tag(self, end: int) -> tuple[int, int, int]:
        """Return the kind of an element, where it ends, and where it ends with its padding."""
        start = self._stream.position
        if start + 8 > end:
            raise DamagedFileError("an element ends outside the one that holds it")
        first = self._stream.read(4)
        (word,) = struct.unpack(self._order + "I", first)
        # Up to 4 bytes of content may stand within the tag, their count above the kind.
        if word >> 16:
            kind, length, padded = word & 0xFFFF, word >> 16, start + 8
            if length > 4:
                raise DamagedFileError("an element is damaged")
        else:
            kind = word
            (length,) = struct.unpack(self._order + "I", self._stream.read(4))
            padded = start + 8 + (length + 7) // 8 * 8
        inner = self._stream.position + length
        if inner > end:
            raise DamagedFileError("an element ends outside the one that holds it")
        return kind, inner, min(padded, end)

    def _skip_to(self, position: int) -> None:
        if position < self._stream.position:
            raise DamagedFileError("an element is longer than stated")
        self._stream.skip(position - self._stream.position)
