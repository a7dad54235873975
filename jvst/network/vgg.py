"""Networks of the VGG kind as feature extractors."""

import dataclasses
from collections.abc import Iterable
from typing import Literal

import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float

from jvst._types import Activations, Image, ImageLike
from jvst.core.arguments import check_choices, check_kind, check_word, floats, names_of
from jvst.core.precision import widened
from jvst.network.convolution import (
    FirstPadding,
    Pooling,
    Precision,
    convolution_layer,
    double,
    pool,
    rectified,
)
from jvst.network.layers import LayerTable, vgg19_layers


@dataclasses.dataclass(frozen=True)
class Preprocessing:
    """What a file of weights expects as input: ``(scale · image − mean) / std``.

    Attributes:
        channels: order of the channels of the first kernels, ``BGR`` or ``RGB``.
        scale: 255 for weights trained on levels, 1 for weights trained on [0, 1].
        mean: subtracted, in the order of ``channels``, in the unit of ``scale``.
        std: divided by, in the order of ``channels``.
    """

    channels: Literal["BGR", "RGB"] = "BGR"
    scale: float = 255.0
    mean: tuple[float, float, float] = (103.939, 116.779, 123.68)
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)

    def __post_init__(self) -> None:
        """Refuse an unknown order of channels."""
        check_choices(self)


#: The Oxford weights, in Caffe's order.
OXFORD = Preprocessing()
#: torchvision's own training.
TORCHVISION = Preprocessing("RGB", 1.0, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
#: RGB in [0, 1] as it is: what the weights expect is in their first kernels.
PLAIN = Preprocessing("RGB", 1.0, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0))


class VGG(nnx.Module):
    """The convolutions of a network of the VGG kind.

    Args:
        layers: its table of layers; VGG-19's when left out.
        width: factor on the number of channels of VGG-19, where ``layers`` is left out.
        pooling: ``max`` as trained, or ``average``, which Gatys et al. 2016 found smoother;
            the average is doubled, which about keeps the scale of the maximum.
        first_padding: how the first convolution continues the picture: ``zeros`` for what the
            table says, or ``replicate``, which leaves no dark frame around it.
        precision: arithmetic of the convolutions; with ``bfloat16`` the type of the activations
            between them, too. ``features`` returns float32 whatever it is.
        preprocessing: what the weights expect as input.
        rngs: draws the initial kernels.

    Attributes:
        layers: the table, static under ``jax.jit``.

    Source: Simonyan and Zisserman 2015, arXiv:1409.1556.
    """

    def __init__(
        self,
        layers: LayerTable | None = None,
        *,
        width: float = 1.0,
        pooling: Pooling = "max",
        first_padding: FirstPadding = "zeros",
        precision: Precision = "float32",
        preprocessing: Preprocessing = OXFORD,
        rngs: nnx.Rngs,
    ):
        check_word("pooling", pooling, Pooling)
        check_word("first_padding", first_padding, FirstPadding)
        check_word("precision", precision, Precision)
        self.layers = vgg19_layers(width) if layers is None else layers
        self.pooling: Pooling = pooling
        self.first_padding: FirstPadding = first_padding
        self.precision: Precision = precision
        self.preprocessing = preprocessing
        self.convolutions = nnx.Dict(
            {
                layer.name: nnx.Conv(
                    layer.inputs, layer.channels, (layer.kernel,) * 2, padding="VALID", rngs=rngs
                )
                for layer in self.layers.convolutions
            }
        )

    @property
    def width(self) -> float:
        """Filters of the first convolution, as a part of VGG-19's."""
        return self.layers.convolutions[0].channels / vgg19_layers().convolutions[0].channels

    def parameters(self, name: str) -> tuple[Float[Array, "k k c d"], Float[Array, " d"]]:
        """Return kernel (height, width, in, out) and bias of a convolution."""
        convolution = self.convolutions[name]
        assert convolution.bias is not None  # made with one
        return convolution.kernel[...], convolution.bias[...]


#: The public name: without a table of layers a network is VGG-19.
VGG19 = VGG


def features(vgg: VGG19, image: ImageLike, layers: Iterable[str]) -> Activations:
    """Run the network as deep as the deepest layer asked for.

    Args:
        vgg: the network; pass it as an argument of a jitted function, never as a closure.
        image: RGB in [0, 1]; preprocessing happens here and nowhere else. In half precision it is
            computed in float32.
        layers: names such as ``relu4_2``; see ``vgg.layers``.

    Returns:
        The named activations, each ``[h w c]``, in the image's own precision, at least float32.

    Raises:
        ValueError: an unknown layer, a picture too small for the deepest one, or what is no
            network, picture or list of names.
    """
    found = activations(vgg, image, layers)
    dtype = widened(jnp.asarray(image)).dtype
    return {name: layer.astype(dtype) for name, layer in found.items()}


def activations(vgg: VGG19, image: ImageLike, layers: Iterable[str]) -> Activations:
    """Run the network as ``features`` does, and return the activations as the network has them.

    With a precision of bfloat16 that is their type, so that none is written or read in a wider one;
    what is made of them is to be summed in float32.

    Args:
        vgg: the network.
        image: RGB in [0, 1].
        layers: names.

    Returns:
        The named activations, each ``[h w c]``.

    Raises:
        ValueError: see ``features``.
    """
    check_kind("vgg", vgg, VGG, "a network, such as jvst.load_network('embedded').weights")
    (image,) = floats(image=(image, "h w 3"))
    image = widened(image)
    wanted = set(names_of("layers", layers))
    needed = vgg.layers.through(sorted(wanted))
    x = preprocess(vgg.preprocessing, image)
    found: Activations = {}
    for place, layer in enumerate(needed):
        if layer.kind == "conv":
            padding = layer.padding
            if place == 0 and vgg.first_padding != "zeros":
                padding = vgg.first_padding
            x = convolution_layer(x, *vgg.parameters(layer.name), padding, vgg.precision)
        elif layer.kind == "relu":
            x = rectified(x)
        elif layer.kind == "double":
            x = double(x)
        else:
            x = pool(x, vgg.pooling)
        if layer.name in wanted:
            found[layer.name] = x
    return found


def preprocess(preprocessing: Preprocessing, image: Image) -> Image:
    """Turn RGB in [0, 1] into what the weights expect."""
    if preprocessing.channels == "BGR":
        image = image[..., ::-1]
    mean = jnp.asarray(preprocessing.mean, image.dtype)
    std = jnp.asarray(preprocessing.std, image.dtype)
    return (image * preprocessing.scale - mean) / std
