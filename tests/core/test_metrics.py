"""Metrics against float64 NumPy, and their zero points."""

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.ndimage import map_coordinates

from jvst import metrics

HEIGHT, WIDTH = 33, 47


def draw(seed, *shape):
    return np.random.default_rng(seed).uniform(size=shape).astype(np.float32)


def warped(image, flow):
    y, x = np.mgrid[:HEIGHT, :WIDTH].astype(np.float64)
    where = [y + flow[..., 1], x + flow[..., 0]]
    channels = np.moveaxis(image.astype(np.float64), -1, 0)
    return np.stack([map_coordinates(c, where, order=1, mode="nearest") for c in channels], -1)


def scene(seed):
    """Two frames, the flow from the first to the second, and a soft mask."""
    image, other = draw(seed, HEIGHT, WIDTH, 3), draw(seed + 1, HEIGHT, WIDTH, 3)
    flow = (6 * draw(seed + 2, HEIGHT, WIDTH, 2) - 3).astype(np.float32)
    return image, other, flow, draw(seed + 3, HEIGHT, WIDTH)


def on_device(arrays):
    return [jnp.asarray(array) for array in arrays]


def panned(pixels):
    """A frame, and the next one of a pan to the right by whole pixels."""
    wide = draw(20, HEIGHT, WIDTH + pixels, 3)
    flow = np.zeros((HEIGHT, WIDTH, 2), np.float32)
    flow[..., 0] = -pixels
    mask = np.zeros((HEIGHT, WIDTH), np.float32)
    mask[:, pixels:] = 1.0
    return wide[:, :WIDTH], wide[:, pixels:], flow, mask


def test_warping_error_squares_the_mask_and_divides_by_all_pixels():
    image, other, flow, mask = scene(0)
    difference = mask[..., None].astype(np.float64) * (warped(other, flow) - image)
    found = metrics.warping_error(*on_device((image, other, flow, mask)))
    assert found == pytest.approx(np.sum(difference**2) / (3 * HEIGHT * WIDTH), rel=1e-5)


def test_masked_warping_error_divides_by_the_trusted_pixels():
    image, other, flow, mask = scene(4)
    squared = np.sum((warped(other, flow) - image) ** 2, -1)
    expected = np.sum(mask.astype(np.float64) * squared) / np.sum(mask.astype(np.float64))
    found = metrics.masked_warping_error(*on_device((image, other, flow, mask)))
    assert found == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("error", [metrics.warping_error, metrics.masked_warping_error])
def test_a_pan_has_no_warping_error_where_it_is_seen_twice(error):
    image, other, flow, mask = on_device(panned(5))
    assert error(image, other, flow, mask) == 0.0
    assert error(image, other, flow, jnp.ones_like(mask)) > 0.0


def test_the_two_warping_errors_differ_by_three_times_the_trusted_part():
    image, other, flow, _ = scene(8)
    mask = (draw(12, HEIGHT, WIDTH) > 0.7).astype(np.float32)
    arguments = on_device((image, other, flow, mask))
    expected = metrics.masked_warping_error(*arguments) * mask.mean() / 3
    assert metrics.warping_error(*arguments) == pytest.approx(float(expected), rel=1e-5)


def test_no_trusted_pixel_is_no_error():
    image, other, flow, mask = on_device(scene(13))
    nothing = jnp.zeros_like(mask)
    assert metrics.warping_error(image, other, flow, nothing) == 0.0
    assert metrics.masked_warping_error(image, other, flow, nothing) == 0.0
    assert metrics.endpoint_error(flow, flow + 1.0, nothing) == 0.0


def test_gradient_energy_of_a_ramp_is_the_square_of_its_slope():
    ramp = np.broadcast_to(0.1 * np.arange(5, dtype=np.float32)[None, :, None], (3, 5, 3))
    # Four of five pixels in a row have a neighbour to their right.
    assert float(metrics.gradient_energy(jnp.asarray(ramp))) == pytest.approx(0.8 * 0.01, rel=1e-5)


def test_luminance_drift_is_mean_and_deviation_over_the_trusted_pixels():
    images, mask = draw(70, 4, HEIGHT, WIDTH, 3), draw(71, HEIGHT, WIDTH) > 0.5
    mean, spread = metrics.luminance_drift(*on_device((images, mask.astype(np.float32))))
    light = images.astype(np.float64) @ [0.2126, 0.7152, 0.0722]
    np.testing.assert_allclose(mean, light[:, mask].mean(1), rtol=1e-5)
    np.testing.assert_allclose(spread, light[:, mask].std(1), rtol=1e-4)


def test_luminance_drift_shows_a_clip_that_darkens():
    gains = np.array([1.0, 0.9, 0.8], np.float32)
    clip = gains[:, None, None, None] * draw(72, HEIGHT, WIDTH, 3)
    mean, spread = metrics.luminance_drift(*on_device((clip, np.ones((HEIGHT, WIDTH), np.float32))))
    np.testing.assert_allclose(mean / mean[0], gains, rtol=1e-5)
    np.testing.assert_allclose(spread / spread[0], gains, rtol=1e-4)


def test_endpoint_error_is_the_mean_distance_over_the_mask():
    flow, truth = draw(80, HEIGHT, WIDTH, 2), draw(81, HEIGHT, WIDTH, 2)
    mask = draw(82, HEIGHT, WIDTH) > 0.5
    expected = np.hypot(*np.moveaxis(flow.astype(np.float64) - truth, -1, 0))[mask].mean()
    found = metrics.endpoint_error(*on_device((flow, truth, mask.astype(np.float32))))
    assert found == pytest.approx(expected, rel=1e-5)


def test_endpoint_error_of_3_across_and_4_down_is_5():
    truth = jnp.zeros((HEIGHT, WIDTH, 2))
    flow = truth + jnp.asarray([3.0, 4.0])
    assert metrics.endpoint_error(flow, truth, jnp.ones((HEIGHT, WIDTH))) == pytest.approx(5.0)


def test_truth_that_is_unknown_counts_nothing():
    flow, truth = jnp.ones((3, 4, 2)), jnp.zeros((3, 4, 2)).at[1, 2].set(jnp.nan)
    mask = jnp.ones((3, 4)).at[1, 2].set(0.0)
    found = metrics.endpoint_error(flow, truth, mask)
    np.testing.assert_allclose(found, np.sqrt(2.0), rtol=1e-6)
