"""Where a video file says that it ends."""

import struct
from fractions import Fraction
from pathlib import Path
from typing import IO

import av
import numpy as np
from av.container import InputContainer

# Matroska's element IDs (RFC 9559).
_EBML, _SEGMENT = 0x1A45DFA3, 0x18538067
# An entry of an avi's index: AVIOLDINDEX of Microsoft's aviriff.h.
_INDEX_ENTRY = np.dtype([("kind", "S4"), ("flags", "<u4"), ("place", "<u4"), ("size", "<u4")])
_BOX_HEAD = 8  # bytes of an ISO box before its content, ISO/IEC 14496-12, 4.2


def stated_end(container: InputContainer, stream: av.VideoStream, path: Path) -> Fraction | None:
    """Read where the picture ends, in seconds of the file's clock, if the file tells by time.

    An mp4 in fragments tells of its first one, and an avi counts frames; neither is taken here.
    """
    if "mp4" in container.format.name:
        if stream.duration is None or stream.time_base is None or _has_fragments(path):
            return None
        return ((stream.start_time or 0) + stream.duration) * stream.time_base
    # Matroska: many writers state each stream's length: 00:00:01.234000000.
    hours, _, rest = stream.metadata.get("DURATION", "").partition(":")
    minutes, _, seconds = rest.partition(":")
    try:
        end = 3600 * int(hours) + 60 * int(minutes) + Fraction(seconds)
    except ValueError:
        return None
    # A remark may come from a longer file that this one was cut from.
    whole = container.duration
    return end if whole is None else min(end, Fraction(whole, av.time_base))


def repeats_at_end(container: InputContainer, stream: av.VideoStream, path: Path) -> int:
    """Count the repeats of the last frame of an avi: the empty entries at its index's end."""
    if container.format.name != "avi":
        return 0
    kinds = {f"{stream.index:02d}{letters}".encode() for letters in ("dc", "db")}
    with path.open("rb") as file:
        file.seek(12)  # behind RIFF, its length and AVI
        while len(head := file.read(_BOX_HEAD)) == _BOX_HEAD:
            length = int.from_bytes(head[4:], "little")
            if head[:4] != b"idx1":
                file.seek(length + length % 2, 1)
                continue
            index = np.frombuffer(file.read(length)[: length // 16 * 16], _INDEX_ENTRY)
            own = index[np.isin(index["kind"], list(kinds))]
            filled = np.flatnonzero(own["size"])
            return len(own) - 1 - int(filled[-1]) if len(filled) else 0
    return 0


def counted_frames(container: InputContainer, stream: av.VideoStream, path: Path) -> int | None:
    """Read how many frames there are from the index of an mp4 that is in one piece."""
    if "mp4" not in container.format.name or not stream.frames or _has_fragments(path):
        return None
    # An edit list can leave frames out; the index knows, the header doesn't.
    return min(stream.frames, sum(not entry.is_discard for entry in stream.index_entries))


def is_cut_off(container: InputContainer, path: Path) -> bool | None:
    """Tell whether the file ends within a part of its container; None if no lengths are said."""
    name = container.format.name
    size = path.stat().st_size
    with path.open("rb") as file:
        if "mp4" in name:
            end = max((end for _, end in _boxes(file, size)), default=0)
        elif "matroska" in name:
            end = _matroska_end(file)
        elif name == "avi":
            end = max(_riff_ends(file, size), default=0)
        else:
            end = 0
    return end > size if end else None


def whole_fragments(path: Path) -> int | None:
    """Return where the last whole fragment of an mp4 ends, if the file is cut off behind one.

    FFmpeg opens no file that ends within the head of a fragment.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        ends = [end for kind, end in _boxes(file, size) if end <= size and kind == b"mdat"]
    return max(ends) if ends and max(ends) < size and _has_fragments(path) else None


def _has_fragments(path: Path) -> bool:
    with path.open("rb") as file:
        return any(kind == b"moof" for kind, _ in _boxes(file, path.stat().st_size))


def _boxes(file: IO[bytes], size: int) -> list[tuple[bytes, int]]:
    """List the boxes of an mp4 on its highest level: the kind of each, and where it ends."""
    found, at = [], 0
    while at < size:
        file.seek(at)
        head = file.read(_BOX_HEAD)
        if len(head) < _BOX_HEAD:
            return [*found, (b"", at + _BOX_HEAD)]
        length, kind = struct.unpack(">I4s", head)
        if length == 1:  # the length has 64 bits and follows
            length = int.from_bytes(file.read(8), "big")
        if length == 0:  # up to the end of the file
            return found
        if length < _BOX_HEAD:  # no box: some writers leave zeros behind the last one
            return found
        at += length
        found.append((kind, at))
    return found


def _matroska_end(file: IO[bytes]) -> int:
    """Return where the segment ends; 0 where that is not said, as in a broadcast."""
    for expected in (_EBML, _SEGMENT):
        if int.from_bytes(file.read(4), "big") != expected:
            return 0
        first = file.read(1)
        if not first or first == b"\0":
            return 0
        more = 8 - first[0].bit_length()  # leading zeros say how many bytes follow
        value = int.from_bytes(bytes([first[0] & (0x7F >> more)]) + file.read(more), "big")
        if value == (1 << 7 * (more + 1)) - 1:  # all ones: unknown
            return 0
        end = file.tell() + value
        if expected == _EBML:
            file.seek(end)
    return end


def _riff_ends(file: IO[bytes], size: int) -> list[int]:
    """List where each RIFF chunk of an avi ends; long ones have several."""
    ends, at = [], 0
    while at < size:
        file.seek(at)
        kind, length = file.read(4), int.from_bytes(file.read(4), "little")
        if kind != b"RIFF" or length == 0:  # 0: the recording was never finished
            break
        at += _BOX_HEAD + length + length % 2
        ends.append(at - length % 2)
    return ends
