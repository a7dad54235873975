"""Estimates of the time left, on timings with a clock of the test's own."""

import jax.numpy as jnp
import pytest

from jvst.app.cli.estimate import TimeLeft, spoken_seconds
from jvst.app.events import FramesStarted
from jvst.film.events import Compiling, FrameDone, Progress
from jvst.solver.objective import LossTerms
from jvst.solver.solve import Report, SolveInfo

INFO = SolveInfo(1, 1, "iteration limit", "none", ())
CAPS = (80, 12)
PICTURE = jnp.zeros((2, 2, 3))


def report(iteration):
    return Report(iteration, iteration + 1, 1.0, LossTerms(1.0, 1.0, 0.0, 0.0))


def progress(index, iteration, cap):
    return Progress((index,), (report(iteration),), cap, (64, 48))


class Run:
    """A run of frames whose iterations take a second and of which each has more to do."""

    def __init__(self, frames, *, anew=(0,), finished=0, slow=1.0):
        self.now = 0.0
        begun = FramesStarted(frames, (64, 48), 1, finished, CAPS, frozenset(anew))
        self.left = TimeLeft(begun, now=lambda: self.now)
        self.anew, self.slow = anew, slow
        self.guesses = []  # (time, seconds left)

    def hear(self, event, seconds):
        self.now += seconds * self.slow
        self.left.hear(event)
        self.guesses.append((self.now, self.left.seconds))

    def frame(self, index, *, compiling=0.0):
        cap = CAPS[index not in self.anew]
        if compiling:
            self.hear(Compiling((64, 48)), 0.1)
        self.hear(progress(index, 0, cap), compiling + 3.0)
        if compiling:
            self.hear(Compiling((64, 48)), 0.0)
        for iteration in range(10, cap + 1, 10):
            self.hear(progress(index, iteration, cap), 10.0 + (compiling if iteration == 10 else 0))
        if cap % 10:
            self.hear(progress(index, cap, cap), cap % 10)
        self.hear(FrameDone(index, PICTURE, INFO), 0.2)


def test_nothing_is_known_before_the_first_iterations():
    run = Run(24)
    run.hear(Compiling((64, 48)), 1.0)
    run.hear(progress(0, 0, 80), 40.0)
    assert run.left.seconds is None
    assert run.left.per_frame is None


def test_while_the_first_frame_runs_the_later_ones_are_not_taken_for_as_long():
    run = Run(24)
    run.hear(Compiling((64, 48)), 1.0)
    for iteration in (0, 10, 20):
        run.hear(progress(0, iteration, 80), 40.0 if iteration < 20 else 10.0)
    # 60 iterations, and 23 frames of about 16 s each.
    assert run.left.per_frame == pytest.approx(16.0, rel=0.5)
    assert run.left.seconds == pytest.approx(60 + 23 * 16, rel=0.4)


@pytest.mark.parametrize("anew", [(0,), (0, 9)])
@pytest.mark.parametrize("slow", [0.01, 1.0, 30.0])
def test_from_the_second_frame_on_it_is_within_thirty_percent(anew, slow):
    run, behind = Run(20, anew=anew, slow=slow), 0
    for index in range(20):
        run.frame(index, compiling=40.0 if index < 2 else 0.0)
        if index == 1:
            behind = len(run.guesses) - 1
    for when, guess in run.guesses[behind:]:
        truth = run.now - when
        # At the end of the last frame all but nothing is left.
        assert guess == pytest.approx(truth, rel=0.3, abs=4.0 * slow)


def test_a_run_that_goes_on_counts_what_is_left():
    run = Run(20, finished=15)
    for index in (15, 16):
        run.frame(index)
    assert run.left.seconds == pytest.approx(3 * 15.4, rel=0.3)
    for index in (17, 18, 19):
        run.frame(index)
    assert run.left.seconds == 0.0


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.2, "1 s"), (89.0, "89 s"), (150.0, "2 min"), (3900.0, "1 h 5 min"), (9e4, "25 h")],
)
def test_times_are_said_as_one_would(seconds, said):
    assert spoken_seconds(seconds) == said
