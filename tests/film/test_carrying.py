"""What a frame's solve has learnt, on its way to the next frame."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from support.problems import network, picture

from jvst import ClipConfig, LossWeights, Motion, SolverConfig, stylize_clip
from jvst.film.carrying import along
from jvst.solver.curvature import Curvature
from jvst.solver.objective import style_targets

STILL = jnp.zeros((33, 40, 2))
CONFIG = ClipConfig(
    first_iterations=8,
    next_iterations=3,
    kernel="catmull-rom",
    solver=SolverConfig(tolerance=0.0, history=6, carry=4),
)
WEIGHTS = LossWeights(content=1e-3, style=1.0, temporal=1e-2, total_variation=1e-8)


def stylize(frames=4, *, config=CONFIG, first=0, flow=STILL, motions=None, **options):
    if motions is None:
        motions = [{1: Motion(flow, -flow)} if index else {} for index in range(first, frames)]
    style = style_targets(network(), [picture(2)])
    return list(
        stylize_clip(
            [picture(10)] * (frames - first),
            motions,
            network(),
            style,
            WEIGHTS,
            config=config,
            key=jax.random.key(7),
            first=first,
            **options,
        )
    )


def drawn(seed, pairs=3):
    vectors = jax.random.normal(jax.random.key(seed), (2, pairs, 9, 11, 3))
    return Curvature(*vectors, jnp.eye(pairs), jnp.eye(pairs), jnp.asarray(0.5))


@pytest.mark.parametrize("kernel", ["bilinear", "catmull-rom"])
def test_steps_move_with_the_picture_and_are_unknown_beyond_its_border(kernel):
    known = drawn(0)
    moved = along(known, jnp.zeros((9, 11, 2)).at[..., 0].set(2.0), kernel=kernel)
    for before, after in zip(known[:2], moved[:2], strict=True):
        np.testing.assert_array_equal(after[:, :, :-2], before[:, :, 2:])
        assert not jnp.any(after[:, :, -2:])
    for before, after in zip(known[2:], moved[2:], strict=True):
        np.testing.assert_array_equal(before, after)


def test_flow_that_is_not_finite_leaves_finite_steps():
    flow = jnp.zeros((9, 11, 2)).at[2, 3].set(jnp.nan).at[4, 5, 0].set(jnp.inf)
    moved = along(drawn(1), flow)
    assert all(bool(jnp.all(jnp.isfinite(x))) for x in moved)


def test_a_later_frame_begins_with_what_a_later_one_before_it_has_learnt():
    fresh = dataclasses.replace(CONFIG, solver=dataclasses.replace(CONFIG.solver, carry=0))
    first, second, third, _ = stylize(config=CONFIG)
    alone, other, another, _ = stylize(config=fresh)
    # The first two have nothing to begin with: the same, but for sums in another order.
    np.testing.assert_allclose(first.image, alone.image, atol=1e-3)
    np.testing.assert_allclose(second.image, other.image, atol=1e-3)
    assert third.info.reports[-1].loss < 0.95 * another.info.reports[-1].loss
    assert third.info.evaluations <= another.info.evaluations
    assert first.info.curvature is None
    assert second.info.curvature.steps.shape == (4, 33, 40, 3)
    assert other.info.curvature is None


def test_a_clip_continued_with_what_was_handed_on_is_bit_for_bit_the_uninterrupted_one():
    flow = jnp.full((33, 40, 2), 0.75)
    whole = stylize(flow=flow)
    before = whole[1]
    rest = stylize(first=2, flow=flow, earlier={1: before.image}, curvature=before.info.curvature)
    for one, other in zip(whole[2:], rest, strict=True):
        np.testing.assert_array_equal(one.image, other.image)


def test_nothing_is_carried_over_a_cut_or_without_the_motion_from_the_frame_before():
    still = Motion(STILL, STILL)
    for motion, config in (({}, CONFIG), ({2: still}, dataclasses.replace(CONFIG, lags=(2,)))):
        motions = [{}, {}, motion]
        one = stylize(3, motions=motions, config=config)[2]
        earlier = {0: stylize(1)[0].image}
        other = stylize(3, first=2, motions=[motion], config=config, earlier=earlier)[0]
        if motion:
            assert one.info.iterations == config.next_iterations
        np.testing.assert_array_equal(one.image, other.image)


def test_wrong_flow_does_no_harm():
    wild = 20.0 * jax.random.normal(jax.random.key(3), (33, 40, 2))
    motions = [{}, *({1: Motion(wild, wild, mask=jnp.ones((33, 40)))} for _ in range(3))]
    for frame in stylize(motions=motions)[1:]:
        losses = [report.loss for report in frame.info.reports]
        assert np.all(np.isfinite(losses))
        assert losses[-1] < losses[0]
        assert jnp.all(jnp.isfinite(frame.image))


def test_longer_lags_that_join_later_go_on_with_the_same_steps():
    config = dataclasses.replace(
        CONFIG, lags=(1, 2), next_iterations=6, long_term_after=3, solver=CONFIG.solver
    )
    still = Motion(STILL, STILL)
    motions = [{}, {1: still}, {1: still, 2: still}]
    last = stylize(3, config=config, motions=motions)[-1]
    assert last.info.iterations == 6
    # A solve that begins anew takes a trial or two to find its first length.
    assert last.info.evaluations <= 6 + 2
