"""The loss of a first frame by its start."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from support.pairs import small_pairs
from support.problems import network, picture

from jvst import LossWeights, painting_statistics
from jvst.lab.evaluation import first_frames


def test_losses_are_told_at_the_iterations_asked_for_and_fall(monkeypatch):
    # Neither start is made of the painting's statistics.
    few = functools.partial(painting_statistics, pairs=small_pairs(1))
    monkeypatch.setattr(first_frames, "painting_statistics", few)
    iterations = (0, 4, 8)
    courses = first_frames.loss_courses(
        picture(1),
        picture(2),
        network(),
        LossWeights(content=1e-3, style=1.0),
        layers=("relu4_2",),
        iterations=iterations,
        starts=("noise", "content"),
        key=jax.random.key(0),
    )
    assert list(courses) == ["noise", "content"]
    for losses in courses.values():
        assert np.all(np.diff(losses) < 0)
    assert jnp.isfinite(jnp.asarray(courses["noise"])).all()
    table = first_frames.markdown(courses, iterations).splitlines()
    assert table[0] == "| loss after … iterations, from | 0 | 4 | 8 |"
    assert len(table) == 4
