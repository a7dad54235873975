"""The wire format of Protocol Buffers.

Source: the encoding as documented at protobuf.dev/programming-guides/encoding.
"""

from collections.abc import Iterator
from typing import NamedTuple

from jvst.network.weights.formats.imported import DamagedFileError
from jvst.network.weights.formats.source import Source

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
# Caffe's VGG-19 has 45 layers of some 10 fields.
_MOST_FIELDS = 20_000


class Field(NamedTuple):
    """One field; its content is ``value`` for a varint, else the bytes from begin to end."""

    number: int
    wire: int
    value: int
    begin: int
    end: int


class Budget:
    """Counts the fields of a file, so that one of many empty fields takes no endless time."""

    left: int = _MOST_FIELDS

    def spend(self) -> None:
        """Count one.

        Raises:
            DamagedFileError: there were too many.
        """
        self.left -= 1
        if self.left < 0:
            raise DamagedFileError("it has too many fields")


def read_fields(source: Source, begin: int, end: int, budget: Budget) -> Iterator[Field]:
    """Yield the fields of the message between two offsets, without reading their content.

    Raises:
        DamagedFileError: a field is of an unknown kind, or ends outside the message.
    """
    position = begin
    while position < end:
        budget.spend()
        # The number and kind of a field take at most 5 bytes, its value or length 10.
        head = source.read(position, min(15, end - position))
        key, used = read_varint(head, 0)
        number, wire, value = key >> 3, key & 7, 0
        if number == 0:
            raise DamagedFileError("it has a field without a number")
        if wire == VARINT:
            value, used = read_varint(head, used)
            content, following = position + used, position + used
        elif wire == BYTES:
            length, used = read_varint(head, used)
            content, following = position + used, position + used + length
        elif wire in (FIXED32, FIXED64):
            content = position + used
            following = content + (4 if wire == FIXED32 else 8)
        else:
            raise DamagedFileError("it has a field of an unknown kind")
        if following > end:
            raise DamagedFileError("a field ends outside its message")
        yield Field(number, wire, value, content, following)
        position = following


def read_varint(data: bytes, position: int) -> tuple[int, int]:
    """Return a number of seven bits a byte, lowest first, and the place after it.

    Raises:
        DamagedFileError: it ends nowhere, or in more than 64 bits.
    """
    value = 0
    for count, byte in enumerate(data[position : position + 10]):
        value |= (byte & 0x7F) << (7 * count)
        if byte < 0x80:
            if value >= 1 << 64:
                break
            return value, position + count + 1
    raise DamagedFileError("it has a number without end")
