"""A picture seen window by window is the picture seen whole."""

import dataclasses
import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from support.networks import in_double, small_network
from support.once import made_once

from jvst.core.losses import gram_matrix
from jvst.errors import InputError
from jvst.network.layers import LayerTable, vgg19_layers
from jvst.network.vgg import features
from jvst.solver.objective import STYLE_LAYERS, FrameTargets, LossTerms, LossWeights, frame_loss
from jvst.solver.solve import SolverConfig, solve_frame
from jvst.solver.tiles import (
    cut,
    cut_picture,
    tiled_features,
    tiled_loss_and_gradient,
    tiled_moments,
)

# Every term is there, and none is so large that it hides another's error: see the first test.
WEIGHTS = LossWeights(
    content=1.0, style=20.0, temporal=0.5, total_variation=1e-5, style_layers={"relu2_1": 3.0}
)

whole = jax.jit(jax.value_and_grad(frame_loss, has_aux=True))
tiled = jax.jit(tiled_loss_and_gradient, static_argnames="tile")
all_features = jax.jit(features, static_argnames="layers")

slow = pytest.mark.slow

TABLE = vgg19_layers()
SHALLOW = (("relu3_1",), ("relu1_1", "relu2_1", "relu3_1"))
MIDDLE = (("relu4_2",), ("relu1_1", "relu2_1", "relu4_1"))
PAPER = (("relu4_2",), STYLE_LAYERS)


def draw(seed, *shape):
    return jnp.asarray(np.random.default_rng(seed).uniform(size=shape), jnp.float32)


@made_once
def problem(height, width, pooling="max", first_padding="zeros", layers=SHALLOW):
    vgg = small_network(pooling, first_padding)
    content, style = layers
    of_style = all_features(vgg, draw(2, 40, 56, 3), style)
    return (
        draw(0, height, width, 3),
        vgg,
        FrameTargets(
            content=all_features(vgg, draw(1, height, width, 3), content),
            style={layer: gram_matrix(activation) for layer, activation in of_style.items()},
            warped=draw(3, 2, height, width, 3),
            trust=draw(4, 2, height, width),
        ),
        WEIGHTS,
    )


def assert_close(found, expected, part):
    """Every number within a part of the largest of its array."""
    for one, other in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_allclose(one, other, rtol=0, atol=part * np.max(np.abs(other)))


@pytest.mark.parametrize(
    ("size", "pooling", "first_padding", "layers", "tile", "count"),
    [
        ((75, 101), "max", "zeros", SHALLOW, (32, 48), 4),
        pytest.param(*((75, 101), "average", "replicate", SHALLOW, (16, 13), 28), marks=slow),
        pytest.param(*((171, 245), "max", "replicate", MIDDLE, (48, 32), 10), marks=slow),
        pytest.param(*((251, 317), "average", "zeros", PAPER, (32, 48), 12), marks=slow),
        pytest.param(*((251, 317), "max", "zeros", PAPER, (48, 32), 10), marks=slow),
    ],
)
def test_tiled_equals_untiled(size, pooling, first_padding, layers, tile, count):
    given = problem(*size, pooling, first_padding, layers)
    assert cut_picture(*size, TABLE, frozenset(itertools.chain(*layers)), tile).count == count
    (loss, terms), gradient = whole(*given)
    assert all(float(term) > 1e-3 * float(loss) for term in terms)
    found = tiled(*given, tile=tile)
    # Sums over positions in another order: float32 was measured to differ by 3e-6 at the most.
    assert_close(found, ((loss, terms), gradient), 1e-5)


@slow
def test_tiled_equals_untiled_to_ten_digits_in_double():
    image, vgg, targets, weights = problem(75, 101)
    with jax.enable_x64(True):
        double = jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float64), (image, targets))
        given = double[0], in_double(vgg), double[1], weights
        expected = whole(*given)
        found = tiled(*given, tile=(16, 24))
        assert found[1].dtype == jnp.float64
        assert_close(found, expected, 1e-10)


def test_a_tile_as_large_as_the_picture_is_the_untiled_evaluation():
    given = problem(75, 101)
    for found, expected in zip(
        jax.tree.leaves(tiled(*given, tile=(128, 128))), jax.tree.leaves(whole(*given)), strict=True
    ):
        np.testing.assert_array_equal(found, expected)


@slow
def test_without_content_the_content_term_is_zero():
    image, vgg, targets, weights = problem(75, 101)
    given = image, vgg, targets._replace(content={}), weights
    found = tiled(*given, tile=(32, 48))
    assert_close(found, whole(*given), 1e-5)
    assert float(found[0][1].content) == 0.0


@slow
def test_without_style_the_style_term_is_zero():
    image, vgg, targets, weights = problem(75, 101)
    given = image, vgg, targets._replace(style={}), weights
    found = tiled(*given, tile=(32, 48))
    assert_close(found, whole(*given), 1e-5)
    assert float(found[0][1].style) == 0.0


@slow
def test_frames_go_together_under_vmap_as_they_do_alone():
    image, vgg, targets, weights = problem(75, 101)
    images = jnp.stack([image, draw(7, 75, 101, 3)])

    def evaluate(image):
        return tiled_loss_and_gradient(image, vgg, targets, weights, tile=(32, 48))

    together = jax.jit(jax.vmap(evaluate))(images)
    for number, image in enumerate(images):
        alone = tiled(image, vgg, targets, weights, tile=(32, 48))
        assert_close(jax.tree.map(lambda array, k=number: array[k], together), alone, 1e-5)


