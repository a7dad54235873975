"""Solves keep the frame's own type, with 64-bit types enabled, too, and refuse half precision."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from support.networks import in_double
from support.problems import WEIGHTS, network, picture

from jvst import ClipConfig, Motion, SolverConfig, frame_loss, stylize_clip
from jvst import features as eager_features
from jvst.film.starts import noise_image
from jvst.solver.objective import FrameTargets, content_targets, style_targets

LAYERS = ("relu1_1", "relu2_1")
features = jax.jit(eager_features, static_argnums=2)
HEIGHT, WIDTH = 32, 40


def stylized(dtype, optimizer):
    """A frame from noise and one after it."""
    frames = [np.asarray(picture(seed, HEIGHT, WIDTH), dtype) for seed in (1, 2)]
    still = np.zeros((HEIGHT, WIDTH, 2), dtype)
    config = ClipConfig(
        first_iterations=2,
        next_iterations=2,
        content_layers=LAYERS[1:],
        solver=SolverConfig(optimizer, history=2),
    )
    style = style_targets(network(), frames[:1], layers=LAYERS)
    return list(
        stylize_clip(
            frames,
            [{}, {1: Motion(still, still)}],
            network(),
            style,
            WEIGHTS,
            config=config,
            key=jax.random.key(0),
        )
    )


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", ["lbfgs", "adam"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_clip_from_noise_keeps_its_type_where_64_bits_are_enabled(dtype, optimizer):
    network()  # made without them
    with jax.enable_x64(True):
        for frame in stylized(dtype, optimizer):
            assert frame.image.dtype == dtype
            assert frame.info.fallback == "none"


def test_noise_is_of_the_type_asked_for():
    key = jax.random.key(0)
    expected = noise_image(key, (4, 5, 3))
    with jax.enable_x64(True):
        assert noise_image(key, (4, 5, 3)).dtype == np.float32
        np.testing.assert_array_equal(noise_image(key, (4, 5, 3)), expected)
        assert noise_image(key, (4, 5, 3), jnp.dtype(jnp.float64)).dtype == np.float64


def test_activations_are_as_precise_as_the_picture():
    image = np.asarray(picture(1, HEIGHT, WIDTH))
    network()
    with jax.enable_x64(True):
        double = features(network(), image.astype(np.float64), LAYERS)
        exact = features(in_double(network()), image.astype(np.float64), LAYERS)
        single = features(in_double(network()), image, LAYERS)
        for name in LAYERS:
            assert double[name].dtype == np.float64
            assert single[name].dtype == np.float32
            np.testing.assert_array_equal(double[name], exact[name])
            np.testing.assert_allclose(single[name], exact[name], rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("half", [jnp.bfloat16, jnp.float16])
def test_a_picture_in_half_precision_is_evaluated_in_float32(half):
    image = picture(1, HEIGHT, WIDTH).astype(half)
    single = image.astype(jnp.float32)
    for name, layer in features(network(), image, LAYERS).items():
        np.testing.assert_array_equal(layer, features(network(), single, LAYERS)[name])
    targets = FrameTargets(
        jax.jit(content_targets, static_argnames="layers")(network(), image, layers=LAYERS[:1]),
        jax.jit(style_targets, static_argnames="layers")(network(), [image], layers=LAYERS),
        jnp.zeros((1, HEIGHT, WIDTH, 3)),
        jnp.ones((1, HEIGHT, WIDTH)),
    )
    slope = jax.jit(jax.grad(lambda x: frame_loss(x, network(), targets, WEIGHTS)[0]))
    assert slope(image).dtype == half
    np.testing.assert_array_equal(slope(image), slope(single).astype(half))
