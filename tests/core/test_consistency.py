"""Masks: the original program's files, a float64 loop, and small stories."""

import functools
from typing import get_args

import cv2
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from support import reference

from jvst.core.consistency import disocclusion as eager_disocclusion
from jvst.core.consistency import motion_boundary as eager_motion_boundary
from jvst.core.consistency import outside_frame as eager_outside_frame
from jvst.core.masks import MaskMode, consistency_mask, long_term_weights
from jvst.flow import read_flow
from jvst.synthetic import Layer, Scene, Texture, Trajectory, exact_flow, exact_occlusion
from jvst.synthetic.shapes import Box, Everywhere

# One program a size, instead of one a step and size.
disocclusion, motion_boundary = jax.jit(eager_disocclusion), jax.jit(eager_motion_boundary)
outside_frame = jax.jit(eager_outside_frame, static_argnames="edge")

MODES = [("binary", "clamp"), ("binary", "torch"), ("soft", "clamp"), ("soft", "torch")]


@functools.cache
def jitted(mode, edge):
    return jax.jit(functools.partial(consistency_mask, mode=mode, edge=edge))


def grey_levels(mask):
    return np.round(np.asarray(mask, np.float64) * 255).astype(int)


def constant_flow(dx, dy, height=10, width=12):
    return jnp.broadcast_to(jnp.asarray([dx, dy], jnp.float32), (height, width, 2))


def random_flows(seed, height=33, width=47):
    """A flow, and one back that disagrees with it in places."""
    rng = np.random.default_rng(seed)
    flow = reference.smooth_field(rng, height, width, 2, 6.0)
    back = -flow + reference.smooth_field(rng, height, width, 2, 2.0)
    # Half of the frame hardly moves: there nothing is a motion boundary.
    still = np.clip(np.linspace(-1, 1.5, width), 0, 1)[:, None].astype(np.float32)
    return flow * still, back * still


def square_scene(shift, *, size=20, width=64, height=48):
    """A square in the middle of a still background, moving whole pixels a frame."""
    flat = Texture(np.full((2, 2, 3), 0.5, np.float32), (0.0, 0.0), 1.0)
    motion = Trajectory(centre=(0.5, 0.5), drift=(shift[0] / height, shift[1] / height))
    box = Box(size / 2 / height, size / 2 / height)
    back = Layer("back", Everywhere(), flat, Trajectory())
    return Scene(width, height, (back, Layer("square", box, flat, motion)))


@pytest.mark.parametrize("pair", [(1, 2), (2, 3)])
@pytest.mark.parametrize("towards", ["later", "earlier"])
def test_soft_torch_mask_is_the_original_programs_file(shared, pair, towards):
    first, second = pair
    folder = shared / "marple8" / "deepflow"
    forward = read_flow(folder / f"forward_{first}_{second}.flo")
    backward = read_flow(folder / f"backward_{second}_{first}.flo")
    if towards == "later":
        name, flows = f"reliable_{first}_{second}.pgm", (forward, backward)
    else:
        name, flows = f"reliable_{second}_{first}.pgm", (backward, forward)
    expected = cv2.imread(str(folder / name), cv2.IMREAD_UNCHANGED)
    found = grey_levels(jitted("soft", "torch")(*map(jnp.asarray, flows)))
    apart = np.abs(found - expected.astype(int))
    assert expected.min() == 0
    assert expected.max() == 254
    assert np.mean(apart <= 1) >= 0.999


def test_soft_torch_mask_of_a_static_shot_hardly_trusts_right_and_bottom():
    still = constant_flow(0, 0)
    column = np.full((10, 12), 254)
    column[:, -3:] = (249, 191, 69)
    row = np.full((12, 10), 254)
    row[:, -3:] = (249, 191, 69)
    found = grey_levels(jitted("soft", "torch")(still, still))
    np.testing.assert_array_equal(found[:-3], column[:-3])
    np.testing.assert_array_equal(found[:, :-3], row.T[:, :-3])
    assert found[-1, -1] == 18


def test_soft_torch_mask_of_a_pan_is_the_row_of_the_original_program():
    found = grey_levels(jitted("soft", "torch")(constant_flow(2, 0), constant_flow(-2, 0)))
    expected = [254] * 7 + [249, 191, 63, 5, 0]
    np.testing.assert_array_equal(found[:-3], np.broadcast_to(expected, (7, 12)))


