"""L-BFGS in its compact form, against the textbook's recursion and jaxopt's."""

import functools
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from support.problems import bowl

from jvst.solver import curvature
from jvst.solver.lbfgs import IDENTITY, Lbfgs, Preconditioner

# Op by op they compile for seconds.
FIRST, LATER = jnp.asarray(True), jnp.asarray(False)
begun_history = jax.jit(curvature.begun_history, static_argnums=1)
quasi_newton_step, remember = jax.jit(curvature.quasi_newton_step), jax.jit(curvature.remember)

HISTORY, SIZE = 4, 24


def history_of(steps, *, curved=True, seed=0):
    """Steps on a quadratic, or along random directions, whose products have either sign."""
    draw = np.random.default_rng(seed)
    root = draw.normal(size=(SIZE, SIZE)) / SIZE**0.5
    hessian = root @ root.T + 0.1 * np.eye(SIZE)
    m = np.diag(draw.uniform(0.5, 2.0, SIZE))
    found = []
    for _ in range(steps):
        s = draw.normal(size=SIZE)
        y = hessian @ s if curved else draw.normal(size=SIZE)
        found.append((s, y, m @ y))
    return found, m, draw.normal(size=SIZE)


def textbook(steps, m, gradient, gamma):
    """Nocedal and Wright 2006, algorithm 7.4, with gamma M as the first inverse Hessian."""
    steps = [(s, y) for s, y, _ in steps[-HISTORY:] if s @ y > 0]
    r, factors = gradient.copy(), []
    for s, y in reversed(steps):
        factors.append((s @ r) / (s @ y))
        r -= factors[-1] * y
    r = gamma * m @ r
    for (s, y), factor in zip(steps, reversed(factors), strict=True):
        r += s * (factor - (y @ r) / (s @ y))
    return -r


def step_after(steps, m, gradient, gamma=0.7):
    arrays = functools.partial(jnp.asarray, dtype=jnp.float32)
    known = begun_history(arrays(gradient), HISTORY, arrays(gamma))
    for s, y, my in steps:
        known = remember(known, arrays(s), arrays(y), arrays(my), arrays(gradient))
    return quasi_newton_step(known, arrays(m @ gradient)), known


@pytest.mark.parametrize("curved", [True, False])
@pytest.mark.parametrize("steps", [0, 1, 3, HISTORY, HISTORY + 1, 2 * HISTORY + 3])
def test_a_step_is_the_textbooks(steps, curved):
    found, m, gradient = history_of(steps, curved=curved)
    step, known = step_after(found, m, gradient)
    expected = textbook(found, m, gradient, float(known.gamma))
    # float32, and systems of a condition of some hundred where the curvature is random.
    np.testing.assert_allclose(step, expected, atol=2e-4 * np.abs(expected).max())


def test_gamma_is_that_of_the_last_step_that_curved_upward():
    steps, m, gradient = history_of(3)
    s, y, my = steps[-1]
    _, known = step_after([*steps, (s, -y, -my)], m, gradient)
    np.testing.assert_allclose(known.gamma, (s @ y) / (y @ m @ y), rtol=1e-5)


def test_a_step_goes_downhill_whatever_the_history_holds():
    for seed in range(20):
        steps, m, gradient = history_of(7, curved=False, seed=seed)
        step, _ = step_after(steps, m, gradient)
        assert np.dot(step, gradient) < 0.0


@pytest.mark.parametrize("preconditioner", [IDENTITY, Preconditioner()])
def test_it_finds_the_minimum(preconditioner):
    target = jax.random.uniform(jax.random.key(1), (7, 8, 3))
    evaluate = jax.value_and_grad(bowl, has_aux=True)
    solver = Lbfgs(evaluate, 10, 0.01, 1.0, preconditioner)
    image = jnp.zeros_like(target)
    step = jax.jit(solver.step)
    image, loss, _, state, _ = step(image, solver.begin(image), FIRST, target)
    for _ in range(120):
        image, loss, _, state, _ = step(image, state, LATER, target)
    np.testing.assert_allclose(image, target, atol=1e-3)  # the loss, at 1e-5, is float32's to tell
    assert loss < 1e-4


