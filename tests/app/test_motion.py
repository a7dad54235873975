"""Prefetch: order, bound, errors in their place, and nothing left behind."""

import gc
import itertools
import threading
import time
import weakref
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest

from jvst.app import motion
from jvst.app.motion import Waiting, prefetch

LONG = 10.0  # seconds that no test takes; a wait this long is a failure


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if "prefetch" in thread.name]


@pytest.mark.parametrize(("workers", "ahead"), [(1, 1), (1, 5), (3, 1), (4, 7), (8, 100)])
def test_results_come_in_order(workers, ahead):
    def later_items_are_faster(item):
        time.sleep((20 - item) * 0.0003)
        return item * item

    got = list(prefetch(later_items_are_faster, range(20), workers=workers, ahead=ahead))
    assert got == [item * item for item in range(20)]
    assert threads() == []


def test_no_items_give_no_results():
    assert list(prefetch(str, [])) == []
    assert threads() == []


@pytest.mark.parametrize("ahead", [1, 3])
def test_items_are_taken_no_further_than_ahead(ahead):
    taken = []

    def endless():
        for item in itertools.count():
            taken.append(item)
            yield item

    results = prefetch(lambda item: item, endless(), workers=4, ahead=ahead)
    assert taken == []  # nothing before the first result is asked for
    for handed_out in range(1, 6):
        next(results)
        assert len(taken) == handed_out + ahead
    results.close()
    assert len(taken) == 5 + ahead


def test_results_are_computed_while_the_consumer_works():
    started = [threading.Event() for _ in range(3)]

    def function(item):
        started[item].set()
        return item

    results = prefetch(function, range(3), workers=1, ahead=2)
    assert next(results) == 0
    assert all(event.wait(LONG) for event in started)  # without another next
    results.close()


def test_as_many_run_at_once_as_there_are_workers():
    together = threading.Barrier(3)
    results = prefetch(lambda item: together.wait(LONG), range(3), workers=3, ahead=3)
    assert sorted(results) == [0, 1, 2]  # the barrier opens only for three at once


def test_an_error_in_a_worker_is_raised_in_its_place():
    def function(item):
        if item == 2:
            raise KeyError("two")
        return item

    results = prefetch(function, itertools.count(), workers=4, ahead=6)
    assert [next(results), next(results)] == [0, 1]
    with pytest.raises(KeyError, match="two"):
        next(results)
    assert list(results) == []
    assert threads() == []


def test_an_error_of_the_items_is_raised_after_the_results_before_it():
    def items():
        yield from range(3)
        raise OSError("the film tore")

    results = prefetch(str, items(), workers=2, ahead=8)
    assert [next(results), next(results), next(results)] == ["0", "1", "2"]
    with pytest.raises(OSError, match="tore"):
        next(results)
    assert threads() == []


def test_closing_early_drops_what_has_not_started_and_joins_what_has(monkeypatch):
    running, release, done = threading.Event(), threading.Event(), []

    class Pool(ThreadPoolExecutor):
        """Lets what runs go on once the rest has been dropped."""

        def shutdown(self, wait=True, *, cancel_futures=False):
            super().shutdown(wait=False, cancel_futures=cancel_futures)
            release.set()
            super().shutdown(wait=wait)

    monkeypatch.setattr(motion, "ThreadPoolExecutor", Pool)

    def function(item):
        if item > 0:
            running.set()
            release.wait(LONG)
        done.append(item)
        return item

    results = prefetch(function, itertools.count(), workers=1, ahead=5)
    assert next(results) == 0
    assert running.wait(LONG)
    results.close()
    assert done == [0, 1]  # 1 was running and has been waited for; 2 to 5 never start
    assert threads() == []


def test_breaking_out_of_a_loop_leaves_no_thread():
    for result in prefetch(str, itertools.count(), workers=4, ahead=8):
        if result == "3":
            break
    gc.collect()
    assert threads() == []


def test_a_generator_that_is_never_asked_starts_no_thread():
    results = prefetch(str, range(3))
    assert threads() == []
    results.close()


class Result:
    """Something that can be watched."""


def test_results_are_let_go():
    made = []

    def function(item):
        result = Result()
        made.append(weakref.ref(result))
        return result

    results = prefetch(function, range(6), workers=1, ahead=2)
    next(results)
    next(results)
    alive = sum(one() is not None for one in made)
    assert alive <= 3  # two ahead, and the one handed out, which the generator may still hold
    results.close()
    assert all(one() is None for one in made)


def test_waiting_counts_the_consumer_s_wait_and_not_its_work(monkeypatch):
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr(motion, "time", SimpleNamespace(perf_counter=lambda: clock.now))

    def items():  # taken on the consumer's thread, which waits for them
        for item in range(3):
            clock.now += 1.0
            yield item

    waiting = Waiting()
    for _ in prefetch(str, items(), workers=1, ahead=2, waiting=waiting):
        clock.now += 100.0
    assert waiting.seconds == 3.0


@pytest.mark.parametrize("options", [{"workers": 0}, {"ahead": 0}, {"ahead": -1}])
def test_bad_options_are_refused_at_the_call(options):
    with pytest.raises(ValueError, match="at least 1"):
        prefetch(str, [], **options)
