"""Convolutions and pools, with fast gradients.

Where JAX's gradients are slow, they are defined here.
"""

import functools
from typing import Any, Literal

import jax
import jax.numpy as jnp
from jax.custom_derivatives import SymbolicZero
from jaxtyping import Array, Float

from jvst.core.precision import widened
from jvst.network import winograd
from jvst.network.layers import Padding

Pooling = Literal["max", "average"]
FirstPadding = Literal["zeros", "replicate"]
Precision = Literal["float32", "tf32", "bfloat16"]


def convolution_layer(
    x: Float[Array, "h w c"],
    kernel: Float[Array, "k k c d"],
    bias: Float[Array, " d"],
    padding: Padding,
    precision: Precision,
) -> Float[Array, "h w d"]:
    """Convolve with an odd kernel, keeping the size.

    With bfloat16 the result is of that type, but for a picture in float64. Kernel and bias are
    rounded to it, sums are not: so a GPU adds the bias, and takes the positive part, before it
    writes.
    """
    margin = kernel.shape[0] // 2
    if padding != "zeros":
        mode = {"replicate": "edge", "reflect": "reflect"}[padding]
        x = jnp.pad(x, ((margin, margin), (margin, margin), (0, 0)), mode=mode)
        margin = 0
    if precision == "bfloat16":
        result = x.dtype if x.dtype == jnp.float64 else jnp.bfloat16
        half = [array.astype(jnp.bfloat16) for array in (x, kernel, bias)]
        return (convolution(*half[:2], margin, "highest") + half[2]).astype(result)
    y = convolution(x, kernel.astype(x.dtype), margin, _arithmetic(precision))
    return y + bias.astype(x.dtype)


def _arithmetic(precision: Precision) -> str:
    """Return what XLA calls the arithmetic of float32."""
    return "high" if precision == "tf32" else "highest"


# JAX's own gradient asks for what went in; of what came out there is one copy already.
@jax.custom_vjp
def rectified(x: Float[Array, "h w c"]) -> Float[Array, "h w c"]:
    """Return the positive part."""
    return jnp.maximum(x, 0)


def _rectified_forward(x: Float[Array, "h w c"]) -> tuple[Float[Array, "h w c"], Array]:
    y = rectified(x)
    return y, y


def _rectified_backward(y: Array, gradient: Array) -> tuple[Float[Array, "h w c"]]:
    return (jnp.where(y > 0, gradient, 0),)


rectified.defvjp(_rectified_forward, _rectified_backward)


def doubled_convolution_layer(
    x: Float[Array, "h w c"],
    kernel: Float[Array, "3 3 c d"],
    bias: Float[Array, " d"],
    precision: Precision = "float32",
) -> Float[Array, "h2 w2 d"]:
    r"""Convolve ``double`` of a picture with a 3×3 kernel, reflecting or repeating its edge.

    Two rows of the kernel always meet the same row of the picture, and so do two columns. So each
    of the four results of a position is a sum over 2×2 positions, with a kernel whose rows and
    columns are added up: 16 products in place of 36. What either way of going beyond the edge of
    the doubled picture meets there is the edge of the picture itself.
    """
    h, w, _ = x.shape
    four = _pairwise(jnp.moveaxis(_pairwise(kernel), 2, 0))  # [b column a row c d]
    four = four.transpose(3, 1, 4, 2, 0, 5).reshape(2, 2, x.shape[2], -1)  # [row column c abd]
    x = jnp.pad(x, ((1, 1), (1, 1), (0, 0)), mode="edge")
    y = convolution(x, four, 0, _arithmetic(precision))
    y = y.reshape(h + 1, w + 1, 2, 2, -1)
    rows = [jnp.stack([y[a : h + a, b : w + b, a, b] for b in (0, 1)], axis=2) for a in (0, 1)]
    # One side after the other: see `_blocks`.
    return jnp.stack(rows, axis=1).reshape(2 * h, w, 2, -1).reshape(2 * h, 2 * w, -1) + bias


def _pairwise(kernel: Float[Array, "3 *rest"]) -> Float[Array, "2 2 *rest"]:
    """Add up what of three rows meets rows i + a − 1 and i + a, for result 2i + a."""
    first, middle, last = kernel
    rows = (first, middle + last), (first + middle, last)
    return jnp.stack([jnp.stack(pair) for pair in rows])  # [a row *rest]


