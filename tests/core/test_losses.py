"""The loss terms against float64 NumPy, and what must be true of them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from support import reference

from jvst.core.losses import content_loss, gram_matrix, style_loss, temporal_loss, total_variation

SIZES = [(33, 47, 7), (1, 5, 3), (8, 6, 16)]


def draw(seed, *shape):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


@pytest.mark.parametrize("shape", SIZES)
def test_gram_matrix_is_the_float64_formula(shape):
    activation = draw(0, *shape)
    expected = reference.gram(activation.astype(np.float64))
    assert reference.relative_error(gram_matrix(jnp.asarray(activation)), expected) < 1e-5


def test_gram_matrix_is_symmetric_and_forgets_positions():
    activation = draw(1, 9, 5, 6)
    gram = gram_matrix(jnp.asarray(activation))
    np.testing.assert_allclose(gram, gram.T, rtol=1e-6)
    shuffled = np.random.default_rng(2).permutation(activation.reshape(45, 6)).reshape(5, 9, 6)
    np.testing.assert_allclose(gram_matrix(jnp.asarray(shuffled)), gram, rtol=1e-5, atol=1e-7)


def test_gram_matrix_of_ones_is_one_over_the_channels():
    np.testing.assert_allclose(gram_matrix(jnp.ones((7, 11, 4))), np.full((4, 4), 0.25), rtol=1e-6)


def test_gram_matrix_of_half_precision_is_summed_in_float32():
    gram = gram_matrix(jnp.ones((65, 33, 2), jnp.bfloat16))
    assert gram.dtype == jnp.float32
    np.testing.assert_allclose(gram, np.full((2, 2), 0.5), rtol=1e-6)


@pytest.mark.parametrize("shape", SIZES)
def test_content_loss_is_the_mean_over_positions_and_channels(shape):
    activation, target = draw(3, *shape), draw(4, *shape)
    found = content_loss(jnp.asarray(activation), jnp.asarray(target))
    assert found == pytest.approx(reference.mean_square(activation, target), rel=1e-5)


@pytest.mark.parametrize("shape", SIZES)
def test_style_loss_is_the_mean_over_pairs_of_channels(shape):
    activation, other = draw(5, *shape), draw(6, 13, 10, shape[2])
    target = reference.gram(other.astype(np.float64))
    expected = reference.mean_square(reference.gram(activation.astype(np.float64)), target)
    found = style_loss(jnp.asarray(activation), jnp.asarray(target, jnp.float32))
    assert found == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("size", [(33, 47), (1, 4), (6, 5)])
def test_temporal_loss_is_the_weighted_mean_over_pixels_and_channels(size):
    image, warped = draw(7, *size, 3), draw(8, *size, 3)
    weight = np.random.default_rng(9).uniform(size=size).astype(np.float32)
    found = temporal_loss(*map(jnp.asarray, (image, warped, weight)))
    arrays = (array.astype(np.float64) for array in (image, warped, weight))
    assert found == pytest.approx(reference.temporal(*arrays), rel=1e-5)


def test_temporal_loss_divides_by_all_pixels_not_by_the_trusted_ones():
    image, warped = jnp.ones((4, 6, 3)), jnp.zeros((4, 6, 3))
    half = jnp.zeros((4, 6)).at[:2].set(1.0)
    assert temporal_loss(image, warped, half) == pytest.approx(0.5)


def test_temporal_gradient_is_twice_the_weighted_difference():
    # The Torch code's gradient takes the root of the weight; this one is that of the loss.
    image, warped = draw(10, 5, 7, 3), draw(11, 5, 7, 3)
    weight = np.random.default_rng(12).uniform(size=(5, 7)).astype(np.float32)
    found = jax.grad(temporal_loss)(*map(jnp.asarray, (image, warped, weight)))
    np.testing.assert_allclose(
        found, 2 * weight[..., None] * (image - warped) / image.size, rtol=1e-5, atol=1e-8
    )


def test_temporal_loss_forbids_nothing_where_the_weight_is_0():
    image, warped = draw(13, 5, 7, 3), draw(14, 5, 7, 3)
    weight = np.ones((5, 7), np.float32)
    weight[2, 3] = 0.0
    changed = warped.copy()
    changed[2, 3] = 1e3
    arguments = jnp.asarray(image), jnp.asarray(weight)
    found = (temporal_loss(arguments[0], jnp.asarray(w), arguments[1]) for w in (warped, changed))
    assert next(found) == next(found)


@pytest.mark.parametrize("size", [(33, 47), (2, 2), (7, 4)])
def test_total_variation_is_half_the_sum_of_squared_differences(size):
    image = draw(15, *size, 3)
    expected = reference.total_variation(image.astype(np.float64))
    assert total_variation(jnp.asarray(image)) == pytest.approx(expected, rel=1e-5)


def test_total_variation_of_a_flat_picture_is_0():
    assert total_variation(jnp.full((5, 8, 3), 0.3)) == 0.0


def test_every_loss_is_0_at_its_target():
    activation, image = jnp.asarray(draw(16, 9, 5, 6)), jnp.asarray(draw(17, 9, 5, 3))
    assert content_loss(activation, activation) == 0.0
    assert style_loss(activation, gram_matrix(activation)) == 0.0
    assert temporal_loss(image, image, jnp.ones((9, 5))) == 0.0


def test_losses_are_those_of_pytorch():
    torch = pytest.importorskip("torch")
    activation, target = draw(18, 33, 47, 7), draw(19, 33, 47, 7)
    a, b = (torch.from_numpy(x).permute(2, 0, 1).reshape(7, -1) for x in (activation, target))
    grams = [x @ x.T / x.numel() for x in (a, b)]
    mse = torch.nn.functional.mse_loss
    a, b = jnp.asarray(activation), jnp.asarray(target)
    np.testing.assert_allclose(gram_matrix(a), grams[0].numpy(), rtol=1e-4, atol=1e-6)
    assert content_loss(a, b) == pytest.approx(
        float(mse(*map(torch.from_numpy, (activation, target)))), rel=1e-4
    )
    assert style_loss(a, gram_matrix(b)) == pytest.approx(float(mse(*grams)), rel=1e-4)
