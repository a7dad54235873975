"""Matrix roots, and the optimal transport of Gaussians."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from jvst._types import Activation, Scalar

# Part of the painting's mean variance that is added to both covariances. A hundred times more
# takes a hundredth of the painting's variance from what it makes; a hundred times less lets
# directions in which nothing varies answer to rounding.
_RIDGE = 1e-4
# The least that is added, in squares of the features' unit: where a painting is of one colour.
_LEAST_RIDGE = 1e-8


class Gaussian(NamedTuple):
    """Mean and covariance of the channels of a layer over its positions."""

    mean: Float[Array, " c"]
    covariance: Float[Array, "c c"]


class TransportGoal(NamedTuple):
    """What features are carried to; made once of the paintings."""

    mean: Float[Array, " c"]
    root: Float[Array, "c c"]  # of the covariance with the ridge
    variance: Scalar  # trace of the covariance
    ridge: Scalar  # added to each channel's variance, of the painting and of the picture


def gaussian_of(features: Activation, owned: Bool[Array, "h w 1"] | None = None) -> Gaussian:
    r"""Return mean and covariance of a layer's channels.

    .. math:: \mu = \frac1n \sum_p F_p, \qquad C = \frac1n \sum_p (F_p - \mu)(F_p - \mu)^T

    Args:
        features: a layer, ``[h w c]``.
        owned: the positions that count, at least one; all when left out.
    """
    flat = features.reshape(-1, features.shape[-1])  # [hw c]
    if owned is None:
        mean = jnp.mean(flat, axis=0)
        centred, count = flat - mean, flat.shape[0]
    else:
        counted = owned.reshape(-1, 1)
        count = jnp.sum(counted.astype(flat.dtype))
        mean = jnp.sum(jnp.where(counted, flat, 0), axis=0) / count
        centred = jnp.where(counted, flat - mean, 0)
    return Gaussian(mean, _product(centred.T, centred) / count)


def mixture(one: Gaussian, other: Gaussian, share: Scalar | float) -> Gaussian:
    r"""Return mean and covariance of what comes from either of two sources.

    .. math:: \mu = \mu_1 + s \delta, \qquad
        C = (1 - s) C_1 + s C_2 + s (1 - s) \delta \delta^T, \qquad \delta = \mu_2 - \mu_1

    Args:
        one: the first source.
        other: the second.
        share: s, the part of the second, in [0, 1].

    Source: Chan, Golub, LeVeque 1983, *Algorithms for computing the sample variance*: no
    difference of large numbers, as there is in a mean square less a squared mean.
    """
    apart = other.mean - one.mean
    between = share * (1.0 - share) * jnp.outer(apart, apart)
    covariance = (1.0 - share) * one.covariance + share * other.covariance + between
    return Gaussian(one.mean + share * apart, covariance)


def transport_goal(wanted: Gaussian) -> TransportGoal:
    """Prepare a painting's statistics for ``transport_map``.

    Args:
        wanted: mean and covariance of the painting's features.
    """
    variance, channels = jnp.trace(wanted.covariance), wanted.mean.shape[0]
    ridge = jnp.maximum(_RIDGE * variance / channels, _LEAST_RIDGE)
    root, _ = matrix_roots(_with_ridge(wanted.covariance, ridge))
    return TransportGoal(wanted.mean, root, variance, ridge)


def transport_map(covariance: Float[Array, "c c"], goal: TransportGoal) -> Float[Array, "c c"]:
    r"""Return the matrix that carries features of one covariance to another with the least change.

    .. math:: T = D^{1/2} (D^{1/2} C D^{1/2})^{-1/2} D^{1/2}, \qquad T C T = D

    the linear Monge-Kantorovich map between Gaussians. With :math:`Q` the orthogonal factor of
    :math:`D^{1/2} C^{1/2}`, :math:`T = D^{1/2} Q C^{-1/2}`: so no product of two covariances
    appears, whose small directions float32 can't tell from rounding. Both covariances have the
    goal's ridge: where neither picture nor painting varies, T is the identity.

    Args:
        covariance: C, of the picture's features, symmetric positive semidefinite.
        goal: D, and what else is known of the painting.

    Source: Olkin and Pukelsheim 1982, *The distance between two random vectors with given
    dispersion matrices*; as a stylization Li et al. 2017, arXiv:1705.08086, with another root, and
    Lu et al. 2019, arXiv:1906.00668.
    """
    root, inverse = matrix_roots(_with_ridge(covariance, goal.ridge))
    turn = orthogonal_factor(_product(goal.root, root))
    found = _product(_product(goal.root, turn), inverse)
    return _symmetric(found)  # rounding leaves it a little askew


def carrier(
    content: Gaussian,
    goal: TransportGoal,
    strength: Scalar | float = 1.0,
    *,
    contrast: Scalar | float = 1.0,
) -> tuple[Float[Array, "c c"], Float[Array, " c"]]:
    r"""Return what ``carried`` multiplies features by, and what it adds.

    .. math:: F'_p = F_p + \alpha \bigl(q T (F_p - \mu) + \nu - F_p\bigr)

    Args:
        content: mean μ and covariance of the picture's features.
        goal: the painting's.
        strength: α; 0 leaves the features as they are.
        contrast: q, the part of the painting's deviations that the picture is given.
    """
    along = contrast * transport_map(content.covariance, goal)
    eye = jnp.eye(along.shape[0], dtype=along.dtype)
    offset = strength * (goal.mean - _product(content.mean, along))
    return strength * along + (1.0 - strength) * eye, offset


def carried(
    features: Activation, matrix: Float[Array, "c c"], offset: Float[Array, " c"]
) -> Activation:
    """Carry features to a painting's mean and covariance, see ``carrier``."""
    return _product(features, matrix) + offset


