"""The network while it is trained: VGG-19's convolutions with batch normalisation."""

import functools

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float, PRNGKeyArray

from jvst.lab.training.kernels import smooth_kernel
from jvst.network.layers import Layer, vgg19_layers
from jvst.network.vgg import VGG19, Preprocessing, preprocess

#: Kernel, and scale and shift of the normalised response, of each convolution.
Parameters = dict[str, dict[str, Array]]

#: What the network expects as input: about variance 1.
INPUT = Preprocessing("RGB", 1.0, (0.5, 0.5, 0.5), (0.25, 0.25, 0.25))

# Of full width: what it says beside channels holds for every width.
_TABLE = vgg19_layers()
_EPSILON = 1e-5
# Filters that hardly ever respond would be blown up by a scale to mean activation 1.
_FLOOR = 0.1


def initial_parameters(key: PRNGKeyArray, *, width: float) -> Parameters:
    """Draw smooth random kernels; every response starts with mean 0 and variance 1."""
    parameters = {}
    layers = vgg19_layers(width).convolutions
    for layer, kernel_key in zip(layers, jax.random.split(key, len(layers)), strict=True):
        kernel = smooth_kernel(kernel_key, layer.inputs, layer.channels)
        parameters[layer.name] = {
            "kernel": kernel / jnp.sqrt(jnp.sum(jnp.square(kernel), axis=(0, 1, 2))),
            "scale": jnp.ones(layer.channels),
            "shift": jnp.zeros(layer.channels),
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
        pictures: RGB in [0, 1], sides multiples of 16.

    Returns:
        ``relu1_1``, ``relu1_2``, … through ``relu5_1``.
    """
    x, found = _input(pictures), {}
    for layer in _TABLE.convolutions:
        part, relu = parameters[layer.name], _TABLE.after(layer.name)
        assert relu is not None  # one follows every convolution of a VGG
        y = _convolve(x, part["kernel"], layer)
        mean = jnp.mean(y, axis=(0, 1, 2))
        variance = jnp.mean(jnp.square(y), axis=(0, 1, 2)) - jnp.square(mean)
        gain = part["scale"] * jax.lax.rsqrt(jnp.maximum(variance, 0.0) + _EPSILON)
        x = jax.nn.relu((y - mean) * gain + part["shift"])
        found[relu.name] = x
    return found


def fold(parameters: Parameters, pictures: Float[Array, "n h w 3"], *, width: float) -> VGG19:
    """Turn normalisation into kernels and biases, each filter's mean activation being 1.

    Statistics are taken anew, layer by layer, over ``pictures``, which may be larger than the
    crops of the training. Scales go on to the next layer, so that what the network computes
    stays the same up to the scale of its filters.

    Args:
        parameters: of the network.
        pictures: RGB in [0, 1], sides multiples of 16.
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
    x, earlier = _input(pictures), jnp.ones(3)
    for layer in _TABLE.convolutions:
        kernel, bias, earlier, x = _fold_one(x, earlier, parameters[layer.name], layer)
        vgg.convolutions[layer.name].kernel = nnx.Param(kernel)
        vgg.convolutions[layer.name].bias = nnx.Param(bias)
    return vgg


@functools.partial(jax.jit, static_argnames="layer")
def _fold_one(
    x: Float[Array, "n h w c"], earlier: Float[Array, " c"], part: dict[str, Array], layer: Layer
) -> tuple[
    Float[Array, "3 3 c d"], Float[Array, " d"], Float[Array, " d"], Float[Array, "n _ _ d"]
]:
    """Fold one convolution.

    Args:
        x: activations of the folded layer before it.
        earlier: what the filters of that layer were divided by.
        part: parameters of this convolution.
        layer: this convolution.

    Returns:
        Kernel, bias, what the filters were divided by, and the activations.
    """
    kernel = part["kernel"] * earlier[:, None]
    y = _convolve(x, kernel, layer)
    mean, variance = jnp.mean(y, axis=(0, 1, 2)), jnp.var(y, axis=(0, 1, 2))
    gain = part["scale"] / jnp.sqrt(variance + _EPSILON)
    bias = part["shift"] - mean * gain
    x = jax.nn.relu(y * gain + bias)
    level = jnp.mean(x, axis=(0, 1, 2))
    level = jnp.maximum(level, _FLOOR * jnp.median(level))
    return kernel * gain / level, bias / level, level, x / level


def _input(pictures: Float[Array, "n h w 3"]) -> Float[Array, "n h w 3"]:
    return jax.vmap(lambda picture: preprocess(INPUT, picture))(pictures)


def _convolve(
    x: Float[Array, "n h w c"], kernel: Float[Array, "k k c d"], layer: Layer
) -> Float[Array, "n _ _ d"]:
    """Convolve a batch as ``features`` does, after pooling where a block begins."""
    before, margin = _TABLE.before(layer.name), layer.kernel // 2
    if before is None:
        x = jnp.pad(x, ((0, 0), (margin, margin), (margin, margin), (0, 0)), mode="edge")
        margin = 0
    elif before.kind == "pool":
        n, h, w, c = x.shape
        x = 2.0 * x.reshape(n, h // 2, 2, w // 2, 2, c).mean(axis=(2, 4))
    return jax.lax.conv_general_dilated(
        x,
        kernel,
        window_strides=(1, 1),
        padding=((margin, margin), (margin, margin)),
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
    )
