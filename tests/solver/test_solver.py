import dataclasses
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import minimize
from support.problems import WEIGHTS, network, picture, targets

from jvst.solver.objective import LossTerms, LossWeights, frame_loss
from jvst.solver.solve import SolverConfig, advance, begin, solve_frame

NEVER = SolverConfig(tolerance=0.0)


def solve(iterations, *, config=NEVER, init=None, weights=WEIGHTS, problem=None, **options):
    init = picture(4) if init is None else init
    problem = targets() if problem is None else problem
    return solve_frame(init, network(), problem, weights, iterations, config=config, **options)


@pytest.mark.parametrize("optimizer", ["lbfgs", "adam"])
def test_solving_lowers_the_loss_that_it_reports(optimizer):
    image, info = solve(30, config=SolverConfig(optimizer=optimizer, tolerance=0.0), chunk=10)
    loss, terms = frame_loss(image, network(), targets(), WEIGHTS)
    np.testing.assert_allclose(info.reports[-1].loss, loss, rtol=1e-4)
    np.testing.assert_allclose(info.reports[-1].terms, terms, rtol=1e-3)
    losses = [report.loss for report in info.reports]
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < 0.5 * losses[0]
    assert [report.iteration for report in info.reports] == [0, 10, 20, 30]


def test_the_cap_is_exact_and_counts_every_evaluation():
    _, info = solve(7)
    assert (info.iterations, info.stopped, info.fallback) == (7, "iteration limit", "none")
    assert info.evaluations >= 8


def test_no_iterations_give_the_start_back():
    image, info = solve(0)
    np.testing.assert_array_equal(image, picture(4))
    assert (info.iterations, info.evaluations) == (0, 1)


@pytest.mark.slow
def test_lbfgs_comes_as_low_as_scipy_with_as_many_evaluations():
    # SciPy's L-BFGS-B searches with its own line search; 1.5 leaves room for that difference.
    shape = picture(4).shape
    gradient = jax.jit(jax.value_and_grad(frame_loss, has_aux=True))

    def fun(flat):
        image = jnp.asarray(flat.reshape(shape), jnp.float32)
        (loss, _), g = gradient(image, network(), targets(), WEIGHTS)
        return float(loss), np.asarray(g, np.float64).ravel()

    start = np.asarray(picture(4), np.float64).ravel()
    scipy = minimize(fun, start, jac=True, method="L-BFGS-B", options={"maxfun": 60})
    _, info = solve(60)
    ours = next(r.loss for r in reversed(info.reports) if r.evaluations <= 70)
    assert ours < 1.5 * scipy.fun


def test_chunks_have_no_effect_on_the_result():
    one, _ = solve(20, chunk=20)
    many, _ = solve(20, chunk=3)
    np.testing.assert_array_equal(one, many)


@pytest.mark.parametrize("optimizer", ["lbfgs", "adam"])
def test_a_solve_resumed_from_the_leaves_of_its_state_ends_bit_for_bit_the_same(optimizer):
    config = SolverConfig(optimizer=optimizer, tolerance=0.0)
    kept = {}

    def keep(report, state):
        kept[report.iteration] = [np.asarray(leaf) for leaf in jax.tree.leaves(state)]

    whole, _ = solve(20, config=config, chunk=5, on_chunk=keep)
    resumed, info = solve(20, config=config, chunk=5, resume=kept[10])
    np.testing.assert_array_equal(whole, resumed)
    assert info.iterations == 20


@pytest.mark.slow
def test_the_stop_rule_ends_a_solve_that_no_longer_changes():
    config = SolverConfig(tolerance=0.05, window=10)
    _, info = solve(500, config=config, chunk=10)
    assert info.stopped == "converged"
    assert info.iterations % 10 == 0
    before, after = info.reports[-2].loss, info.reports[-1].loss
    assert abs(before - after) < 0.05 * before
    # ... and it did not stop late: every window before changed by more.
    losses = [report.loss for report in info.reports]
    assert all(a - b >= 0.05 * a for a, b in itertools.pairwise(losses[:-1]))