def wasserstein_distance(
    mean: Float[Array, " c"],
    covariance: Float[Array, "c c"],
    other_mean: Float[Array, " c"],
    other_covariance: Float[Array, "c c"],
) -> Float[Array, ""]:
    r"""Return the squared 2-Wasserstein distance of two Gaussians.

    .. math:: |\mu - \nu|^2 + \operatorname{tr}\bigl(C + D - 2 (D^{1/2} C D^{1/2})^{1/2}\bigr)

    It is what moving one distribution onto the other by the optimal transport map T costs, and
    :math:`\operatorname{tr} (D^{1/2} C D^{1/2})^{1/2} = \operatorname{tr} T C` has the slope T / 2
    by C. First derivatives only.

    Args:
        mean: μ.
        covariance: C, symmetric positive semidefinite.
        other_mean: ν.
        other_covariance: D, likewise; no gradient is taken by it.

    Source: Olkin and Pukelsheim 1982, *The distance between two random vectors with given
    dispersion matrices*.
    """
    other_covariance = jax.lax.stop_gradient(other_covariance)
    known = jax.lax.stop_gradient(covariance)
    wanted, _ = matrix_roots(other_covariance)
    root, inverse = matrix_roots(known)
    turn = orthogonal_factor(_product(wanted, root))
    along = jax.lax.stop_gradient(_product(_product(wanted, turn), inverse))
    # The value of the whole with the slope of one half.
    shared = 0.5 * (jnp.sum(along * covariance) + jnp.sum(along * known))
    moved = jnp.sum(jnp.square(mean - jax.lax.stop_gradient(other_mean)))
    return moved + jnp.trace(covariance) + jnp.trace(other_covariance) - 2.0 * shared


def matrix_root(matrix: Float[Array, "c c"]) -> Float[Array, "c c"]:
    """Return the symmetric square root of a symmetric positive semidefinite matrix.

    See ``matrix_roots``.
    """
    return matrix_roots(matrix)[0]


