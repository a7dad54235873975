"""PyTorch's ``.pth``, in the zip container and the legacy one.

The legacy container is four short pickles (a magic number, a version, a description of the
machine, the tensors without their numbers), a pickled list of storages, and then for each a
count in 8 bytes and its numbers. The zip container has the tensors in ``data.pkl`` and every
storage as a member of its own.
"""

import math
import zlib
from collections.abc import Callable, Iterable
from typing import Any, Literal, NamedTuple

import numpy as np

from jvst.network.vgg import OXFORD
from jvst.network.weights.formats.imported import (
    CONVOLUTIONS,
    DamagedFileError,
    ForeignFileError,
    Imported,
    Kernels,
    check_count,
    from_oxford,
    from_torch_layout,
)
from jvst.network.weights.formats.source import Source, check_span
from jvst.network.weights.formats.stored_zip import Member, member_place, read_directory
from jvst.network.weights.formats.torch_pickle import Pickle, read_pickle
from jvst.network.weights.formats.torch_records import STORAGES, Storage, Tensor
from jvst.network.weights.formats.torchvision import (
    Channels,
    find_prefix,
    from_torchvision,
    wanted_names,
)

LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
# The pickles of VGG-19's names and shapes take 5 kB.
_LONGEST_PICKLE = 1 << 20


class _Numbers(NamedTuple):
    """Where the numbers of a storage lie, and their checksum where there is one."""

    offset: int
    checksum: int | None


class _Container(NamedTuple):
    """A file's tensors without their numbers, and where those are."""

    content: Any
    place: Callable[[Storage], _Numbers]
    byte_order: Literal["<", ">"]


def read_torch(
    source: Source, channels: Channels | None, known_channels: Callable[[], Channels | None]
) -> Imported:
    """Read a VGG from a state dict, under torchvision's names or Gatys' ``conv1_1.weight``.

    Args:
        source: the file.
        channels: see ``torchvision.from_torchvision``.
        known_channels: see ``torchvision.from_torchvision``.

    Raises:
        DamagedFileError: it contradicts itself or holds more than tensors.
        ForeignFileError: it is a PyTorch file of something else.
    """
    is_zip = source.read(0, min(4, source.size)) == b"PK\x03\x04"
    container = _open_zip(source) if is_zip else _open_legacy(source)
    container_name = "PyTorch zip" if is_zip else "PyTorch legacy"
    tensors = _state_dict(container.content)
    prefix = find_prefix(tensors)
    if prefix is not None:
        wanted = [name for pair in wanted_names(prefix, tensors).values() for name in pair]
        arrays = _read_tensors(source, container, tensors, wanted)
        return from_torchvision(
            f"{container_name}, torchvision's names",
            arrays,
            prefix,
            tensors,
            channels=channels,
            known_channels=known_channels,
        )
    tensors = _without_prefix(tensors)
    if "conv1_1.weight" not in tensors:
        raise ForeignFileError("a PyTorch file, but of another network than a VGG")
    names = [name for name in sorted(CONVOLUTIONS) if f"{name}.weight" in tensors]
    wanted = [f"{name}.{part}" for name in names for part in ("weight", "bias")]
    arrays = _read_tensors(source, container, tensors, wanted)
    kernels: Kernels = {
        name: (from_torch_layout(arrays.get(f"{name}.weight")), arrays.get(f"{name}.bias"))
        for name in names
    }
    format = f"{container_name}, names conv1_1 ..."
    return from_oxford(format, kernels, OXFORD, "as converted to PyTorch by L. Gatys")


