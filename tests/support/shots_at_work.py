"""Stories of commands whose shots are worked on side by side, told of any pool."""

import contextlib
import os
import signal
import time
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from support.command_lines import start, states, wait_for

from jvst.app.cli.main import run_command
from jvst.synthetic import clip, make_scene
from jvst.video import write_video

#: Two shots of two frames; the second frame is long enough to be held after two chunks.
LONG = ("--cuts", "2", "--tolerance", "0", "--iterations", "20", "120")


def draw_film(folder):
    """Four frames of an odd size."""
    scene = make_scene("demo", width=48, height=41)
    write_video(folder, clip(scene, 4), frame_rate=Fraction(25))
    return folder


@pytest.fixture(scope="session")
def film(tmp_path_factory):
    return draw_film(tmp_path_factory.mktemp("film") / "film")


@pytest.fixture
def long_run(command, film):
    return lambda *extra, run_dir="run": command(
        "--clip", str(film), *LONG, *extra, run_dir=run_dir
    )


@pytest.fixture(scope="session")
def solved():
    """What has been solved once and for all."""
    return {}


@pytest.fixture
def whole(long_run, tmp_path, solved):
    """The frames of one process."""
    if not solved:
        assert run_command(long_run(run_dir="whole")) == 0
        solved["frames"] = states(tmp_path / "whole")
    return solved["frames"]


def workers_of(run):
    """The processes that work on shots of a run."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = (place / "cmdline").read_bytes().split(b"\0")
            if b"jvst.app.workers.worker" in words and f"{run}/".encode() in b" ".join(words):
                found.append(int(place.name))
    return found


def start_and_hold_in_a_second_frame(arguments, run, hold):
    """Begin a command and come back when a worker is held inside a frame."""
    hold.once(run / "shots" / "*" / "frames" / "0001.npy")
    process = start(arguments, hold)
    hold.wait(process)
    return process


def wait_until_no_worker_is_left(run):
    deadline = time.monotonic() + 300  # only ends a test that hangs
    while workers_of(run):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def assert_same_frames(run, whole):
    for one, two in zip(whole, states(run), strict=True):
        np.testing.assert_array_equal(one, two)
    assert not (run / "shots").exists()


def a_killed_worker_is_replaced(arguments, run, whole, hold):
    process = start_and_hold_in_a_second_frame(arguments, run, hold)
    os.kill(hold.held()[0], signal.SIGKILL)
    hold.release()
    error = process.communicate(timeout=300)[1]
    assert process.returncode == 0, error
    assert_same_frames(run, whole)


def workers_killed_in_a_later_shot_are_replaced(arguments, run, whole, hold):
    """Kill both workers of a film of more shots than that, which they have begun one by one."""
    hold.once(run / "shots" / "000003-*" / "plan.json")
    process = start(arguments, hold)
    wait_for(lambda: list(run.glob("shots/000001-*/job.json")), process)
    wait_for(lambda: workers_of(run), process)
    first = set(workers_of(run))
    hold.wait(process)
    working = set(workers_of(run))
    assert len(working) == 2
    assert first <= working  # they have stayed
    for worker in working:
        os.kill(worker, signal.SIGKILL)
    hold.release()
    error = process.communicate(timeout=300)[1]
    assert process.returncode == 0, error
    assert_same_frames(run, whole)


def a_killed_command_takes_its_workers_along_and_goes_on(arguments, run, whole, hold):
    process = start_and_hold_in_a_second_frame(arguments, run, hold)
    process.kill()
    process.communicate()
    wait_until_no_worker_is_left(run)
    hold.release()
    assert run_command(arguments) == 0
    assert_same_frames(run, whole)


def an_interrupted_command_keeps_every_shot_and_goes_on(arguments, run, whole, hold):
    process = start_and_hold_in_a_second_frame(arguments, run, hold)
    process.send_signal(signal.SIGINT)
    error = process.communicate(timeout=300)[1]
    assert process.returncode == 130, error
    assert "goes on" in error
    assert not workers_of(run)
    assert list(run.glob("shots/*/interrupted.npz")), error
    hold.release()
    assert run_command(arguments) == 0
    assert_same_frames(run, whole)
