"""A reader of PyTorch's pickles that runs nothing.

This is no ``pickle.Unpickler`` with a filter but a small machine of its own: it knows the
opcodes that ``torch.save`` writes and refuses all others. A global is a name from a list, never
an imported object; "calling" one makes a record here. So nothing of the file is ever run,
imported or allocated beyond the bytes that stand in it.

Source: the opcodes are described in Python's ``pickletools``.
"""

import pickletools
import struct
from collections.abc import Callable
from typing import Any, NamedTuple

from jvst.network.weights.formats.imported import DamagedFileError
from jvst.network.weights.formats.torch_records import (
    Global,
    Storage,
    Tensor,
    allowed_global,
    make_storage,
    make_tensor,
)

# The pickle of VGG-19's names and shapes has about 1,500 operations.
_MOST_OPERATIONS = 50_000
# Copies of lists by OrderedDict(pairs), in all: a list named again and again would be copied
# again and again.
_MOST_PAIRS = 20_000


class Pickle(NamedTuple):
    """What a pickle holds, of numbers, texts, tuples, lists, dicts, ``Tensor``, ``Storage``."""

    content: Any
    storages: dict[str, Storage]  # all that it refers to, by their keys
    end: int  # the place after it in the bytes


def read_pickle(data: bytes, position: int = 0) -> Pickle:
    """Read one pickle.

    Args:
        data: bytes that hold it.
        position: where in them it begins.

    Raises:
        DamagedFileError: it is truncated, or asks for what a file of tensors does not need.
    """
    machine = _Machine(data, position)
    for _ in range(_MOST_OPERATIONS):
        code = machine.take(1)
        if code == b".":
            return Pickle(machine.pop(), machine.storages, machine.position)
        operation = _OPERATIONS.get(code)
        if operation is None:
            raise DamagedFileError(f"its pickle uses {_opcode_name(code)}, which is not allowed")
        operation(machine)
    raise DamagedFileError("its pickle is too long")


class _Machine:
    """The stack, the marks and the memo of one pickle."""

    def __init__(self, data: bytes, position: int):
        self.data, self.position = data, position
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memo: dict[int, Any] = {}
        self.storages: dict[str, Storage] = {}
        self.pairs = 0

    def take(self, count: int) -> bytes:
        end = self.position + count
        if count < 0 or end > len(self.data):
            raise DamagedFileError("its pickle is truncated or too long")
        taken, self.position = self.data[self.position : end], end
        return taken

    def number(self, form: str) -> Any:
        return struct.unpack("<" + form, self.take(struct.calcsize("<" + form)))[0]

    def line(self) -> str:
        end = self.data.find(b"\n", self.position, self.position + 200)
        if end < 0:
            raise DamagedFileError("its pickle names something without end")
        line = self.take(end - self.position + 1)[:-1]
        return _text(line)

    def push(self, value: Any) -> None:
        self.stack.append(value)

    def pop(self) -> Any:
        if len(self.stack) <= (self.marks[-1] if self.marks else 0):
            raise DamagedFileError("its pickle takes what it never gave")
        return self.stack.pop()

    def top(self) -> Any:
        value = self.pop()
        self.stack.append(value)
        return value

    def pop_to_mark(self) -> list[Any]:
        if not self.marks:
            raise DamagedFileError("its pickle closes what it never opened")
        start = self.marks.pop()
        items = self.stack[start:]
        del self.stack[start:]
        return items

    def memoize(self, place: int) -> None:
        self.memo[place] = self.top()

    def recall(self, place: int) -> None:
        if place not in self.memo:
            raise DamagedFileError("its pickle recalls what it never kept")
        self.push(self.memo[place])


def _proto(machine: _Machine) -> None:
    if machine.number("B") > 5:
        raise DamagedFileError("its pickle is of an unknown protocol")


def _frame(machine: _Machine) -> None:
    if machine.number("Q") > len(machine.data) - machine.position:
        raise DamagedFileError("its pickle is truncated or too long")


def _long(machine: _Machine) -> None:
    # The longest that PyTorch writes is its own magic number, of 10 bytes.
    count = machine.number("B")
    if count > 16:
        raise DamagedFileError("its pickle holds an endless number")
    machine.push(int.from_bytes(machine.take(count), "little", signed=True))


def _text_of(form: str) -> Callable[[_Machine], None]:
    return lambda machine: machine.push(_text(machine.take(machine.number(form))))


