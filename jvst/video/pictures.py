"""Single pictures: a style image, one frame."""

import io
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageFile, ImageOps

from jvst._files import replacing
from jvst._types import Frame
from jvst.errors import InputError
from jvst.video.display import over_white
from jvst.video.profiles import UnreadableProfileError, to_srgb
from jvst.video.writing import writing_to

#: Pillow's names of the formats that are read.
FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "PPM", "BMP", "GIF", "AVIF", "JPEG2000")
#: Pictures of more pixels than this are read smaller where that is allowed: 8000 a side.
LARGEST_PIXELS = 64_000_000
# Pillow keeps 4 bytes a pixel: 2 GiB. Only a jpg can be made smaller before it is decoded.
_LARGEST_DECODED = 1 << 29
_ORIENTATION = 0x0112  # Exif 2.3 and TIFF 6.0
_TURNED = (5, 6, 7, 8)  # those by a quarter
# Of screens; a picture made for one is taken for sRGB, as browsers do.
_SCREEN_GAMMA, _GAMMA_SLACK = 2.2, 0.05

# JPEG quality 95 is the highest that Pillow's documentation advises; 4:4:4 keeps brush strokes'
# colours sharp.
_WRITE_OPTIONS: dict[str, dict[str, Any]] = {
    # A quarter of the time of Pillow's own choice, 6, for a seventh more bytes.
    ".png": {"format": "PNG", "compress_level": 2},
    ".jpg": {"format": "JPEG", "quality": 95, "subsampling": 0},
    ".jpeg": {"format": "JPEG", "quality": 95, "subsampling": 0},
}


