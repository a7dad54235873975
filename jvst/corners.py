"""Where a picture has something to hold on to: both of its directions change."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jvst._types import Image

# Standard deviation in pixels of the area that is looked at, and where its Gaussian is cut.
_AREA, _RADIUS = 3.0, 9


def corner_strength(image: Image) -> Float[Array, "h w"]:
    r"""Smaller eigenvalue of the structure tensor.

    .. math:: J = G_3 * \sum_{rgb} \nabla I\, \nabla I^T

    Args:
        image: RGB; its unit is squared in the result.

    Returns:
        0 in flat areas and along straight edges, large at corners and in texture.
    """
    padded = jnp.pad(image, ((1, 1), (1, 1), (0, 0)), mode="symmetric")
    dx = 0.5 * (padded[1:-1, 2:] - padded[1:-1, :-2])
    dy = 0.5 * (padded[2:, 1:-1] - padded[:-2, 1:-1])
    products = jnp.stack([dx * dx, dx * dy, dy * dy]).sum(-1)  # [3 h w]
    xx, xy, yy = gaussian_blur(jnp.moveaxis(products, 0, -1), _AREA, _RADIUS).transpose(2, 0, 1)
    middle = 0.5 * (xx + yy)
    # Rounding may leave it a little below 0.
    spread = jnp.sqrt(jnp.maximum(middle * middle - (xx * yy - xy * xy), 0.0))
    return jnp.maximum(middle - spread, 0.0)


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
