"""Records of what a PyTorch file of tensors names."""

from typing import Any, NamedTuple

from jvst.network.weights.formats.imported import DamagedFileError

#: Storage class -> NumPy type of its numbers; bfloat16 comes as its 16 bits.
STORAGES = {
    "DoubleStorage": "f8",
    "FloatStorage": "f4",
    "HalfStorage": "f2",
    "BFloat16Storage": "u2",
    "LongStorage": "i8",
    "IntStorage": "i4",
    "ShortStorage": "i2",
    "CharStorage": "i1",
    "ByteStorage": "u1",
    "BoolStorage": "u1",
}


class Global(NamedTuple):
    """A name that the list allows."""

    module: str
    name: str


class Storage(NamedTuple):
    """A run of numbers elsewhere in the file."""

    kind: str  # a key of STORAGES
    key: str
    count: int


class Tensor(NamedTuple):
    """A view of a storage."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


_ALLOWED = frozenset(
    [
        Global("collections", "OrderedDict"),
        Global("torch._utils", "_rebuild_tensor"),
        Global("torch._utils", "_rebuild_tensor_v2"),
        Global("torch._utils", "_rebuild_parameter"),
        *(Global(module, name) for module in ("torch", "torch.cuda") for name in STORAGES),
    ]
)


def allowed_global(module: str, name: str) -> Global:
    """Return a listed name as a record, without importing it.

    Raises:
        DamagedFileError: it is not on the list.
    """
    found = Global(module, name)
    if found not in _ALLOWED:
        raise DamagedFileError(
            f"its pickle asks for {f'{module}.{name}'[:80]!r}, which tensors alone do not need; "
            "nothing was run"
        )
    return found


def make_tensor(arguments: tuple[Any, ...]) -> Tensor:
    """Return what ``_rebuild_tensor`` would make.

    Raises:
        DamagedFileError: the arguments are not those of a tensor.
    """
    if len(arguments) < 4 or not isinstance(arguments[0], Storage):
        raise DamagedFileError("its pickle makes a tensor in an unknown way")
    storage, offset, shape, strides = arguments[:4]
    if not (_is_place(offset) and _are_places(shape) and _are_places(strides)):
        raise DamagedFileError("its pickle makes a tensor of an impossible shape")
    if len(shape) != len(strides) or len(shape) > 8:
        raise DamagedFileError("its pickle makes a tensor of an impossible shape")
    return Tensor(storage, offset, shape, strides)


def make_storage(stated: Any) -> Storage:
    """Return the storage that a persistent id refers to.

    Raises:
        DamagedFileError: it is no such id.
    """
    if not isinstance(stated, tuple) or len(stated) not in (5, 6) or stated[0] != "storage":
        raise DamagedFileError("its pickle refers to what is no storage")
    kind, key, _, count = stated[1:5]
    if not isinstance(kind, Global) or kind.name not in STORAGES or not _is_place(count):
        raise DamagedFileError("its pickle refers to a storage in an unknown way")
    if not isinstance(key, str) or any(view is not None for view in stated[5:]):
        raise DamagedFileError("its pickle refers to a storage in an unknown way")
    return Storage(kind.name, key, count)


def _is_place(value: Any) -> bool:
    return type(value) is int and 0 <= value < 2**48


def _are_places(value: Any) -> bool:
    return isinstance(value, tuple) and all(_is_place(x) for x in value)
