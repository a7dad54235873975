"""VGG-19 as a feature extractor, from conv1_1 to relu5_1."""

import dataclasses
import functools
from collections.abc import Iterable
from typing import Literal

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float

from jvst import winograd
from jvst._types import Activations, Image

Pooling = Literal["max", "average"]
FirstPadding = Literal["zeros", "replicate"]
Precision = Literal["float32", "tf32", "bfloat16"]

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
            x = _convolve(x, *vgg.parameters(name), padding, vgg.precision)
        elif name.startswith("relu"):
            x = jax.nn.relu(x)
        else:
            x = _pool(x, vgg.pooling)
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


def _convolve(
    x: Float[Array, "h w c"],
    kernel: Float[Array, "3 3 c d"],
    bias: Float[Array, " d"],
    padding: FirstPadding,
    precision: Precision,
) -> Float[Array, "h w d"]:
    """Convolve 3×3, keeping the size."""
    dtype = x.dtype
    if padding == "replicate":
        x = jnp.pad(x, ((1, 1), (1, 1), (0, 0)), mode="edge")
    if precision == "bfloat16":
        x, kernel = x.astype(jnp.bfloat16), kernel.astype(jnp.bfloat16)
    margin = 0 if padding == "replicate" else 1
    y = _convolution(x, kernel, margin, "high" if precision == "tf32" else "highest")
    return y.astype(dtype) + bias


def _plain_convolution(
    x: Float[Array, "h w c"], kernel: Float[Array, "3 3 c d"], margin: int, precision: str
) -> Float[Array, "h2 w2 d"]:
    """Slide a 3×3 kernel over the picture, which ``margin`` zeros surround."""
    return jax.lax.conv_general_dilated(
        x[None],
        kernel,
        window_strides=(1, 1),
        padding=((margin, margin), (margin, margin)),
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
        precision=precision,
    )[0]


def _fast_convolution(
    x: Float[Array, "h w c"], kernel: Float[Array, "3 3 c d"], margin: int, precision: str
) -> Float[Array, "h2 w2 d"]:
    """Do the same in the way that was measured to be the fastest.

    The back end is the one that the program is compiled for, known when it is.
    """
    plain = functools.partial(_plain_convolution, margin=margin, precision=precision)
    height, width = (side + 2 * margin - 2 for side in x.shape[:2])
    if precision != "highest" or x.dtype != jnp.float32:
        return plain(x, kernel)
    if kernel.shape[2] == 3:
        on_cpu = functools.partial(_gathered_convolution, margin=margin)
    elif winograd.pays(height, width, *kernel.shape[2:]):
        on_cpu = functools.partial(winograd.convolve, margin=margin)
    else:
        return plain(x, kernel)
    return jax.lax.platform_dependent(x, kernel, cpu=on_cpu, default=plain)


def _gathered_convolution(
    x: Float[Array, "h w c"], kernel: Float[Array, "3 3 c d"], margin: int
) -> Float[Array, "h2 w2 d"]:
    """Put three neighbours into the channels first: nine channels suit a back end better than 3."""
    x = jnp.pad(x, ((0, 0), (margin, margin), (0, 0)))
    width = x.shape[1] - 2
    x = jnp.concatenate([x[:, k : k + width] for k in range(3)], axis=2)  # [h w2 3c]
    return jax.lax.conv_general_dilated(
        x[None],
        kernel.reshape(3, 1, -1, kernel.shape[3]),
        window_strides=(1, 1),
        padding=((margin, margin), (0, 0)),
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
        precision="highest",
    )[0]


# JAX's own gradient reads the kernel in a layout for which XLA has no fast convolution on a CPU
# inside a loop: a solve took 4 times as long. The same gradient as a convolution with the
# kernel turned round has no such trouble. It costs forward-mode differentiation.
_convolution = jax.custom_vjp(_fast_convolution, nondiff_argnums=(2, 3))


def _convolution_forward(
    x: Float[Array, "h w c"], kernel: Float[Array, "3 3 c d"], margin: int, precision: str
) -> tuple[Float[Array, "h2 w2 d"], tuple[Array, Array]]:
    return _fast_convolution(x, kernel, margin, precision), (x, kernel)


def _convolution_backward(
    margin: int, precision: str, saved: tuple[Array, Array], gradient: Float[Array, "h2 w2 d"]
) -> tuple[Float[Array, "h w c"], Float[Array, "3 3 c d"]]:
    x, kernel = saved
    turned = jnp.swapaxes(kernel[::-1, ::-1], 2, 3)  # [3 3 d c]
    _, kernel_vjp = jax.vjp(lambda k: _plain_convolution(x, k, margin, precision), kernel)
    return _fast_convolution(gradient, turned, 2 - margin, precision), kernel_vjp(gradient)[0]


_convolution.defvjp(_convolution_forward, _convolution_backward)


def _pool(x: Float[Array, "h w c"], pooling: Pooling) -> Float[Array, "h2 w2 c"]:
    """Halve the size; an odd last row or column is left out, as trained."""
    h, w, c = x.shape
    if h < 2 or w < 2:
        raise ValueError(
            "the picture is too small for this layer; expected at least 16 pixels a side"
        )
    x = x[: h // 2 * 2, : w // 2 * 2]
    if pooling == "max":
        return _largest_of_blocks(x)
    return 2.0 * jnp.mean(x.reshape(h // 2, 2, w // 2, 2, c), axis=(1, 3))


# In JAX's own gradient the mask of the maxima is a layer of numbers, written and read again.
@jax.custom_vjp
def _largest_of_blocks(x: Float[Array, "h w c"]) -> Float[Array, "h2 w2 c"]:
    """Return the maximum of each 2×2 block; inputs that share it share its gradient."""
    return functools.reduce(jnp.maximum, _corners(x))


def _corners(x: Float[Array, "h w c"]) -> list[Float[Array, "h2 w2 c"]]:
    return [x[row::2, column::2] for row in (0, 1) for column in (0, 1)]


def _largest_forward(
    x: Float[Array, "h w c"],
) -> tuple[Float[Array, "h2 w2 c"], tuple[Array, Array]]:
    largest = _largest_of_blocks(x)
    return largest, (x, largest)


def _largest_backward(
    saved: tuple[Array, Array], gradient: Float[Array, "h2 w2 c"]
) -> tuple[Float[Array, "h w c"]]:
    x, largest = saved
    h, w, c = largest.shape
    sharers = sum((corner == largest).astype(x.dtype) for corner in _corners(x))
    share = (gradient / sharers)[:, None, :, None]
    here = x.reshape(h, 2, w, 2, c) == largest[:, None, :, None]
    return (jnp.where(here, share, 0).reshape(x.shape),)


_largest_of_blocks.defvjp(_largest_forward, _largest_backward)
