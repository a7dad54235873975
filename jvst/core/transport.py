"""Matrix roots and the Wasserstein distance of Gaussians."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

# Of the largest root. Two roots whose sum is smaller are rounding, and get no gradient.
_VANISHING = 1e-5


@jax.custom_vjp
def matrix_root(matrix: Float[Array, "c c"]) -> Float[Array, "c c"]:
    r"""Return the symmetric square root of a symmetric positive semidefinite matrix.

    .. math:: A = V \Lambda V^T, \qquad A^{1/2} = V \Lambda^{1/2} V^T

    Eigenvalues below 0, which rounding leaves, count as 0. The gradient solves the Lyapunov
    equation :math:`A^{1/2} X + X A^{1/2} = \bar{S}` in the basis of the eigenvectors, where it is a
    division by sums of roots: unlike the gradient of the decomposition it has no trouble with
    equal eigenvalues. Between directions in which A is 0 it is taken as 0. Reverse mode only.

    Args:
        matrix: A, ``[c c]``.
    """
    return _rooted(matrix)[0]


def _rooted(
    matrix: Float[Array, "c c"],
) -> tuple[Float[Array, "c c"], Float[Array, "c c"], Float[Array, " c"]]:
    values, vectors = jnp.linalg.eigh(matrix)
    roots = jnp.sqrt(jnp.maximum(values, 0.0))
    return _product(vectors * roots, vectors.T), vectors, roots


def _root_forward(
    matrix: Float[Array, "c c"],
) -> tuple[Float[Array, "c c"], tuple[Array, Array]]:
    root, vectors, roots = _rooted(matrix)
    return root, (vectors, roots)


def _root_backward(
    saved: tuple[Array, Array], slope: Float[Array, "c c"]
) -> tuple[Float[Array, "c c"]]:
    vectors, roots = saved
    sums = roots[:, None] + roots
    kept = sums > _VANISHING * jnp.max(roots)
    slope = 0.5 * (slope + slope.T)
    turned = _product(_product(vectors.T, slope), vectors)
    turned = jnp.where(kept, turned / jnp.where(kept, sums, 1.0), 0.0)
    return (_product(_product(vectors, turned), vectors.T),)


matrix_root.defvjp(_root_forward, _root_backward)


def wasserstein_distance(
    mean: Float[Array, " c"],
    covariance: Float[Array, "c c"],
    other_mean: Float[Array, " c"],
    other_covariance: Float[Array, "c c"],
) -> Float[Array, ""]:
    r"""Return the squared 2-Wasserstein distance of two Gaussians.

    .. math:: |\mu - \nu|^2 + \operatorname{tr}\bigl(C + D - 2 (D^{1/2} C D^{1/2})^{1/2}\bigr)

    It is what moving one distribution onto the other by the optimal transport map costs.

    Args:
        mean: μ.
        covariance: C, symmetric positive semidefinite.
        other_mean: ν.
        other_covariance: D, likewise; no gradient is taken by it.

    Source: Olkin and Pukelsheim 1982, *The distance between two random vectors with given
    dispersion matrices*.
    """
    root = jax.lax.stop_gradient(matrix_root(other_covariance))
    inner = _product(_product(root, covariance), root)
    inner = 0.5 * (inner + inner.T)  # rounding leaves it a little askew
    moved = jnp.sum(jnp.square(mean - other_mean))
    return moved + jnp.trace(covariance + other_covariance - 2.0 * matrix_root(inner))


def _product(left: Float[Array, "a b"], right: Float[Array, "b d"]) -> Float[Array, "a d"]:
    return jnp.matmul(left, right, precision="highest")
