"""The convolution in fewer products, against float64 and against the plain one."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from support import reference

from jvst.network import convolution, winograd
from jvst.network.vgg import VGG19, features

# Of the largest result. float32 rounds at 6e-8, and the weights of the sums of rows, up to 32,
# lose some of that; measured are 1e-6 to 4e-6 at up to 512 channels.
TOLERANCE = 1e-5
# Shapes for which the choice falls on fewer products, and still small.
CHOSEN = (54, 30, 128, 128)

convolve = jax.jit(winograd.convolve, static_argnames="margin")


def drawn(height, width, channels_in, channels_out, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(height, width, channels_in))
    kernel = rng.normal(size=(3, 3, channels_in, channels_out)) / np.sqrt(9 * channels_in)
    return x, kernel


def single(*arrays):
    return [jnp.asarray(array, jnp.float32) for array in arrays]


@pytest.mark.parametrize("margin", [0, 1, 2])
@pytest.mark.parametrize(
    ("height", "width"), [(12, 9), (13, 8), (7, 5), (6, 6), (5, 3), (3, 4), (31, 7)]
)
def test_fewer_products_give_the_convolution_of_float64_numpy(height, width, margin):
    x, kernel = drawn(height, width, 5, 4)
    found = convolve(*single(x, kernel), margin=margin)
    expected = reference.convolution(x, kernel, margin=margin)
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() < TOLERANCE * np.abs(expected).max()


def test_a_picture_of_one_pixel_is_convolved():
    x, kernel = drawn(1, 1, 3, 2)
    found = convolve(*single(x, kernel))
    expected = np.einsum("c,cd->d", x[0, 0], kernel[1, 1])
    np.testing.assert_allclose(found[0, 0], expected, rtol=1e-5)


@pytest.mark.parametrize("channels", [64, 256])
def test_error_stays_small_with_many_channels(channels):
    x, kernel = drawn(18, 20, channels, channels)
    found = convolve(*single(x, kernel))
    expected = reference.convolution(x, kernel, margin=1)
    assert np.abs(found - expected).max() < TOLERANCE * np.abs(expected).max()


def test_in_float64_both_ways_agree_to_its_rounding():
    x, kernel = drawn(20, 11, 6, 7)
    with jax.enable_x64(True):
        found = np.asarray(convolve(jnp.asarray(x), jnp.asarray(kernel)))
    expected = reference.convolution(x, kernel, margin=1)
    # The weights are fractions with short binary forms or rounded once: 1e-16 times their size.
    assert np.abs(found - expected).max() < 1e-13 * np.abs(expected).max()


@pytest.mark.parametrize("margin", [0, 1])
def test_gradients_of_the_chosen_way_are_those_of_the_plain_one(margin):
    height, width, c, d = CHOSEN
    x, kernel = single(*drawn(height, width, c, d))
    (outer,) = single(drawn(height + 2 * margin - 2, width + 2 * margin - 2, d, 1, seed=1)[0])
    assert winograd.pays(*outer.shape[:2], c, d)

    def pulled(way, x, kernel, outer):
        result, pull = jax.vjp(lambda x, kernel: way(x, kernel, margin, "highest"), x, kernel)
        return (result, *pull(outer))

    ours, theirs = (
        jax.jit(functools.partial(pulled, way))(x, kernel, outer)
        for way in (convolution.convolution, convolution.plain_convolution)
    )
    for found, expected in zip(ours, theirs, strict=True):
        assert found.shape == expected.shape
        assert np.abs(found - expected).max() < TOLERANCE * np.abs(expected).max()


def products_in(function, *arguments):
    """How many convolutions a program holds."""
    return jax.jit(function).lower(*arguments).as_text().count("stablehlo.convolution")


def test_the_program_holds_the_eight_convolutions_where_they_pay_and_one_where_not():
    def called(x, kernel):
        return convolution.convolution(x, kernel, 1, "highest")

    on_cpu = jax.default_backend() == "cpu"
    assert products_in(called, *single(*drawn(*CHOSEN))) == (8 if on_cpu else 1)
    assert products_in(called, *single(*drawn(54, 90, 16, 32))) == 1


def test_lower_precision_and_float64_keep_the_plain_convolution():
    x, kernel = single(*drawn(*CHOSEN))

    def at(precision):
        return lambda x, kernel: convolution.convolution(x, kernel, 1, precision)

    assert products_in(at("high"), x, kernel) == 1
    half = [array.astype(jnp.bfloat16) for array in (x, kernel)]
    assert products_in(at("highest"), *half) == 1
    with jax.enable_x64(True):
        double = [array.astype(jnp.float64) for array in (x, kernel)]
        assert products_in(at("highest"), *double) == 1


def test_it_pays_with_many_channels_and_many_positions_for_each():
    assert winograd.pays(96, 128, 128, 128)
    assert not winograd.pays(96, 128, 64, 64)
    assert winograd.pays(96, 128, 32, 64)
    assert winograd.pays(192, 256, 32, 32)
    assert not winograd.pays(384, 512, 32, 32)  # few channels, and too large for a cache
    assert not winograd.pays(96, 128, 16, 32)  # few channels
    assert not winograd.pays(192, 256, 3, 64)
    assert not winograd.pays(12, 16, 512, 512)  # few positions
    assert not winograd.pays(7, 900, 64, 128)  # 12 rows computed for 7
    assert not winograd.pays(24, 16, 64, 128)  # little work


def test_a_batch_is_a_loop():
    kernel = single(drawn(*CHOSEN)[1])[0]
    pictures = single(*(drawn(*CHOSEN, seed=seed)[0] for seed in (1, 2, 3)))

    def pulled(x):
        result, pull = jax.vjp(lambda x: convolution.convolution(x, kernel, 1, "highest"), x)
        return result, pull(result)[0]

    together = jax.jit(jax.vmap(pulled))(jnp.stack(pictures))
    for i, x in enumerate(pictures):
        for found, alone in zip(together, jax.jit(pulled)(x), strict=True):
            # The same sums, which the back end may order otherwise.
            np.testing.assert_allclose(found[i], alone, atol=1e-5 * np.abs(alone).max())


@pytest.mark.slow
def test_features_of_the_network_are_the_same_with_and_without(monkeypatch):
    vgg = VGG19(width=0.25, rngs=nnx.Rngs(0))
    image = jax.random.uniform(jax.random.key(0), (50, 67, 3))
    layers = ("relu2_2", "relu3_2")  # behind six convolutions, two of them with channels enough
    monkeypatch.setattr(winograd, "_LEAST_WORK", 0)

    def evaluation():
        # New at each call: what JAX has traced, it does not trace again.
        return lambda vgg, image: features(vgg, image, layers)

    with_fewer = jax.jit(evaluation())(vgg, image)
    assert products_in(evaluation(), vgg, image) == 4 + 16
    monkeypatch.setattr(winograd, "pays", lambda *shape, kernel: False)
    assert products_in(evaluation(), vgg, image) == 6
    without = jax.jit(evaluation())(vgg, image)
    for layer in layers:
        assert reference.relative_error(with_fewer[layer], without[layer]) < TOLERANCE


def test_two_runs_are_bit_identical():
    x, kernel = single(*drawn(*CHOSEN))
    np.testing.assert_array_equal(convolve(x, kernel), convolve(x, kernel))


def test_largest_of_a_block_shares_its_gradient_with_its_equals():
    x = jnp.round(3 * jax.random.uniform(jax.random.key(0), (8, 6, 3)))
    outer = jax.random.normal(jax.random.key(1), (4, 3, 3))

    def plain(x):
        return jnp.max(x.reshape(4, 2, 3, 2, 3), axis=(1, 3))

    found, pull = jax.vjp(convolution.largest_of_blocks, x)
    expected, pull_plain = jax.vjp(plain, x)
    np.testing.assert_array_equal(found, expected)
    # Whole numbers of equals: both divide once.
    np.testing.assert_allclose(pull(outer)[0], pull_plain(outer)[0], rtol=1e-6)
