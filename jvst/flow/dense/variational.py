r"""One level of a variational flow.

An energy, minimized by successive over-relaxation:

.. math::
    E(w) = \sum \delta\,\Psi(n_0 |I_2(p + w) - I_1|^2)
    + \gamma\,\Psi(n |\nabla I_2(p + w) - \nabla I_1|^2) + \alpha\,\Psi(|\nabla u|^2 + |\nabla v|^2)
    + \beta\, c\,\Psi(|w - w'|^2),
    \qquad \Psi(s^2) = \sqrt{s^2 + \epsilon^2}

with w' the matches and c their weight. Source: Weinzaepfel et al. 2013, *DeepFlow*, equations 1
to 6.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from jvst._types import Flow
from jvst.core.warp import warp

Grey = Float[Array, "h w"]

#: Weights of brightness, gradient and smoothness for 0 to 255: those of OpenCV's DeepFlow, but
#: for the last, which is 4 there. 2 follows the grain of film, 4 loses small things.
_DELTA, _GAMMA, _ALPHA = 0.5 / 3, 5.0 / 3, 3.0
#: Where the robust functions turn from square to line, and the floor of the normalisation.
_EPSILON, _ZETA = 0.001, 0.1
#: OpenCV warps 5 times a level, but has five times the levels.
_WARPS, _SWEEPS, _OMEGA = 10, 25, 1.6


class Guides(NamedTuple):
    """Matches on the pixels of a level.

    Attributes:
        flow: w', (dx, dy) in pixels of the level.
        weight: β c, 0 where there is no match.
    """

    flow: Flow
    weight: Grey


class _System(NamedTuple):
    """For each pixel a 2×2 system for its step, and the ties to its neighbours."""

    a11: Grey
    a12: Grey
    a22: Grey
    b1: Grey
    b2: Grey
    right: Grey  # tie to the pixel at the right; 0 in the last column
    below: Grey  # tie to the pixel below; 0 in the last row


@jax.jit
def minimize(flow: Flow, grey_from: Grey, grey_to: Grey, guides: Guides) -> Flow:
    """Move a field to a minimum of the energy near to it.

    Args:
        flow: where to start, (dx, dy) in pixels.
        grey_from: the frame on which the arrows start, of 0 to 255, slightly blurred.
        grey_to: the frame to which they point.
        guides: matches to stay near to.
    """

    def one(_: Int[Array, ""], flow: Flow) -> Flow:
        return flow + _relax(_linearised(flow, grey_from, grey_to, guides), flow)

    return jax.lax.fori_loop(0, _WARPS, one, flow)


def _linearised(flow: Flow, grey_from: Grey, grey_to: Grey, guides: Guides) -> _System:
    """Expand the energy about a field; robust terms keep the weight that they have there."""
    height, width = grey_from.shape
    moved = warp(grey_to[..., None], flow)[..., 0]
    y, x = (jnp.arange(n, dtype=flow.dtype) for n in (height, width))
    target = jnp.stack(jnp.broadcast_arrays(x[None] + flow[..., 0], y[:, None] + flow[..., 1]), -1)
    limit = jnp.asarray([width - 1, height - 1], flow.dtype)
    # Out of the frame nothing is compared.
    inside = jnp.all((target >= 0) & (target <= limit), -1).astype(flow.dtype)
    mean = 0.5 * (grey_from + moved)
    (ix, iy), change = _gradient(mean), moved - grey_from
    (ixx, ixy), (_, iyy) = _gradient(ix), _gradient(iy)
    ixt, iyt = _gradient(change)

    def weigh(strength: float, squared: Grey) -> Grey:
        return strength * inside * _robust(squared)

    norm = 1.0 / (jnp.square(ix) + jnp.square(iy) + _ZETA**2)
    colour = weigh(_DELTA, norm * jnp.square(change)) * norm
    norm_x = 1.0 / (jnp.square(ixx) + jnp.square(ixy) + _ZETA**2)
    norm_y = 1.0 / (jnp.square(ixy) + jnp.square(iyy) + _ZETA**2)
    both = weigh(_GAMMA, norm_x * jnp.square(ixt) + norm_y * jnp.square(iyt))
    along_x, along_y = both * norm_x, both * norm_y
    away = flow - guides.flow
    match = guides.weight * _robust(jnp.sum(jnp.square(away), -1))
    right, below = _ties(flow)
    return _System(
        colour * ix * ix + along_x * ixx * ixx + along_y * ixy * ixy + match,
        colour * ix * iy + along_x * ixx * ixy + along_y * ixy * iyy,
        colour * iy * iy + along_x * ixy * ixy + along_y * iyy * iyy + match,
        -(colour * ix * change + along_x * ixx * ixt + along_y * ixy * iyt + match * away[..., 0]),
        -(colour * iy * change + along_x * ixy * ixt + along_y * iyy * iyt + match * away[..., 1]),
        right,
        below,
    )


def _relax(system: _System, flow: Flow) -> Flow:
    """Solve for the step that minimizes the expanded energy, red and black pixels in turn."""
    height, width, _ = flow.shape
    red = (jnp.arange(height)[:, None] + jnp.arange(width)[None]) % 2 == 0
    right, below = system.right[..., None], system.below[..., None]
    left = jnp.pad(right[:, :-1], ((0, 0), (1, 0), (0, 0)))
    above = jnp.pad(below[:-1], ((1, 0), (0, 0), (0, 0)))
    ties = (right + left + above + below)[..., 0]
    a11, a22 = system.a11 + ties, system.a22 + ties
    scale = 1.0 / (a11 * a22 - system.a12 * system.a12 + 1e-9)
    data = jnp.stack([system.b1, system.b2], -1)

    def half(step: Flow, these: Array) -> Flow:
        padded = jnp.pad(flow + step, ((1, 1), (1, 1), (0, 0)))
        pull = right * (padded[1:-1, 2:] - flow) + left * (padded[1:-1, :-2] - flow)
        pull += below * (padded[2:, 1:-1] - flow) + above * (padded[:-2, 1:-1] - flow)
        b = data + pull
        u = (a22 * b[..., 0] - system.a12 * b[..., 1]) * scale
        v = (a11 * b[..., 1] - system.a12 * b[..., 0]) * scale
        new = (1.0 - _OMEGA) * step + _OMEGA * jnp.stack([u, v], -1)
        return jnp.where(these[..., None], new, step)

    def sweep(_: Int[Array, ""], step: Flow) -> Flow:
        return half(half(step, red), ~red)

    return jax.lax.fori_loop(0, _SWEEPS, sweep, jnp.zeros_like(flow))


def _ties(flow: Flow) -> tuple[Grey, Grey]:
    """Return how strongly a pixel is tied to those at its right and below: less over edges."""
    across = jnp.pad(jnp.diff(flow, axis=1), ((0, 0), (0, 1), (0, 0)))
    down = jnp.pad(jnp.diff(flow, axis=0), ((0, 1), (0, 0), (0, 0)))
    # One-sided differences: central ones see half of an edge, and tie its sides twice as hard.
    strength = _ALPHA * _robust(jnp.sum(jnp.square(across) + jnp.square(down), -1))
    return strength.at[:, -1].set(0.0), strength.at[-1].set(0.0)


def _robust(squared: Grey) -> Grey:
    """Return the derivative of Ψ by its square: the weight of a square term that acts alike."""
    return 0.5 * jax.lax.rsqrt(squared + _EPSILON**2)


def _gradient(image: Grey) -> tuple[Grey, Grey]:
    padded = jnp.pad(image, 1, mode="edge")
    return (
        0.5 * (padded[1:-1, 2:] - padded[1:-1, :-2]),
        0.5 * (padded[2:, 1:-1] - padded[:-2, 1:-1]),
    )