@pytest.mark.slow
def test_a_frame_that_begins_where_it_ends_stops_at_the_first_look():
    rule = SolverConfig(tolerance=0.01)
    # So held, it ends soon, and not at a loss of 0, towards which the change would not shrink.
    held = WEIGHTS._replace(temporal=1.0)
    ended, info = solve(1000, config=rule, weights=held)
    assert info.stopped == "converged"
    assert info.iterations > rule.first_look
    _, again = solve(500, config=rule, init=ended, weights=held)
    assert (again.stopped, again.iterations) == ("converged", rule.first_look)
    window_only = dataclasses.replace(rule, first_look=rule.window)
    _, slow = solve(500, config=window_only, init=ended, weights=held)
    assert slow.iterations == rule.window


def test_weights_caps_and_chunks_never_compile_again():
    begin.clear_cache(), advance.clear_cache()
    for cap, weights in ((5, WEIGHTS), (9, WEIGHTS._replace(style=2.0))):
        solve(cap, weights=weights, chunk=cap - 2)
    assert begin.compiled == 1
    assert advance.compiled == 1


def test_a_loss_that_is_not_finite_from_the_start_gives_the_start_image_back():
    broken = targets()._replace(warped=targets().warped.at[0, 3, 3, 0].set(jnp.nan))
    image, info = solve(20, problem=broken)
    np.testing.assert_array_equal(image, picture(4))
    assert (info.stopped, info.fallback) == ("non-finite loss", "start image")


def cliff(edge):
    """A loss whose minimum lies beside a cliff: NaN for any channel above ``edge``."""

    def loss(image, vgg, targets, weights):
        del vgg, targets
        value = jnp.mean(jnp.square(image - 0.9)) * weights.content
        value = jnp.where(jnp.max(image) > edge, jnp.nan, value)
        zero = jnp.zeros(())
        return value, LossTerms(value, zero, zero, zero)

    return jax.value_and_grad(loss, has_aux=True)


def test_a_loss_that_turns_non_finite_goes_on_with_smaller_steps(monkeypatch):
    monkeypatch.setattr("jvst.solver.optimizers._loss_and_gradient", cliff(0.945))
    start = jnp.full((33, 40, 3), 0.5)
    # Steps of 0.1 fall off the cliff, steps of 0.01 reach 0.9.
    config = SolverConfig(optimizer="adam", learning_rate=0.1, tolerance=0.0)
    with jax.disable_jit(False):
        begin.clear_cache(), advance.clear_cache()
        image, info = solve(120, config=config, init=start, weights=LossWeights(content=1.0))
        begin.clear_cache(), advance.clear_cache()
    assert (info.stopped, info.fallback) == ("iteration limit", "smaller step")
    assert info.iterations == 120
    np.testing.assert_allclose(image, 0.9, atol=0.03)


def test_a_loss_that_stays_non_finite_gives_the_start_image_back(monkeypatch):
    monkeypatch.setattr("jvst.solver.optimizers._loss_and_gradient", cliff(0.505))
    start = jnp.full((33, 40, 3), 0.5)
    config = SolverConfig(optimizer="adam", learning_rate=0.1, tolerance=0.0)
    begin.clear_cache(), advance.clear_cache()
    image, info = solve(50, config=config, init=start, weights=LossWeights(content=1.0))
    begin.clear_cache(), advance.clear_cache()
    np.testing.assert_array_equal(image, start)
    assert (info.stopped, info.fallback) == ("non-finite loss", "start image")


@pytest.mark.slow
def test_frames_solve_together_under_vmap_as_they_do_alone():
    starts = jnp.stack([picture(4), picture(5)])

    def run(init):
        state = begin(init, NEVER)
        return advance(state, network(), targets(), WEIGHTS, 8, 8, NEVER).image

    together = jax.jit(jax.vmap(run))(starts)
    for start, image in zip(starts, together, strict=True):
        # Batched convolutions add in another order; eight steps of L-BFGS amplify that.
        np.testing.assert_allclose(image, run(start), atol=2e-3)


def test_a_config_is_a_value():
    assert hash(SolverConfig()) == hash(dataclasses.replace(SolverConfig()))
