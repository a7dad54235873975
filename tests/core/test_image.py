"""8-bit and float pictures, resampling, and colours kept."""

import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image as Pillow

from jvst.core.image import luminance, resize, to_float, to_uint8


def picture(seed, height=33, width=47):
    return np.random.default_rng(seed).uniform(size=(height, width, 3)).astype(np.float32)


def test_every_level_survives_the_way_to_float_and_back():
    levels = np.arange(256, dtype=np.uint8).repeat(3).reshape(16, 16, 3)
    image = to_float(jnp.asarray(levels))
    assert image.dtype == jnp.float32
    assert float(image.min()) == 0.0
    assert float(image.max()) == 1.0
    np.testing.assert_array_equal(to_uint8(image), levels)


def test_to_uint8_rounds_to_the_nearest_level_and_clips():
    values = np.array([-0.5, 0.0, 0.4 / 255, 0.6 / 255, 99.4 / 255, 99.6 / 255, 1.0, 7.0])
    image = jnp.asarray(values[None, :, None].repeat(3, 2), jnp.float32)
    np.testing.assert_array_equal(to_uint8(image)[0, :, 0], [0, 0, 0, 1, 99, 100, 255, 255])


def test_resize_to_the_same_size_is_the_identity():
    image = jnp.asarray(picture(0))
    np.testing.assert_allclose(resize(image, size=(47, 33)), image, atol=1e-6)


def test_resize_takes_width_before_height():
    assert resize(jnp.zeros((33, 47, 5)), size=(20, 11)).shape == (11, 20, 5)


@pytest.mark.parametrize("size", [(23, 16), (47, 70), (95, 21)])
def test_resize_is_the_bicubic_filter_of_pillow(size):
    image = picture(1)
    expected = np.stack(
        [
            np.asarray(
                Pillow.fromarray(np.ascontiguousarray(image[..., i])).resize(
                    size, Pillow.Resampling.BICUBIC
                )
            )
            for i in range(3)
        ],
        -1,
    )
    np.testing.assert_allclose(resize(jnp.asarray(image), size=size), expected, atol=1e-5)


def test_resize_keeps_a_flat_picture_flat():
    np.testing.assert_allclose(
        resize(jnp.full((33, 47, 3), 0.3), size=(14, 71)), np.full((71, 14, 3), 0.3), atol=1e-6
    )


def test_luminance_of_the_primaries_is_rec_709():
    primaries = jnp.eye(3)[None]  # red, green, blue
    np.testing.assert_allclose(luminance(primaries), [[0.2126, 0.7152, 0.0722]], rtol=1e-6)


def test_luminance_of_grey_is_the_grey_level():
    grey = np.linspace(0, 1, 20, dtype=np.float32).reshape(4, 5)
    found = luminance(jnp.asarray(grey[..., None].repeat(3, 2)))
    np.testing.assert_allclose(found, grey, atol=1e-6)
