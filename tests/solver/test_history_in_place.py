"""The history of L-BFGS is as large as sixty pictures: an iteration copies none of it."""

import functools
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from support.problems import WEIGHTS, network, picture, targets

from jvst.solver.batch import stack_targets
from jvst.solver.objective import FrameTargets, settled
from jvst.solver.optimizers import SolverConfig, known_at_first
from jvst.solver.solve import advance, begin

HISTORY, CARRY = 7, 4
SHAPE = picture(4).shape
NUMBERS = settled(WEIGHTS, network(), targets().style, jnp.dtype(jnp.float32))


def copies(text, shape):
    """Lines of a compiled program that copy, or choose between, arrays of a shape."""
    kind = re.escape(f"f32[{','.join(map(str, shape))}]")
    found = re.compile(rf"= {kind}\{{[\d,]*\}} (copy|select)\(")
    return [line.strip() for line in text.splitlines() if found.search(line)]


def compiled(function, state, goals):
    few = np.int32(5)
    return jax.jit(function).lower(state, network(), goals, NUMBERS, few, few).compile().as_text()


@pytest.mark.parametrize("carry", [0, CARRY])
def test_of_one_frame(carry):
    config = SolverConfig(history=HISTORY, carry=carry)
    known = known_at_first(config, SHAPE, jnp.dtype(jnp.float32))
    text = compiled(
        functools.partial(advance, config=config), begin(picture(4), config, known), targets()
    )
    # What comes in is the caller's, and is copied once before the loop.
    assert len(copies(text, (2 * HISTORY, int(np.prod(SHAPE))))) == 1


def test_of_frames_that_stay_together():
    config = SolverConfig(history=HISTORY)
    state = jax.vmap(functools.partial(begin, config=config))(jnp.stack([picture(4), picture(5)]))
    goals = stack_targets([targets(), targets()])
    frames = FrameTargets(content=0, style=None, warped=0, trust=0)  # type: ignore[arg-type]

    def program(axis):
        step = functools.partial(advance, config=config, axis=axis)
        together = jax.vmap(step, (0, None, frames, None, None, None), axis_name="together")
        return compiled(together, state, goals)

    shape = (2, 2 * HISTORY, int(np.prod(SHAPE)))
    assert len(copies(program("together"), shape)) == 1
    # The test can fail: each by itself, a frame that has ended keeps its own.
    assert len(copies(program(None), shape)) > 1
