"""Zip archives of stored members, as PyTorch writes them.

``zipfile`` would read a directory of any length and inflate members of any size; here the
directory is bounded, nothing is inflated, and a member is where the directory says or nowhere.

Source: PKWARE's APPNOTE 6.3, sections 4.3 and 4.4.
"""

import struct
from typing import NamedTuple

from jvst.network.weights.formats.imported import DamagedFileError
from jvst.network.weights.formats.source import Source, check_span

# PyTorch's archive of VGG-19 has 42 members and 4 kB of directory.
_LONGEST_DIRECTORY = 1 << 18
_LONGEST_ENDING = 22 + 0xFFFF

_ENDING = struct.Struct("<4s4H2LH")
_ENDING64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR64 = struct.Struct("<4sLQL")
_MEMBER = struct.Struct("<4s6H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")


class Member(NamedTuple):
    """A stored file within the archive."""

    offset: int  # of its local header
    size: int
    checksum: int  # CRC-32


def read_directory(source: Source) -> dict[str, Member]:
    """Return the members of an archive by name.

    Raises:
        DamagedFileError: the archive is truncated, contradicts itself, or is compressed.
    """
    size, offset = _directory_place(source)
    if size > _LONGEST_DIRECTORY:
        raise DamagedFileError("the directory of its zip archive is too long")
    data = source.read(offset, size)
    members: dict[str, Member] = {}
    position = 0
    while position < len(data):
        fields = _unpack(_MEMBER, data, position, b"PK\x01\x02")
        method, checksum, packed, unpacked = fields[4], fields[7], fields[8], fields[9]
        name_length, extra_length, comment_length, local = (*fields[10:13], fields[16])
        position += _MEMBER.size
        name = data[position : position + name_length].decode("utf-8", "replace")
        extra = data[position + name_length : position + name_length + extra_length]
        position += name_length + extra_length + comment_length
        unpacked, packed, local = _widened(extra, unpacked, packed, local)
        if method != 0 or packed != unpacked:
            raise DamagedFileError("its zip archive is compressed, as PyTorch's never are")
        if name in members:
            raise DamagedFileError("its zip archive has a member twice")
        check_span(local, unpacked, source.size)
        members[name] = Member(local, unpacked, checksum)
    return members


def member_place(source: Source, member: Member) -> int:
    """Return where a member's bytes begin.

    Raises:
        DamagedFileError: there is no such member there.
    """
    header = source.read(member.offset, _LOCAL.size)
    fields = _unpack(_LOCAL, header, 0, b"PK\x03\x04")
    place = member.offset + _LOCAL.size + fields[9] + fields[10]
    check_span(place, member.size, source.size)
    return place


def _directory_place(source: Source) -> tuple[int, int]:
    """Return (size, offset) of the directory."""
    tail_length = min(source.size, _LONGEST_ENDING)
    tail_offset = source.size - tail_length
    tail = source.read(tail_offset, tail_length)
    found = tail.rfind(b"PK\x05\x06")
    if found < 0:
        raise DamagedFileError("its zip archive has no directory")
    fields = _unpack(_ENDING, tail, found, b"PK\x05\x06")
    size, offset = fields[5], fields[6]
    locator = tail_offset + found - _LOCATOR64.size
    # PyTorch writes both endings; where both are there the long one counts.
    if locator >= 0 and source.read(locator, 4) == b"PK\x06\x07":
        ending64 = _LOCATOR64.unpack(source.read(locator, _LOCATOR64.size))[2]
        long = source.read(ending64, _ENDING64.size)
        fields = _unpack(_ENDING64, long, 0, b"PK\x06\x06")
        size, offset = fields[8], fields[9]
    return size, offset


def _widened(extra: bytes, *values: int) -> tuple[int, int, int]:
    """Replace values that are full of ones by those of the zip64 extra field, in its order."""
    position, wide = 0, b""
    while position + 4 <= len(extra):
        kind, length = struct.unpack_from("<2H", extra, position)
        if kind == 1:
            wide = extra[position + 4 : position + 4 + length]
            break
        position += 4 + length
    widened = []
    for value in values:
        if value == 0xFFFFFFFF:
            if len(wide) < 8:
                raise DamagedFileError("a member of its zip archive has no size")
            value, wide = int.from_bytes(wide[:8], "little"), wide[8:]  # noqa: PLW2901
        widened.append(value)
    return widened[0], widened[1], widened[2]


def _unpack(form: struct.Struct, data: bytes, position: int, signature: bytes) -> tuple:
    if position + form.size > len(data):
        raise DamagedFileError("the directory of its zip archive is truncated")
    fields = form.unpack_from(data, position)
    if fields[0] != signature:
        raise DamagedFileError("the directory of its zip archive is damaged")
    return fields
