"""Encoders and decoders: what they compute, and how far they see."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from support.pairs import small_pair

from jvst.network.convolution import (
    convolution_layer,
    double,
    doubled_convolution_layer,
    plain_convolution,
)
from jvst.network.layers import Step, layer_table, table_from_text
from jvst.network.pairs import decode, encode
from jvst.network.vgg import PLAIN, VGG, features

LEVELS = (1, 2, 3)


def draw(seed, *shape):
    return jnp.asarray(np.random.default_rng(seed).uniform(size=shape), jnp.float32)


def reflected(x, kernel, bias):
    x = jnp.pad(x, ((1, 1), (1, 1), (0, 0)), mode="reflect")
    return plain_convolution(x, kernel, 0, "highest") + bias


def plainly_decoded(pair, x):
    """Layer by layer, every doubled layer written out."""
    for layer in pair.decoder.layers:
        if layer.kind == "conv":
            x = reflected(x, *pair.decoder.parameters(layer.name))
        else:
            x = jax.nn.relu(x) if layer.kind == "relu" else x.repeat(2, 0).repeat(2, 1)
    return x.clip(0.0, 1.0)


@pytest.mark.parametrize("level", LEVELS)
def test_an_encoder_answers_as_the_network_that_it_is(level):
    pair, image = small_pair(level), draw(0, 16, 24, 3)
    name = pair.deepest.name
    expected = jax.jit(features, static_argnums=2)(pair.encoder, image, (name,))[name]
    found = jax.jit(encode)(pair, image)
    assert found.shape == (16 // pair.deepest.stride, 24 // pair.deepest.stride, expected.shape[2])
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("level", LEVELS)
def test_a_decoder_doubles_reflects_and_ends_within_a_picture(level):
    pair = small_pair(level)
    x = 30.0 * draw(1, 4, 5, pair.deepest.channels)
    found = jax.jit(decode)(pair, x)
    step = pair.deepest.stride
    assert found.shape == (4 * step, 5 * step, 3)
    np.testing.assert_allclose(found, jax.jit(plainly_decoded)(pair, x), atol=1e-5)
    assert 0.0 <= float(found.min()) < float(found.max()) <= 1.0


@pytest.mark.parametrize("size", [(2, 2), (3, 7)])
@pytest.mark.parametrize("padding", ["reflect", "replicate"])
def test_a_doubled_convolution_is_that_of_the_doubled_picture_with_its_slopes(size, padding):
    x, kernel = draw(2, *size, 4) - 0.5, draw(3, 3, 3, 4, 5) - 0.5
    bias, outer = draw(4, 5), draw(5, 2 * size[0], 2 * size[1], 5)
    ways = (
        lambda x, kernel: doubled_convolution_layer(x, kernel, bias),
        lambda x, kernel: convolution_layer(double(x), kernel, bias, padding, "float32"),
    )

    def with_slopes(way):
        found, slopes = jax.vjp(way, x, kernel)
        return found, slopes(outer)

    (found, slopes), (expected, wanted) = (jax.jit(with_slopes, static_argnums=0)(w) for w in ways)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    for one, other in zip(slopes, wanted, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4)


@pytest.mark.parametrize("level", LEVELS)
def test_a_pixel_depends_on_no_other_beyond_the_sight_of_the_pair(level):
    pair = small_pair(level)
    row, column = 33, 40
    image = draw(6, 64, 80, 3)

    def pixel(image):
        return jnp.sum(decode(pair, encode(pair, image))[row, column])

    seen = np.argwhere(np.abs(jax.jit(jax.grad(pixel))(image)).sum(2) > 0)
    far = np.abs(seen - (row, column)).max()
    assert 0 < far <= pair.sight


def test_a_table_of_a_decoder_goes_on_where_the_encoder_ends_and_comes_back_from_its_text():
    pair = small_pair(3)
    table = pair.decoder.layers
    assert [layer.stride for layer in table if layer.kind == "double"] == [2, 1]
    assert table.layers[0].inputs == pair.deepest.channels
    assert table_from_text(table.to_text(), after=pair.deepest) == table
    with pytest.raises(ValueError, match="the picture's already"):
        layer_table([Step("up", "double")])


def test_features_follow_a_table_that_doubles():
    table = layer_table([Step("pool", "pool"), Step("up", "double")])
    network, image = VGG(table, preprocessing=PLAIN, rngs=nnx.Rngs(0)), draw(7, 8, 8, 3)
    blocks = features(network, image, ("up",))["up"]
    np.testing.assert_array_equal(blocks[::2, ::2], blocks[1::2, 1::2])
    np.testing.assert_array_equal(blocks[0, 0], image[:2, :2].max((0, 1)))
