"""Pictures as arrays: RGB float32 in [0, 1], ``[h w 3]``, unbatched."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, UInt8

from jvst._types import Image

# Rec. 709 luma of gamma-encoded RGB.
LUMA = (0.2126, 0.7152, 0.0722)


def to_float(image: UInt8[Array, "h w 3"]) -> Image:
    """Turn 8-bit RGB into RGB in [0, 1]."""
    return image.astype(jnp.float32) / 255.0


def to_uint8(image: Image) -> UInt8[Array, "h w 3"]:
    """Turn RGB in [0, 1] into 8-bit RGB, clipped and rounded to the nearest level."""
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
