"""Warping against SciPy, and what must be true of it."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.ndimage import map_coordinates
from support import reference

from jvst.core.warp import bilinear_sample as eager_sample
from jvst.core.warp import catmull_rom_sample as eager_sharp_sample
from jvst.core.warp import pixel_grid
from jvst.core.warp import warp as eager_warp

# One program a size, instead of one a step and size.
warp, bilinear_sample = jax.jit(eager_warp), jax.jit(eager_sample)
catmull_rom_sample = jax.jit(eager_sharp_sample)
sharp_warp = jax.jit(functools.partial(eager_warp, kernel="catmull-rom"))


def picture(seed, height=33, width=47, channels=3):
    return np.random.default_rng(seed).uniform(size=(height, width, channels)).astype(np.float32)


def scipy_warp(image, flow):
    y, x = np.mgrid[: flow.shape[0], : flow.shape[1]].astype(np.float64)
    where = [y + flow[..., 1], x + flow[..., 0]]
    channels = np.moveaxis(image.astype(np.float64), -1, 0)
    return np.stack([map_coordinates(c, where, order=1, mode="nearest") for c in channels], -1)


def test_pixel_grid_gives_x_before_y():
    grid = pixel_grid(3, 5, np.dtype(np.float32))
    assert grid.shape == (3, 5, 2)
    np.testing.assert_array_equal(grid[2, 4], [4, 2])


def test_warp_by_zero_is_the_identity():
    image = picture(0)
    np.testing.assert_array_equal(warp(jnp.asarray(image), jnp.zeros((33, 47, 2))), image)


@pytest.mark.parametrize(("dx", "dy"), [(3, 0), (0, -4), (-2, 5)])
def test_warp_by_whole_pixels_is_a_shift(dx, dy):
    image = picture(1)
    flow = np.broadcast_to(np.array([dx, dy], np.float32), (33, 47, 2))
    rows = np.clip(np.arange(33) + dy, 0, 32)
    columns = np.clip(np.arange(47) + dx, 0, 46)
    found = warp(jnp.asarray(image), jnp.asarray(flow))
    np.testing.assert_array_equal(found, image[rows][:, columns])


@pytest.mark.parametrize("shape", [(33, 47, 3), (20, 9, 1), (1, 6, 4)])
def test_warp_is_that_of_scipy(shape):
    image = picture(2, *shape)
    # Large enough to leave the picture on every side.
    flow = np.random.default_rng(3).normal(scale=8, size=(*shape[:2], 2)).astype(np.float32)
    found = warp(jnp.asarray(image), jnp.asarray(flow))
    np.testing.assert_allclose(found, scipy_warp(image, flow), atol=1e-5)


def test_beyond_the_border_the_border_continues():
    image = picture(4)
    far = jnp.asarray([[-1e4, 7.0], [1e4, 7.0], [7.0, -1e4], [7.0, 1e4], [1e9, 1e9]])
    found = bilinear_sample(jnp.asarray(image), far)
    np.testing.assert_array_equal(
        found, [image[7, 0], image[7, 46], image[0, 7], image[32, 7], image[32, 46]]
    )


def test_reading_a_plane_between_pixels_is_exact():
    y, x = np.mgrid[:33, :47].astype(np.float32)
    plane = jnp.asarray(np.stack([x, y, 0.5 * x - 0.25 * y], -1))
    points = np.random.default_rng(5).uniform(0, 32, (4, 50, 2)).astype(np.float32)
    found = bilinear_sample(plane, jnp.asarray(points))
    px, py = points[..., 0], points[..., 1]
    np.testing.assert_allclose(found, np.stack([px, py, 0.5 * px - 0.25 * py], -1), atol=1e-4)


def test_warp_pulls_from_where_the_flow_points():
    dot = jnp.zeros((9, 9, 3)).at[4, 6].set(1.0)
    moved = warp(dot, jnp.zeros((9, 9, 2)).at[..., 0].set(2.0))
    np.testing.assert_array_equal(np.argwhere(moved[..., 0]), [[4, 4]])


def test_warp_is_linear_in_the_picture():
    first, second = jnp.asarray(picture(6)), jnp.asarray(picture(7))
    flow = jnp.asarray(reference.smooth_field(np.random.default_rng(8), 33, 47, 2, 5.0))
    both = warp(0.25 * first + 2.0 * second, flow)
    np.testing.assert_allclose(both, 0.25 * warp(first, flow) + 2.0 * warp(second, flow), atol=1e-5)


def test_gradient_in_the_picture_is_the_weight_of_each_pixel():
    # A warp of 1/4 pixel to the right reads every pixel but the border's once in all.
    flow = jnp.zeros((5, 8, 2)).at[..., 0].set(0.25)
    gradient = jax.jit(jax.grad(lambda image: jnp.sum(warp(image, flow))))(jnp.zeros((5, 8, 1)))
    row = np.r_[0.75, np.ones(6), 1.25]
    np.testing.assert_allclose(gradient[..., 0], np.broadcast_to(row, (5, 8)), atol=1e-6)


def test_gradient_in_the_flow_is_the_slope_of_the_picture():
    y, x = np.mgrid[:6, :9].astype(np.float32)
    plane = jnp.asarray((3.0 * x - 2.0 * y)[..., None])
    flow = jnp.full((6, 9, 2), 0.3)
    gradient = jax.jit(jax.grad(lambda flow: jnp.sum(warp(plane, flow))))(flow)
    np.testing.assert_allclose(gradient[:-1, :-1, 0], np.full((5, 8), 3.0), rtol=1e-5)
    np.testing.assert_allclose(gradient[:-1, :-1, 1], np.full((5, 8), -2.0), rtol=1e-5)
    np.testing.assert_array_equal(gradient[:, -1, 0], 0.0)  # outside: nothing changes


def test_warp_is_the_grid_sample_of_pytorch():
    torch = pytest.importorskip("torch")
    image = picture(9)
    flow = np.random.default_rng(10).normal(scale=8, size=(33, 47, 2)).astype(np.float32)
    y, x = np.mgrid[:33, :47]
    target = np.stack([x, y], -1) + flow.astype(np.float64)
    grid = target / np.array([46, 32]) * 2 - 1
    expected = torch.nn.functional.grid_sample(
        torch.from_numpy(image.astype(np.float64)).permute(2, 0, 1)[None],
        torch.from_numpy(grid)[None],
        mode="bilinear",
        padding_mode="border",
        align_corners=True,
    )
    found = warp(jnp.asarray(image), jnp.asarray(flow))
    np.testing.assert_allclose(found, expected[0].permute(1, 2, 0).numpy(), atol=1e-5)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_vector_that_is_not_finite_leaves_its_pixel_alone(value):
    image = picture(8)
    flow = np.full((33, 47, 2), 1.5, np.float32)
    expected = np.array(warp(jnp.asarray(image), jnp.asarray(flow)))
    expected[4, 5] = image[4, 5]
    flow[4, 5, 1] = value
    np.testing.assert_array_equal(warp(jnp.asarray(image), jnp.asarray(flow)), expected)
    slopes = jax.grad(lambda *given: jnp.sum(eager_warp(*given) ** 2), (0, 1))(
        jnp.asarray(image), jnp.asarray(flow)
    )
    assert all(np.isfinite(slope).all() for slope in slopes)


def keys_cubic(image, points):
    """Keys 1981 with a = -1/2 in float64, tap by tap, limited to the range of its 16 pixels."""

    def weight(x):
        x = abs(x)
        if x < 1:
            return 1.5 * x**3 - 2.5 * x**2 + 1
        return -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2 if x < 2 else 0.0

    h, w, _ = image.shape
    found = []
    for x, y in np.clip(points.astype(np.float64), 0, [w - 1, h - 1]):
        total, taps = np.zeros(3), []
        for row in range(int(y) - 1, int(y) + 3):
            for column in range(int(x) - 1, int(x) + 3):
                taps.append(image[np.clip(row, 0, h - 1), np.clip(column, 0, w - 1)])
                total += weight(y - row) * weight(x - column) * taps[-1].astype(np.float64)
        found.append(np.clip(total, np.min(taps, 0), np.max(taps, 0)))
    return np.array(found)


def test_catmull_rom_is_keys_cubic_within_its_pixels():
    draw = np.random.default_rng(6)
    image = draw.normal(size=(9, 13, 3)).astype(np.float32)
    points = draw.uniform(-3, 15, (200, 2)).astype(np.float32)
    found = catmull_rom_sample(jnp.asarray(image), jnp.asarray(points))
    np.testing.assert_allclose(found, keys_cubic(image, points), atol=1e-5)


def test_catmull_rom_reads_quadratics_exactly():
    y, x = np.mgrid[:33, :47].astype(np.float32) / 8
    image = np.stack([x * x - y, x * y, y * y + 2 * x], -1)
    points = np.random.default_rng(7).uniform(1, 31, (300, 2)).astype(np.float32)
    px, py = points[:, 0] / 8, points[:, 1] / 8
    found = catmull_rom_sample(jnp.asarray(image), jnp.asarray(points))
    # Up to float32's rounding of sums of 16 products of numbers up to 34.
    wanted = np.stack([px * px - py, px * py, py * py + 2 * px], -1)
    np.testing.assert_allclose(found, wanted, atol=1e-4)


def test_catmull_rom_by_whole_pixels_is_a_shift():
    image = picture(8)
    flow = np.broadcast_to(np.array([-2, 5], np.float32), (33, 47, 2))
    rows, columns = np.clip(np.arange(33) + 5, 0, 32), np.clip(np.arange(47) - 2, 0, 46)
    np.testing.assert_array_equal(sharp_warp(image, flow), image[rows][:, columns])


@pytest.mark.parametrize("motion", ["pan", "zoom", "rotation"])
def test_two_hundred_sharp_warps_neither_ring_nor_fade(motion):
    """There and back 100 times: outlines of a square and a disc, levels of 0 and 1."""
    y, x = np.mgrid[:48, :64].astype(np.float32)
    square = (abs(x - 20) < 9) & (abs(y - 20) < 9)
    disc = (x - 44) ** 2 + (y - 30) ** 2 < 90
    image = np.repeat((square | disc)[..., None], 3, -1).astype(np.float32)
    dx, dy = x - 31.5, y - 23.5
    # A third of a pixel a frame, or as much at the border.
    flow = {
        "pan": np.stack([np.full_like(x, 0.37), np.full_like(x, -0.21)], -1),
        "zoom": 0.012 * np.stack([dx, dy], -1),
        "rotation": 0.012 * np.stack([-dy, dx], -1),
    }[motion]

    def kept(warp):
        after = jnp.asarray(image)
        for _ in range(100):
            after = warp(warp(after, flow), -flow)
        after = np.asarray(after)
        assert after.min() >= 0.0
        assert after.max() <= 1.0
        inside = np.s_[4:-4, 4:-4]
        return np.std(after[inside]) / np.std(image[inside])

    # Found: 0.85 to 0.92 by the cubic kernel, 0.45 to 0.64 by the linear one.
    assert kept(sharp_warp) > 0.8
    assert kept(warp) < 0.7
