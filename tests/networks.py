"""Small networks with random weights, made without compiling anything."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from jvst.vgg import VGG19

#: 4, 8, 16, 32 and 32 channels.
SMALL = 1 / 16


@functools.cache
def small_network(pooling="max", first_padding="zeros", precision="float32"):
    """The same weights for every variant, drawn so that activations keep their size.

    Only the first kernels are smaller: the network is fed levels of 255. No bias is 0.
    """
    vgg = nnx.eval_shape(
        lambda: VGG19(
            width=SMALL,
            pooling=pooling,
            first_padding=first_padding,
            precision=precision,
            rngs=nnx.Rngs(0),
        )
    )
    rng = np.random.default_rng(0)
    for name, layer in vgg.convolutions.items():
        shape = layer.kernel.shape
        scale = np.sqrt(2 / (9 * shape[2])) / (64 if name == "conv1_1" else 1)
        kernel = rng.normal(scale=scale, size=shape)
        bias = rng.normal(scale=0.1, size=shape[-1:])
        layer.kernel = nnx.Param(jnp.asarray(kernel, jnp.float32))
        layer.bias = nnx.Param(jnp.asarray(bias, jnp.float32))
    return vgg


def in_double(vgg):
    """The same network in float64; only where JAX has it enabled."""
    return jax.tree.map(lambda leaf: leaf.astype(jnp.float64), vgg)
