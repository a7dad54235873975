"""Conversion, size, luminance and blur of images.

Images are RGB float32 in [0, 1], ``[h w 3]``, unbatched.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, UInt8

from jvst._types import AnyArray, Image, ImageLike
from jvst.core.arguments import floats, levels

# Rec. 709 luma of gamma-encoded RGB.
LUMA = (0.2126, 0.7152, 0.0722)


def to_float(image: UInt8[AnyArray, "h w 3"]) -> Image:
    """Turn 8-bit RGB into RGB in [0, 1]."""
    (image,) = levels(image=(image, "h w 3"))
    return image.astype(jnp.float32) / 255.0


def to_uint8(image: ImageLike) -> UInt8[Array, "h w 3"]:
    """Turn RGB in [0, 1] into 8-bit RGB, clipped and rounded to the nearest level."""
    (image,) = floats(image=(image, "h w 3"))
    return jnp.round(jnp.clip(image, 0.0, 1.0) * 255.0).astype(jnp.uint8)


def resize(
    image: Float[Array, "h w c"], *, size: tuple[int, int]
) -> Float[Array, "height width c"]:
    """Resample an image to ``size`` with a cubic kernel, widened when shrinking.

    Args:
        image: ``[h w c]``.
        size: (width, height) in pixels.
    """
    width, height = size
    return jax.image.resize(image, (height, width, image.shape[-1]), "cubic", antialias=True)


def luminance(image: Image) -> Float[Array, "h w"]:
    """Return the luma of gamma-encoded RGB (Rec. ITU-R BT.709)."""
    return image @ jnp.asarray(LUMA, image.dtype)  # [h w 3] @ [3]


def gaussian_blur(image: Float[Array, "h w c"], sigma: float, radius: int) -> Float[Array, "h w c"]:
    """Blur along both axes; the border's pixels are mirrored.

    Args:
        image: ``[h w c]``.
        sigma: standard deviation, pixels.
        radius: where the Gaussian is cut, pixels.
    """
    taps = np.exp(-np.square(np.arange(-radius, radius + 1)) / (2 * sigma**2))
    taps = jnp.asarray(taps / taps.sum(), image.dtype)
    border = ((radius, radius), (radius, radius), (0, 0))
    channels = jnp.moveaxis(jnp.pad(image, border, mode="symmetric"), -1, 0)[:, None]  # [c 1 h w]
    for kernel in (taps[None, None, None, :], taps[None, None, :, None]):
        channels = jax.lax.conv_general_dilated(
            channels, kernel, (1, 1), "VALID", precision="highest"
        )
    return jnp.moveaxis(channels[:, 0], 0, -1)
