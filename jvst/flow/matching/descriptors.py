"""Descriptors of pixels: direction and strength of the edges around."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

_ORIENTATIONS = 8
#: Standard deviations in pixels: of the picture, of the gradients, of the descriptor.
_BLURS = (1.0, 1.0, 1.0)
#: Slope of the sigmoid that makes weak and strong edges comparable.
_SLOPE = 0.2
#: A constant channel: without it the direction of noise decides in flat areas.
_CONSTANT = 0.3


def describe(grey: Float[Array, "h w"]) -> Float[Array, "h2 w2 9"]:
    """Describe every 2×2 pixels by oriented gradients and a constant.

    Args:
        grey: of 0 to 255; a last odd row or column is left out.

    Source: DeepMatching (Revaud et al. 2016), section 3.1, with the constants of its version 1.2.
    """
    smooth = _blur(grey[..., None], _BLURS[0])[..., 0]
    padded = jnp.pad(smooth, 1, mode="edge")
    gx = padded[1:-1, 2:] - padded[1:-1, :-2]
    gy = padded[2:, 1:-1] - padded[:-2, 1:-1]
    angles = np.arange(_ORIENTATIONS) * (2 * np.pi / _ORIENTATIONS)
    cosine, sine = jnp.asarray(np.cos(angles), grey.dtype), jnp.asarray(np.sin(angles), grey.dtype)
    oriented = jnp.maximum(gx[..., None] * cosine + gy[..., None] * sine, 0.0)  # [h w 8]
    oriented = _blur(oriented, _BLURS[1])
    oriented = 2.0 / (1.0 + jnp.exp(-_SLOPE * oriented)) - 1.0
    oriented = _blur(oriented, _BLURS[2])
    constant = jnp.full((*grey.shape, 1), _CONSTANT, grey.dtype)
    return _halve(jnp.concatenate([oriented, constant], -1))


def _blur(image: Float[Array, "h w c"], sigma: float) -> Float[Array, "h w c"]:
    h, w, _ = image.shape
    radius = int(np.ceil(3 * sigma))
    taps = np.exp(-np.square(np.arange(-radius, radius + 1)) / (2 * sigma**2))
    taps = taps / taps.sum()
    wide = jnp.pad(image, ((0, 0), (radius, radius), (0, 0)), mode="edge")
    image = sum((float(t) * wide[:, i : i + w] for i, t in enumerate(taps)), jnp.zeros_like(image))
    tall = jnp.pad(image, ((radius, radius), (0, 0), (0, 0)), mode="edge")
    return sum((float(t) * tall[i : i + h] for i, t in enumerate(taps)), jnp.zeros_like(image))


def _halve(image: Float[Array, "h w c"]) -> Float[Array, "h2 w2 c"]:
    h, w, c = image.shape
    even = image[: h // 2 * 2, : w // 2 * 2]
    return even.reshape(h // 2, 2, w // 2, 2, c).mean((1, 3))