def test_a_rounded_loss_costs_no_trials_where_the_search_knows_of_it():
    target = jax.random.uniform(jax.random.key(1), (7, 8, 3))

    @functools.partial(jax.value_and_grad, has_aux=True)
    def evaluate(image, target):
        value, terms = bowl(image, target)
        # High above zero, off by up to 0.02, and with the gradient of what it should be.
        off = 0.02 * jnp.sin(1e4 * jax.lax.stop_gradient(value))
        return 1000.0 + value + off, terms

    taken, left = {}, {}
    for rounding in (0.0, 5e-5):
        solver = Lbfgs(evaluate, 10, 0.01, 1.0, Preconditioner(), rounding)
        image = jnp.zeros_like(target)
        step = jax.jit(solver.step)
        image, _, _, state, _ = step(image, solver.begin(image), FIRST, target)
        trials = []
        for _ in range(60):
            image, *_, state, evaluations = step(image, state, LATER, target)
            trials.append(int(evaluations))
        taken[rounding], left[rounding] = sum(trials), float(bowl(image, target)[0])
    assert taken[5e-5] < 70 and taken[0.0] > 2 * taken[5e-5]
    assert left[5e-5] < left[0.0]


def test_a_step_of_the_first_length_moves_a_channel_by_so_much_on_the_average():
    target = jnp.full((7, 8, 3), 1.0)
    solver = Lbfgs(jax.value_and_grad(bowl, has_aux=True), 10, 0.01, 1.0, Preconditioner())
    start = jax.random.uniform(jax.random.key(2), target.shape)
    step = jax.jit(solver.step)
    image, _, _, state, _ = step(start, solver.begin(start), FIRST, target)
    np.testing.assert_array_equal(image, start)
    image, *_ = step(image, state, LATER, target)
    np.testing.assert_allclose(jnp.mean(jnp.abs(image - start)), 0.01, rtol=1e-4)


AGAINST_JAXOPT = """
import warnings
import jax
import jax.numpy as jnp
warnings.simplefilter("ignore")
jax.config.update("jax_enable_x64", True)
import jaxopt
from jvst.solver.lbfgs import Lbfgs
from jvst.solver.lbfgs import IDENTITY
from support.problems import bowl

target = jax.random.uniform(jax.random.key(1), (5, 6, 3))
evaluate = jax.value_and_grad(bowl, has_aux=True)
solver = Lbfgs(evaluate, 4, 0.01, 1.0, IDENTITY)
image = jnp.zeros_like(target)
first, later = jnp.asarray(True), jnp.asarray(False)
image, _, _, state, _ = solver.step(image, solver.begin(image), first, target)
theirs = jaxopt.LBFGS(
    evaluate, value_and_grad=True, has_aux=True, history_size=4, linesearch_init="max",
    linesearch=jaxopt.BacktrackingLineSearch(
        evaluate, value_and_grad=True, has_aux=True, condition="wolfe", c2=1e6, maxiter=10,
        decrease_factor=0.5,
    ),
)
other = theirs.init_state(image, target)
other, point = other._replace(gamma=state.history.gamma), image
for _ in range(25):
    image, loss, _, state, _ = solver.step(image, state, later, target)
    point, other = theirs.update(point, other, target)
    print(float(jnp.max(jnp.abs(image - point))), float(other.value))
"""


@pytest.mark.slow
def test_it_goes_the_way_of_jaxopts():
    # In float64: two ways of rounding would part in float32 after some ten steps.
    run = subprocess.run(
        [sys.executable, "-c", AGAINST_JAXOPT],
        cwd="tests",
        capture_output=True,
        text=True,
        check=True,
    )
    rows = [tuple(map(float, line.split())) for line in run.stdout.splitlines()]
    assert len(rows) == 25
    assert rows[-1][1] < 1e-3 * rows[0][1]
    assert max(row[0] for row in rows) < 1e-9
