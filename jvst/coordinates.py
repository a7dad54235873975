"""Coordinates in which a solver sees further: a picture's frequencies and colours, weighed.

The energy's gradient is mostly fine and speckled. Steps along it move grain first, and L-BFGS needs
a hundred of them to learn better. Here a picture is P z, with a symmetric P that makes what is
coarse and grey in z larger. L-BFGS in z is L-BFGS in the picture whose inverse Hessian begins as
P², a blur, in place of the identity; the minimum is the same.
"""

import dataclasses

import jax.numpy as jnp
from jaxtyping import Array, Float

from jvst._types import Image, Scalar

# Cycles a pixel below which all frequencies count alike: fifty pixels, about what relu5_1 sees
# on one side.
_FLAT_BELOW = 0.02


@dataclasses.dataclass(frozen=True)
class Coordinates:
    r"""What P multiplies: frequencies by a power of themselves, differences of colour by a factor.

    .. math:: h(f) = (|f|^2 + f_0^2)^{-a/2} \Big/
        \sqrt{\overline{(|f|^2 + f_0^2)^{-a}}}

    Attributes:
        exponent: a. 0 leaves frequencies alone.
        chroma: factor on what differs from grey. 1 leaves colours alone.
    """

    exponent: float = 0.35
    chroma: float = 0.5


#: The picture's own, as in the Torch code.
PIXELS = Coordinates(exponent=0.0, chroma=1.0)


def to_picture(point: Float[Array, "h w 3"], coordinates: Coordinates) -> Image:
    """Return P z: the picture of a point; and, P being symmetric, the gradient by the point.

    The picture is taken to continue periodically. Noise keeps its mean square under ``exponent``.

    Args:
        point: z, or a gradient by the picture.
        coordinates: P.
    """
    return _weighed(point, coordinates, 1)


def to_point(image: Image, coordinates: Coordinates) -> Float[Array, "h w 3"]:
    """Return the point whose picture this is, to rounding.

    Args:
        image: RGB.
        coordinates: P.
    """
    return _weighed(image, coordinates, -1)


def _weighed(x: Float[Array, "h w 3"], coordinates: Coordinates, power: int) -> Image:
    """Multiply by P, or by its inverse."""
    if coordinates.exponent != 0.0:
        height, width, _ = x.shape
        spectrum = jnp.fft.rfft2(x, axes=(0, 1))
        gain = _gain(height, width, coordinates.exponent) ** power
        weighed = gain[..., None].astype(spectrum.dtype) * spectrum
        x = jnp.fft.irfft2(weighed, s=(height, width), axes=(0, 1)).astype(x.dtype)
    if coordinates.chroma != 1.0:
        grey = jnp.mean(x, axis=2, keepdims=True)
        x = grey + coordinates.chroma**power * (x - grey)
    return x


def _gain(height: int, width: int, exponent: float) -> Float[Array, "h w2"]:
    """Return the factor on each frequency that ``rfft2`` gives."""
    down, across = jnp.fft.fftfreq(height), jnp.fft.rfftfreq(width)
    square = down[:, None] ** 2 + across**2 + _FLAT_BELOW**2
    power = square ** (-exponent)  # h², [h w2]
    return jnp.sqrt(power / _mean(power, width))


def _mean(power: Float[Array, "h w2"], width: int) -> Scalar:
    """Average over all frequencies, of which ``rfft2`` leaves out those that are mirrored."""
    times = jnp.full(power.shape[1], 2.0).at[0].set(1.0)
    if width % 2 == 0:
        times = times.at[-1].set(1.0)
    return jnp.sum(power * times) / (power.shape[0] * width)
