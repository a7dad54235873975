import jax
import jax.numpy as jnp
import numpy as np
import pytest
from support.problems import network, picture

from jvst import ClipConfig, LossWeights, Motion, SolverConfig, warp
from jvst.lab.evaluation.ablation import (
    INDEPENDENT,
    TEMPORAL,
    WARPED_START,
    Truth,
    floor,
    markdown,
    measure,
)
from jvst.lab.evaluation.ablation import run_variants as run
from jvst.solver.objective import style_targets

pytestmark = pytest.mark.slow  # three clips are solved

# The scene moves by one and a half pixels to the left: frame 1 at p shows frame 0 at p + 1.5.
FLOW = jnp.zeros((33, 40, 2)).at[..., 0].set(1.5)
FRAMES = [picture(1), warp(picture(1), FLOW)]
MASK = jnp.ones((33, 40)).at[:, -3:].set(0.0)
WEIGHTS = LossWeights(content=1e-3, style=1.0, temporal=1e-2, total_variation=1e-8)


@pytest.fixture(scope="module")
def clips():
    config = ClipConfig(first_iterations=15, solver=SolverConfig(tolerance=0.0), chunk=15)
    style = style_targets(network(), [picture(2)])
    motions = [{}, {1: Motion(FLOW, -FLOW)}]
    return run(FRAMES, motions, network(), style, WEIGHTS, config=config, key=jax.random.key(0))


def row(name, images):
    style = style_targets(network(), [picture(2)])
    return measure(name, images, FRAMES, [Truth(FLOW, MASK)], network(), style, WEIGHTS)


def test_the_ways_share_their_first_frame_and_part_after_it(clips):
    for name in (WARPED_START, TEMPORAL):
        np.testing.assert_array_equal(clips[name][0], clips[INDEPENDENT][0])
        assert float(jnp.abs(clips[name][1] - clips[INDEPENDENT][1]).max()) > 1e-3


def test_each_part_of_the_method_lowers_the_warping_error(clips):
    errors = [row(name, clips[name]).error for name in (INDEPENDENT, WARPED_START, TEMPORAL)]
    assert errors[0] > errors[1] > errors[2] > 0.0


def test_a_clip_that_moves_as_the_truth_says_has_no_error():
    assert floor(FRAMES, [Truth(FLOW, MASK)]).error < 1e-9
    assert floor(FRAMES, [Truth(jnp.zeros_like(FLOW), MASK)]).error > 1e-5


def test_the_table_relates_losses_to_the_first_row(clips):
    rows = [row(INDEPENDENT, clips[INDEPENDENT]), row(TEMPORAL, clips[TEMPORAL])]
    lines = markdown(rows).splitlines()
    assert len(lines) == 4
    assert lines[2].endswith("| 1.000 | 1.000 |")
    assert f"{rows[1].style / rows[0].style:.3f}" in lines[3]
