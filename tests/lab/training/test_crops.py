"""Batches of crops: repeatable, in range, varied as often as said."""

import jax
import numpy as np

from jvst.lab.training.crops import random_crops

draw = jax.jit(random_crops, static_argnames=("count", "size"))


def drawn(pictures, seed=0):
    return np.asarray(draw(jax.random.key(seed), pictures, count=128, size=16))


def test_a_key_gives_the_same_crops_and_another_key_others():
    pictures = np.random.default_rng(0).integers(0, 256, (2, 32, 48, 3), np.uint8)
    crops = drawn(pictures)
    assert crops.shape == (128, 16, 16, 3)
    assert crops.min() >= -0.1
    assert crops.max() <= 1.1
    np.testing.assert_array_equal(crops, drawn(pictures))
    assert np.mean(crops != drawn(pictures, seed=1)) > 0.9


def test_half_of_the_crops_have_grain_and_differ_in_colour():
    flat = np.full((2, 32, 48, 3), (90, 130, 160), np.uint8)
    crops = drawn(flat)
    smooth = crops[crops.std(axis=(1, 2)).max(axis=-1) < 1e-5]
    assert 0.35 < len(smooth) / len(crops) < 0.65
    assert len(np.unique(smooth[:, 0, 0].round(4), axis=0)) > 0.9 * len(smooth)


def test_half_of_the_crops_are_seen_at_half_the_size():
    # Single columns of black and white: a mean of two is grey.
    bars = np.zeros((2, 32, 48, 3), np.uint8)
    bars[:, :, ::2] = 255
    crops = drawn(bars)
    steps = [np.abs(np.diff(crops, axis=axis)).mean(axis=(1, 2, 3)) for axis in (1, 2)]
    rough = np.maximum(*steps)
    assert 0.3 < np.mean(rough > 0.3) < 0.7
