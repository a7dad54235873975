"""Style statistics: what they are, and that the moments of parts add up to those of the whole."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jvst.core.losses import gram_matrix, style_loss
from jvst.core.statistics import (
    STATISTICS,
    GramStatistic,
    StyleStatistic,
    StyleTarget,
    WassersteinStatistic,
    check_tiled,
    statistic_of,
    target_of,
)

ALL = pytest.mark.parametrize("statistic", STATISTICS.values(), ids=list(STATISTICS))


def layer(seed, height=9, width=13, channels=6):
    draw = np.random.default_rng(seed)
    mixed = draw.normal(size=(height, width, channels)) @ draw.normal(size=(channels, channels))
    return jnp.asarray(np.maximum(mixed, 0.0), jnp.float32)


@functools.partial(jax.jit, static_argnames="statistic")
def loss(statistic, activation, target):
    return statistic.loss(statistic.moments(activation), statistic.moments(target))


@ALL
def test_a_layer_is_0_from_itself_and_from_itself_turned_round(statistic):
    x = layer(0)
    scale = float(loss(statistic, layer(1), x))
    assert scale > 0.01
    for same in (x, x[::-1], x[:, ::-1]):
        assert abs(float(loss(statistic, same, x))) < 1e-5 * scale


@ALL
def test_moments_of_windows_by_their_shares_add_up_to_those_of_the_layer(statistic):
    x = layer(2)
    left = (jnp.arange(13) < 5)[None, :, None] & jnp.ones((9, 1, 1), bool)
    # Two overlapping windows of 9×10 positions, each of which owns one side.
    windows = [(x[:, :10], left[:, :10]), (x[:, 3:], ~left[:, 3:])]
    parts = [statistic.moments(*window) for window in windows]
    total = jax.tree.map(lambda a, b: 90 / 117 * (a + b), *parts)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5), total, statistic.moments(x)
    )


def test_the_gram_statistic_is_the_papers_loss_with_jaxs_gradient():
    x, target = layer(3), gram_matrix(layer(4))
    gram = GramStatistic()
    ours = jax.jit(jax.value_and_grad(lambda x: gram.loss(gram.moments(x), target)))(x)
    papers = jax.jit(jax.value_and_grad(lambda x: style_loss(x, target)))(x)
    np.testing.assert_allclose(ours[0], papers[0], rtol=1e-6)
    np.testing.assert_allclose(ours[1], papers[1], rtol=1e-4, atol=1e-6 * jnp.abs(papers[1]).max())


@ALL
def test_gradients_are_the_slopes(statistic):
    x, target = layer(5), statistic.moments(layer(6))
    direction = x - layer(6)
    along = jax.jit(lambda t: statistic.loss(statistic.moments(x + t * direction), target))
    slope = (along(0.01) - along(-0.01)) / 0.02
    # Central differences of a curve in float32: to some parts in a thousand.
    assert float(jax.grad(along)(0.0)) == pytest.approx(float(slope), rel=1e-2)


def test_the_wasserstein_loss_is_relative_and_sees_a_shift_that_keeps_the_covariance():
    statistic = WassersteinStatistic()
    x, target = layer(9), layer(10)
    assert float(loss(statistic, 7.0 * x, 7.0 * target)) == pytest.approx(
        float(loss(statistic, x, target)), rel=1e-4
    )
    moved = float(loss(statistic, target + 1.0, target))
    size = float(jnp.sum(jnp.mean(jnp.square(target), axis=(0, 1))))
    assert moved == pytest.approx(target.shape[-1] / size, rel=1e-3)


def test_it_has_a_finite_gradient_where_a_layer_has_fewer_positions_than_channels():
    statistic = WassersteinStatistic()
    x = layer(11, 2, 2, 12).at[..., 3].set(0.0)  # and a channel that never answers
    slope = jax.grad(lambda x: loss(statistic, x, layer(12, 4, 4, 12).at[..., 3].set(0.0)))(x)
    assert np.isfinite(slope).all()
    assert float(jnp.abs(slope).max()) > 0.0


def test_a_plain_matrix_is_a_gram_target_and_others_say_what_they_are():
    assert all(isinstance(statistic, StyleStatistic) for statistic in STATISTICS.values())
    gram, other = STATISTICS["gram"], STATISTICS["wasserstein"]
    matrix = jnp.eye(3)
    assert target_of(gram, matrix) is matrix
    assert statistic_of(matrix) == (gram, matrix)
    target = target_of(other, matrix)
    assert isinstance(target, StyleTarget)
    assert statistic_of(target) == (other, matrix)
    assert [leaf.shape for leaf in jax.tree.leaves(target)] == [(3, 3)]


def test_a_statistic_of_whole_layers_is_refused_where_tiles_are_asked_for():
    class Whole:
        def moments(self, activation):
            return jnp.max(activation)

        def loss(self, moments, target):
            return jnp.square(moments - target)

    with pytest.raises(ValueError, match=r"Whole\.moments takes no argument 'owned'"):
        check_tiled(Whole())