def double(x: Float[Array, "h w c"]) -> Float[Array, "h2 w2 c"]:
    """Double the size: every position four times."""
    return jnp.repeat(jnp.repeat(x, 2, axis=0), 2, axis=1)


def plain_convolution(
    x: Float[Array, "h w c"], kernel: Float[Array, "k k c d"], margin: int, precision: str
) -> Float[Array, "h2 w2 d"]:
    """Slide a kernel over the picture, which ``margin`` zeros surround."""
    return jax.lax.conv_general_dilated(
        x[None],
        kernel,
        window_strides=(1, 1),
        padding=((margin, margin), (margin, margin)),
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
        precision=precision,
    )[0]


def _fast_convolution(
    x: Float[Array, "h w c"], kernel: Float[Array, "k k c d"], margin: int, precision: str
) -> Float[Array, "h2 w2 d"]:
    """Do the same in the way that was measured to be the fastest.

    The back end is the one that the program is compiled for, known when it is.
    """
    plain = functools.partial(plain_convolution, margin=margin, precision=precision)
    side, _, inputs, outputs = kernel.shape
    height, width = (size + 2 * margin - side + 1 for size in x.shape[:2])
    elsewhere = functools.partial(_padded_convolution, margin=margin, precision=precision)
    if precision != "highest" or x.dtype != jnp.float32:
        if 3 in (inputs, outputs):
            return jax.lax.platform_dependent(x, kernel, cpu=plain, default=elsewhere)
        return plain(x, kernel)
    if (side, inputs) == (3, 3):
        on_cpu = functools.partial(_gathered_convolution, margin=margin)
    elif (side, outputs) == (3, 3):
        on_cpu = functools.partial(_scattered_convolution, margin=margin)
    elif winograd.pays(height, width, inputs, outputs, kernel=side):
        on_cpu = functools.partial(winograd.convolve, margin=margin)
    else:
        return plain(x, kernel)
    return jax.lax.platform_dependent(x, kernel, cpu=on_cpu, default=elsewhere)


# Channels that a tensor core takes at a time.
_EIGHT = 8


def _padded_convolution(
    x: Float[Array, "h w c"], kernel: Float[Array, "k k c d"], margin: int, precision: str
) -> Float[Array, "h2 w2 d"]:
    """Make eight channels of three, which a GPU's library would do with kernels of its own."""
    inputs, outputs = kernel.shape[2:]
    more = [_EIGHT - each if each == 3 else 0 for each in (inputs, outputs)]
    x = jnp.pad(x, ((0, 0), (0, 0), (0, more[0])))
    kernel = jnp.pad(kernel, ((0, 0), (0, 0), (0, more[0]), (0, more[1])))
    return plain_convolution(x, kernel, margin, precision)[..., :outputs]


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


def _scattered_convolution(
    x: Float[Array, "h w c"], kernel: Float[Array, "3 3 c 3"], margin: int
) -> Float[Array, "h2 w2 3"]:
    """Multiply first and move after: a product with 27 results suits a back end better than 3."""
    x = jnp.pad(x, ((margin, margin), (margin, margin), (0, 0)))
    height, width, channels = x.shape
    apart = kernel.transpose(2, 0, 1, 3).reshape(channels, 27)
    y = jnp.matmul(x.reshape(-1, channels), apart, precision="highest")
    # One side after the other: see `_blocks`.
    y = y.reshape(height, width, 27).reshape(height, width, 3, 3, 3)
    moved = [
        y[row : height - 2 + row, column : width - 2 + column, row, column]
        for row in range(3)
        for column in range(3)
    ]
    return sum(moved[1:], moved[0])


# JAX's own gradient reads the kernel in a layout for which XLA has no fast convolution on a CPU
# inside a loop: a solve took 4 times as long. The same gradient as a convolution with the
# kernel turned round has no such trouble. It costs forward-mode differentiation.
convolution = jax.custom_vjp(_fast_convolution, nondiff_argnums=(2, 3))


