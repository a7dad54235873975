"""A VGG-19-shaped network without training: smooth random kernels, normalised layer by layer."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float, PRNGKeyArray

from jvst._types import Image
from jvst.vgg import CONVOLUTIONS, VGG19, features

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


def smooth_random_vgg19(key: PRNGKeyArray, pictures: Sequence[Image], *, width: float) -> VGG19:
    """Build a network of smooth random kernels.

    Layer by layer, every filter's response over ``pictures`` gets mean 0 and variance 1
    before the ReLU, and mean 1 after it.

    Args:
        key: draws the kernels.
        pictures: RGB in [0, 1].
        width: see ``VGG19``.
    """
    vgg = VGG19(width=width, rngs=nnx.Rngs(0))
    for name, kernel_key in zip(CONVOLUTIONS, jax.random.split(key, 13), strict=True):
        convolution = vgg.convolutions[name]
        _, _, channels, filters = convolution.kernel.shape
        kernel = smooth_kernel(kernel_key, channels, filters)
        _set(convolution, kernel, jnp.zeros(filters))
        mean, square = _moments(vgg, name, pictures)
        deviation = jnp.sqrt(square - mean**2)
        kernel, bias = kernel / deviation, -mean / deviation
        _set(convolution, kernel, bias)
        level, _ = _moments(vgg, name.replace("conv", "relu"), pictures)
        _set(convolution, kernel / level, bias / level)
    return vgg


def _set(convolution: nnx.Conv, kernel: Float[Array, "3 3 i o"], bias: Float[Array, " o"]) -> None:
    convolution.kernel, convolution.bias = nnx.Param(kernel), nnx.Param(bias)


def _moments(
    vgg: VGG19, layer: str, pictures: Sequence[Image]
) -> tuple[Float[Array, " c"], Float[Array, " c"]]:
    """Mean and mean square of every channel of a layer, over pictures and positions."""
    run = jax.jit(lambda vgg, picture: features(vgg, picture, (layer,))[layer])
    channels = [run(vgg, picture) for picture in pictures]
    found = jnp.concatenate([x.reshape(-1, x.shape[-1]) for x in channels])  # [all c]
    return jnp.mean(found, axis=0), jnp.mean(jnp.square(found), axis=0)
