"""Terms and optimizers of the user's own, and solves as one pure loop."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from support.problems import WEIGHTS, network, picture, targets

from jvst import (
    ClipConfig,
    LossWeights,
    SolverConfig,
    advance,
    begin,
    frame_loss,
    minimize,
    solve_frame,
    stylize_clip,
)

NOTHING = LossWeights(0.0, 0.0, 0.0, 0.0)
CONFIG = SolverConfig(tolerance=0.0, history=2)
# Made once: each one made is a program of its own.
DESCENT = optax.chain(optax.normalize_by_update_norm(), optax.sgd(0.5))


def dark(image):
    """Draw a picture to a dark grey."""
    return jnp.mean(jnp.square(image - 0.25))


def test_a_term_of_the_users_own_is_minimized():
    image, info = solve_frame(
        picture(4), network(), targets(), NOTHING, 20, config=CONFIG, extra_loss=dark
    )
    np.testing.assert_allclose(image, 0.25, atol=5e-3)
    first, last = info.reports[0], info.reports[-1]
    assert first.loss == pytest.approx(float(dark(picture(4))), rel=1e-5)
    assert last.loss < 1e-4 * first.loss
    assert last.terms.total() == 0.0


@pytest.mark.slow
def test_a_clip_takes_a_term_of_the_users_own():
    config = ClipConfig(first_iterations=20, solver=CONFIG)
    (frame,) = stylize_clip(
        [picture(4)],
        [{}],
        network(),
        targets().style,
        NOTHING,
        config=config,
        key=jax.random.key(0),
        extra_loss=dark,
    )
    np.testing.assert_allclose(frame.image, 0.25, atol=5e-3)


def test_a_transformation_of_optax_takes_the_steps_of_a_loop():
    config = SolverConfig(optimizer=DESCENT, tolerance=0.0)
    image, info = solve_frame(picture(4), network(), targets(), WEIGHTS, 3, config=config)
    assert (info.iterations, info.evaluations) == (3, 4)
    slope = jax.jit(jax.grad(lambda x: frame_loss(x, network(), targets(), WEIGHTS)[0]))
    expected = picture(4)
    for _ in range(3):
        uphill = slope(expected)
        expected = expected - 0.5 * uphill / jnp.linalg.norm(uphill)
    np.testing.assert_allclose(image, expected, atol=1e-5)
    assert jnp.max(jnp.abs(image - picture(4))) > 1e-3


@pytest.mark.slow
def test_minimize_is_solve_frame_in_one_loop_under_jit_and_vmap():
    starts = jnp.stack([picture(4), picture(5)])
    loop = jax.jit(functools.partial(minimize, config=CONFIG))
    together = jax.vmap(loop, in_axes=(0, None, None, None, None))(
        starts, network(), targets(), WEIGHTS, 4
    )
    for k, start in enumerate(starts):
        image, info = solve_frame(start, network(), targets(), WEIGHTS, 4, config=CONFIG)
        alone = loop(start, network(), targets(), WEIGHTS, 4)
        assert int(alone.iteration) == int(together.iteration[k]) == info.iterations == 4
        np.testing.assert_allclose(alone.image, image, atol=1e-6)
        np.testing.assert_allclose(together.image[k], image, atol=1e-4)


@pytest.mark.slow
def test_a_solve_begun_and_advanced_by_hand_is_minimize():
    given = network(), targets(), WEIGHTS, 4
    state = begin(picture(4), CONFIG)
    for _ in range(2):
        state = advance(state, *given, 2, CONFIG)
    np.testing.assert_allclose(
        state.image, minimize(picture(4), *given, config=CONFIG).image, atol=1e-6
    )