def read_picture(
    path: str | Path,
    *,
    largest: int | None = None,
    on_notice: Callable[[str], object] | None = None,
) -> Frame:
    """Read a picture as it is seen: upright, 8-bit sRGB, over white where it is transparent.

    Args:
        path: png, jpg, ppm, webp, tiff, bmp, gif, avif or jp2; grey, palette, CMYK, Lab, 16-bit,
            with alpha, a colour profile or Exif orientation too. Of a moving picture the first
            frame.
        largest: number of pixels beyond which the picture is reduced by a whole number.
        on_notice: told, in one line, that it was reduced or that its profile can't be read.

    Raises:
        InputError: there is no such file, or it is no picture, a damaged one, or too large to be
            decoded.
    """
    notice = on_notice or (lambda _: None)
    with opened(path) as image:
        size = image.size
        factor = _factor(size, largest)
        if image.format in ("JPEG", "MPO") and factor > 1:
            image.draft(None, (size[0] // factor, size[1] // factor))
        if image.size[0] * image.size[1] > _LARGEST_DECODED:
            raise InputError(
                f"{path} is {size[0]}x{size[1]}; expected at most {_LARGEST_DECODED // 10**6} "
                "megapixels; reduce it"
            )
        frame = shown(image, path, factor=_factor(image.size, largest), on_notice=notice)
    if factor > 1:
        height, width, _ = frame.shape
        megapixels = round(size[0] * size[1] / 1e6)
        notice(f"{path} has {megapixels} megapixels; it is read at {width}x{height}")
    return frame


def picture_size(path: str | Path) -> tuple[int, int]:
    """Read (height, width) of a picture as it is seen, without decoding its pixels."""
    with opened(path) as image:
        width, height = image.size
        # Pillow turns a tiff itself, and says its size as it will be.
        turned = image.format != "TIFF" and _orientation(image) in _TURNED
    return (width, height) if turned else (height, width)


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
    write_encoded(path, encode_picture(frame, path.suffix))


def encode_picture(frame: Frame, suffix: str) -> bytes:
    """Return the bytes of a picture's file.

    Args:
        frame: 8-bit RGB.
        suffix: see ``write_picture``.
    """
    file = io.BytesIO()
    Image.fromarray(frame).save(file, **_WRITE_OPTIONS[suffix.lower()])
    return file.getvalue()


def write_encoded(path: Path, picture: bytes) -> None:
    """Write the bytes of a picture's file, whole or not at all.

    Raises:
        InputError: the path can't be written.
    """
    with replacing(path) as temporary, writing_to(path):
        temporary.write_bytes(picture)


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
def opened(path: str | Path) -> Iterator[ImageFile.ImageFile]:
    """Open a picture and say in one line what is wrong with it.

    Raises:
        InputError: there is no such file, or the body met a damaged one.
    """
    path = Path(path)
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "doesn't exist"
        raise InputError(f"{path} {what}; expected a picture; check the path")
    try:
        with path.open("rb") as file:
            image = identified(file, path)
            if image is None:
                raise ValueError("no picture")
            yield image
    except InputError:
        raise
    except MemoryError as error:
        raise InputError(f"{path} needs more memory than there is; reduce it") from error
    # Pillow answers damaged files with anything from OSError to SyntaxError.
    except Exception as error:
        raise InputError(
            f"{path} is not a picture that can be read, or is damaged; expected an 8- or 16-bit "
            "png, jpg, ppm, webp, tiff, bmp, gif, avif or jp2; give another file"
        ) from error


def identified(file: Any, path: Path) -> ImageFile.ImageFile | None:
    """Find the format of an open file by its content; None if it is no picture.

    Like ``PIL.Image.open``, which warns of large pictures and refuses larger ones.
    """
    Image.init()
    prefix = file.read(16)
    for name in FORMATS:
        factory, accept = Image.OPEN.get(name, (None, None))
        try:
            # A word in place of an answer says that this build of Pillow lacks the decoder.
            taken = accept is None or accept(prefix)
            if factory is None or not taken or isinstance(taken, str):
                continue
            file.seek(0)
            return factory(file, str(path))
        except (SyntaxError, IndexError, TypeError, struct.error):
            continue
    return None


def shown(
    image: Image.Image,
    path: str | Path,
    *,
    factor: int = 1,
    on_notice: Callable[[str], object] = lambda _: None,
) -> Frame:
    """Convert a picture to what is seen of it, reduced by a whole number."""
    image.load()
    profile = image.info.get("icc_profile")
    turned = ImageOps.exif_transpose(image) if _orientation(image) != 1 else image
    plain = _eight_bits(turned, path)
    plain = plain.reduce(factor) if factor > 1 else plain
    alpha = plain.getchannel("A") if plain.mode in ("RGBA", "LA") else None
    opaque = plain.convert(plain.mode.removesuffix("A")) if alpha is not None else plain
    if profile or opaque.mode == "LAB":
        try:
            opaque = to_srgb(opaque, profile)
        except UnreadableProfileError:
            on_notice(f"the colour profile of {path} can't be read; it is taken for sRGB")
    elif not _has_common_gamma(image):
        opaque = opaque.convert("RGB").point(3 * _gamma_table(image.info["gamma"]))
    colours = np.asarray(opaque.convert("RGB"))
    if alpha is None:
        return np.array(colours, order="C")
    return np.ascontiguousarray(over_white(np.dstack([colours, np.asarray(alpha)])))


def _has_common_gamma(image: Image.Image) -> bool:
    """Tell whether a png's remark on its gamma says no more than that it is for a screen."""
    gamma = image.info.get("gamma")
    return not gamma or "srgb" in image.info or abs(gamma * _SCREEN_GAMMA - 1) < _GAMMA_SLACK


def _gamma_table(gamma: float) -> list[int]:
    """Return sRGB's level for each level of a picture that was encoded with a gamma.

    Source: PNG (ISO/IEC 15948), 11.3.3.2; IEC 61966-2-1.
    """
    light = (np.arange(256) / 255) ** (1 / gamma)
    curve = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    return np.round(255 * curve).astype(int).tolist()


def _factor(size: tuple[int, int], largest: int | None) -> int:
    """Return the smallest power of two by which sides shrink to a number of pixels."""
    factor = 1
    while largest is not None and size[0] * size[1] > largest * factor**2:
        factor *= 2
    return factor


def _orientation(image: Image.Image) -> int:
    try:
        return image.getexif().get(_ORIENTATION, 1)
    except Exception:  # damaged notes are no reason to refuse the picture
        return 1


def _eight_bits(image: Image.Image, path: str | Path) -> Image.Image:
    """Convert a picture to 8 bits a channel: RGB, RGBA, L, LA, CMYK or LAB."""
    # Pillow keeps 16-bit grey as modes that begin with I, and converting those clips.
    if image.mode.startswith("I"):
        return _from_16_bit_grey(np.asarray(image), path)
    if image.mode == "F":
        raise ValueError("floating point samples")
    if "transparency" in image.info and image.mode in ("P", "L", "RGB", "1"):
        return image.convert("RGBA")
    if image.mode in ("RGB", "RGBA", "L", "LA", "CMYK", "LAB"):
        return image
    if image.mode == "1":
        return image.convert("L")
    return image.convert("RGBA" if image.mode in ("PA", "RGBa", "La") else "RGB")


def _from_16_bit_grey(samples: np.ndarray, path: str | Path) -> Image.Image:
    if samples.min() < 0 or samples.max() > 65535:
        raise ValueError(f"{path} has more than 16 bits")
    grey = (samples.astype(np.uint32) + 128) // 257  # 65535 = 257 · 255
    return Image.fromarray(grey.astype(np.uint8))
