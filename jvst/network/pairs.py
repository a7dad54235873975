"""Encoders and decoders: a picture to features, and back."""

from collections.abc import Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jvst._types import Activation, Image
from jvst.network.convolution import (
    convolution_layer,
    double,
    doubled_convolution_layer,
    largest_of_blocks,
)
from jvst.network.layers import Layer, Padding
from jvst.network.vgg import VGG


class Pair(NamedTuple):
    """An encoder of the VGG kind, and the decoder that makes a picture of its last layer.

    Attributes:
        encoder: takes RGB in [0, 1]; ends with a ReLU.
        decoder: its table goes on where the encoder's ends; ``double`` where that has a pool.
    """

    encoder: VGG
    decoder: VGG

    @property
    def deepest(self) -> Layer:
        """The layer whose features it makes."""
        return self.encoder.layers.layers[-1]

    @property
    def sight(self) -> int:
        """How far from a pixel of the decoded picture the pixels lie that it depends on."""
        return self.decoder.layers.layers[-1].sight


#: A layer whose size is another than that of what it is made of.
Layered = Float[Array, "_h _w _c"]
#: Level -> its pair: relu1_1 is level 1, relu5_1 level 5.
Pairs = Mapping[int, Pair]


def encode(pair: Pair, image: Image) -> Layered:
    """Return the features of a picture.

    Args:
        pair: the networks.
        image: RGB in [0, 1], its sides multiples of the features' stride.
    """
    return _through(pair.encoder, image)


def decode(pair: Pair, features: Layered) -> Image:
    """Return the picture of some features, RGB in [0, 1].

    Args:
        pair: the networks.
        features: as of ``encode``, at least 2 positions a side.
    """
    return _through(pair.decoder, features).clip(0.0, 1.0)


def _through(network: VGG, x: Layered) -> Layered:
    """Run all layers."""
    doubled = False
    for layer in network.layers:
        if layer.kind == "conv":
            kernel, bias = network.parameters(layer.name)
            after = network.layers.after(layer.name)
            rectified = after is not None and after.kind == "relu"
            options = {"padding": layer.padding, "doubled": doubled, "rectified": rectified}
            x, doubled = _convolved(x, kernel, bias, **options), False
        elif layer.kind == "pool":
            x = largest_of_blocks(x)
        elif layer.kind == "double":
            doubled = True
    return x


def _convolved(
    x: Activation,
    kernel: Float[Array, "k k c d"],
    bias: Float[Array, " d"],
    *,
    padding: Padding,
    doubled: bool,
    rectified: bool,
) -> Float[Array, "_ _ d"]:
    # Elsewhere than on a CPU thirteen bits fewer, which no eye tells from float32.
    precision = "float32" if jax.default_backend() == "cpu" else "tf32"
    if doubled and kernel.shape[:2] == (3, 3) and padding != "zeros":
        x = doubled_convolution_layer(x, kernel, bias, precision)
    else:
        x = double(x) if doubled else x
        x = convolution_layer(x, kernel, bias, padding, precision)
    return jnp.maximum(x, 0.0) if rectified else x