def test_clamped_edge_trusts_a_static_shot_to_the_border():
    still = constant_flow(0, 0)
    np.testing.assert_array_equal(jitted("binary", "clamp")(still, still), 1.0)
    np.testing.assert_array_equal(grey_levels(jitted("soft", "clamp")(still, still)), 254)
    torch_edge = jitted("binary", "torch")(still, still)
    np.testing.assert_array_equal(torch_edge[:-1, :-1], 1.0)
    np.testing.assert_array_equal(torch_edge[-1], 0.0)
    np.testing.assert_array_equal(torch_edge[:, -1], 0.0)


@pytest.mark.parametrize(("edge", "first_outside"), [("clamp", 10), ("torch", 9)])
def test_flow_out_of_the_frame_is_not_trusted(edge, first_outside):
    outside = outside_frame(constant_flow(2, 0), edge=edge)
    expected = np.broadcast_to(np.arange(12) >= first_outside, (10, 12))
    np.testing.assert_array_equal(outside[:-1], expected[:-1])
    np.testing.assert_array_equal(
        outside_frame(constant_flow(0, -3), edge=edge)[:3], np.ones((3, 12), bool)
    )


@pytest.mark.parametrize("shift", [(5, 0), (-4, 3)])
def test_a_moving_square_uncovers_exactly_what_it_leaves(shift):
    scene = square_scene(shift)
    # Stylizing frame 1: its flow points back to frame 0.
    flow, back = (jnp.asarray(exact_flow(scene, a, b)) for a, b in ((1, 0), (0, 1)))
    uncovered = exact_occlusion(scene, 1, 0)
    assert uncovered.sum() == 20 * 20 - (20 - abs(shift[0])) * (20 - abs(shift[1]))
    np.testing.assert_array_equal(disocclusion(flow, back), uncovered)
    mask = np.asarray(jitted("binary", "clamp")(flow, back))
    np.testing.assert_array_equal(mask[uncovered], 0.0)
    # What else is untrusted: the pixels on either side of the square's outline.
    square = np.asarray(flow != 0).any(-1)
    ring = np.zeros_like(square)
    for axis, by in ((0, 1), (0, -1), (1, 1), (1, -1)):
        ring |= square != np.roll(square, by, axis)
    np.testing.assert_array_equal(mask == 0, uncovered | ring)


def test_a_moving_square_hides_what_it_reaches():
    scene = square_scene((6, 0))
    # The mask for the other direction lives on frame 0 and marks what frame 1 hides.
    flow, back = (jnp.asarray(exact_flow(scene, a, b)) for a, b in ((0, 1), (1, 0)))
    expected = np.zeros((48, 64), bool)
    expected[14:34, 42:48] = True  # the square covers columns 22 to 41, then 28 to 47
    np.testing.assert_array_equal(disocclusion(flow, back), expected)


def test_motion_boundary_lies_on_both_sides_of_a_step_and_nowhere_else():
    flow = jnp.zeros((6, 11, 2)).at[:, 5:, 0].set(3.0)
    expected = np.zeros((6, 11), bool)
    expected[:, 4:6] = True
    np.testing.assert_array_equal(motion_boundary(flow), expected)


def test_motion_boundary_grants_fast_motion_more_change():
    slope = 0.08 * np.arange(30, dtype=np.float32)
    ramp = jnp.zeros((4, 30, 2)).at[..., 0].set(slope)
    # 0.08² > 0.01 u² + 0.002 holds while u < 0.66.
    expected = (0.01 * slope**2 + 0.002 < 0.0064) & (np.arange(30) > 0)
    np.testing.assert_array_equal(motion_boundary(ramp)[1], expected)


@pytest.mark.parametrize(("mode", "edge"), MODES)
@pytest.mark.parametrize("seed", [0, 1])
def test_mask_is_the_float64_loop(mode, edge, seed):
    flow, back = random_flows(seed)
    outside, hidden, boundary, margin = reference.mask_reasons(flow, back, edge=edge)
    trusted = ~(outside | hidden | boundary)
    for reason in (outside, hidden & ~outside, boundary & ~hidden & ~outside, trusted):
        assert reason.mean() > 0.02
    found = np.asarray(jitted(mode, edge)(jnp.asarray(flow), jnp.asarray(back)))
    if mode == "binary":
        clear = margin > 1e-5
        assert clear.mean() > 0.5  # the still part lies on whole pixels
        np.testing.assert_array_equal(found[clear], trusted[clear])
        assert np.mean(found == trusted) > 0.999
        return
    expected = np.clip(reference.soft_levels(outside, hidden, boundary), 0, 255).astype(int)
    assert np.mean(np.abs(grey_levels(found) - expected) <= 1) > 0.999


