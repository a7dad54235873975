"""What waits for programs that are compiled ahead. That calls find them: benchmarks' `start`."""

import threading

import jax
import pytest

from jvst.film.ahead import Ahead, Programs


@pytest.fixture
def kept(tmp_path):
    """A place where JAX keeps programs."""
    before = jax.config.values["jax_compilation_cache_dir"]
    jax.config.update("jax_compilation_cache_dir", str(tmp_path))
    yield
    jax.config.update("jax_compilation_cache_dir", before)


def nothing():
    """Check nothing."""


def test_it_ends_when_the_first_are_there_and_does_not_wait_for_the_later(kept):
    done, later = [], threading.Event()
    with Ahead(nothing) as ahead:
        ahead.begin(Programs([lambda: done.append(1), lambda: done.append(2)], [later.wait]))
    assert sorted(done) == [1, 2]
    later.set()


def test_one_that_cannot_be_compiled_is_left_to_the_call(kept):
    with Ahead(nothing) as ahead:
        ahead.begin(Programs([lambda: 1 / 0], []))


def test_a_check_that_raises_ends_the_wait(kept):
    held = threading.Event()

    def stop():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), Ahead(stop) as ahead:
        ahead.begin(Programs([held.wait], []))
    held.set()


def test_what_is_raised_inside_is_not_waited_for(kept):
    held = threading.Event()
    with pytest.raises(ValueError, match="mine"), Ahead(nothing) as ahead:
        ahead.begin(Programs([held.wait], []))
        raise ValueError("mine")
    held.set()


def test_without_a_place_to_keep_programs_none_is_compiled():
    before = jax.config.values["jax_compilation_cache_dir"]
    jax.config.update("jax_compilation_cache_dir", None)
    done = []
    with Ahead(nothing) as ahead:
        ahead.begin(Programs([lambda: done.append(1)], []))
    jax.config.update("jax_compilation_cache_dir", before)
    assert not done
