"""What a clip tells its listener."""

import dataclasses
import itertools
import threading

import jax
import numpy as np
import pytest
from support.problems import network, picture
from support.several_passes import stylize as stylize_passes

from jvst import ClipConfig, LossWeights, Motion, MultipassConfig, SolverConfig, stylize_clip
from jvst.film import events
from jvst.film.coarse import Scale
from jvst.film.events import Compiling, FrameDone, Progress
from jvst.solver.objective import style_targets
from jvst.solver.solve import advance, begin

HEIGHT, WIDTH = 33, 40
CONFIG = ClipConfig(
    first_iterations=4, next_iterations=2, solver=SolverConfig(tolerance=0.0), chunk=2
)
WEIGHTS = LossWeights(content=1e-3, style=1.0, temporal=1e-2, total_variation=1e-8)


def stylize(*, height=HEIGHT, width=WIDTH, config=CONFIG, **options):
    still = jax.numpy.zeros((height, width, 2))
    return stylize_clip(
        [picture(10 + i, height, width) for i in range(2)],
        [{}, {1: Motion(still, still)}],
        network(),
        style_targets(network(), [picture(2)]),
        WEIGHTS,
        config=config,
        key=jax.random.key(7),
        **options,
    )


@pytest.fixture
def nothing_compiled(monkeypatch):
    """As at the start of a process."""
    monkeypatch.setattr(events, "_COMPILED", set())


def places(told):
    """Frame and iteration of every chunk, and which frame is done."""
    return [
        (event.indices[0], event.slowest.iteration) if isinstance(event, Progress) else event.index
        for event in told
        if not isinstance(event, Compiling)
    ]


def test_a_clip_tells_every_chunk_and_every_frame():
    told = []
    frames = list(stylize(on_event=told.append))
    assert places(told) == [(0, 0), (0, 2), (0, 4), 0, (1, 0), (1, 2), 1]
    chunks = [event for event in told if isinstance(event, Progress)]
    assert [chunk.cap for chunk in chunks] == [4, 4, 4, 2, 2]
    assert {chunk.size for chunk in chunks} == {(WIDTH, HEIGHT)}
    last = [event for event in told if isinstance(event, FrameDone)][-1]
    assert last.info == frames[-1].info
    assert chunks[-1].reports == last.info.reports[-1:]
    np.testing.assert_array_equal(chunks[-1].image, last.image)
    np.testing.assert_array_equal(last.image, frames[-1].image)


def test_a_listener_changes_no_bit_and_hears_on_the_callers_thread():
    threads = set()
    told = list(stylize(on_event=lambda _: threads.add(threading.current_thread())))
    for one, two in zip(told, stylize(), strict=True):
        np.testing.assert_array_equal(one.image, two.image)
    assert threads == {threading.current_thread()}


def test_compiling_is_told_before_a_program_is_new_and_never_again():
    told, programs = [], []

    def listen(event):
        told.append(event)
        programs.append((begin.compiled, advance.compiled))

    # A size of its own: the solver's programs are new.
    list(stylize(height=34, width=37, on_event=listen))
    grown = [now != before for before, now in itertools.pairwise(programs)]
    compiling = [event == Compiling((37, 34)) for event in told]
    assert compiling == [True, *[False] * (len(told) - 1)]
    assert grown == compiling[:-1]
    again = []
    list(stylize(height=34, width=37, on_event=again.append))
    other_numbers = dataclasses.replace(CONFIG, first_iterations=3, chunk=1)
    list(stylize(height=34, width=37, config=other_numbers, on_event=again.append))
    assert not any(isinstance(event, Compiling) for event in again)


def test_a_coarse_stage_is_told_with_its_size_and_cap(nothing_compiled):
    told = []

    def listen(event):
        told.append(event)
        if isinstance(event, Progress) and event.size == (80, 66):
            raise InterruptedError

    made = stylize(
        height=66,
        width=80,
        config=dataclasses.replace(CONFIG, first_iterations=100, chunk=40),
        scales=[Scale(0.5, style_targets(network(), [picture(2)]))],
        on_event=listen,
    )
    with pytest.raises(InterruptedError):
        next(made)
    chunks = [event for event in told if isinstance(event, Progress)]
    assert [(chunk.size, chunk.cap) for chunk in chunks] == [((40, 33), 60)] * 3 + [((80, 66), 100)]
    assert [event.size for event in told if isinstance(event, Compiling)] == [
        (80, 66),
        (40, 33),
        (80, 66),
    ]


def test_a_clip_that_a_listener_has_ended_goes_on_from_its_last_event_bit_for_bit():
    whole = list(stylize())
    told = []

    def listen(event):
        told.append(event)
        if isinstance(event, Progress) and event.slowest.iteration == 2:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        next(stylize(on_event=listen))
    leaves = [np.asarray(leaf) for leaf in jax.tree.leaves(told[-1].state)]
    for one, two in zip(whole, stylize(resume=leaves), strict=True):
        np.testing.assert_array_equal(one.image, two.image)


@pytest.mark.parametrize(
    "schedule", [pytest.param("sequential", marks=pytest.mark.slow), "parallel"]
)
def test_every_pass_tells_its_frames_and_its_batches(nothing_compiled, schedule):
    clip = ClipConfig(solver=SolverConfig(tolerance=0.0), chunk=3)
    config = MultipassConfig(passes=2, pass_iterations=3, batch=3, schedule=schedule, clip=clip)
    told = []
    frames = stylize_passes(
        config, frames=[picture(10 + i) for i in range(5)], on_event=told.append
    )
    done = [event for event in told if isinstance(event, FrameDone)]
    assert [(event.pass_number, event.index) for event in done] == [frame[:2] for frame in frames]
    chunks = [event for event in told if isinstance(event, Progress)]
    assert all(len(event.reports) == len(event.indices) for event in chunks)
    assert all((event.passes, event.cap) == (2, 3) for event in chunks)
    second = [event.indices for event in chunks if event.pass_number == 2][::2]
    alone = [(index,) for index in config.order(5, 2)]
    assert second == ([(0, 1, 2), (3, 4)] if schedule == "parallel" else alone)
    one, three = Compiling((WIDTH, HEIGHT)), Compiling((WIDTH, HEIGHT), 3)
    compiling = [event for event in told if isinstance(event, Compiling)]
    assert compiling == [one, three, *([] if schedule == "parallel" else [one])]
    np.testing.assert_array_equal(chunks[0].image, chunks[0].state.image[0])
