"""Pictures to train on and to compare networks on."""

from pathlib import Path

import cv2
import numpy as np
from jaxtyping import UInt8

from jvst._types import Frame
from jvst.errors import InputError

_SUFFIXES = {".jpg", ".jpeg", ".png", ".ppm"}

#: 8-bit RGB pictures of one size.
Pictures = UInt8[np.ndarray, "n h w 3"]


def read_pictures(folder: str | Path, *, least: int) -> Pictures:
    """Read all pictures of a folder, in the order of their names.

    Args:
        folder: of JPEG, PNG or PPM files of one size; others are left alone.
        least: the smallest side that will do, in pixels.

    Raises:
        InputError: no pictures, or they are unreadable, too small or of several sizes.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"{folder} is no folder; expected one of JPEG, PNG or PPM pictures")
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in _SUFFIXES)
    if not paths:
        raise InputError(f"{folder} holds no pictures; expected JPEG, PNG or PPM files")
    first = _read(paths[0])
    if min(first.shape[:2]) < least:
        raise InputError(
            f"{paths[0]} is {_size(first)}; expected at least {least} pixels a side, twice the "
            "side of a crop: choose smaller crops or larger pictures"
        )
    pictures = np.empty((len(paths), *first.shape), np.uint8)
    for number, path in enumerate(paths):
        picture = _read(path)
        if picture.shape != first.shape:
            raise InputError(
                f"{path} is {_size(picture)} and {paths[0].name} {_size(first)}; expected pictures "
                "of one size: scale or cut them"
            )
        pictures[number] = picture
    return pictures


def read_tile(path: str | Path, *, width: int, height: int) -> Frame:
    """Read a picture and fill a tile with it: scaled, then cut to the tile's shape.

    Raises:
        InputError: not a picture.
    """
    picture = _read(Path(path))
    rows, columns, _ = picture.shape
    scale = max(width / columns, height / rows)
    size = (max(width, round(columns * scale)), max(height, round(rows * scale)))
    picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    top, left = (size[1] - height) // 2, (size[0] - width) // 2
    return np.ascontiguousarray(picture[top : top + height, left : left + width])


def _read(path: Path) -> Frame:
    # OpenCV itself would speak of a file that is not there.
    content = np.frombuffer(path.read_bytes() if path.is_file() else b"", np.uint8)
    picture = cv2.imdecode(content, cv2.IMREAD_COLOR) if content.size else None
    if picture is None:
        raise InputError(f"{path} is not a picture that can be read; expected a JPEG, PNG or PPM")
    return np.ascontiguousarray(picture[..., ::-1]).astype(np.uint8)


def _size(picture: Frame) -> str:
    return f"{picture.shape[1]}×{picture.shape[0]}"
