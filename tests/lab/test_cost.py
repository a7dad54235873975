"""The model of a film's time: what must hold whatever the constants are."""

import pytest

from jvst.lab.cost import Film, Machine, estimate, evaluation_seconds

MACHINE = Machine("worker", flops=1e12, overhead=0.2, start=30.0)


def film(**given):
    return Film(**{"frames": 120, "width": 640, "height": 360, "shots": 10, **given})


def seconds(whole, *, workers=1, stay=False):
    return 3600 * estimate(whole, MACHINE, workers, stay=stay).hours


def test_one_worker_takes_all_evaluations_and_a_start_a_shot():
    evaluations = 10 * 1000 + 110 * 500
    work = evaluations * evaluation_seconds(film(), MACHINE) / 0.8
    assert seconds(film()) == pytest.approx(work + 10 * 30.0)


def test_a_worker_that_stays_starts_once():
    # Ten shots for four workers: three rounds.
    assert seconds(film(), workers=4) - seconds(film(), workers=4, stay=True) == pytest.approx(60.0)
    assert seconds(film(shots=1)) == pytest.approx(seconds(film(shots=1), stay=True))


def test_workers_beyond_the_shots_stand_idle():
    assert seconds(film(), workers=10) == seconds(film(), workers=64)
    more, enough = (estimate(film(), MACHINE, workers) for workers in (64, 10))
    assert more.machine_hours == pytest.approx(6.4 * enough.machine_hours)


def test_time_and_bytes_are_in_proportion_to_pixels():
    small, large = film(), film(width=1280, height=720)
    assert seconds(large) - 300.0 == pytest.approx(4 * (seconds(small) - 300.0))
    one, two = (estimate(whole, MACHINE) for whole in (small, large))
    for name in ("pictures", "states", "flow"):
        assert getattr(two, name) == pytest.approx(4 * getattr(one, name))


def test_several_passes_take_their_evaluations_a_frame():
    passes = seconds(film(passes=4, in_pass=50)) - 300.0
    single = seconds(film(first=200, later=200)) - 300.0
    assert passes == pytest.approx(single)
