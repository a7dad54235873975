"""The true motion of procedural clips: pictures, outlines and layers agree with it."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from support.moving import (
    HEIGHT,
    WIDTH,
    arrive,
    bilinear,
    cubic,
    grown,
    psnr,
    scene_of,
    seen_in_both,
    square_scene,
)

from jvst.synthetic import (
    Layer,
    Scene,
    Texture,
    Trajectory,
    exact_flow,
    exact_occlusion,
    make_scene,
    mixed_pixels,
    render,
)
from jvst.synthetic.noise import haze, mist
from jvst.synthetic.scene import pixel_grid, visible_layer
from jvst.synthetic.sequences import SEQUENCES

NAMES = (
    "alley",
    "ambush",
    "bandage",
    "blur",
    "crossing",
    "fog",
    "harbour",
    "haze",
    "market",
    "static",
)


@pytest.mark.parametrize("name", [*NAMES, "demo"])
def test_exact_flow_warps_the_next_frame_onto_this_one(name):
    # Reading between pixels bilinearly softens detail: 43 dB in the market's cobbles, 48 in
    # bandage. Blur compares two exposures, which differ more: 36 dB.
    scene = make_scene(name, width=160, height=121)
    first, second = render(scene, 5), render(scene, 6)
    x, y = arrive(exact_flow(scene, 5, 6))
    error = np.square(bilinear(second, x, y) - first)
    interior = seen_in_both(scene, 5, 6)
    assert interior.mean() > (0.6 if name != "blur" else 0.45)
    assert psnr(error[interior]) > (42 if name != "blur" else 34)
    hidden = exact_occlusion(scene, 5, 6) & (x >= 0) & (x <= 159) & (y >= 0) & (y <= 120)
    if name not in {"static", "blur"}:
        assert error[hidden].mean() > 30 * error[interior].mean()


@pytest.mark.parametrize("name", NAMES)
def test_flow_is_exact_to_the_rounding_of_the_pictures(name):
    # Rounding both frames to 8 bits leaves 2/12 squared levels, 55.9 dB; cubic splines come
    # within 4 dB of that, and a flow that is wrong by a quarter of a pixel is far from it.
    scene = make_scene(name, width=160, height=121, shutter=0.0)
    first, second = render(scene, 9), render(scene, 10)
    x, y = arrive(exact_flow(scene, 9, 10))
    interior = seen_in_both(scene, 9, 10)
    exact = psnr(np.square(cubic(second, x, y) - first)[interior])
    assert exact > 51
    less = 8 if name not in {"fog", "haze"} else 2.5  # weak texture and flat areas show less of it
    for dx, dy in ((0.25, 0), (0, -0.25)):
        assert psnr(np.square(cubic(second, x + dx, y + dy) - first)[interior]) < exact - less


@pytest.mark.parametrize("name", ["ambush", "market"])
def test_flow_of_blurred_frames_is_that_of_the_sharp_ones(name):
    sharp, blurred = (
        make_scene(name, width=160, height=121, shutter=shutter) for shutter in (0.0, 0.5)
    )
    flow = exact_flow(blurred, 3, 4)
    np.testing.assert_array_equal(flow, exact_flow(sharp, 3, 4))
    np.testing.assert_array_equal(exact_occlusion(blurred, 3, 4), exact_occlusion(sharp, 3, 4))
    first, second = render(blurred, 3), render(blurred, 4)
    assert np.abs(first.astype(float) - render(sharp, 3)).mean() > 0.1
    (x, y), interior = arrive(flow), seen_in_both(blurred, 3, 4)
    exact = psnr(np.square(bilinear(second, x, y) - first)[interior])
    for dx, dy in ((0.5, 0), (-0.5, 0), (0, 0.5), (0, -0.5)):
        shifted = bilinear(second, x + dx, y + dy)
        assert psnr(np.square(shifted - first)[interior]) < exact - 4


def test_zero_flow_explains_the_demo_far_worse_than_the_exact_flow():
    scene = make_scene("demo", width=160, height=121)
    first, second = render(scene, 5).astype(float), render(scene, 6).astype(float)
    assert psnr(np.square(first - second)) < 25


@pytest.mark.parametrize("name", sorted(SEQUENCES))
@pytest.mark.parametrize("times", [(3, 4), (4, 3), (2.25, 9.5)])
def test_flow_there_and_back_closes_on_visible_pixels(name, times):
    scene = scene_of(name, 2)
    there, back = exact_flow(scene, *times), exact_flow(scene, *times[::-1])
    # Bilinear reading of the way back is exact where all four neighbours share one affine motion.
    owner_is_mixed = mixed_pixels(scene, times[1])
    x, y = arrive(there)
    inner = ~exact_occlusion(scene, *times)
    inner &= bilinear(grown(owner_is_mixed)[..., None], x, y)[..., 0] == 0
    closure = np.abs(there + bilinear(back, x, y))[inner]
    assert inner.mean() > 0.1
    assert closure.max() < 1e-4


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("times", [(3, 4), (4, 3), (2, 12)])
def test_occlusion_is_what_a_picture_of_flat_colours_shows(name, times):
    scene = scene_of(name)
    # Each layer in a colour of its own, drawn 9 times as large without softened edges.
    layers = tuple(
        replace(
            layer, texture=Texture(np.full((2, 2, 3), number / 255, np.float32), (0.0, 0.0), 1.0)
        )
        for number, layer in enumerate(scene.layers)
    )
    small = replace(scene, layers=layers, shutter=0.0)
    large = replace(small, width=9 * WIDTH, height=9 * HEIGHT)
    owner = render(small, times[0], supersampling=1)[..., 0]
    owner_there = render(large, times[1], supersampling=1)[..., 0]
    x, y = arrive(exact_flow(scene, *times))
    column, row = np.rint(9 * x + 4).astype(int), np.rint(9 * y + 4).astype(int)
    inside = (x >= 0) & (x <= WIDTH - 1) & (y >= 0) & (y <= HEIGHT - 1)
    shown = owner_there[np.clip(row, 0, 9 * HEIGHT - 1), np.clip(column, 0, 9 * WIDTH - 1)]
    expected = ~inside | (shown != owner)
    occluded = exact_occlusion(scene, *times)
    # They may differ by an eighteenth of a pixel, along the outlines.
    near_outline = mixed_pixels(replace(scene, shutter=0.0), times[1])
    if name == "harbour":  # tips of reeds lie between the points at which a pixel is looked at
        near_outline = grown(near_outline, 1)
    x, y = np.clip(np.rint(x), 0, WIDTH - 1), np.clip(np.rint(y), 0, HEIGHT - 1)
    outlines = near_outline[y.astype(int), x.astype(int)]
    np.testing.assert_array_equal(occluded[~outlines], expected[~outlines])
    assert (occluded != expected).mean() < 0.005
    assert occluded.any() == (name != "static")


def test_a_sunflower_of_the_market_vanishes_behind_a_parasol_and_comes_back():
    scene = make_scene("market", width=256, height=112)
    number = [layer.name for layer in scene.layers].index("sunflower")
    x, y = pixel_grid(scene)
    seen = [(visible_layer(scene, t, x, y) == number).sum() for t in range(24)]
    assert seen[1] > 150
    assert seen[7] == 0
    assert seen[14] > 150
    # Some of it that frame 12 shows is hidden in frame 11 and was seen in frame 2, as it is now.
    back = exact_occlusion(scene, 12, 11) & ~exact_occlusion(scene, 12, 2)
    back &= visible_layer(scene, 12, x, y) == number
    back &= ~mixed_pixels(scene, 12)
    assert back.sum() > 10
    now = render(scene, 12)
    error = {
        t: np.abs(bilinear(render(scene, t), *arrive(exact_flow(scene, 12, t))) - now)[back].mean()
        for t in (2, 11)
    }
    assert error[2] < 10
    assert error[11] > 5 * error[2]


def test_the_crate_of_the_crossing_leaves_the_frame_and_comes_back():
    scene = make_scene("crossing", width=128, height=55)
    number = [layer.name for layer in scene.layers].index("crate")
    x, y = pixel_grid(scene)
    seen = [(visible_layer(scene, t, x, y) == number).sum() for t in range(48)]
    gone = [t for t in range(48) if seen[t] == 0]
    # Half the width of the frame is more than the 17×13 pixels of the crate need.
    assert gone and max(seen[: gone[0]]) > 100 and max(seen[gone[-1] :]) > 100


def test_fog_moves_as_the_crossing_and_is_five_times_weaker():
    crossing, fog = scene_of("crossing"), scene_of("fog")
    np.testing.assert_array_equal(exact_flow(fog, 3, 4), exact_flow(crossing, 3, 4))
    inside = ~grown(mixed_pixels(crossing, 3), 1)
    # Differences of neighbours inside one layer: its texture, without the layers' own colours.
    detail = [
        np.abs(np.diff(render(scene, 3).astype(float), axis=1))[inside[:, 1:] & inside[:, :-1]]
        for scene in (crossing, fog)
    ]
    assert detail[0].mean() > 4 * detail[1].mean()
    # A part of the fog is flat: nothing changes there but by rounding.
    assert (detail[1].max(-1) <= 1).mean() > 0.2


def test_haze_has_half_of_the_flat_ground_of_fog_and_less():
    v, u = np.meshgrid(np.linspace(-1, 1, 160), np.linspace(-2, 2, 320), indexing="ij")
    flat = []
    for ground in (mist, haze):
        pictures = [
            ground(np.random.default_rng(seed), *(x.astype(np.float32) for x in (u, v)), texel=0.01)
            for seed in range(6)
        ]
        steps = np.abs(np.diff(np.stack(pictures), axis=2)).max(-1)
        flat.append((steps == 0.0).mean())
    assert flat[0] > 0.05 and 0.0 < flat[1] < 0.5 * flat[0]


def test_static_scene_has_exactly_no_flow_and_no_occlusion():
    scene = scene_of("static")
    assert not exact_flow(scene, 0, 7.5).any()
    assert not exact_occlusion(scene, 0, 7.5).any()
    np.testing.assert_array_equal(render(scene, 0), render(scene, 31))


@pytest.mark.parametrize("shift", [(3, 0), (-4, 2), (0, -5)])
def test_moving_square_hides_exactly_the_strip_in_front_of_it(shift):
    scene = square_scene(shift)
    y, x = np.mgrid[:48, :64]
    dx, dy = shift

    def square(time):
        in_x = (x >= 22 + time * dx) & (x < 42 + time * dx)
        return in_x & (y >= 14 + time * dy) & (y < 34 + time * dy)

    np.testing.assert_array_equal(exact_occlusion(scene, 0, 1), square(1) & ~square(0))
    # Seen from the later frame, what it uncovered can't be found in the earlier one.
    np.testing.assert_array_equal(exact_occlusion(scene, 1, 0), square(0) & ~square(1))
    expected = square(0)[..., None] * np.array([dx, dy])
    np.testing.assert_allclose(exact_flow(scene, 0, 1), expected, atol=1e-5)
    np.testing.assert_array_equal(
        render(scene, 1), np.where(square(1), 230, 51)[..., None] + [0] * 3
    )


def test_points_that_leave_the_frame_are_occluded():
    scene = square_scene((0, 0))
    pan = Trajectory(drift=(5 / 48, 0))
    layers = tuple(Layer(layer.name, layer.shape, layer.texture, pan) for layer in scene.layers)
    panned = Scene(64, 48, layers)
    expected = np.broadcast_to(np.arange(64) > 58, (48, 64))
    np.testing.assert_array_equal(exact_occlusion(panned, 0, 1), expected)


def test_mixed_pixels_are_those_with_an_edge_inside():
    scene = square_scene((0.5, 0))
    y, x = np.mgrid[:48, :64]
    between = (y >= 14) & (y < 34) & ((x == 22) | (x == 42))
    mixed = mixed_pixels(scene, 1)
    assert mixed[between].all()
    near = (y >= 12) & (y < 36) & (x >= 20) & (x < 45)
    assert not mixed[~near].any()
    assert not mixed[16:32, 24:41].any()
    np.testing.assert_allclose(render(scene, 1, supersampling=4)[20, 22], 140.5, atol=1)


def test_speed_is_a_factor_on_time():
    once = scene_of("demo")
    twice = make_scene("demo", width=WIDTH, height=HEIGHT, speed=2)
    np.testing.assert_array_equal(exact_flow(twice, 3, 4), exact_flow(once, 6, 8))
    np.testing.assert_array_equal(render(twice, 3), render(once, 6))
    stopped = make_scene("demo", width=WIDTH, height=HEIGHT, speed=0)
    assert not exact_flow(stopped, 0, 9).any()


def test_ambush_moves_much_faster_than_alley():
    fast, slow = (
        np.hypot(*np.moveaxis(exact_flow(scene, 1, 2), -1, 0)).mean()
        for scene in (scene_of(name) for name in ("ambush", "alley"))
    )
    assert fast > 5 * slow > 0


def test_the_nearer_a_layer_of_the_harbour_the_faster_it_moves():
    scene = scene_of("harbour")
    owner = visible_layer(scene, 11, *pixel_grid(scene))
    flow = exact_flow(scene, 11, 12)
    names = ("harbour sky", "far range", "middle range", "castle hill", "cypresses", "bank")
    numbers = [[layer.name for layer in scene.layers].index(name) for name in names]
    speeds = [flow[owner == number].mean(0) for number in numbers]
    assert all(far[0] < 0.9 * near[0] for far, near in itertools.pairwise(speeds))
    np.testing.assert_allclose([speed[1] for speed in speeds], 0, atol=1e-6)


def test_the_water_of_the_harbour_moves_as_flat_ground_does():
    scene = scene_of("harbour")
    number = [layer.name for layer in scene.layers].index("harbour water")
    rows, columns = np.nonzero(visible_layer(scene, 11, *pixel_grid(scene)) == number)
    across, down = np.moveaxis(exact_flow(scene, 11, 12)[rows, columns], -1, 0)
    growth, least = np.polyfit(rows, across, 1)
    # The nearest row moves at least twice as far as the farthest, all on one straight line.
    np.testing.assert_allclose(across, growth * rows + least, atol=1e-5)
    assert across[rows.argmax()] > 2 * across[rows.argmin()] > 0
    np.testing.assert_allclose(down, 0, atol=1e-6)
