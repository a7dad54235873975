"""Winograd's F(6, 3) along the height for 3×3 convolutions.

A column of six results needs 8 products instead of 18, so that rows of the picture are combined
eight ways, each combination is convolved with a kernel of one row (three in the plain way, for
each row), and the products are combined to six rows of the result. The other direction stays a
plain convolution: the sums run over whole rows, which lie together in memory, and the eight
convolutions go to the back end's own, fast one. In both directions at once, F(4×4, 3×3), there
would be still fewer multiplications, but 36 small products and twice as much to move; measured on
a CPU, that was slower at every size, see docs/benchmarks.md.

Source: Winograd 1980; Lavin and Gray 2016, arXiv:1509.09308.
"""

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

#: Rows of the result that are made together.
ROWS = 6
# Where the polynomials that stand for columns are evaluated; infinity comes beside these. Small
# numbers keep the error at a few 1e-6 of the largest result.
_POINTS = tuple(Fraction(point) for point in ("0", "1", "-1", "2", "-2", "1/2", "-1/2"))

# Measured inside a loop on a CPU (``scripts/benchmark.py profile``). The products saved grow with
# the product of the channels, what the sums of rows cost with their sum: at 32 and 64 fewer
# products win at every size, at 32 and 32 only while the layer stays in the cores' common cache.
_LEAST_CHANNELS, _LEAST_CHANNELS_CACHED = 20, 16
_CACHED = 8 * 2**20  # bytes
# The plain way is at its best at 64 and 64: nothing is gained there, at any size.
_PLAIN_CHANNELS = (64, 64)
# The larger kernel has to be read for enough positions.
_LEAST_POSITIONS_A_CHANNEL = 0.5
# Multiplications of the plain way. A layer takes about a quarter of a second longer to compile;
# below this it would not earn that back within a hundred evaluations.
_LEAST_WORK = 2e7


def pays(height: int, width: int, channels_in: int, channels_out: int, *, kernel: int = 3) -> bool:
    """Say whether ``convolve`` was measured to be worth its while on a CPU.

    Args:
        height: of the result, rows.
        width: of the result, columns.
        channels_in: channels of the picture.
        channels_out: channels of the result.
        kernel: side of the kernel; another than 3 ``convolve`` can't do.
    """
    positions = height * width
    cached = 4 * positions * max(channels_in, channels_out) <= _CACHED
    least = _LEAST_CHANNELS_CACHED if cached else _LEAST_CHANNELS
    # Rows beyond the result are computed in vain; 3 products a row are the plain way.
    products = (ROWS + 2) * _groups(height) / (3 * height)
    return (
        kernel == 3
        and channels_in * channels_out >= least * (channels_in + channels_out)
        and positions >= _LEAST_POSITIONS_A_CHANNEL * max(channels_in, channels_out)
        and positions * channels_in * channels_out >= _LEAST_WORK
        and products <= 0.6
        and (channels_in, channels_out) != _PLAIN_CHANNELS
    )


def convolve(
    x: Float[Array, "h w c"], kernel: Float[Array, "3 3 c d"], *, margin: int = 1
) -> Float[Array, "h2 w2 d"]:
    """Slide a 3×3 kernel over the picture, which ``margin`` zeros surround.

    Args:
        x: picture or activation.
        kernel: height, width, in, out.
        margin: 0, 1 or 2; 1 keeps the size.

    Returns:
        The correlation, as of ``jax.lax.conv_general_dilated``, to rounding.
    """
    height = x.shape[0] + 2 * margin - 2
    groups = _groups(height)
    x = jnp.pad(x, ((margin, ROWS * groups + 2 - margin - x.shape[0]), (0, 0), (0, 0)))
    # Row k of every group; neighbouring groups share two. # [groups w c]
    rows = [x[k : k + ROWS * (groups - 1) + 1 : ROWS] for k in range(ROWS + 2)]
    products = [
        jax.lax.conv_general_dilated(
            _weighted_sum(weights, rows)[None],
            one_row[None],
            window_strides=(1, 1),
            padding=((0, 0), (margin, margin)),
            dimension_numbers=("NHWC", "HWIO", "NHWC"),
            precision="highest",
        )[0]
        for weights, one_row in zip(_OF_ROWS, transform_kernel(kernel), strict=True)
    ]  # [groups w2 d]
    result = jnp.stack([_weighted_sum(weights, products) for weights in _OF_PRODUCTS], axis=1)
    return result.reshape(ROWS * groups, *result.shape[2:])[:height]


def transform_kernel(kernel: Float[Array, "3 3 c d"]) -> list[Float[Array, "3 c d"]]:
    """Combine the rows of a kernel to those of the eight convolutions."""
    # Otherwise XLA would read a turned kernel out of order for every term of the sums.
    kernel = jax.lax.optimization_barrier(kernel)
    rows = [kernel[k] for k in range(3)]
    return [_weighted_sum(weights, rows) for weights in _OF_KERNEL]


def _groups(height: int) -> int:
    return -(-height // ROWS)


def _weighted_sum(weights: Sequence[float], arrays: Sequence[Array]) -> Array:
    """Add up arrays; those of weight 0 are left out, which no compiler may do by itself."""
    terms = [
        array if weight == 1.0 else weight * array
        for weight, array in zip(weights, arrays, strict=True)
        if weight != 0.0
    ]
    return sum(terms[1:], terms[0])


def _cook_toom() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return what combines rows, kernel and products: ``[8 8]``, ``[8 3]`` and ``[6 8]``.

    The transposed form of multiplying two polynomials by their values at 7 points and their
    leading coefficients: exact fractions, so that only the sums at run time round.
    """
    powers = [[point**power for power in range(ROWS)] for point in _POINTS]
    # At infinity 2 · ½: a combination that were a mere row of the kernel would stay in loops.
    of_products = [*powers, [Fraction(2 * (power == ROWS - 1)) for power in range(ROWS)]]
    of_kernel, of_rows = [], []
    for point in _POINTS:
        others = [other for other in _POINTS if other != point]
        scale = Fraction(1)
        for other in others:
            scale *= point - other
        of_kernel.append([point**power / scale for power in range(3)])
        of_rows.append([*_with_roots(others), Fraction(0)])
    of_kernel.append([Fraction(0), Fraction(0), Fraction(1, 2)])
    of_rows.append(_with_roots(_POINTS))
    rows, kernel, products = (
        np.array([[float(number) for number in line] for line in table])
        for table in (of_rows, of_kernel, of_products)
    )
    return rows, kernel, products.T


def _with_roots(roots: Sequence[Fraction]) -> list[Fraction]:
    """Return the coefficients, lowest first, of the polynomial ``∏ (t − root)``."""
    found = [Fraction(1)]
    for root in roots:
        padded = [Fraction(0), *found, Fraction(0)]
        found = [lower - root * here for lower, here in pairwise(padded)]
    return found


_OF_ROWS, _OF_KERNEL, _OF_PRODUCTS = (table.tolist() for table in _cook_toom())