def _without_prefix(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Take off what a wrapper has put before Gatys' names, whatever it is."""
    first = ".conv1_1.weight"
    prefix = next((name.removesuffix(first) for name in tensors if name.endswith(first)), None)
    if prefix is None:
        return tensors
    return {name.removeprefix(f"{prefix}."): tensor for name, tensor in tensors.items()}


def _open_zip(source: Source) -> _Container:
    members = read_directory(source)
    pickles = [name for name in members if name == "data.pkl" or name.endswith("/data.pkl")]
    if len(pickles) != 1:
        raise ForeignFileError("a zip archive, but no PyTorch file")
    folder = pickles[0][: -len("data.pkl")]
    content = read_pickle(_member_bytes(source, members[pickles[0]])).content
    order = members.get(f"{folder}byteorder")
    big = order is not None and _member_bytes(source, order) == b"big"

    def place(storage: Storage) -> _Numbers:
        member = members.get(f"{folder}data/{storage.key}")
        if member is None or member.size != _length(storage):
            raise DamagedFileError("a storage is missing or of another size than stated")
        return _Numbers(member_place(source, member), member.checksum)

    return _Container(content, place, ">" if big else "<")


def _member_bytes(source: Source, member: Member) -> bytes:
    if member.size > _LONGEST_PICKLE:
        raise DamagedFileError("its pickle is too long")
    data = source.read(member_place(source, member), member.size)
    if zlib.crc32(data) != member.checksum:
        raise DamagedFileError("the checksum of its pickle is wrong")
    return data


def _open_legacy(source: Source) -> _Container:
    data = source.read(0, min(source.size, _LONGEST_PICKLE))
    parts: list[Pickle] = []
    for _ in range(5):
        parts.append(read_pickle(data, parts[-1].end if parts else 0))
        if parts[0].content != LEGACY_MAGIC:
            raise ForeignFileError("a pickle, but no PyTorch file")
    _, version, machine, content, keys = (part.content for part in parts)
    storages, position = parts[3].storages, parts[4].end
    if version != 1001 or not isinstance(machine, dict) or not isinstance(keys, list):
        raise DamagedFileError("its PyTorch header is damaged")
    places: dict[str, int] = {}
    for key in keys:
        storage = storages.get(key) if isinstance(key, str) else None
        if storage is None or key in places:
            raise DamagedFileError("its list of storages is not that of its tensors")
        if int.from_bytes(source.read(position, 8), "little") != storage.count:
            raise DamagedFileError("a storage is of another size than stated")
        check_span(position + 8, _length(storage), source.size)
        places[key], position = position + 8, position + 8 + _length(storage)

    def place(storage: Storage) -> _Numbers:
        if storage.key not in places:
            raise DamagedFileError("a storage is missing or of another size than stated")
        return _Numbers(places[storage.key], None)

    return _Container(content, place, "<" if machine.get("little_endian", True) else ">")


def _state_dict(content: Any) -> dict[str, Tensor]:
    """Return the tensors by name, also where they are one entry of a checkpoint."""
    if isinstance(content, dict):
        for key in ("state_dict", "model_state_dict", "model"):
            if isinstance(content.get(key), dict):
                content = content[key]
                break
    if not isinstance(content, dict):
        raise ForeignFileError("a PyTorch file, but no state dict")
    return {
        name: value
        for name, value in content.items()
        if isinstance(name, str) and isinstance(value, Tensor)
    }


def _length(storage: Storage) -> int:
    return storage.count * np.dtype(STORAGES[storage.kind]).itemsize


def _read_tensors(
    source: Source, container: _Container, tensors: dict[str, Tensor], wanted: Iterable[str]
) -> dict[str, np.ndarray]:
    return {
        name: _read_tensor(source, container, tensors[name]) for name in wanted if name in tensors
    }


def _read_tensor(source: Source, container: _Container, tensor: Tensor) -> np.ndarray:
    """Read the numbers of one tensor, whatever its strides."""
    check_count(math.prod(tensor.shape), "a tensor")
    kind = STORAGES[tensor.storage.kind]
    if kind not in ("f8", "f4", "f2", "u2"):
        raise DamagedFileError(f"a layer is made of a {tensor.storage.kind}")
    if 0 in tensor.shape:
        return np.zeros(tensor.shape, np.float32)
    # Numbers from the first to the last that the view touches.
    reach = 1 + sum(
        (size - 1) * stride for size, stride in zip(tensor.shape, tensor.strides, strict=True)
    )
    check_count(reach, "a tensor")
    if tensor.offset + reach > tensor.storage.count:
        raise DamagedFileError("a tensor reaches beyond its storage")
    dtype = np.dtype(kind).newbyteorder(container.byte_order)
    numbers = container.place(tensor.storage)
    data = source.read(numbers.offset + tensor.offset * dtype.itemsize, reach * dtype.itemsize)
    whole = tensor.offset == 0 and reach == tensor.storage.count
    if whole and numbers.checksum is not None and zlib.crc32(data) != numbers.checksum:
        raise DamagedFileError("the checksum of a tensor is wrong")
    flat = np.frombuffer(data, dtype)
    if tensor.storage.kind == "BFloat16Storage":
        flat = (flat.astype(np.uint32) << np.uint32(16)).view(np.float32)
    strides = [stride * flat.itemsize for stride in tensor.strides]
    return np.lib.stride_tricks.as_strided(flat, tensor.shape, strides).astype(np.float32)
