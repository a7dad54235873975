"""VGG-19 as a feature extractor, from conv1_1 to relu5_1."""

import dataclasses
from collections.abc import Iterable
from typing import Literal

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float

from jvst._types import Activations, Image
from jvst.network.convolution import FirstPadding, Pooling, Precision, convolution_layer, pool

# Simonyan and Zisserman 2015, configuration E: (convolutions, channels) of each block. The
# network ends at conv5_1, the deepest layer that style transfer asks for.
BLOCKS = ((2, 64), (2, 128), (4, 256), (4, 512), (1, 512))

CONVOLUTIONS = tuple(
    f"conv{block}_{index}"
    for block, (count, _) in enumerate(BLOCKS, start=1)
    for index in range(1, count + 1)
)


@dataclasses.dataclass(frozen=True)
class Preprocessing:
    """What a file of weights expects as input: ``(scale · image − mean) / std``.

    Attributes:
        channels: order of the channels of the kernels of conv1_1, ``BGR`` or ``RGB``.
        scale: 255 for weights trained on levels, 1 for weights trained on [0, 1].
        mean: subtracted, in the order of ``channels``, in the unit of ``scale``.
        std: divided by, in the order of ``channels``.
    """

    channels: Literal["BGR", "RGB"] = "BGR"
    scale: float = 255.0
    mean: tuple[float, float, float] = (103.939, 116.779, 123.68)
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)


#: The Oxford weights, in Caffe's order.
OXFORD = Preprocessing()
#: torchvision's own training.
TORCHVISION = Preprocessing("RGB", 1.0, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


def layer_names() -> tuple[str, ...]:
    """Return every layer that ``features`` can give, from the first to the deepest."""
    names = []
    for block, (count, _) in enumerate(BLOCKS, start=1):
        for index in range(1, count + 1):
            names += [f"conv{block}_{index}", f"relu{block}_{index}"]
        if block < len(BLOCKS):
            names.append(f"pool{block}")
    return tuple(names)


LAYERS = layer_names()


def channels_of(width: float) -> dict[str, tuple[int, int]]:
    """Return (channels in, channels out) of every convolution for a width factor."""
    shapes, channels = {}, 3
    for name in CONVOLUTIONS:
        out = round(BLOCKS[int(name[4]) - 1][1] * width)
        shapes[name], channels = (channels, out), out
    return shapes


class VGG19(nnx.Module):
    """The convolutions of VGG-19 through conv5_1.

    Args:
        width: factor on the number of channels; 1 is VGG-19.
        pooling: ``max`` as trained, or ``average``, which Gatys et al. 2016 found smoother;
            the average is doubled, which about keeps the scale of the maximum.
        first_padding: how conv1_1 continues the picture: ``zeros`` as trained, or
            ``replicate``, which leaves no dark frame around it.
        precision: arithmetic of the convolutions; activations come out in float32 whatever
            it is.
        preprocessing: what the weights expect as input.
        rngs: draws the initial kernels.

    Source: Simonyan and Zisserman 2015, arXiv:1409.1556.
    """

    def __init__(
        self,
        *,
        width: float = 1.0,
        pooling: Pooling = "max",
        first_padding: FirstPadding = "zeros",
        precision: Precision = "float32",
        preprocessing: Preprocessing = OXFORD,
        rngs: nnx.Rngs,
    ):
        self.width = width
        self.pooling: Pooling = pooling
        self.first_padding: FirstPadding = first_padding
        self.precision: Precision = precision
        self.preprocessing = preprocessing
        self.convolutions = nnx.Dict(
            {
                name: nnx.Conv(n_in, n_out, (3, 3), padding="VALID", rngs=rngs)
                for name, (n_in, n_out) in channels_of(width).items()
            }
        )

    def parameters(self, name: str) -> tuple[Float[Array, "3 3 c d"], Float[Array, " d"]]:
        """Return kernel (height, width, in, out) and bias of a convolution."""
        convolution = self.convolutions[name]
        assert convolution.bias is not None  # made with one
        return convolution.kernel[...], convolution.bias[...]


def features(vgg: VGG19, image: Image, layers: Iterable[str]) -> Activations:
    """Run the network as deep as the deepest layer asked for.

    Args:
        vgg: the network; pass it as an argument of a jitted function, never as a closure.
        image: RGB in [0, 1]; preprocessing happens here and nowhere else.
        layers: names such as ``relu4_2``; see ``LAYERS``.

    Returns:
        The named activations, each ``[h w c]``.

    Raises:
        ValueError: an unknown layer, or a picture too small for the deepest one.
    """
    wanted = set(layers)
    if unknown := wanted - set(LAYERS):
        raise ValueError(
            f"unknown layer {sorted(unknown)[0]!r}; expected one of {', '.join(LAYERS)}"
        )
    x = preprocess(vgg.preprocessing, image)
    found: Activations = {}
    for name in LAYERS:
        if len(found) == len(wanted):
            break
        if name.startswith("conv"):
            padding: FirstPadding = vgg.first_padding if name == "conv1_1" else "zeros"
            x = convolution_layer(x, *vgg.parameters(name), padding, vgg.precision)
        elif name.startswith("relu"):
            x = jax.nn.relu(x)
        else:
            x = pool(x, vgg.pooling)
        if name in wanted:
            found[name] = x
    return found


def preprocess(preprocessing: Preprocessing, image: Image) -> Image:
    """Turn RGB in [0, 1] into what the weights expect."""
    if preprocessing.channels == "BGR":
        image = image[..., ::-1]
    mean = jnp.asarray(preprocessing.mean, image.dtype)
    std = jnp.asarray(preprocessing.std, image.dtype)
    return (image * preprocessing.scale - mean) / std