def test_a_value_that_is_not_finite_shows_in_the_loss():
    image, vgg, targets, weights = problem(75, 101)
    (loss, _), _ = tiled(image.at[74, 100, 0].set(jnp.nan), vgg, targets, weights, tile=(32, 48))
    assert not np.isfinite(loss)


def test_features_and_gram_matrices_come_out_as_of_the_whole_picture():
    image, vgg, _, _ = problem(171, 245, "max", "replicate", MIDDLE)
    layers = ("relu1_1", "pool1", "relu4_1", "relu4_2")
    expected = all_features(vgg, image, layers)

    @jax.jit
    def by_windows(vgg, image):
        options = {"tile": (48, 32)}
        return tiled_features(vgg, image, layers, **options), tiled_moments(
            vgg, image, layers, **options
        )

    found, grams = by_windows(vgg, image)
    assert found.keys() == grams.keys() == expected.keys()
    for layer in layers:
        assert_close(found[layer], expected[layer], 1e-5)
        assert_close(grams[layer], gram_matrix(expected[layer]), 1e-5)


def test_a_tile_without_pixels_is_an_error_of_one_line():
    image, vgg, targets, weights = problem(75, 101)
    with pytest.raises(InputError, match=r"tile 0×32; expected at least 1 pixel a side") as caught:
        tiled_loss_and_gradient(image, vgg, targets, weights, tile=(0, 32))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("layer", ["conv1_1", "conv2_1", "pool2", "conv3_2"])
def test_sight_is_where_the_gradient_of_one_activation_ends(layer):
    vgg = small_network("average")
    middle, size = 24 // TABLE[layer].stride, 64

    @jax.jit
    def pull(image):
        return jax.grad(lambda x: jnp.sum(features(vgg, x, [layer])[layer][middle, middle]))(image)

    # Over several pictures, so that no pixel is missed where an activation is cut off at 0.
    seen = sum(np.abs(np.asarray(pull(draw(seed, size, size, 3)))).sum(-1) for seed in range(4))
    reach, step = TABLE[layer].sight, TABLE[layer].stride
    expected = range(middle * step - reach, (middle + 1) * step + reach)
    for axis in (0, 1):
        np.testing.assert_array_equal(np.flatnonzero(seen.any(axis)), expected)


def test_strides_are_those_of_the_layers_shapes():
    shapes = jax.eval_shape(
        functools.partial(features, layers=TABLE.names), small_network(), jnp.zeros((64, 96, 3))
    )
    for layer, shape in shapes.items():
        assert shape.shape[:2] == (64 // TABLE[layer].stride, 96 // TABLE[layer].stride)


@pytest.mark.parametrize(("reach", "step"), [(1, 1), (10, 4), (38, 8), (70, 16)])
def test_every_pixel_is_owned_once_and_seen_with_its_surroundings(reach, step):
    for size, tile in itertools.product(range(16, 500, 7), (1, 16, 33, 64, 200)):
        cuts = cut(size, tile, reach, step)
        assert cuts.owned[0] == 0
        assert cuts.owned[-1] == size
        assert all(a < b for a, b in itertools.pairwise(cuts.owned))
        assert len(cuts.starts) == len(cuts.owned) - 1
        for start, first, end in zip(cuts.starts, cuts.owned, cuts.owned[1:], strict=False):
            stop = start + cuts.window
            assert start % step == 0
            assert 0 <= start < stop <= size
            # A layer's positions are owned whole, so that every window agrees on whose they are.
            assert first % step == 0
            assert end % step == 0 or end == size
            assert start == 0 or start <= first - reach
            assert stop == size or stop >= end + reach
        if len(cuts.starts) > 1:
            assert cuts.window <= max(tile, step) + 2 * (reach + step)


def test_windows_with_too_narrow_a_margin_do_not_give_the_whole_picture(monkeypatch):
    # The comparison above can fail: the last 4 pixels of the margin matter.
    given = problem(75, 101)
    deepest = TABLE["relu3_1"]
    narrow = dataclasses.replace(deepest, sight=deepest.sight - 4)
    monkeypatch.setattr(LayerTable, "deepest", lambda self, names: narrow)
    cut_picture.cache_clear()
    try:
        found = jax.jit(functools.partial(tiled_loss_and_gradient, tile=(16, 24)))(*given)
    finally:
        cut_picture.cache_clear()
    expected = whole(*given)
    assert isinstance(found[0][1], LossTerms)
    with pytest.raises(AssertionError):
        assert_close(found, expected, 1e-5)


@slow
@pytest.mark.parametrize("optimizer", ["lbfgs", "adam"])
def test_a_tiled_solve_goes_where_the_untiled_one_goes(optimizer):
    image, vgg, targets, weights = problem(75, 101)
    config = SolverConfig(optimizer=optimizer, tolerance=0.0)
    tiles = dataclasses.replace(config, **{"tile": (32, 48)})
    one, info = solve_frame(image, vgg, targets, weights, 6, config=config)
    other, of_tiles = solve_frame(image, vgg, targets, weights, 6, config=tiles)
    np.testing.assert_allclose(of_tiles.reports[-1].loss, info.reports[-1].loss, rtol=1e-4)
    # Six steps amplify the rounding of the first gradient.
    np.testing.assert_allclose(other, one, atol=2e-3)
    assert of_tiles.evaluations == info.evaluations
