"""Matrix roots, maps and distances of Gaussians, against SciPy and what is known in closed form."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads
from scipy import linalg

from jvst.core.transport import (
    Gaussian,
    carried,
    carrier,
    gaussian_of,
    matrix_root,
    matrix_roots,
    mixture,
    orthogonal_factor,
    transport_goal,
    transport_map,
    wasserstein_distance,
)

EYE = np.eye(7, dtype=np.float32)


def covariance(seed, size=7, rank=None):
    root = np.random.default_rng(seed).normal(size=(size, rank or size))
    return (root @ root.T / size).astype(np.float32)


def test_the_root_is_scipys_and_its_square_the_matrix():
    matrix = covariance(0)
    root = jax.jit(matrix_root)(jnp.asarray(matrix))
    np.testing.assert_allclose(root, linalg.sqrtm(matrix.astype(np.float64)).real, atol=1e-4)
    np.testing.assert_allclose(root @ root, matrix, atol=1e-5)


def test_the_inverse_root_is_scipys_under_vmap():
    matrices = np.stack([covariance(seed) + EYE for seed in (10, 11)])
    _, inverses = jax.jit(jax.vmap(matrix_roots))(jnp.asarray(matrices))
    for matrix, inverse in zip(matrices, inverses, strict=True):
        expected = linalg.inv(linalg.sqrtm(matrix.astype(np.float64)).real)
        np.testing.assert_allclose(inverse, expected, atol=1e-5)


def test_the_slope_of_the_root_solves_the_sylvester_equation():
    matrix, change = covariance(12) + EYE, covariance(13)
    root, slope = jax.jvp(matrix_root, (jnp.asarray(matrix),), (jnp.asarray(change),))
    expected = linalg.solve_sylvester(*(np.asarray(root, np.float64),) * 2, change)
    # A millionth of the matrix's norm, which is added to it, is 2e-5 of the slope.
    np.testing.assert_allclose(slope, expected, atol=5e-5)


def test_small_directions_are_told_from_rounding_where_covariances_span_four_decades():
    axes = linalg.qr(np.random.default_rng(14).normal(size=(24, 24)))[0]
    spread = 10.0 ** -np.linspace(0, 4, 24)
    one, other = (axes * spread) @ axes.T, (axes * spread[::-1]) @ axes.T
    wanted = Gaussian(jnp.zeros(24), jnp.asarray(other, jnp.float32))
    goal = transport_goal(wanted)
    found = transport_map(jnp.asarray(one, jnp.float32), goal)
    # The axes are common, so that deviations are divided one by one.
    ridge = float(goal.ridge)
    expected = (axes * np.sqrt((spread[::-1] + ridge) / (spread + ridge))) @ axes.T
    np.testing.assert_allclose(found, expected, atol=1e-2 * np.abs(expected).max())


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


def gaussian(seed, size=7):
    mean = np.random.default_rng(seed).normal(size=size)
    spread = covariance(seed, size) + np.eye(size, dtype=np.float32)
    return Gaussian(jnp.asarray(mean, jnp.float32), jnp.asarray(spread))


def map_in_float64(content, wanted, ridge):
    """The map by eigenvectors, as its formula says."""

    def power(matrix, exponent):
        values, vectors = np.linalg.eigh(matrix)
        return (vectors * values**exponent) @ vectors.T

    content, wanted = (
        np.asarray(x, np.float64) + ridge * np.eye(len(x)) for x in (content, wanted)
    )
    root = power(wanted, 0.5)
    return root @ power(root @ content @ root, -0.5) @ root


def layer(seed, height=9, width=13, channels=4):
    rng = np.random.default_rng(seed)
    mixed = rng.normal(size=(height, width, channels)) @ rng.normal(size=(channels, channels))
    return jnp.asarray(mixed + rng.normal(size=channels), jnp.float32)


def test_mean_and_covariance_are_those_of_numpy_in_float64():
    features = layer(20)
    found = jax.jit(gaussian_of)(features)
    flat = np.asarray(features, np.float64).reshape(-1, 4)
    np.testing.assert_allclose(found.mean, flat.mean(0), atol=1e-6)
    np.testing.assert_allclose(found.covariance, np.cov(flat.T, ddof=0), atol=1e-5)


def test_parts_of_a_layer_mix_to_the_whole():
    features = layer(21)
    owned = jnp.asarray(np.arange(9 * 13).reshape(9, 13, 1) % 13 < 5)
    share = 1.0 - float(owned.mean())
    found = mixture(gaussian_of(features, owned), gaussian_of(features, ~owned), share)
    for one, other in zip(found, gaussian_of(features), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_the_map_is_that_of_float64_numpy_under_jit_and_vmap():
    content = jnp.stack([gaussian(seed).covariance for seed in (22, 23)])
    goal = transport_goal(gaussian(24))
    found = jax.jit(jax.vmap(transport_map, (0, None)))(content, goal)
    for matrix, covariances in zip(found, content, strict=True):
        expected = map_in_float64(covariances, gaussian(24).covariance, float(goal.ridge))
        np.testing.assert_allclose(matrix, expected, atol=1e-5)
        np.testing.assert_allclose(matrix, transport_map(covariances, goal), atol=1e-5)


def test_a_pair_solved_by_hand():
    # Deviations 1 and 2 become 3 and 1 along the axes: the map is 3 and 1/2, to the ridge of 1e-4.
    content = Gaussian(jnp.asarray([1.0, 0.0]), jnp.diag(jnp.asarray([1.0, 4.0])))
    wanted = Gaussian(jnp.asarray([0.0, 5.0]), jnp.diag(jnp.asarray([9.0, 1.0])))
    matrix, offset = carrier(content, transport_goal(wanted))
    np.testing.assert_allclose(matrix, np.diag([3.0, 0.5]), atol=1e-2)
    np.testing.assert_allclose(offset, [-3.0, 5.0], atol=1e-2)
    half, moved = carrier(content, transport_goal(wanted), 0.5)
    np.testing.assert_allclose(half, np.diag([2.0, 0.75]), atol=1e-2)
    np.testing.assert_allclose(moved, offset / 2, atol=1e-6)


def test_carried_features_have_the_paintings_mean_and_covariance():
    features, painting = layer(25), gaussian_of(layer(26, 11, 6))
    found = gaussian_of(
        carried(features, *carrier(gaussian_of(features), transport_goal(painting)))
    )
    size = float(jnp.linalg.norm(painting.covariance))
    np.testing.assert_allclose(found.covariance, painting.covariance, atol=1e-3 * size)
    np.testing.assert_allclose(found.mean, painting.mean, atol=1e-3 * size**0.5)


def test_the_map_between_equals_is_the_identity_though_nothing_varies():
    still = Gaussian(jnp.full(4, 0.3), jnp.zeros((4, 4)))
    for one in (gaussian(27, 4), still):
        matrix, offset = carrier(one, transport_goal(one))
        np.testing.assert_allclose(matrix, np.eye(4), atol=1e-4)
        np.testing.assert_allclose(offset, 0.0, atol=1e-4)


@jax.jit
def painted(picture, painting):
    """A picture with the statistics of a painting, the mean of that, and a slope of the picture."""

    def paint(picture):
        return carried(picture, *carrier(gaussian_of(picture), goal))

    goal = transport_goal(gaussian_of(painting))
    slope = jax.grad(lambda picture: jnp.sum(jnp.sin(paint(picture))))(picture)
    return paint(picture), goal.mean, slope


@pytest.mark.parametrize("content", ["black", "even", "few"])
@pytest.mark.parametrize("painting", ["black", "even", "grey", "any"])
def test_degenerate_pictures_and_paintings_give_finite_numbers_and_slopes(content, painting):
    pictures = {
        "black": jnp.zeros((5, 6, 3)),
        "even": jnp.full((5, 6, 3), 0.6, jnp.float32),
        "grey": jnp.repeat(layer(28, 5, 6, 1), 3, axis=2),
        "few": layer(29, 1, 2, 3),  # fewer positions than channels
        "any": layer(30, 5, 6, 3),
    }
    found, mean, slope = painted(pictures[content], pictures[painting])
    assert np.isfinite(found).all()
    assert np.isfinite(slope).all()
    if content != "few":
        np.testing.assert_allclose(found, jnp.broadcast_to(mean, found.shape), atol=1e-3)


def test_the_slope_of_the_map_is_its_slope():
    content = gaussian(33, 4)
    goal = transport_goal(gaussian(34, 4))

    def along(change):
        return jnp.sum(jnp.sin(transport_map(content.covariance + change + change.T, goal)))

    check_grads(jax.jit(along), (jnp.zeros((4, 4)),), 1, ["rev"], atol=2e-2, rtol=2e-2, eps=1e-2)


def test_the_orthogonal_factor_is_scipys():
    matrix = np.random.default_rng(35).normal(size=(6, 6)).astype(np.float32)
    expected, _ = linalg.polar(matrix, side="left")
    np.testing.assert_allclose(orthogonal_factor(jnp.asarray(matrix)), expected, atol=1e-5)
