"""What L-BFGS takes for the inverse Hessian before it knows better: a blur of greys over colours.

The energy's gradient is mostly fine and speckled. Steps along it move grain first, and L-BFGS needs
a hundred of them to learn better. Here its inverse Hessian begins as a symmetric positive M that
makes what is coarse and grey in a gradient larger, in place of the identity. That is L-BFGS on z,
where the picture is the root of M times z; the minimum is the same.
"""

import dataclasses

import jax.numpy as jnp
from jaxtyping import Array, Float

from jvst._types import Image, Scalar

# Cycles a pixel below which all frequencies count alike: fifty pixels, about what relu5_1 sees
# on one side.
_FLAT_BELOW = 0.02


@dataclasses.dataclass(frozen=True)
class Preconditioner:
    r"""What M multiplies: frequencies by a power of themselves, differences of colour by a factor.

    .. math:: m(f) = (|f|^2 + f_0^2)^{-a} \Big/ \overline{(|f|^2 + f_0^2)^{-a}}

    Attributes:
        exponent: a. 0 leaves frequencies alone.
        chroma: factor on what differs from grey. 1 leaves colours alone.
    """

    exponent: float = 0.35
    chroma: float = 0.25


#: The identity, as in the Torch code.
IDENTITY = Preconditioner(exponent=0.0, chroma=1.0)


def precondition(gradient: Image, preconditioner: Preconditioner) -> Image:
    """Return M times a gradient, which is taken to continue periodically.

    Args:
        gradient: of a loss by a picture, RGB; any size.
        preconditioner: M.
    """
    x = gradient
    if preconditioner.exponent != 0.0:
        height, width, _ = gradient.shape
        gain = _gain(height, width, preconditioner.exponent)
        planes = jnp.moveaxis(x, 2, 0)  # back ends transform the last two axes; [3 h w]
        spectrum = jnp.fft.rfft2(planes)
        planes = jnp.fft.irfft2(gain.astype(spectrum.dtype) * spectrum, s=(height, width))
        x = jnp.moveaxis(planes, 0, 2).astype(gradient.dtype)
    if preconditioner.chroma != 1.0:
        grey = jnp.mean(x, axis=2, keepdims=True)
        x = grey + preconditioner.chroma * (x - grey)
    return x


def _gain(height: int, width: int, exponent: float) -> Float[Array, "h w2"]:
    """Return the factor on each frequency that ``rfft2`` gives, 1 on the average."""
    down, across = jnp.fft.fftfreq(height), jnp.fft.rfftfreq(width)
    square = down[:, None] ** 2 + across**2 + _FLAT_BELOW**2
    gain = square ** (-exponent)
    return gain / _mean(gain, width)


def _mean(gain: Float[Array, "h w2"], width: int) -> Scalar:
    """Average over all frequencies, of which ``rfft2`` leaves out those that are mirrored."""
    times = jnp.full(gain.shape[1], 2.0).at[0].set(1.0)
    if width % 2 == 0:
        times = times.at[-1].set(1.0)
    return jnp.sum(gain * times) / (gain.shape[0] * width)
