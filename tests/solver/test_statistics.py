"""A style statistic of the user's own, and the Wasserstein distance, in everything that solves."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from support.problems import WEIGHTS, network, picture, targets

from jvst import ClipConfig, FrameTargets, Motion, SolverConfig, frame_loss, stylize_clip
from jvst.core.statistics import WassersteinStatistic
from jvst.solver.batch import solve_frames, stack_targets
from jvst.solver.memory import FrameShape, compiled_estimate, quick_estimate
from jvst.solver.objective import style_targets
from jvst.solver.solve import solve_frame
from jvst.solver.tiles import tiled_loss_and_gradient

CONFIG = SolverConfig(tolerance=0.0)


@dataclasses.dataclass(frozen=True)
class MeanStatistic:
    """The mean of each channel."""

    def moments(self, activation, owned=None):
        counted = activation if owned is None else jnp.where(owned, activation, 0)
        return jnp.mean(counted, axis=(0, 1))

    def loss(self, moments, target):
        return jnp.mean(jnp.square(moments - target))


def test_a_statistic_of_the_users_own_stylizes_a_clip():
    style = style_targets(network(), [picture(2)], statistic=MeanStatistic())
    motion = Motion(jnp.zeros((33, 40, 2)), jnp.zeros((33, 40, 2)))
    config = ClipConfig(first_iterations=6, next_iterations=3, init="content", solver=CONFIG)
    frames = list(
        stylize_clip(
            [picture(1), picture(1)],
            [{}, {1: motion}],
            network(),
            style,
            WEIGHTS._replace(style=1e3),
            config=config,
            key=jax.random.key(0),
        )
    )
    styles = [report.terms.style for report in frames[0].info.reports]
    assert 0.0 < styles[-1] < 0.5 * styles[0]


@pytest.fixture(
    params=[MeanStatistic(), pytest.param(WassersteinStatistic(), marks=pytest.mark.slow)],
    ids=["own", "wasserstein"],
)
def problem(request) -> FrameTargets:
    style = style_targets(network(), [picture(2)], statistic=request.param)
    return targets()._replace(style=style)


def test_tiles_give_the_loss_and_gradient_of_the_whole_picture(problem):
    picture_of = picture(4, 96, 96)
    content = {name: jnp.zeros((12, 12, 32)) for name in problem.content}
    warped = jnp.zeros((1, 96, 96, 3))
    large = problem._replace(content=content, warped=warped, trust=warped[..., 0])
    whole = jax.jit(jax.value_and_grad(frame_loss, has_aux=True))
    tiled = jax.jit(lambda *given: tiled_loss_and_gradient(*given, tile=(16, 16)))
    (loss, terms), slope = whole(picture_of, network(), large, WEIGHTS)
    (tiled_loss, tiled_terms), tiled_slope = tiled(picture_of, network(), large, WEIGHTS)
    np.testing.assert_allclose(tiled_terms.style, terms.style, rtol=1e-4)
    np.testing.assert_allclose(tiled_loss, loss, rtol=1e-4)
    np.testing.assert_allclose(tiled_slope, slope, atol=2e-4 * float(jnp.abs(slope).max()))


@pytest.mark.slow
def test_a_batch_of_frames_is_each_by_itself(problem):
    start = picture(5)
    alone, info = solve_frame(start, network(), problem, WEIGHTS, 2, config=CONFIG)
    images, infos = solve_frames(
        jnp.stack([start, start]),
        network(),
        stack_targets([problem] * 2),
        WEIGHTS,
        2,
        config=CONFIG,
    )
    assert infos[0].iterations == info.iterations == 2
    np.testing.assert_allclose(images[1], alone, atol=2e-3)  # two steps of another rounding


@pytest.mark.slow
def test_the_memory_estimate_counts_its_moments():
    gram = FrameShape(48, 64)
    shape = dataclasses.replace(gram, statistic=WassersteinStatistic())
    (quick, before) = (quick_estimate(x, network(), config=CONFIG) for x in (shape, gram))
    channels = (4, 8, 16, 32, 32)
    assert quick.targets - before.targets == 4 * sum(channels)  # a mean beside every matrix
    counted = compiled_estimate(shape, network(), config=CONFIG)
    assert counted is not None
    assert counted.targets == quick.targets
