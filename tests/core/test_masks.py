"""Masks with knobs: the reasons apart, weighted, widened and softened; ijcv and photometric."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import ndimage

from jvst.core import masks
from jvst.core.consistency import corner_strength, mask_reasons
from jvst.core.image import gaussian_blur
from jvst.core.masks import MaskKnobs, grow, knobs_of, minimum_near, soften
from jvst.errors import InputError
from jvst.synthetic import exact_flow, exact_occlusion, make_scene, render

# Op by op they compile for seconds.
consistency_mask = jax.jit(masks.consistency_mask, static_argnames=("mode", "edge"))
shaped_mask = jax.jit(masks.shaped_mask, static_argnames=("mode", "edge", "knobs"))
MODES = ("binary", "soft", "ijcv", "photometric")
SIZE = (47, 61)


@pytest.fixture(scope="module")
def moving():
    """A frame of a crowd and the one before, the exact motion to that and back, what it hides."""
    scene = make_scene("market", width=120, height=90, speed=2.0)
    image, other = (jnp.asarray(render(scene, t), jnp.float32) / 255 for t in (3.0, 2.0))
    flow, back = (jnp.asarray(exact_flow(scene, *t)) for t in ((3, 2), (2, 3)))
    return image, other, flow, back, exact_occlusion(scene, 3, 2)


def random_flows(seed, scale=2.0):
    random = np.random.default_rng(seed)
    smooth = [ndimage.gaussian_filter(random.normal(size=(*SIZE, 2)), (3, 3, 0)) for _ in "ab"]
    return [jnp.asarray(scale * 8 * f, jnp.float32) for f in smooth]


def random_area(seed, share=0.02):
    return np.random.default_rng(seed).uniform(size=SIZE) < share


# the reasons


@pytest.mark.parametrize("edge", ["clamp", "torch"])
def test_reasons_together_are_the_binary_mask(edge):
    for seed in range(3):
        flow, back = random_flows(seed)
        reasons = mask_reasons(flow, back, edge=edge)
        together = reasons.disoccluded | reasons.outside | reasons.boundary
        np.testing.assert_array_equal(
            ~together, consistency_mask(flow, back, edge=edge).astype(bool)
        )
        assert all(0 < float(jnp.mean(reason)) < 1 for reason in reasons)


def test_disoccluded_and_outside_are_what_a_scene_uncovers(moving):
    _, _, flow, back, hidden = moving
    reasons = mask_reasons(flow, back)
    found = np.asarray(reasons.disoccluded | reasons.outside)
    # What moves by less than 0.7 px against what it hides is let through, by definition.
    assert (found & hidden).sum() > 0.85 * hidden.sum()
    assert (found & hidden).sum() > 0.75 * found.sum()
    assert not np.asarray(reasons.boundary)[hidden].all()


# ijcv


def reference_ijcv(image, flow, back):
    """The mode in float64 with SciPy, from its description."""
    image, flow, back = (np.asarray(a, np.float64) for a in (image, flow, back))
    padded = np.pad(image, ((1, 1), (1, 1), (0, 0)), mode="symmetric")
    dx = (padded[1:-1, 2:] - padded[1:-1, :-2]) / 2
    dy = (padded[2:, 1:-1] - padded[:-2, 1:-1]) / 2
    tensor = np.empty((*image.shape[:2], 2, 2))
    for i, a in enumerate((dx, dy)):
        for j, b in enumerate((dx, dy)):
            tensor[..., i, j] = ndimage.gaussian_filter((a * b).sum(-1), 3, radius=9)
    corner = np.linalg.eigvalsh(tensor)[..., 0]
    mean = corner.mean()
    height, width = corner.shape
    y, x = np.mgrid[:height, :width]
    qx, qy = x + flow[..., 0], y + flow[..., 1]
    there = np.stack(
        [ndimage.map_coordinates(back[..., i], [qy, qx], order=1, mode="nearest") for i in (0, 1)],
        -1,
    )
    miss = ((flow + there) ** 2).sum(-1)
    limit = 0.01 * ((flow**2).sum(-1) + (there**2).sum(-1)) + 0.5
    limit += 4 / mean * np.maximum(0, mean / 2 - corner)
    bad = (miss >= limit) | (qx < 0) | (qy < 0) | (qx > width - 1) | (qy > height - 1)
    return 1 - ndimage.maximum_filter(bad.astype(float), 7, mode="nearest")


def test_ijcv_is_its_description(moving):
    image, _, flow, back, _ = moving
    flow = flow + 0.3 * jnp.sin(jnp.arange(flow.shape[1], dtype=flow.dtype) / 3)[None, :, None]
    mask = consistency_mask(flow, back, mode="ijcv", image=image)
    expected = reference_ijcv(image, flow, back)
    assert 0.02 < expected.mean() < 0.98
    # A pixel at the threshold may fall on the other side in float32, with its 7×7 around.
    assert (np.asarray(mask) != expected).mean() < 0.01


def test_corner_strength_is_0_along_an_edge_and_large_at_a_corner():
    image = np.zeros((60, 60, 3), np.float32)
    image[30:, 30:] = 1
    strength = np.asarray(corner_strength(jnp.asarray(image)))
    assert strength[30, 30] > 0.01
    assert strength[30, 52] < 1e-6 and strength[5, 5] == 0
    assert strength.min() >= 0


def test_flat_areas_are_given_more_room_by_ijcv(moving):
    image, _, flow, back, _ = moving
    off = flow + 1.2  # a squared miss of 2.88, between 0.5 and 2.5 and more
    textured = jnp.asarray(np.random.default_rng(0).uniform(size=image.shape), jnp.float32)
    half = textured.at[:, 60:].set(0.5)
    still = jnp.zeros_like(flow)
    mask = consistency_mask(still + 1.0, still, mode="ijcv", image=half)
    assert float(mask[20:70, 10:40].mean()) == 0 and float(mask[20:70, 90:110].mean()) == 1
    assert float(consistency_mask(off, back, mode="ijcv", image=textured).mean()) < 0.1


def test_ijcv_of_a_frame_of_one_colour_is_finite():
    flow = jnp.zeros((20, 30, 2))
    mask = consistency_mask(flow, flow, mode="ijcv", image=jnp.full((20, 30, 3), 0.5))
    np.testing.assert_array_equal(mask, 1.0)


def test_ijcv_needs_the_frame():
    flow = jnp.zeros((5, 6, 2))
    for function in (consistency_mask, shaped_mask):
        with pytest.raises(ValueError, match="image=FRAME"):
            function(flow, flow, mode="ijcv")


# photometric


def reference_photometric(image, other, flow, back):
    """The mode in float64 with SciPy, from its equation."""
    image, other, flow, back = (np.asarray(a, np.float64) for a in (image, other, flow, back))
    height, width, _ = image.shape
    y, x = np.mgrid[:height, :width]
    qx, qy = x + flow[..., 0], y + flow[..., 1]

    def at_target(field):
        channels = np.moveaxis(field, -1, 0)
        read = [ndimage.map_coordinates(c, [qy, qx], order=1, mode="nearest") for c in channels]
        return np.stack(read, -1)

    there = at_target(back)
    bad = ((flow + there) ** 2).sum(-1) >= 0.01 * ((flow**2).sum(-1) + (there**2).sum(-1)) + 0.5
    bad |= (qx < 0) | (qy < 0) | (qx > width - 1) | (qy > height - 1)
    padded = np.pad(flow, ((1, 1), (1, 1), (0, 0)), mode="symmetric")
    dx = (padded[1:-1, 2:] - padded[1:-1, :-2]) / 2
    dy = (padded[2:, 1:-1] - padded[:-2, 1:-1]) / 2
    boundary = (dx**2 + dy**2).sum(-1) > 0.01 * (flow**2).sum(-1) + 0.002
    squared = ((255 * (image - at_target(other))) ** 2).mean(-1)
    error = ndimage.gaussian_filter(squared, 1, radius=3)
    limit = max(16**2, 4 * np.median(error[::4, ::4]))
    missed = np.linalg.norm(flow + there, axis=-1) > 0.3
    return 1 - (bad | (error > limit) | (boundary & ((error > 8**2) | missed)))


@pytest.mark.parametrize("noise", [0.0, 0.06])
def test_photometric_is_its_equation(moving, noise):
    image, other, flow, back, _ = moving
    image, other = (
        p + noise * np.random.default_rng(i).normal(size=p.shape).astype(np.float32)
        for i, p in enumerate((image, other))
    )
    flow = flow + 0.4 * jnp.sin(jnp.arange(flow.shape[1], dtype=flow.dtype) / 3)[None, :, None]
    mask = consistency_mask(flow, back, mode="photometric", image=image, other=other)
    expected = reference_photometric(image, other, flow, back)
    assert 0.2 < expected.mean() < 0.95
    # A pixel at a threshold may fall on the other side in float32.
    assert (np.asarray(mask) != expected).mean() < 0.002


def test_photometric_trusts_a_motion_boundary_over_which_the_frames_agree_and_the_flow_returns():
    flow = jnp.zeros((20, 30, 2)).at[:, 15:, 0].set(0.4)
    grey = jnp.full((20, 30, 3), 0.5)
    inside = np.s_[:, :29]  # the last column leaves the frame
    papers = np.asarray(consistency_mask(flow, -flow))
    assert papers[inside].min() == 0.0
    mask = consistency_mask(flow, -flow, mode="photometric", image=grey, other=grey)
    np.testing.assert_array_equal(np.asarray(mask)[inside], 1.0)
    off = np.asarray(
        consistency_mask(flow, 0.35 - flow, mode="photometric", image=grey, other=grey)
    )
    np.testing.assert_array_equal(off[inside], papers[inside])


def test_photometric_distrusts_what_changed_though_the_flow_returns():
    still = jnp.zeros((40, 50, 2))
    grey = jnp.full((40, 50, 3), 0.5)
    changed = grey.at[10:20, 20:30].add(0.2)
    mask = consistency_mask(still, still, mode="photometric", image=grey, other=changed)
    expected = np.ones((40, 50))
    expected[10:20, 20:30] = 0.0
    far = ndimage.maximum_filter(1 - expected, 7) == 0
    assert np.asarray(mask)[expected == 0].max() == 0.0
    np.testing.assert_array_equal(np.asarray(mask)[far], 1.0)


@pytest.mark.parametrize("what", ["noise", "light"])
def test_photometric_makes_room_for_noise_and_for_a_change_of_light(what):
    random = np.random.default_rng(4)
    picture = random.uniform(0.3, 0.6, size=(1, 1, 3)) + np.linspace(0, 0.2, 50)[None, :, None]
    frames = [np.broadcast_to(picture, (40, 50, 3)) for _ in range(2)]
    if what == "noise":
        frames = [frame + 0.1 * random.normal(size=frame.shape) for frame in frames]
    else:
        frames[1] = 1.15 * frames[1]
    image, other = (jnp.asarray(frame, jnp.float32) for frame in frames)
    assert float(255 * jnp.abs(image - other).mean()) > 16  # more than a still pair is let off
    still = jnp.zeros((40, 50, 2))
    mask = consistency_mask(still, still, mode="photometric", image=image, other=other)
    assert float(mask.mean()) > 0.99


def test_photometric_is_more_often_right_than_the_papers_mask_where_a_flow_is_smooth(moving):
    image, other, flow, back, hidden = moving
    smooth = [gaussian_blur(field, 2.0, 6) for field in (flow, back)]
    good = np.asarray(~hidden & (jnp.linalg.norm(smooth[0] - flow, axis=-1) < 1.0))
    papers, ours = (
        np.asarray(consistency_mask(*smooth, mode=mode, image=image, other=other)) > 0
        for mode in ("binary", "photometric")
    )
    assert (ours == good).mean() > (papers == good).mean() + 0.03


def test_photometric_trusts_nothing_that_is_not_a_number_and_all_else():
    still = jnp.zeros((40, 50, 2))
    grey = jnp.full((40, 50, 3), 0.5)
    broken = grey.at[8, 8].set(jnp.nan)
    mask = np.asarray(consistency_mask(still, still, mode="photometric", image=grey, other=broken))
    assert mask[8, 8] == 0.0
    np.testing.assert_array_equal(mask[:, 20:], 1.0)


@pytest.mark.parametrize("given", [{}, {"image": jnp.zeros((5, 6, 3))}])
def test_photometric_needs_both_frames(given):
    flow = jnp.zeros((5, 6, 2))
    for function in (consistency_mask, shaped_mask):
        with pytest.raises(ValueError, match="image=FRAME and other=OTHER"):
            function(flow, flow, mode="photometric", **given)


# the knobs


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("edge", ["clamp", pytest.param("torch", marks=pytest.mark.slow)])
def test_default_knobs_change_nothing(mode, edge):
    for seed in range(3):
        flow, back = random_flows(seed)
        draw = np.random.default_rng(seed).uniform(size=(2, *SIZE, 3))
        image, other = 0.1 * jnp.asarray(draw, jnp.float32)
        options = {"mode": mode, "edge": edge, "image": image, "other": other}
        np.testing.assert_array_equal(
            shaped_mask(flow, back, **options), consistency_mask(flow, back, **options)
        )


@pytest.mark.parametrize("pixels", [1, 2, 5])
def test_growing_is_a_maximum_filter(pixels):
    area = random_area(pixels)
    expected = ndimage.maximum_filter(area, 2 * pixels + 1)
    np.testing.assert_array_equal(grow(jnp.asarray(area), pixels), expected)


def test_a_minimum_filter_of_levels_is_scipy_s():
    levels = np.random.default_rng(3).uniform(size=SIZE).astype(np.float32)
    expected = ndimage.minimum_filter(levels, 7, mode="nearest")
    np.testing.assert_array_equal(minimum_near(jnp.asarray(levels), 3), expected)


@pytest.mark.parametrize("sigma", [0.7, 2.0])
def test_softening_is_a_gaussian_filter(sigma):
    area = random_area(5, 0.3).astype(np.float32)
    radius = int(np.ceil(3 * sigma))
    expected = ndimage.gaussian_filter(area.astype(np.float64), sigma, radius=radius)
    np.testing.assert_allclose(soften(jnp.asarray(area), sigma), expected, atol=2e-6)


def test_a_blur_wider_than_the_picture_keeps_the_mean():
    image = jnp.asarray(np.random.default_rng(0).uniform(size=(5, 7, 1)), jnp.float32)
    blurred = gaussian_blur(image, 10.0, 30)
    np.testing.assert_allclose(blurred, np.full((5, 7, 1), image.mean()), atol=0.05)


def test_a_weight_of_0_forgets_a_reason_and_others_stay():
    flow, back = random_flows(1)
    reasons = mask_reasons(flow, back)
    for i in range(3):
        weights = tuple(float(i == j) for j in range(3))
        mask = shaped_mask(flow, back, knobs=knobs_of(weights=weights))
        np.testing.assert_array_equal(mask, 1.0 - np.asarray(reasons[i], np.float32))


def test_a_half_weight_leaves_half_the_trust():
    flow, back = random_flows(1)
    mask = shaped_mask(flow, back, knobs=knobs_of(weights=(0.5,)))
    np.testing.assert_array_equal(mask, 0.5 + 0.5 * consistency_mask(flow, back))


def test_each_reason_grows_by_its_own_pixels():
    flow, back = random_flows(2)
    reasons = mask_reasons(flow, back)
    mask = shaped_mask(flow, back, knobs=MaskKnobs(dilate=(3, 0, 1)))
    areas = [ndimage.maximum_filter(r, 2 * n + 1) for r, n in zip(reasons, (3, 0, 1), strict=True)]
    np.testing.assert_array_equal(mask == 0, np.any(areas, 0))


@pytest.mark.parametrize(
    "mode", [pytest.param(m, marks=[pytest.mark.slow] if m != "ijcv" else []) for m in MODES]
)
def test_more_of_any_knob_never_trusts_more_in_the_mean(moving, mode):
    image, other, flow, back, _ = moving
    made = [
        shaped_mask(flow, back, mode=mode, image=image, other=other, knobs=knobs_of(**knobs))
        for knobs in ({}, {"dilate": (1,)}, {"dilate": (3,)}, {"dilate": (3,), "blur": (1.5,)})
    ]
    means = [float(m.mean()) for m in made]
    assert means[0] > means[1] > means[2] and abs(means[3] - means[2]) < 0.3
    assert all(float(m.min()) >= 0 and float(m.max()) <= 1 for m in made)
    soft = np.asarray(made[3])
    assert ((soft > 0) & (soft < 0.99)).mean() > 0.01


def test_knobs_work_under_jit_and_vmap():
    flows = [random_flows(seed) for seed in range(2)]
    knobs = MaskKnobs(dilate=(2, 1, 0), blur=(1.0, 0.0, 0.5))

    def one(flow, back):
        return shaped_mask(flow, back, knobs=knobs)

    batch = jax.jit(jax.vmap(one))(*(jnp.stack(f) for f in zip(*flows, strict=True)))
    for mask, pair in zip(batch, flows, strict=True):
        np.testing.assert_allclose(mask, one(*pair), atol=1e-6)


@pytest.mark.parametrize(
    ("knobs", "says"),
    [
        ({"weights": (1.5,)}, "weights are 1.5 1.5 1.5; expected 3 numbers from 0 to 1"),
        ({"weights": (1.0, 0.5)}, "weights are 1.0 0.5; expected 3"),
        ({"dilate": (-1,)}, "dilate are -1"),
        ({"dilate": (65,)}, "0 to 64"),
        ({"blur": (float("nan"),)}, "blur are nan"),
        ({"blur": (float("inf"), 0.0, 0.0)}, "blur are inf"),
    ],
)
def test_knobs_that_can_not_be_meant_are_refused(knobs, says):
    with pytest.raises(InputError, match=says) as caught:
        knobs_of(**knobs)
    assert "\n" not in str(caught.value)
