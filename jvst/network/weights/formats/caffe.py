"""Caffe's ``.caffemodel``, in each of its three encodings.

``NetParameter`` holds the layers as field 2 (``V1LayerParameter``, or before it a
``V0LayerParameter`` inside) or, from 2014's end on, as field 100 (``LayerParameter``). A blob
has its shape as four fields or as a message, and its numbers packed or one a field.

Source: the field numbers are those of BVLC's ``caffe.proto``.
"""

import math
from collections.abc import Iterator

import numpy as np

from jvst.network.vgg import OXFORD
from jvst.network.weights.formats.imported import (
    CONVOLUTIONS,
    LARGEST_KERNEL,
    DamagedFileError,
    ForeignFileError,
    Imported,
    Kernels,
    check_count,
    from_oxford,
    from_torch_layout,
)
from jvst.network.weights.formats.protobuf import (
    BYTES,
    VARINT,
    Budget,
    Field,
    read_fields,
    read_varint,
)
from jvst.network.weights.formats.source import Source

#: What a network can begin with: the keys of its name, its layers and its inputs.
FIRST_BYTES = (0x0A, 0x12, 0x1A, 0xA2)

_NET_LAYERS_V1, _NET_LAYERS = 2, 100
# (name, blobs) within a layer.
_LAYER, _LAYER_V1, _LAYER_V0 = (1, 7), (4, 6), (1, 50)
_V1_HOLDS_V0 = 1
# Numbers twice (values and gradients), as doubles, each with a key of its own.
_LONGEST_BLOB = 2 * 9 * LARGEST_KERNEL + 4096


def read_caffe(source: Source) -> Imported:
    """Read a VGG: Oxford's own file, or the one that Gatys normalised.

    Raises:
        DamagedFileError: it contradicts itself.
        ForeignFileError: it has no layer of a VGG.
    """
    kernels: Kernels = {}
    budget = Budget()
    for name, blobs in _layers(source, budget):
        if name in CONVOLUTIONS and name not in kernels and blobs:
            arrays = [_blob(source, blob, budget) for blob in blobs[:2]]
            bias = arrays[1].reshape(-1) if len(arrays) == 2 else None
            kernels[name] = (from_torch_layout(arrays[0]), bias)
    if not kernels:
        raise ForeignFileError("no Caffe network with layers conv1_1 to conv5_1")
    return from_oxford("Caffe", kernels, OXFORD, "in Caffe's format")


def _layers(source: Source, budget: Budget) -> Iterator[tuple[str, list[Field]]]:
    """Yield the name and the blobs of every layer."""
    for field in read_fields(source, 0, source.size, budget):
        if field.wire != BYTES:
            continue
        if field.number == _NET_LAYERS:
            yield _layer(source, field, _LAYER, budget)
        elif field.number == _NET_LAYERS_V1:
            name, blobs = _layer(source, field, _LAYER_V1, budget)
            if not name:
                for inner in read_fields(source, field.begin, field.end, budget):
                    if inner.number == _V1_HOLDS_V0 and inner.wire == BYTES:
                        name, blobs = _layer(source, inner, _LAYER_V0, budget)
            yield name, blobs


def _layer(
    source: Source, layer: Field, numbers: tuple[int, int], budget: Budget
) -> tuple[str, list[Field]]:
    name, blobs = "", []
    for field in read_fields(source, layer.begin, layer.end, budget):
        if field.wire == BYTES and field.number == numbers[0] and field.end - field.begin < 200:
            name = source.read(field.begin, field.end - field.begin).decode("utf-8", "replace")
        elif field.wire == BYTES and field.number == numbers[1]:
            blobs.append(field)
    return name, blobs


def _blob(source: Source, blob: Field, budget: Budget) -> np.ndarray:
    """Read the shape and the numbers of a blob."""
    if blob.end - blob.begin > _LONGEST_BLOB:
        raise DamagedFileError("a layer is too long")
    message = source.read(blob.begin, blob.end - blob.begin)
    packed_floats, packed_doubles = [], []
    position, old_shape, shape = 0, [1, 1, 1, 1], None
    has_old_shape = False
    while position < len(message):
        values, position_after = _single_numbers(message, position)
        if values is not None:
            packed_floats.append(values)
            position = position_after
            continue
        field = _next_field(message, position, budget)
        content = memoryview(message)[field.begin : field.end]
        if field.wire == VARINT and 1 <= field.number <= 4:
            old_shape[field.number - 1], has_old_shape = field.value, True
        elif field.wire == BYTES and field.number == 5:
            packed_floats.append(_numbers(content, "<f4"))
        elif field.wire == BYTES and field.number == 8:
            packed_doubles.append(_numbers(content, "<f8"))
        elif field.wire == BYTES and field.number == 7:
            shape = _shape(bytes(content), budget)
        position = field.end
    numbers = np.concatenate([*packed_floats, *packed_doubles, np.zeros(0, np.float32)])
    if shape is None:
        shape = old_shape if has_old_shape else [len(numbers)]
    check_count(math.prod(shape), "a layer")
    if math.prod(shape) != len(numbers):
        raise DamagedFileError(
            f"a layer has {len(numbers)} numbers where {math.prod(shape)} are stated"
        )
    return numbers.reshape(shape).astype(np.float32)


def _single_numbers(message: bytes, position: int) -> tuple[np.ndarray | None, int]:
    """Read a run of numbers that each have a key: 5 bytes for a float, 9 for a double."""
    for key, dtype in ((0x2D, "<f4"), (0x41, "<f8")):
        if message[position] != key:
            continue
        step = 1 + np.dtype(dtype).itemsize
        count = (len(message) - position) // step
        table = np.frombuffer(message, np.uint8, count * step, position).reshape(count, step)
        other = np.flatnonzero(table[:, 0] != key)
        run = int(other[0]) if len(other) else count
        if run:
            values = np.ascontiguousarray(table[:run, 1:]).view(dtype)[:, 0]
            return values, position + run * step
    return None, position


def _next_field(message: bytes, position: int, budget: Budget) -> Field:
    return next(read_fields(_Message(message), position, len(message), budget))


def _numbers(content: memoryview, dtype: str) -> np.ndarray:
    if len(content) % np.dtype(dtype).itemsize:
        raise DamagedFileError("a layer ends within a number")
    return np.frombuffer(content, dtype)


def _shape(message: bytes, budget: Budget) -> list[int]:
    """Read a ``BlobShape``: its sizes packed or one a field."""
    sizes: list[int] = []
    for field in read_fields(_Message(message), 0, len(message), budget):
        if field.number == 1 and field.wire == VARINT:
            sizes.append(field.value)
        elif field.number == 1 and field.wire == BYTES:
            position = field.begin
            while position < field.end and len(sizes) <= 8:
                size, position = read_varint(message[: field.end], position)
                sizes.append(size)
    if len(sizes) > 8:
        raise DamagedFileError("a layer has too many axes")
    return sizes


class _Message:
    """A message in memory as a ``Source``."""

    def __init__(self, data: bytes):
        self._data, self.size = data, len(data)

    def read(self, offset: int, count: int) -> bytes:
        return self._data[offset : offset + count]
