"""Single pictures: a style image, one frame."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import imageio.v3 as iio
import numpy as np

from jvst._files import replacing
from jvst._types import Frame
from jvst.errors import InputError
from jvst.video.display import EXIF_ORIENTATION, UPRIGHT, Orientation, orient, over_white
from jvst.video.writing import writing_to

# JPEG quality 95 is the highest that Pillow's documentation advises; 4:4:4 keeps brush strokes'
# colours sharp.
_WRITE_OPTIONS: dict[str, dict[str, Any]] = {
    ".png": {},
    ".jpg": {"quality": 95, "subsampling": 0},
    ".jpeg": {"quality": 95, "subsampling": 0},
}


def read_picture(path: str | Path) -> Frame:
    """Read a picture as it is seen: upright, 8-bit RGB, over white where it is transparent.

    Args:
        path: png, jpg, ppm, webp, tiff or bmp; grey, palette, CMYK, 16-bit and with alpha or EXIF
            orientation too. Of a moving picture the first frame.

    Raises:
        InputError: there is no such file, or it is no picture, or a damaged one.
    """
    with _opened(path) as file:
        metadata = file.metadata(index=0, exclude_applied=False)
        # Pillow keeps 16-bit grey as modes that begin with I, and converting those clips.
        if metadata["mode"].startswith("I"):
            pixels = _from_16_bit_grey(file.read(index=0), path)
        elif metadata["mode"] == "F":
            raise ValueError("floating point samples")
        else:
            pixels = over_white(file.read(index=0, mode="RGBA"))
    return np.ascontiguousarray(orient(pixels, _exif_orientation(metadata)))


def picture_size(path: str | Path) -> tuple[int, int]:
    """Read (height, width) of a picture as it is seen, without decoding its pixels."""
    with _opened(path) as file:
        metadata = file.metadata(index=0, exclude_applied=False)
        height, width = file.properties(index=0).shape[:2]
    return (width, height) if _exif_orientation(metadata).transpose else (height, width)


def write_picture(path: str | Path, frame: Frame) -> None:
    """Write a picture, whole or not at all.

    Args:
        path: where; ``.png`` (lossless), ``.jpg`` or ``.jpeg``. Missing folders are made.
        frame: 8-bit RGB.

    Raises:
        InputError: another suffix, or the path can't be written.
    """
    path = Path(path)
    check_picture_suffix(path)
    suffix = path.suffix.lower()
    encoded = iio.imwrite(
        "<bytes>", frame, plugin="pillow", extension=suffix, **_WRITE_OPTIONS[suffix]
    )
    assert encoded is not None
    with replacing(path) as temporary, writing_to(path):
        temporary.write_bytes(encoded)


def check_picture_suffix(path: Path) -> None:
    """Refuse a suffix that ``write_picture`` doesn't know.

    Raises:
        InputError: names those that it knows.
    """
    if path.suffix.lower() not in _WRITE_OPTIONS:
        raise InputError(
            f"{path} ends in {path.suffix or 'no suffix'}; a picture can be written as "
            f"{', '.join(_WRITE_OPTIONS)}; choose one of these"
        )


@contextmanager
def _opened(path: str | Path) -> Iterator[Any]:
    """Open a picture through imageio and say in one line what is wrong with it."""
    path = Path(path)
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "doesn't exist"
        raise InputError(f"{path} {what}; expected a picture; check the path")
    try:
        with iio.imopen(path, "r", plugin="pillow") as file:
            yield file
    # Pillow answers damaged files with anything from OSError to SyntaxError.
    except Exception as error:
        raise InputError(
            f"{path} is not a picture that can be read, or is damaged; expected an 8- or 16-bit "
            "png, jpg, ppm, webp, tiff or bmp; give another file"
        ) from error


def _exif_orientation(metadata: dict[str, Any]) -> Orientation:
    return EXIF_ORIENTATION.get(metadata.get("Orientation", 1), UPRIGHT)


def _from_16_bit_grey(samples: np.ndarray, path: str | Path) -> Frame:
    if samples.min() < 0 or samples.max() > 65535:
        raise ValueError(f"{path} has more than 16 bits")
    grey = ((samples.astype(np.uint32) + 128) // 257).astype(np.uint8)  # 65535 = 257 · 255
    return np.repeat(grey[..., None], 3, axis=-1)  # [h w 3]
