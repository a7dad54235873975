"""Every function on pixels under jit, vmap and grad."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads
from support import reference

from jvst import metrics
from jvst.core.blend import blend
from jvst.core.consistency import disocclusion, motion_boundary, outside_frame
from jvst.core.image import luminance, resize, to_float, to_uint8
from jvst.core.losses import content_loss, gram_matrix, style_loss, temporal_loss, total_variation
from jvst.core.masks import consistency_mask, long_term_weights
from jvst.core.warp import bilinear_sample, catmull_rom_sample, warp

HEIGHT, WIDTH = 7, 10


def image(rng):
    return rng.uniform(0.3, 0.7, (HEIGHT, WIDTH, 3))


def other(rng):
    return rng.uniform(0.3, 0.7, (HEIGHT, WIDTH, 3))


def levels(rng):
    return rng.integers(0, 256, (HEIGHT, WIDTH, 3)).astype(np.uint8)


def activation(rng):
    return rng.normal(size=(HEIGHT, WIDTH, 4))


def gram(rng):
    return rng.normal(size=(4, 4))


def mask(rng):
    return rng.uniform(size=(HEIGHT, WIDTH))


def masks(rng):
    # Neither at the bend of equation 9 nor within a step of it.
    return np.stack([mask(rng) * 0.3, 0.5 + mask(rng) * 0.2, mask(rng) * 0.2])


def flow(rng):
    # Between pixels and inside the picture, where the warp has a slope.
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    inwards = np.stack([np.where(x < 5, 1, -2), np.where(y < 4, 1, -2)], -1)
    return inwards + rng.uniform(0.2, 0.8, (HEIGHT, WIDTH, 2))


def images(rng):
    return np.stack([image(rng), image(rng)])


def points(rng):
    return rng.integers(0, 6, (5, 4, 2)) + rng.uniform(0.2, 0.8, (5, 4, 2))


soft_mask = functools.partial(consistency_mask, mode="soft")
half_size = functools.partial(resize, size=(6, 4))

DIFFERENTIABLE = {
    "gram_matrix": (gram_matrix, activation),
    "content_loss": (content_loss, activation, activation),
    "style_loss": (style_loss, activation, gram),
    "temporal_loss": (temporal_loss, image, other, mask),
    "total_variation": (total_variation, image),
    "warp": (warp, image, flow),
    "bilinear_sample": (bilinear_sample, image, points),
    "catmull_rom_sample": (catmull_rom_sample, image, points),
    "blend": (lambda x, y, c: blend(x, y, c, 0.5), image, other, mask),
    "long_term_weights": (long_term_weights, masks),
    "luminance": (luminance, image),
    "resize": (half_size, image),
    "warping_error": (metrics.warping_error, image, other, flow, mask),
    "masked_warping_error": (metrics.masked_warping_error, image, other, flow, mask),
    "gradient_energy": (metrics.gradient_energy, image),
    "luminance_drift": (metrics.luminance_drift, images, mask),
    "endpoint_error": (metrics.endpoint_error, flow, flow, mask),
}
# Steps, and whole numbers: without a slope.
STEPS = {
    "to_float": (to_float, levels),
    "to_uint8": (to_uint8, image),
    "outside_frame": (outside_frame, flow),
    "disocclusion": (disocclusion, flow, flow),
    "motion_boundary": (motion_boundary, flow),
    "consistency_mask": (consistency_mask, flow, flow),
    "soft consistency_mask": (soft_mask, flow, flow),
}
EVERY = {**DIFFERENTIABLE, **STEPS}


def draw(makers, seed):
    rng = np.random.default_rng(seed)
    arrays = [maker(rng) for maker in makers]
    return [a if a.dtype == np.uint8 else a.astype(np.float32) for a in arrays]


def assert_same(found, expected):
    for one, another in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        assert one.dtype == another.dtype
        if jnp.issubdtype(one.dtype, jnp.floating):
            np.testing.assert_allclose(one, another, rtol=1e-4, atol=1e-5)
        else:
            np.testing.assert_array_equal(one, another)


@pytest.mark.parametrize("name", EVERY)
def test_jit_and_vmap_are_an_eager_loop(name):
    function, *makers = EVERY[name]
    batch = [draw(makers, seed) for seed in (0, 1)]
    loop = [function(*map(jnp.asarray, arrays)) for arrays in batch]
    stacked = [jnp.asarray(np.stack(arrays)) for arrays in zip(*batch, strict=True)]
    together = jax.jit(jax.vmap(function))(*stacked)
    for i, expected in enumerate(loop):
        assert_same(jax.tree.map(lambda leaf, i=i: leaf[i], together), expected)


@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_derivatives_are_the_slopes(name):
    function, *makers = DIFFERENTIABLE[name]
    rng = np.random.default_rng(2)
    with jax.enable_x64(True):
        arguments = [jnp.asarray(maker(rng), jnp.float64) for maker in makers]
        check_grads(
            jax.jit(function), arguments, order=1, modes=["rev"], rtol=1e-5, atol=1e-6, eps=1e-5
        )


@pytest.mark.slow
def test_second_derivatives_of_the_losses_are_the_slopes_of_the_first():
    rng = np.random.default_rng(3)
    with jax.enable_x64(True):
        for name in ("content_loss", "style_loss", "temporal_loss", "total_variation"):
            function, *makers = DIFFERENTIABLE[name]
            arguments = [jnp.asarray(maker(rng), jnp.float64) for maker in makers]
            check_grads(jax.jit(function), arguments, order=2, modes=["rev"], rtol=1e-4, atol=1e-5)


def test_masks_of_several_lags_under_vmap_are_those_of_a_loop():
    rng = np.random.default_rng(4)
    to, back = (
        np.stack([reference.smooth_field(rng, 33, 47, 2, 4.0) for _ in range(3)]) for _ in range(2)
    )
    together = jax.jit(jax.vmap(soft_mask))(jnp.asarray(to), jnp.asarray(back))
    single = jax.jit(soft_mask)
    for i in range(3):
        alone = single(jnp.asarray(to[i]), jnp.asarray(back[i]))
        np.testing.assert_array_equal(together[i], alone)
