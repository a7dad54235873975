"""Procedural clips and paintings are varied, repeatable and lit, blurred and noisy as asked."""

import itertools

import numpy as np
import pytest
from support.moving import HEIGHT, WIDTH, scene_of, square_scene

from jvst.errors import InputError
from jvst.synthetic import (
    Scene,
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
from jvst.synthetic.shapes import Box, Polygon, Skyline, Star, Superellipse, Union


def test_lighting_changes_brightness_and_not_motion():
    plain = scene_of("static")
    lit = make_scene("static", width=WIDTH, height=HEIGHT, lighting=0.2)
    np.testing.assert_array_equal(render(plain, 0), render(lit, 0))
    assert render(lit, 10).mean() > 1.1 * render(plain, 10).mean()
    assert not exact_flow(lit, 0, 10).any()


def test_light_that_changes_in_brightness_and_colour_leaves_the_motion():
    plain = scene_of("market")
    lit = make_scene("market", width=WIDTH, height=HEIGHT, lighting=0.1, colour_drift=0.05)
    np.testing.assert_array_equal(exact_flow(lit, 8, 9), exact_flow(plain, 8, 9))
    np.testing.assert_array_equal(exact_occlusion(lit, 8, 9), exact_occlusion(plain, 8, 9))
    assert render(lit, 9).mean() > 1.05 * render(plain, 9).mean()
    assert render(lit, 30).mean() < 0.95 * render(plain, 30).mean()


def test_colour_drift_goes_from_warm_to_cool_and_starts_neutral():
    plain = scene_of("market")
    drifting = make_scene("market", width=WIDTH, height=HEIGHT, colour_drift=0.05)
    np.testing.assert_array_equal(render(drifting, 0), render(plain, 0))
    for time, red, blue in ((8.5, 1.05, 0.95), (25.5, 0.95, 1.05)):
        here = render(plain, time).astype(float)
        unclipped = here.max(-1) < 240
        gains = render(drifting, time)[unclipped].mean(0) / here[unclipped].mean(0)
        np.testing.assert_allclose(gains, (red, 1, blue), atol=0.003)


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
    weak = name in {"fog", "haze"}
    assert frame.std() > (8 if weak else 15)
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
        (Star(5, 0.4), np.pi * (1 + 0.4**2 / 2) / 1.4**2),
        (Polygon(((-0.5, -0.5), (0.5, -0.5), (0.5, 0.5))), 0.5),
        (Union(((Box(0.2, 0.2), (-0.5, 0.0)), (Box(0.2, 0.2), (0.5, 0.1)))), 0.32),
        # A valley 1 wide and 1.5 deep in ground that reaches up to -0.5.
        (Skyline(np.array([-0.5, 0.0, 0.5]), np.array([-0.5, 1.0, -0.5])), 2 * 1.5 - 0.75),
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
        (lambda: make_scene("demo", colour_drift=1.5), "colour_drift is 1.5.*0 to 1"),
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