def matrix_roots(
    matrix: Float[Array, "c c"],
) -> tuple[Float[Array, "c c"], Float[Array, "c c"]]:
    r"""Return the square root of a symmetric positive semidefinite matrix, and its inverse.

    .. math:: W_k = \tfrac12 \rho_k (3 - \rho_k^2 Z_k Y_k), \quad Y_{k+1} = Y_k W_k, \quad
        Z_{k+1} = W_k Z_k, \quad Y_0 = A, \quad Z_0 = I; \qquad
        Y \to A^{1/2}, \quad Z \to A^{-1/2}

    the coupled Newton-Schulz iteration, with the factors ρ that let the smallest eigenvalue grow
    fastest. It is made of matrix products alone: a decomposition into eigenvectors, which a CPU
    takes from LAPACK, waits for every one of its threads where the cores are shared.
    Differentiated, in either direction, it solves the Sylvester equation
    :math:`A^{1/2} X + X A^{1/2} = \dot{A}`, and has no trouble with equal eigenvalues.

    Args:
        matrix: A, ``[c c]``. A millionth of its norm (in float32) is added to its diagonal, so
            that the inverse is finite.

    Source: Higham 2008, *Functions of Matrices*, section 6.7; the factors of Chen and Chow 2014,
    *A stable scaling of Newton-Schulz for improving the sign function computation of a Hermitian
    matrix*.
    """
    dtype, channels = matrix.dtype, matrix.shape[0]
    eye = jnp.eye(channels, dtype=dtype)
    size = _size(matrix)
    least = 8.0 * float(jnp.finfo(dtype).eps)
    first = (matrix / size + least * eye) / (1.0 + least)

    def step(pair: tuple[Array, Array], factor: Array) -> tuple[tuple[Array, Array], None]:
        root, inverse = pair
        near = 0.5 * factor * (3.0 * eye - factor**2 * _product(inverse, root))
        return (_symmetric(_product(root, near)), _symmetric(_product(near, inverse))), None

    factors = jnp.asarray(_factors(least**0.5, float(jnp.finfo(dtype).eps)), dtype)
    # Made of the matrix: where devices share a batch, both parts of the loop's state have to vary
    # from device to device from the beginning.
    (root, inverse), _ = jax.lax.scan(step, (first, eye + 0.0 * first), factors)
    return root * jnp.sqrt(size), inverse / jnp.sqrt(size)


def orthogonal_factor(matrix: Float[Array, "c c"]) -> Float[Array, "c c"]:
    r"""Return Q of the polar decomposition ``A = P Q``, P symmetric positive semidefinite.

    .. math:: Q_{k+1} = \tfrac12 \rho_k (3 - \rho_k^2 Q_k Q_k^T) Q_k, \qquad Q_0 = A

    Args:
        matrix: A, ``[c c]``. Directions that it makes smaller by a hundred times the rounding
            stay shorter than 1.

    Source: see ``matrix_roots``.
    """
    dtype = matrix.dtype
    eye = jnp.eye(matrix.shape[0], dtype=dtype)

    def step(turn: Array, factor: Array) -> tuple[Array, None]:
        near = 0.5 * factor * (3.0 * eye - factor**2 * _product(turn, turn.T))
        return _product(near, turn), None

    epsilon = float(jnp.finfo(dtype).eps)
    factors = jnp.asarray(_factors(100.0 * epsilon, epsilon), dtype)
    return jax.lax.scan(step, matrix / _size(matrix), factors)[0]


@functools.lru_cache(maxsize=8)
def _factors(least: float, tolerance: float) -> np.ndarray:
    """Return ρ of every step, until numbers from ``least`` to 1 are all 1 to rounding."""
    found = []
    while 1.0 - least > tolerance:
        factor = (3.0 / (1.0 + least + least**2)) ** 0.5
        least = 0.5 * factor * least * (3.0 - (factor * least) ** 2)
        found.append(factor)
    return np.asarray(found)


def _size(matrix: Float[Array, "c c"]) -> Scalar:
    """Return a bound of the largest eigenvalue; a mere scale, which no slope depends on."""
    size = jnp.sqrt(jnp.sum(jnp.square(jax.lax.stop_gradient(matrix))))
    return jnp.maximum(size, float(jnp.finfo(matrix.dtype).tiny) ** 0.5)


def _with_ridge(covariance: Float[Array, "c c"], ridge: Scalar) -> Float[Array, "c c"]:
    return covariance + ridge * jnp.eye(covariance.shape[0], dtype=covariance.dtype)


def _symmetric(matrix: Float[Array, "c c"]) -> Float[Array, "c c"]:
    return 0.5 * (matrix + matrix.T)


def _product(left: Float[Array, "*a b"], right: Float[Array, "b d"]) -> Float[Array, "*a d"]:
    return jnp.matmul(left, right, precision="highest")
