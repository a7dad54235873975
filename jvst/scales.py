"""Coarse to fine: the smaller sizes at which a frame is solved before its own."""

from collections.abc import Sequence
from typing import NamedTuple

from jvst._types import Grams

#: Half and a quarter of the sides; more steps, or more iterations, were measured to buy nothing.
COARSE = (0.25, 0.5)
# Below this the deepest layer sees next to nothing of the frame.
_SMALLEST_SIDE = 32  # pixels
# Iterations at a scale, times its factor: 120 at a quarter of the sides and 60 at half cost
# as much as 22 at the full size.
_ITERATIONS = 30


class Scale(NamedTuple):
    """A smaller size at which a frame is solved first, and the style there."""

    factor: float  # of the sides, below 1
    style: Grams  # of the paintings, shrunk as much


def scaled_size(shape: Sequence[int], factor: float) -> tuple[int, int]:
    """Return (width, height) of a picture at a scale.

    Args:
        shape: height, width, … of the picture, pixels.
        factor: of the sides.
    """
    return max(round(shape[1] * factor), 1), max(round(shape[0] * factor), 1)


def usable(factors: Sequence[float], shape: Sequence[int]) -> tuple[float, ...]:
    """Return the scales, the coarsest first, at which the network still sees a frame.

    Args:
        factors: of the sides.
        shape: height, width, … of the frame, pixels.
    """
    return tuple(
        factor
        for factor in sorted(set(factors))
        if factor < 1.0 and min(scaled_size(shape, factor)) >= _SMALLEST_SIDE
    )


def iterations_at(factor: float, cap: int) -> int:
    """Return the cap at a scale.

    Args:
        factor: of the sides.
        cap: iterations of the frame at its full size.
    """
    return min(round(_ITERATIONS / factor), cap)