def _text(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise DamagedFileError("its pickle holds a text that is no UTF-8") from error


def _tuple_of(count: int) -> Callable[[_Machine], None]:
    def operation(machine: _Machine) -> None:
        items = [machine.pop() for _ in range(count)]
        machine.push(tuple(reversed(items)))

    return operation


def _append(machine: _Machine, items: list[Any]) -> None:
    target = machine.top()
    if not isinstance(target, list):
        raise DamagedFileError("its pickle appends to what is no list")
    target.extend(items)


def _append_one(machine: _Machine) -> None:
    _append(machine, [machine.pop()])


def _append_many(machine: _Machine) -> None:
    _append(machine, machine.pop_to_mark())


def _set(machine: _Machine, items: list[Any]) -> None:
    target = machine.top()
    if not isinstance(target, dict) or len(items) % 2:
        raise DamagedFileError("its pickle sets entries of what is no table")
    for key, value in zip(items[::2], items[1::2], strict=True):
        _set_entry(target, key, value)


def _set_one(machine: _Machine) -> None:
    value, key = machine.pop(), machine.pop()
    _set(machine, [key, value])


def _set_many(machine: _Machine) -> None:
    _set(machine, machine.pop_to_mark())


def _set_entry(target: dict[Any, Any], key: Any, value: Any) -> None:
    # Texts and numbers only: hashing a deeply nested tuple would exhaust the C stack.
    if type(key) not in (str, int):
        raise DamagedFileError("its pickle has a key that is neither text nor number")
    target[key] = value


def _global(machine: _Machine) -> None:
    module, name = machine.line(), machine.line()
    machine.push(allowed_global(module, name))


def _stack_global(machine: _Machine) -> None:
    name, module = machine.pop(), machine.pop()
    if not (isinstance(name, str) and isinstance(module, str)):
        raise DamagedFileError("its pickle names something by what is no text")
    machine.push(allowed_global(module, name))


def _reduce(machine: _Machine) -> None:
    """Make a record of what the pickle asks to call."""
    arguments, called = machine.pop(), machine.pop()
    if not isinstance(called, Global) or not isinstance(arguments, tuple):
        raise DamagedFileError("its pickle calls what is no function")
    if called.name == "OrderedDict":
        machine.push(_ordered_dict(machine, arguments))
    elif called.name in ("_rebuild_tensor", "_rebuild_tensor_v2"):
        machine.push(make_tensor(arguments))
    elif called.name == "_rebuild_parameter" and arguments and isinstance(arguments[0], Tensor):
        machine.push(arguments[0])
    else:
        raise DamagedFileError(f"its pickle calls {called.name} in an unknown way")


def _ordered_dict(machine: _Machine, arguments: tuple[Any, ...]) -> dict[Any, Any]:
    made: dict[Any, Any] = {}
    if not arguments:
        return made
    # Python 2 wrote the entries as one list of pairs.
    pairs = arguments[0]
    if len(arguments) != 1 or not isinstance(pairs, list):
        raise DamagedFileError("its pickle makes a table in an unknown way")
    machine.pairs += len(pairs)
    if machine.pairs > _MOST_PAIRS:
        raise DamagedFileError("its pickle makes too many tables")
    for pair in pairs:
        if not isinstance(pair, list | tuple) or len(pair) != 2:
            raise DamagedFileError("its pickle makes a table of what are no pairs")
        _set_entry(made, pair[0], pair[1])
    return made


def _persistent(machine: _Machine) -> None:
    storage = make_storage(machine.pop())
    if machine.storages.setdefault(storage.key, storage) != storage:
        raise DamagedFileError("its pickle states two sizes of one storage")
    machine.push(storage)


def _build(machine: _Machine) -> None:
    """Drop the attributes of a state dict: the versions of its modules."""
    state, target = machine.pop(), machine.top()
    if not isinstance(state, dict) or not isinstance(target, dict):
        raise DamagedFileError("its pickle sets attributes of what has none")


def _opcode_name(code: bytes) -> str:
    known = next((op for op in pickletools.opcodes if op.code.encode("latin-1") == code), None)
    return f"the opcode {known.name}" if known else "an unknown opcode"


_OPERATIONS: dict[bytes, Callable[[_Machine], None]] = {
    b"\x80": _proto,
    b"\x95": _frame,
    b"(": lambda machine: machine.marks.append(len(machine.stack)),
    b"N": lambda machine: machine.push(None),
    b"\x88": lambda machine: machine.push(True),
    b"\x89": lambda machine: machine.push(False),
    b"J": lambda machine: machine.push(machine.number("i")),
    b"K": lambda machine: machine.push(machine.number("B")),
    b"M": lambda machine: machine.push(machine.number("H")),
    b"G": lambda machine: machine.push(struct.unpack(">d", machine.take(8))[0]),
    b"\x8a": _long,
    b"U": _text_of("B"),
    b"T": _text_of("i"),
    b"X": _text_of("I"),
    b"\x8c": _text_of("B"),
    b"]": lambda machine: machine.push([]),
    b"a": _append_one,
    b"e": _append_many,
    b")": _tuple_of(0),
    b"\x85": _tuple_of(1),
    b"\x86": _tuple_of(2),
    b"\x87": _tuple_of(3),
    b"t": lambda machine: machine.push(tuple(machine.pop_to_mark())),
    b"}": lambda machine: machine.push({}),
    b"s": _set_one,
    b"u": _set_many,
    b"q": lambda machine: machine.memoize(machine.number("B")),
    b"r": lambda machine: machine.memoize(machine.number("I")),
    b"\x94": lambda machine: machine.memoize(len(machine.memo)),
    b"h": lambda machine: machine.recall(machine.number("B")),
    b"j": lambda machine: machine.recall(machine.number("I")),
    b"c": _global,
    b"\x93": _stack_global,
    b"R": _reduce,
    b"b": _build,
    b"Q": _persistent,
}
