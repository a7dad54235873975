"""Half precision, which is summed in float32."""

import jax.numpy as jnp
from jaxtyping import Array, Float


def widened(array: Float[Array, "*p"]) -> Float[Array, "*p"]:
    """Return floats of 16 bits as float32, others as they are."""
    return array.astype(jnp.float32) if array.dtype.itemsize < 4 else array
