"""Matrix roots and the distance of Gaussians, against SciPy and what is known in closed form."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads
from scipy import linalg

from jvst.core.transport import matrix_root, wasserstein_distance

EYE = np.eye(7, dtype=np.float32)


def covariance(seed, size=7, rank=None):
    root = np.random.default_rng(seed).normal(size=(size, rank or size))
    return (root @ root.T / size).astype(np.float32)


def test_the_root_is_scipys_and_its_square_the_matrix():
    matrix = covariance(0)
    root = jax.jit(matrix_root)(jnp.asarray(matrix))
    np.testing.assert_allclose(root, linalg.sqrtm(matrix.astype(np.float64)).real, atol=1e-4)
    np.testing.assert_allclose(root @ root, matrix, atol=1e-5)


@pytest.mark.parametrize("matrix", [covariance(1) + EYE, EYE], ids=["any", "identity"])
def test_the_gradient_of_the_root_is_its_slope_though_eigenvalues_are_equal(matrix):
    weight = jnp.asarray(np.random.default_rng(2).normal(size=(7, 7)), jnp.float32)

    def along(change):
        # A root is asked of symmetric matrices only.
        return jnp.sum(weight * matrix_root(jnp.asarray(matrix) + change + change.T))

    check_grads(jax.jit(along), (jnp.zeros((7, 7)),), 1, ["rev"], atol=2e-2, rtol=2e-2, eps=1e-2)


def test_a_singular_matrix_has_a_finite_gradient():
    matrix = jnp.asarray(covariance(3, rank=2))
    slope = jax.jit(jax.grad(lambda x: jnp.trace(matrix_root(x))))(matrix)
    assert np.isfinite(slope).all()
    assert np.isfinite(jax.grad(lambda x: jnp.trace(matrix_root(x)))(jnp.zeros((3, 3)))).all()


def test_gaussians_that_are_equal_are_0_apart_and_moved_ones_by_the_square_of_the_way():
    spread = jnp.asarray(covariance(4))
    mean, moved = jnp.zeros(7), jnp.full(7, 0.5)
    size = float(jnp.trace(spread))
    assert abs(wasserstein_distance(mean, spread, mean, spread)) < 1e-5 * size
    distance = wasserstein_distance(moved, spread, mean, spread)
    assert float(distance) == pytest.approx(7 * 0.25, abs=1e-5 * size)


def test_along_common_axes_it_is_the_distance_of_the_deviations():
    a, b = (np.random.default_rng(seed).uniform(0.1, 2.0, 6).astype(np.float32) for seed in (5, 6))
    axes = jnp.asarray(linalg.qr(np.random.default_rng(7).normal(size=(6, 6)))[0], jnp.float32)
    spreads = [axes @ jnp.diag(jnp.asarray(x) ** 2) @ axes.T for x in (a, b)]
    distance = wasserstein_distance(jnp.zeros(6), spreads[0], jnp.zeros(6), spreads[1])
    assert float(distance) == pytest.approx(float(np.sum((a - b) ** 2)), rel=1e-4)


def test_it_is_the_same_both_ways():
    one, two = jnp.asarray(covariance(8)), jnp.asarray(covariance(9))
    mean, other = jnp.arange(7.0), jnp.ones(7)
    there, back = (
        wasserstein_distance(*x) for x in ((mean, one, other, two), (other, two, mean, one))
    )
    np.testing.assert_allclose(there, back, rtol=1e-4)