@pytest.mark.parametrize("seed", [2, 3])
def test_each_reason_is_the_float64_loop(seed):
    flow, back = random_flows(seed)
    outside, hidden, boundary, _ = reference.mask_reasons(flow, back, edge="clamp")
    flow, back = jnp.asarray(flow), jnp.asarray(back)
    for found, expected in (
        (outside_frame(flow), outside),
        (disocclusion(flow, back), hidden),
        (motion_boundary(flow), boundary),
    ):
        assert np.mean(np.asarray(found) == expected) > 0.999


@pytest.mark.parametrize(("mode", "edge"), MODES)
def test_masks_lie_within_0_and_1_in_the_type_of_the_flow(mode, edge):
    mask = jitted(mode, edge)(*map(jnp.asarray, random_flows(4)))
    assert mask.dtype == jnp.float32
    assert 0.0 <= float(mask.min()) < float(mask.max()) <= 1.0


def test_soft_mask_is_a_grey_level_and_never_255():
    mask = jitted("soft", "clamp")(*map(jnp.asarray, random_flows(5)))
    levels = np.asarray(mask, np.float64) * 255
    np.testing.assert_allclose(levels, np.round(levels), atol=1e-4)
    assert grey_levels(mask).max() == 254


@pytest.mark.parametrize("wrong", [{"mode": "hard"}, {"edge": "wrap"}, {"mode": ""}])
def test_unknown_mode_or_edge_is_an_error_that_names_it(wrong):
    still = constant_flow(0, 0)
    with pytest.raises(ValueError, match=repr(next(iter(wrong.values())))):
        # As a person meets it: without the checker of annotations that the tests install.
        consistency_mask.__wrapped__(still, still, **wrong)


def draw_masks(seed, *, binary, lags=4):
    masks = np.random.default_rng(seed).uniform(size=(lags, 9, 13))
    return (masks > 0.6 if binary else masks).astype(np.float32)


@pytest.mark.parametrize("binary", [True, False])
def test_long_term_weights_are_the_loop_of_equation_9(binary):
    masks = draw_masks(0, binary=binary)
    expected = reference.long_term_weights(masks.astype(np.float64))
    np.testing.assert_allclose(long_term_weights(jnp.asarray(masks)), expected, atol=1e-6)


def test_long_term_weights_of_binary_masks_share_no_pixel():
    masks = draw_masks(1, binary=True)
    weights = np.asarray(long_term_weights(jnp.asarray(masks)))
    assert set(np.unique(weights)) == {0.0, 1.0}
    # Every pixel that any lag sees goes to one lag, the nearest that sees it.
    np.testing.assert_array_equal(weights.sum(0), masks.max(0))
    np.testing.assert_array_equal(weights.argmax(0), masks.argmax(0))


def test_long_term_weights_subtract_raw_masks_not_reduced_ones():
    masks = jnp.asarray([0.6, 0.6, 0.9])[:, None, None]
    # On reduced weights the last would be 0.9 − 0.6 − 0 = 0.3.
    np.testing.assert_allclose(long_term_weights(masks)[:, 0, 0], [0.6, 0.0, 0.0], atol=1e-7)


@pytest.mark.parametrize("missing", [0, 2, 4])
@pytest.mark.parametrize("binary", [True, False])
def test_a_missing_lag_changes_nothing(missing, binary):
    masks = draw_masks(2, binary=binary)
    with_gap = np.insert(masks, missing, 0.0, axis=0)
    found = np.asarray(long_term_weights(jnp.asarray(with_gap)))
    np.testing.assert_array_equal(found[missing], 0.0)
    expected = long_term_weights(jnp.asarray(masks))
    np.testing.assert_allclose(np.delete(found, missing, axis=0), expected, atol=1e-6)


def test_the_nearest_lag_keeps_its_mask():
    masks = draw_masks(3, binary=False)
    np.testing.assert_allclose(long_term_weights(jnp.asarray(masks))[0], masks[0], atol=1e-6)


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("mode", get_args(MaskMode))
def test_a_vector_that_is_not_finite_is_distrusted_in_both_directions(mode, value):
    still = np.zeros((9, 12, 2), np.float32)
    lost = still.copy()
    lost[4, 5, 0] = value
    image = jnp.asarray(np.random.default_rng(0).uniform(size=(9, 12, 3)), jnp.float32)
    for flow, back in ((lost, still), (still, lost)):
        fields = jnp.asarray(flow), jnp.asarray(back)
        mask = consistency_mask(*fields, mode=mode, image=image, other=image)
        assert mask[4, 5] == 0.0
        assert mask[0, 0] > 0.99
