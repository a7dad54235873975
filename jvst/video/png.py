"""PNG files, checked by their own checksums."""

import zlib
from pathlib import Path

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def is_whole_png(path: str | Path) -> bool:
    """Tell whether a file is a PNG, undamaged by the checksums of its parts, to its end."""
    try:
        content = memoryview(Path(path).read_bytes())
    except OSError:
        return False
    if content[:8] != _PNG_SIGNATURE:
        return False
    position, kind = 8, b""
    while position + 12 <= len(content) and kind != b"IEND":
        length = int.from_bytes(content[position : position + 4], "big")
        end = position + 8 + length
        kind = bytes(content[position + 4 : position + 8])
        told = int.from_bytes(content[end : end + 4], "big")
        if end + 4 > len(content) or zlib.crc32(content[position + 4 : end]) != told:
            return False
        position = end + 4
    return kind == b"IEND"
