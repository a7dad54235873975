"""The network while it is trained: VGG-19's convolutions with batch normalisation."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float, PRNGKeyArray

from jvst._types import Image
from jvst.vgg import BLOCKS, CONVOLUTIONS, VGG19, Preprocessing, channels_of, features, preprocess
from jvst.weights.smooth import smooth_kernel

#: Kernel, and scale and shift of the normalised response, of each convolution.
Parameters = dict[str, dict[str, Array]]

#: What the network expects as input: about variance 1.
INPUT = Preprocessing("RGB", 1.0, (0.5, 0.5, 0.5), (0.25, 0.25, 0.25))

_EPSILON = 1e-5
# Filters that hardly ever respond would be blown up by a scale to mean activation 1.
_FLOOR = 0.1


def initial_parameters(key: PRNGKeyArray, *, width: float) -> Parameters:
    """Draw smooth random kernels; every response starts with mean 0 and variance 1."""
    parameters = {}
    keys = jax.random.split(key, len(CONVOLUTIONS))
    for (name, (channels, filters)), kernel_key in zip(
        channels_of(width).items(), keys, strict=True
    ):
        kernel = smooth_kernel(kernel_key, channels, filters)
        parameters[name] = {
            "kernel": kernel / jnp.sqrt(jnp.sum(jnp.square(kernel), axis=(0, 1, 2))),
            "scale": jnp.ones(filters),
            "shift": jnp.zeros(filters),
        }
    return parameters


def activations(
    parameters: Parameters, pictures: Float[Array, "n h w 3"]
) -> dict[str, Float[Array, "n _ _ _"]]:
    """Run a batch, normalised over itself, as deep as relu5_1.

    As in ``features`` with average pooling, the first convolution continues the picture and the
    others see zeros around it.

    Args:
        parameters: of the network.
        pictures: RGB in [0, 1].

    Returns:
        ``relu1_1``, ``relu1_2``, … through ``relu5_1``.
    """
    x = preprocess(INPUT, pictures)
    x = jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="edge")
    found = {}
    for block, (count, _) in enumerate(BLOCKS, start=1):
        for index in range(1, count + 1):
            part = parameters[f"conv{block}_{index}"]
            margin = 0 if (block, index) == (1, 1) else 1
            y = jax.lax.conv_general_dilated(
                x,
                part["kernel"],
                window_strides=(1, 1),
                padding=((margin, margin), (margin, margin)),
                dimension_numbers=("NHWC", "HWIO", "NHWC"),
            )
            mean = jnp.mean(y, axis=(0, 1, 2))
            variance = jnp.mean(jnp.square(y), axis=(0, 1, 2)) - jnp.square(mean)
            gain = part["scale"] * jax.lax.rsqrt(jnp.maximum(variance, 0.0) + _EPSILON)
            x = jax.nn.relu((y - mean) * gain + part["shift"])
            found[f"relu{block}_{index}"] = x
        if block < len(BLOCKS):
            n, h, w, c = x.shape
            x = 2.0 * x.reshape(n, h // 2, 2, w // 2, 2, c).mean(axis=(2, 4))
    return found


def fold(parameters: Parameters, pictures: Sequence[Image], *, width: float) -> VGG19:
    """Turn normalisation into kernels and biases, each filter's mean activation being 1.

    Statistics are taken anew, layer by layer, over ``pictures``, which may be larger than the
    crops of the training. Scales go on to the next layer, so that what the network computes
    stays the same up to the scale of its filters.

    Args:
        parameters: of the network.
        pictures: RGB in [0, 1].
        width: see ``VGG19``.

    Returns:
        The network with average pooling and the first convolution continuing the picture.
    """
    vgg = VGG19(
        width=width,
        pooling="average",
        first_padding="replicate",
        preprocessing=INPUT,
        rngs=nnx.Rngs(0),
    )
    earlier = jnp.ones(3)
    for name in CONVOLUTIONS:
        part = parameters[name]
        convolution = vgg.convolutions[name]
        kernel = part["kernel"] * earlier[:, None]
        convolution.kernel = nnx.Param(kernel)
        convolution.bias = nnx.Param(jnp.zeros(kernel.shape[-1]))
        mean, square = _moments(vgg, name, pictures)
        gain = part["scale"] / jnp.sqrt(jnp.maximum(square - mean**2, 0.0) + _EPSILON)
        kernel, bias = kernel * gain, part["shift"] - mean * gain
        convolution.kernel, convolution.bias = nnx.Param(kernel), nnx.Param(bias)
        level, _ = _moments(vgg, name.replace("conv", "relu"), pictures)
        level = jnp.maximum(level, _FLOOR * jnp.median(level))
        convolution.kernel = nnx.Param(kernel / level)
        convolution.bias = nnx.Param(bias / level)
        earlier = level
    return vgg


def _moments(
    vgg: VGG19, layer: str, pictures: Sequence[Image]
) -> tuple[Float[Array, " c"], Float[Array, " c"]]:
    """Mean and mean square of every channel of a layer, over pictures and positions."""
    run = jax.jit(lambda vgg, picture: features(vgg, picture, (layer,))[layer])
    found = [run(vgg, picture) for picture in pictures]
    count = sum(x.shape[0] * x.shape[1] for x in found)
    mean = sum((jnp.sum(x, axis=(0, 1)) for x in found), jnp.zeros(())) / count
    square = sum((jnp.sum(jnp.square(x), axis=(0, 1)) for x in found), jnp.zeros(())) / count
    return mean, square
