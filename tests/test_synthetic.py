"""Procedural clips: the flow and the occlusion are exact; pictures are varied and repeatable."""

import functools
import itertools

import numpy as np
import pytest

from jvst.errors import InputError
from jvst.synthetic import (
    Layer,
    Motion,
    Scene,
    Texture,
    clip,
    exact_flow,
    exact_occlusion,
    make_scene,
    mixed_pixels,
    painting,
    render,
    training_picture,
)
from jvst.synthetic.paintings import PAINTINGS
from jvst.synthetic.sequences import SEQUENCES
from jvst.synthetic.shapes import (
    Box,
    Everywhere,
    Polygon,
    Ring,
    Star,
    Superellipse,
    Union,
)

WIDTH, HEIGHT = 97, 73


@functools.cache
def scene_of(name, seed=0):
    return make_scene(name, seed=seed, width=WIDTH, height=HEIGHT)


def bilinear(image, x, y):
    """Read an image [h w c] at real positions inside it, in float64."""
    left = np.clip(np.floor(x).astype(int), 0, image.shape[1] - 2)
    top = np.clip(np.floor(y).astype(int), 0, image.shape[0] - 2)
    fx, fy = (x - left)[..., None], (y - top)[..., None]
    image = image.astype(float)
    upper = image[top, left] * (1 - fx) + image[top, left + 1] * fx
    lower = image[top + 1, left] * (1 - fx) + image[top + 1, left + 1] * fx
    return upper * (1 - fy) + lower * fy


def arrive(flow):
    """Positions where the pixels of a flow field end up."""
    y, x = np.mgrid[: flow.shape[0], : flow.shape[1]].astype(float)
    return x + flow[..., 0], y + flow[..., 1]


def grown(mask, radius=2):
    """Mask with every pixel within a square neighbourhood of a masked one."""
    padded = np.pad(mask, radius)
    windows = np.lib.stride_tricks.sliding_window_view(padded, (2 * radius + 1,) * 2)
    return windows.any((-2, -1))


def psnr(squared_error):
    return 10 * np.log10(255**2 / squared_error.mean())


def square_scene(shift, size=20, width=64, height=48):
    """Bright square over a still dark background; it moves by ``shift`` pixels a frame."""
    flat = [np.full((2, 2, 3), value, np.float32) for value in (0.2, 0.9)]
    back = Layer("back", Everywhere(), Texture(flat[0], (0.0, 0.0), 1.0), Motion())
    # Its edges lie between pixels: the centre is at the corner of a pixel.
    motion = Motion(centre=(0.5, 0.5), drift=(shift[0] / height, shift[1] / height))
    box = Box(size / 2 / height, size / 2 / height)
    front = Layer("square", box, Texture(flat[1], (0.0, 0.0), 1.0), motion)
    return Scene(width, height, (back, front))


@pytest.mark.parametrize("name", ["demo", "alley", "bandage", "market"])
def test_exact_flow_warps_the_next_frame_onto_this_one(name):
    scene = make_scene(name, width=160, height=121)
    first, second = render(scene, 5), render(scene, 6)
    flow = exact_flow(scene, 5, 6)
    x, y = arrive(flow)
    hidden = exact_occlusion(scene, 5, 6)
    mixed = mixed_pixels(scene, 5) | hidden
    mixed_there = bilinear(grown(mixed_pixels(scene, 6), 1)[..., None], x, y)[..., 0] > 0
    error = np.square(bilinear(second, x, y) - first)
    interior = ~mixed & ~mixed_there
    assert interior.mean() > 0.6
    assert psnr(error[interior]) > 40
    inside = (x >= 0) & (x <= 159) & (y >= 0) & (y <= 120)
    assert error[hidden & inside].mean() > 30 * error[interior].mean()


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
    pan = Motion(drift=(5 / 48, 0))
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


def test_lighting_changes_brightness_and_not_motion():
    plain = scene_of("static")
    lit = make_scene("static", width=WIDTH, height=HEIGHT, lighting=0.2)
    np.testing.assert_array_equal(render(plain, 0), render(lit, 0))
    assert render(lit, 10).mean() > 1.1 * render(plain, 10).mean()
    assert not exact_flow(lit, 0, 10).any()


def test_noise_has_the_asked_strength_and_is_new_in_each_frame():
    plain = render(scene_of("static"), 0).astype(float)
    noisy = make_scene("static", width=WIDTH, height=HEIGHT, noise=3)
    residues = [render(noisy, time) - plain for time in (0, 1)]
    inner = (plain > 20) & (plain < 235)
    for residue in residues:
        assert residue[inner].std() == pytest.approx(3, rel=0.05)
    assert abs(np.corrcoef(residues[0][inner], residues[1][inner])[0, 1]) < 0.05


def test_motion_blur_is_the_mean_over_the_exposure():
    scene = square_scene((8, 0))
    blurred = Scene(64, 48, scene.layers, shutter=1.0)
    # The right edge passes pixels 38 to 45 during the exposure: brightness falls linearly.
    ramp = 51 + (230 - 51) * (np.arange(8)[::-1] + 0.5) / 8
    np.testing.assert_allclose(render(blurred, 0)[24, 38:46, 0], ramp, atol=5)
    np.testing.assert_array_equal(mixed_pixels(blurred, 0)[24, 38:46], True)


@pytest.mark.parametrize("name", sorted(SEQUENCES))
@pytest.mark.parametrize(("width", "height"), [(32, 32), (61, 33), (33, 70)])
def test_every_scene_renders_at_odd_sizes(name, width, height):
    scene = make_scene(name, seed=1, width=width, height=height)
    frame = render(scene, 2)
    assert frame.shape == (height, width, 3)
    assert frame.dtype == np.uint8
    assert frame.std() > 15
    assert exact_flow(scene, 0, 1).dtype == np.float32