def _convolution_forward(
    x: Any, kernel: Any, margin: int, precision: str
) -> tuple[Float[Array, "h2 w2 d"], tuple[Array | None, Array]]:
    # The gradient by the kernel is for those who train; others needn't pay for it, nor does it
    # exist where the pictures of a batch are shared out among devices.
    kept = x.value if kernel.perturbed else None
    return _fast_convolution(x.value, kernel.value, margin, precision), (kept, kernel.value)


def _convolution_backward(
    margin: int, precision: str, saved: tuple[Array | None, Array], gradient: Any
) -> tuple[Float[Array, "h w c"], Float[Array, "k k c d"] | None]:
    x, kernel = saved
    if isinstance(gradient, SymbolicZero):
        gradient = jnp.zeros(gradient.shape, x.dtype if x is not None else kernel.dtype)
    turned = jnp.swapaxes(kernel[::-1, ::-1], 2, 3)  # [k k d c]
    rest = kernel.shape[0] - 1 - margin
    by_x = _fast_convolution(gradient, turned, rest, precision)
    if x is None:
        return by_x, None
    _, kernel_vjp = jax.vjp(lambda k: plain_convolution(x, k, margin, precision), kernel)
    return by_x, kernel_vjp(gradient)[0]


convolution.defvjp(_convolution_forward, _convolution_backward, symbolic_zeros=True)


def pool(x: Float[Array, "h w c"], pooling: Pooling) -> Float[Array, "h2 w2 c"]:
    """Halve the size; an odd last row or column is left out, as trained."""
    h, w, _ = x.shape
    if h < 2 or w < 2:
        raise ValueError(
            "the picture is too small for this layer; expected at least 16 pixels a side"
        )
    x = x[: h // 2 * 2, : w // 2 * 2]
    if pooling == "max":
        return largest_of_blocks(x)
    return doubled_mean_of_blocks(x)


def _blocks(x: Float[Array, "h w c"]) -> Float[Array, "h2 2 w2 2 c"]:
    """Part both sides by two: one after the other, or shared out pictures can't follow."""
    h, w, c = x.shape
    return x.reshape(h // 2, 2, w, c).reshape(h // 2, 2, w // 2, 2, c)


# Not `jnp.mean`: inside a chain of layers in bfloat16, XLA for CPUs in JAX 0.11.2 makes NaN of it.
@jax.custom_vjp
def doubled_mean_of_blocks(x: Float[Array, "h w c"]) -> Float[Array, "h2 w2 c"]:
    """Return twice the mean of each 2×2 block."""
    return (0.5 * functools.reduce(jnp.add, _corners(widened(x)))).astype(x.dtype)


def _doubled_mean_forward(x: Float[Array, "h w c"]) -> tuple[Float[Array, "h2 w2 c"], None]:
    return doubled_mean_of_blocks(x), None


def _doubled_mean_backward(_: None, gradient: Float[Array, "h w c"]) -> tuple[Array]:
    return (0.5 * double(gradient),)


doubled_mean_of_blocks.defvjp(_doubled_mean_forward, _doubled_mean_backward)


# In JAX's own gradient the mask of the maxima is a layer of numbers, written and read again.
@jax.custom_vjp
def largest_of_blocks(x: Float[Array, "h w c"]) -> Float[Array, "h2 w2 c"]:
    """Return the maximum of each 2×2 block; inputs that share it share its gradient."""
    return functools.reduce(jnp.maximum, _corners(x))


def _corners(x: Float[Array, "h w c"]) -> list[Float[Array, "h2 w2 c"]]:
    return [x[row::2, column::2] for row in (0, 1) for column in (0, 1)]


def _largest_forward(
    x: Float[Array, "h w c"],
) -> tuple[Float[Array, "h2 w2 c"], tuple[Array, Array]]:
    largest = largest_of_blocks(x)
    return largest, (x, largest)


def _largest_backward(
    saved: tuple[Array, Array], gradient: Float[Array, "h2 w2 c"]
) -> tuple[Float[Array, "h w c"]]:
    x, largest = saved
    h, w, c = largest.shape
    sharers = sum((corner == largest).astype(x.dtype) for corner in _corners(x))
    share = (gradient / sharers)[:, None, :, None]
    here = _blocks(x) == largest[:, None, :, None]
    return (jnp.where(here, share, 0).reshape(h, 2, 2 * w, c).reshape(x.shape),)


largest_of_blocks.defvjp(_largest_forward, _largest_backward)
