"""A clip in one pass a frame: order, resume, cuts, and input of no kind at all."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from support.pairs import small_pairs
from support.problems import picture

import jvst
from jvst import Motion, carry_clip, one_pass, painting_statistics
from jvst.core.image import resize
from jvst.film.events import Compiling, FrameDone
from jvst.film.pass_clip import CarryConfig, named_frames

HEIGHT, WIDTH = 33, 40
PAN = jnp.zeros((HEIGHT, WIDTH, 2)).at[..., 0].set(1.5)


@pytest.fixture(scope="module")
def paintings():
    return painting_statistics([picture(2)], pairs=small_pairs(2, 1))


def clip(count):
    """A picture that is panned over, and the motion."""
    rough = jnp.asarray(np.random.default_rng(0).uniform(size=(4, 6, 3)), jnp.float32)
    wide = jnp.clip(resize(rough, size=(WIDTH + 3 * count, HEIGHT)), 0.0, 1.0)
    frames = [wide[:, 3 * i : 3 * i + WIDTH] for i in range(count)]
    flow = 2.0 * PAN
    motions = [{1: Motion(flow, -flow, frames[i - 1])} if i else {} for i in range(count)]
    return frames, motions


def test_a_clip_gives_one_frame_each_in_order_and_tells_of_it(paintings):
    events = []
    frames, motions = clip(4)
    found = list(carry_clip(frames, motions, paintings, on_event=events.append))
    assert [frame.index for frame in found] == [0, 1, 2, 3]
    np.testing.assert_allclose(found[0].image, one_pass(frames[0], paintings), atol=1e-6)
    done = [event for event in events if isinstance(event, FrameDone)]
    assert [event.index for event in done] == [0, 1, 2, 3]
    assert all(event.info.iterations == 0 for event in done)
    assert sum(isinstance(event, Compiling) for event in events) <= 1


def test_a_pan_by_whole_pixels_carries_the_first_pass_along(paintings):
    frames, motions = clip(3)
    found = list(carry_clip(frames, motions, paintings))
    first = one_pass(frames[0], paintings)
    # Clear of where pixels come in, and of outlines of what does.
    np.testing.assert_allclose(found[1].image[:, :15], first[:, 3:18], atol=1e-5)
    assert int(jnp.min(found[2].coordinates.shown.source[:, :10])) == 0


@pytest.mark.parametrize("at", [1, 7, 16])
def test_continued_it_is_bit_for_bit_the_uninterrupted_one(at, paintings):
    frames, motions = clip(20)
    whole = list(carry_clip(frames, motions, paintings))
    stored = jax.tree.map(np.asarray, whole[at - 1].coordinates)
    recent = {index: frames[index] for index in named_frames(stored)}
    rest = carry_clip(
        frames[at:], motions[at:], paintings, first=at, coordinates=stored, recent=recent
    )
    for one, other in zip(rest, whole[at:], strict=True):
        assert one.index == other.index
        np.testing.assert_array_equal(one.image, other.image)


def test_coordinates_without_the_frames_that_they_name_are_an_error(paintings):
    frames, motions = clip(3)
    last = list(carry_clip(frames, motions, paintings))[-1]
    with pytest.raises(jvst.InputError, match="recent has frames 2; expected frame 0, too"):
        carry_clip([], [], paintings, first=3, coordinates=last.coordinates, recent={2: frames[2]})


def test_without_motion_and_over_a_cut_a_frame_is_its_own_pass(paintings):
    frames, motions = clip(3)
    other = jnp.asarray(np.random.default_rng(9).uniform(size=(HEIGHT, WIDTH, 3)), jnp.float32)
    frames[1] = other
    still = jnp.zeros_like(PAN)
    motions[1] = {1: Motion(still, still, frames[0])}
    motions[2] = {}
    for frame, found in zip(frames, carry_clip(frames, motions, paintings), strict=True):
        np.testing.assert_allclose(found.image, one_pass(frame, paintings), atol=1e-6)


def test_a_mask_from_elsewhere_says_what_is_trusted(paintings):
    frames, motions = clip(2)
    mask = jnp.ones((HEIGHT, WIDTH)).at[:, 20:].set(0.0)
    motions[1] = {1: motions[1][1]._replace(mask=mask)}
    found = list(carry_clip(frames, motions, paintings))[1].coordinates.shown.source
    assert bool(jnp.all(found[:, :20] == 0))
    assert bool(jnp.all(found[:, 20:] == 1))


def test_flow_that_is_not_finite_leaves_the_film_finite(paintings):
    frames, motions = clip(3)
    bad = jnp.full_like(PAN, jnp.nan)
    motions[1] = {1: Motion(bad, bad, frames[0])}
    for found in carry_clip(frames, motions, paintings):
        assert bool(jnp.all(jnp.isfinite(found.image)))


def test_what_can_not_be_meant_is_an_error(paintings):
    with pytest.raises(jvst.InputError, match="strength is 2"):
        CarryConfig(strength=2.0)
    with pytest.raises(jvst.InputError, match="0 motions for 1 frames"):
        carry_clip([picture(1)], [], paintings)


def test_the_public_names_are_these():
    assert jvst.carry_clip is carry_clip
    assert jvst.CarryConfig is CarryConfig
