"""What a solve hands on, and what the next one makes of it."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from support.problems import bowl

from jvst.errors import InputError
from jvst.solver import curvature
from jvst.solver.curvature import no_curvature
from jvst.solver.lbfgs import Lbfgs, Preconditioner
from jvst.solver.optimizers import SolverConfig, known_at_first

SHAPE, HISTORY, CARRY = (7, 8, 3), 6, 4

newest_steps = jax.jit(curvature.newest_steps, static_argnums=(1, 2))
quasi_newton_step = jax.jit(curvature.quasi_newton_step)
evaluate = jax.value_and_grad(bowl, has_aux=True)
SOLVER = Lbfgs(evaluate, HISTORY, 0.01, 1.0, Preconditioner())
start, step = jax.jit(SOLVER.begin), jax.jit(SOLVER.step)
FIRST, LATER = jnp.asarray(True), jnp.asarray(False)
TARGET = jax.random.uniform(jax.random.key(1), SHAPE)


def solved(steps, image=None, known=None, *, start=start, step=step):
    """Take some steps; return image, state and the losses on the way."""
    image = jnp.zeros(SHAPE) if image is None else image
    known = no_curvature(SHAPE, CARRY) if known is None else known
    image, loss, _, state, _ = step(image, start(image, known), FIRST, TARGET)
    losses, trials = [float(loss)], 0
    for _ in range(steps):
        image, loss, _, state, evaluations = step(image, state, LATER, TARGET)
        losses.append(float(loss))
        trials += int(evaluations)
    return image, state, losses, trials


def handed_on(steps):
    return newest_steps(solved(steps)[1].history, SHAPE, CARRY)


def test_what_is_handed_on_are_the_newest_steps_the_oldest_first():
    images = [solved(k)[0] for k in range(10)]
    known = handed_on(9)
    for k, s in enumerate(known.steps):
        taken = images[6 + k] - images[5 + k]
        np.testing.assert_allclose(s, taken, atol=1e-5 * float(jnp.max(jnp.abs(taken))))
    assert jnp.all(jnp.diagonal(known.s_by_y) > 0.0)


@pytest.mark.parametrize("steps", [0, 1, 3])
def test_fewer_steps_than_are_handed_on_leave_zeros_first(steps):
    known = handed_on(steps)
    there = np.asarray(jnp.any(known.steps != 0.0, axis=(1, 2, 3)))
    np.testing.assert_array_equal(there, [False] * (CARRY - steps) + [True] * steps)


def test_a_solve_that_is_given_nothing_begins_as_one_without_curvature():
    image, state, losses, _ = solved(5)
    other, loss, _, own, _ = step(jnp.zeros(SHAPE), start(jnp.zeros(SHAPE)), FIRST, TARGET)
    for _ in range(5):
        other, loss, _, own, _ = step(other, own, LATER, TARGET)
    # The steps lie in other slots: sums in another order.
    np.testing.assert_allclose(image, other, atol=1e-5)
    np.testing.assert_allclose(loss, losses[-1], rtol=1e-5)
    assert int(state.dropped) == 0


def test_all_steps_handed_on_go_on_as_if_nothing_had_come_between():
    # All that there are, at the same place, for the same loss.
    whole, _, losses, _ = solved(10)
    image, state, _, _ = solved(5)
    known = newest_steps(state.history, SHAPE, HISTORY - 1)
    after, _, more, _ = solved(5, image, known)
    # Sums in another order, over five steps of a badly conditioned bowl.
    np.testing.assert_allclose(more, losses[5:], rtol=1e-3)
    np.testing.assert_allclose(after, whole, atol=1e-3)


def test_a_quadratic_whose_curvature_is_known_takes_fewer_steps():
    _, _, fresh, _ = solved(12)
    _, _, carried, trials = solved(12, known=handed_on(12))
    assert carried[6] < 0.2 * fresh[6]
    assert trials <= 14  # no search for the first length


def test_steps_that_lead_uphill_are_dropped_before_a_trial():
    uphill = no_curvature(SHAPE, CARRY)._replace(s_by_y=jnp.eye(CARRY), gamma=jnp.asarray(-1.0))
    _, state, losses, _ = solved(3, known=uphill)
    _, _, fresh, _ = solved(3)
    assert int(state.dropped) == 1
    np.testing.assert_allclose(losses, fresh, rtol=1e-5)


def test_steps_that_lead_nowhere_are_dropped_and_the_picture_stays():
    known = handed_on(6)
    # Straight downhill, and so far that ten halvings are not enough.
    wrong = no_curvature(SHAPE, CARRY)._replace(s_by_y=jnp.eye(CARRY), gamma=1e9 * known.gamma)
    _, state, losses, _ = solved(4, known=wrong)
    _, _, fresh, _ = solved(3)
    assert int(state.dropped) == 1
    assert losses[0] == losses[1]
    np.testing.assert_allclose(losses[1:], fresh, rtol=1e-5)


def test_a_trial_that_is_not_finite_ends_what_was_handed_on_at_once():
    def cliff(image, target):
        loss, terms = bowl(image, target)
        return jnp.where(jnp.max(jnp.abs(image)) > 50.0, jnp.nan, loss), terms

    solver = Lbfgs(jax.value_and_grad(cliff, has_aux=True), HISTORY, 0.01, 1.0, Preconditioner())
    known = handed_on(6)
    wrong = known._replace(gamma=1e9 * known.gamma, s_by_y=jnp.eye(CARRY), steps=0 * known.steps)
    jitted = {"start": jax.jit(solver.begin), "step": jax.jit(solver.step)}
    image, state, losses, trials = solved(2, known=wrong, **jitted)
    assert int(state.dropped) == 1
    assert losses[0] == losses[1] > losses[2]
    assert jnp.all(jnp.isfinite(image))
    assert trials < 6


def test_noise_in_place_of_steps_does_no_harm():
    keys = jax.random.split(jax.random.key(3), 4)
    noise = [jax.random.normal(key, (CARRY, *SHAPE)) for key in keys[:2]]
    products = jax.random.normal(keys[2], (CARRY, CARRY))
    wrong = curvature.Curvature(*noise, products, products @ products.T, jnp.asarray(1.0))
    _, state, losses, _ = solved(14, known=wrong)
    _, _, fresh, _ = solved(10)
    assert losses[-1] <= fresh[-1]
    assert all(after <= before for before, after in itertools.pairwise(losses))
    assert int(state.dropped) <= 2


def test_curvature_of_another_size_is_refused_in_words():
    config = SolverConfig(carry=3)
    with pytest.raises(InputError, match=r"shape \[3, 5, 5, 3\]; expected \[3, 4, 6, 3\]"):
        known_at_first(config, (4, 6, 3), jnp.dtype(jnp.float32), no_curvature((5, 5, 3), 3))
    with pytest.raises(InputError, match="carry is 40 with a history of 30"):
        SolverConfig(carry=40)


def test_only_lbfgs_carries():
    assert SolverConfig(carry=10).carries
    assert not SolverConfig(carry=10, optimizer="adam").carries
    assert not SolverConfig().carries
    nothing = functools.partial(known_at_first, shape=SHAPE, dtype=jnp.dtype(jnp.float32))
    assert nothing(SolverConfig()) is None
    assert nothing(SolverConfig(carry=2)).steps.shape == (2, *SHAPE)


def test_sums_of_products_are_the_matrix_product():
    rng = np.random.default_rng(0)
    vectors, one, other = (
        jnp.asarray(rng.standard_normal(shape), jnp.float32) for shape in ((5, 40), 40, 40)
    )
    sums = jax.jit(curvature._summed)(vectors, one, other)
    products = jax.jit(curvature._multiplied)(vectors, one, other)
    np.testing.assert_allclose(sums, products, rtol=1e-4, atol=1e-5)


def test_the_inverse_that_grows_is_the_inverse_of_what_the_history_holds():
    for steps in (3, HISTORY, 2 * HISTORY + 1):
        history = solved(steps, known=handed_on(2))[1].history
        by_age = np.asarray((history.count + np.arange(HISTORY)) % HISTORY)
        s_by_y, inverse = (
            np.asarray(array, np.float64)[by_age][:, by_age]
            for array in (history.s_by_y, history.inverse)
        )
        held = np.diagonal(s_by_y) > 0.0
        assert held.sum() == min(steps + 2, HISTORY)
        upper = np.triu(s_by_y)[held][:, held]
        eye = np.eye(len(upper))
        np.testing.assert_allclose(inverse[held][:, held] @ upper, eye, atol=1e-4)
        assert not np.any(inverse[~held]) and not np.any(inverse[:, ~held])
