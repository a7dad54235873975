"""Colour profiles of pictures, converted to sRGB."""

import functools
import io

import numpy as np
from PIL import Image, ImageCms

# Colours of a cube of 9 steps a side tell whether a profile is sRGB under another name.
_STEPS = np.linspace(0, 255, 9).round().astype(np.uint8)


class UnreadableProfileError(Exception):
    """A profile that is damaged, or of another kind of picture."""


def to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Convert a picture without transparency to RGB as its profile means it.

    Colours that sRGB lacks become the nearest that it has (relative colorimetric, with black
    point compensation). A profile that is sRGB's leaves every pixel as it is.

    Args:
        image: of mode RGB, L, CMYK or LAB.
        profile: as the file holds it; None for LAB as it is.

    Raises:
        UnreadableProfileError: a profile that can't be read, or is not for such a picture.
    """
    if image.mode == "RGB" and profile is not None and _is_srgb(profile):
        return image
    converted = ImageCms.applyTransform(image, _transform(profile, image.mode))
    assert converted is not None  # it is, in place only
    return converted


@functools.lru_cache(maxsize=8)  # frames of one clip share theirs
def _transform(profile: bytes | None, mode: str) -> ImageCms.ImageCmsTransform:
    try:
        if profile is None:
            given = ImageCms.createProfile("LAB")
        else:
            given = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        return ImageCms.buildTransform(
            given,
            ImageCms.createProfile("sRGB"),
            mode,
            "RGB",
            ImageCms.Intent.RELATIVE_COLORIMETRIC,
            ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
    # LittleCMS answers what it can't read with errors of several kinds.
    except (ImageCms.PyCMSError, OSError, TypeError, ValueError) as error:
        raise UnreadableProfileError(str(error)) from error


@functools.lru_cache(maxsize=8)
def _is_srgb(profile: bytes) -> bool:
    cube = np.stack(np.meshgrid(_STEPS, _STEPS, _STEPS), -1).reshape(1, -1, 3)
    converted = ImageCms.applyTransform(Image.fromarray(cube), _transform(profile, "RGB"))
    return bool(np.abs(np.asarray(converted).astype(int) - cube).max() <= 1)
