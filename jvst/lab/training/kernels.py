"""Smooth random kernels, from which training sets out."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

# Average, first and second difference along one axis. Their products are what 3×3 kernels of
# trained networks mostly consist of; independent Gaussian taps paint noise instead.
_BASIS = ((0.25, 0.5, 0.25), (-0.5, 0.0, 0.5), (-0.25, 0.5, -0.25))
# Standard deviation of a product's coefficient, by the sum of the two orders: low frequencies
# weigh most.
_DEVIATION = (1.0, 0.7, 0.4, 0.2, 0.1)


def smooth_kernel(key: PRNGKeyArray, channels: int, filters: int) -> Float[Array, "3 3 i o"]:
    """Draw a kernel ``[3 3 in out]`` from products of smooth one-dimensional taps."""
    basis = jnp.asarray(_BASIS)  # [order tap]
    order = jnp.arange(3)
    deviation = jnp.asarray(_DEVIATION)[order[:, None] + order]  # [order order]
    drawn = jax.random.normal(key, (3, 3, channels, filters)) * deviation[..., None, None]
    return jnp.einsum("ay,bx,abio->yxio", basis, basis, drawn)