@pytest.mark.parametrize("name", sorted(SEQUENCES))
def test_scenes_repeat_for_a_seed_and_differ_between_seeds(name):
    options = {"width": 48, "height": 37, "noise": 1}
    first, again, other = (
        render(make_scene(name, seed=seed, **options), 3).astype(float) for seed in (4, 4, 5)
    )
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).mean() > 5


def test_clip_is_lazy_and_holds_the_frames_of_whole_times():
    scene = make_scene("demo", width=48, height=37)
    frames = clip(scene, 10**9, start=4)
    for number, frame in enumerate(itertools.islice(frames, 2)):
        np.testing.assert_array_equal(frame, render(scene, 4 + number))
    assert len(list(clip(scene, 3))) == 3


def test_every_size_shows_the_same_picture():
    small = render(make_scene("demo", width=96, height=72), 0).astype(float)
    large = render(make_scene("demo", width=192, height=144), 0).astype(float)
    shrunk = large.reshape(72, 2, 96, 2, 3).mean((1, 3))
    assert np.abs(small - shrunk).mean() < 8


@pytest.mark.parametrize(
    ("shape", "area"),
    [
        (Superellipse(0.8, 0.5), np.pi * 0.4),
        (Superellipse(0.8, 0.5, 60.0), 1.6),
        (Box(0.3, 0.9), 4 * 0.27),
        (Ring(0.5), np.pi * 0.75),
        (Star(5, 0.4), np.pi * (1 + 0.4**2 / 2) / 1.4**2),
        (Polygon(((-0.5, -0.5), (0.5, -0.5), (0.5, 0.5))), 0.5),
        (Union(((Box(0.2, 0.2), (-0.5, 0.0)), (Box(0.2, 0.2), (0.5, 0.1)))), 0.32),
    ],
    ids=lambda value: type(value).__name__,
)
def test_shapes_have_their_analytic_area_and_lie_within_their_radius(shape, area):
    ticks = (np.arange(800) + 0.5) / 400 - 1
    u, v = (grid.ravel() for grid in np.meshgrid(ticks, ticks))
    inside = shape.inside(u, v)
    assert inside.sum() / 400**2 == pytest.approx(area, rel=0.02)
    assert np.hypot(u, v)[inside].max() <= shape.radius


@pytest.mark.parametrize("name", sorted(PAINTINGS))
def test_paintings_are_rich_repeatable_and_differ_between_seeds(name):
    first, again, other = (painting(name, 65, 49, seed=seed) for seed in (1, 1, 2))
    assert first.shape == (49, 65, 3)
    assert first.dtype == np.uint8
    np.testing.assert_array_equal(first, again)
    assert np.abs(first.astype(float) - other).mean() > 5
    assert first.std() > 25
    # Texture, not only broad gradients: neighbours differ.
    assert np.abs(np.diff(first.astype(float), axis=1)).mean() > 4


def test_numbered_paintings_run_through_all_kinds():
    kinds = [painting(number, 40, 36) for number in range(len(PAINTINGS))]
    named = [painting(name, 40, 36, seed=n) for n, name in enumerate(sorted(PAINTINGS))]
    for one, other in zip(kinds, named, strict=True):
        np.testing.assert_array_equal(one, other)


def test_training_pictures_are_varied_and_repeatable():
    pictures = np.stack([training_picture(seed, 49, 41) for seed in range(30)]).astype(float)
    assert pictures.shape == (30, 41, 49, 3)
    np.testing.assert_array_equal(training_picture(7, 49, 41), pictures[7])
    contrast = pictures.std((1, 2, 3))
    assert contrast.min() > 3
    assert contrast.std() > 8
    means = pictures.mean((1, 2))
    assert (means.std(0) > 15).all()
    sharpness = np.abs(np.diff(pictures, axis=2)).mean((1, 2, 3))
    assert sharpness.max() > 8 * sharpness.min()
    distances = np.abs(pictures[:, None] - pictures[None]).mean((2, 3, 4))
    assert distances[~np.eye(30, dtype=bool)].min() > 5


def test_an_unknown_scene_or_painting_is_answered_with_the_names():
    with pytest.raises(InputError, match=r"sintel.*alley.*demo.*static"):
        make_scene("sintel")
    with pytest.raises(InputError, match=r"guernica.*mosaic.*swirls"):
        painting("guernica", 64, 64)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: make_scene("demo", width=31, height=64), "31x64.*at least 32"),
        (lambda: painting("wash", 64, 8), "64x8.*at least 32"),
        (lambda: training_picture(0, 0, 64), "0x64.*at least 32"),
        (lambda: training_picture(-1, 64, 64), "seed is -1"),
        (lambda: painting(-3, 64, 64), "seed is -3"),
        (lambda: make_scene("demo", seed=-1), "seed is -1"),
        (lambda: make_scene("demo", shutter=1.5), "shutter is 1.5.*0 to 1"),
        (lambda: make_scene("demo", noise=-2.0), "noise is -2"),
        (lambda: make_scene("demo", lighting=float("nan")), "lighting is nan"),
        (lambda: make_scene("demo", speed=float("inf")), "speed is inf"),
        (lambda: clip(square_scene((0, 0)), 0), "0 frames.*at least 1"),
        (lambda: render(square_scene((0, 0)), float("nan")), "time nan"),
        (lambda: render(square_scene((0, 0)), 0, supersampling=0), "supersampling is 0"),
    ],
)
def test_bad_input_is_answered_in_one_line(call, message):
    with pytest.raises(InputError, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)
