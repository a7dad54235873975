"""Shots side by side: what a pool is asked for, and commands that lose their workers."""

import dataclasses
import errno
import io
import json
import os
import threading

import numpy as np
import pytest

from jvst.app import store as store_module
from jvst.app.cli.main import parse
from jvst.app.cli.progress import ShotsProgress
from jvst.app.events import (
    Notice,
    ShotAtWork,
    ShotDone,
    ShotsAtWork,
    ShotsStarted,
    StoppedError,
    Teller,
)
from jvst.app.options import config_from_dict, frame_range
from jvst.app.store import RunStore
from jvst.app.task import prepare_task
from jvst.app.workers import jobs, worker
from jvst.app.workers.jobs import ATTEMPTS, FailedShotsError, shots_begun, stylize_shots
from jvst.app.workers.notes import CompilingNote, read_compiling
from jvst.app.workers.pool import Outcome
from jvst.errors import InputError
from jvst.film.events import Compiling, Progress

IMAGE = np.zeros((33, 40, 3), np.float32)
PICTURE = IMAGE.astype(np.uint8)
DONE = Outcome(0, "")
KILLED = Outcome(-9, "")


class FakeWorker:
    """Has ended as told by its second look."""

    def __init__(self, end, pool):
        self.end, self.pool, self.looks, self.told = end, pool, 0, []

    def outcome(self):
        self.looks += 1
        if self.looks < 2:
            return None
        if isinstance(self.end, Outcome):
            self.pool.at_work.discard(self)
            return self.end
        if isinstance(self.end, BaseException) and not self.told:
            raise self.end
        return DONE if "stop" in self.told else None

    def stop(self):
        self.told.append("stop")

    def kill(self):
        self.told.append("kill")


class FakePool:
    """Finishes frames at once, each of its own grey, and ends workers as told.

    Args:
        ends: first frame of a shot -> (frames finished, end) of each attempt that goes wrong.
    """

    def __init__(self, size=2, ends=None):
        self.size, self.ends, self.devices = size, ends or {}, {}
        self.begun, self.workers, self.at_work, self.most = [], [], set(), 0

    def start(self, job):
        config = config_from_dict(json.loads(job.read_text()), source=str(job))
        first, stop = frame_range(config.input.frames)
        self.begun.append(first)
        attempts = self.ends.get(first, [])
        count, end = attempts.pop(0) if attempts else (stop - first, DONE)
        with RunStore(config.output.run_dir) as store:
            device = self.devices.get(first, "cpu")
            store.open_run(
                {"options": {}, "inputs": {"frames": stop - first}, "device": device}, fresh=False
            )
            done = store.finished(range(stop - first))
            for place in range(done, min(done + count, stop - first)):
                store.save(place, IMAGE + first + place, PICTURE, {"attempt": len(self.begun)})
            store.flush()
        self.workers.append(FakeWorker(end, self))
        self.at_work.add(self.workers[-1])
        self.most = max(self.most, len(self.at_work))
        return self.workers[-1]


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(jobs, "_LOOK_SECONDS", 0.001)


@pytest.fixture
def task(command, quick):
    """Of seven frames in three shots; the pool does not look at the clip."""
    task = prepare_task(parse(command()))
    return dataclasses.replace(task, clip=dataclasses.replace(task.clip, count=7, cuts=(2, 5)))


@pytest.fixture
def store(task, tmp_path):
    with RunStore(tmp_path / "run") as store:
        store.open_run(task.manifest(), fresh=False)
        yield store


def greys(store):
    return [float(store.load(index)[0, 0, 0]) for index in range(7)]


def test_every_shot_is_worked_on_once_and_its_frames_find_their_places(task, store):
    pool = FakePool()
    stylize_shots(task, store, pool)
    assert pool.begun == [0, 2, 5]
    assert greys(store) == [0, 1, 2, 3, 4, 5, 6]
    assert not (store.folder / "shots").exists()


@pytest.mark.parametrize("size", [1, 2, 9])
def test_a_pool_is_filled_and_never_overfilled(task, store, size):
    pool = FakePool(size)
    stylize_shots(task, store, pool)
    assert pool.most == min(size, 3)


def test_every_frame_may_be_its_own_shot(task, store):
    clip = dataclasses.replace(task.clip, cuts=(1, 2, 3, 4, 5, 6))
    pool = FakePool()
    stylize_shots(dataclasses.replace(task, clip=clip), store, pool)
    assert pool.begun == list(range(7))
    assert greys(store) == list(range(7))


def test_a_lost_worker_is_replaced_by_one_that_goes_on_from_its_last_frame(task, store):
    pool = FakePool(ends={2: [(1, KILLED)]})
    stylize_shots(task, store, pool)
    assert sorted(pool.begun) == [0, 2, 2, 5]
    assert greys(store) == [0, 1, 2, 3, 4, 5, 6]
    first, last = (store.load_info(index)["attempt"] for index in (2, 4))
    assert first < last


def test_attempts_that_finish_a_frame_are_not_in_vain(task, store):
    clip = dataclasses.replace(task.clip, cuts=(1,))
    pool = FakePool(ends={1: [(1, KILLED)] * 5})
    stylize_shots(dataclasses.replace(task, clip=clip), store, pool)
    assert pool.begun.count(1) == 6 > ATTEMPTS


def test_a_shot_whose_workers_are_always_lost_fails_and_the_others_finish(task, store):
    pool = FakePool(ends={2: [(0, Outcome(1, "Traceback\nMemoryError: big"))] * 9})
    with pytest.raises(FailedShotsError, match=r"frames 3 to 5 failed: .*status 1") as error:
        stylize_shots(task, store, pool)
    assert "MemoryError: big" in str(error.value)
    assert "4 of 7 frames are finished" in str(error.value)
    assert pool.begun.count(2) == ATTEMPTS
    assert store.finished([0, 1, 5, 6]) == 4


def test_bad_input_is_not_tried_again_and_the_next_command_does_only_what_is_left(task, store):
    bad = Outcome(2, "a warning of some library\njvst: flow_3.flo is missing\n")
    with pytest.raises(FailedShotsError, match=r"frames 1 to 2 failed: flow_3\.flo is missing;"):
        stylize_shots(task, store, FakePool(ends={0: [(1, bad)]}))
    assert shots_begun(store)
    pool = FakePool()
    stylize_shots(task, store, pool)
    assert not shots_begun(store)
    assert pool.begun == [0]
    assert greys(store) == [0, 1, 2, 3, 4, 5, 6]


def test_many_failures_make_no_endless_line(task, store):
    clip = dataclasses.replace(task.clip, cuts=(1, 2, 3, 4, 5, 6))
    ends = {first: [(0, Outcome(2, "jvst: bad"))] for first in range(7)}
    with pytest.raises(FailedShotsError, match="2 more shots failed, from frame 6 on; 0 of 7"):
        stylize_shots(dataclasses.replace(task, clip=clip), store, FakePool(ends=ends))


def test_ctrl_c_stops_every_worker_and_waits_for_it(task, store):
    pool = FakePool(size=3, ends={2: [(1, KeyboardInterrupt())], 5: [(0, None)]})
    with pytest.raises(KeyboardInterrupt):
        stylize_shots(task, store, pool)
    assert [worker.told for worker in pool.workers[1:]] == [["stop"], ["stop"]]
    assert store.finished([0, 1]) == 2
    assert (store.folder / "shots" / "000003-000005" / "frames" / "0001.npy").exists()


def test_a_worker_that_does_not_stop_is_killed(task, store, monkeypatch):
    monkeypatch.setattr(jobs, "_STOP_SECONDS", 0.0)
    monkeypatch.setattr(FakeWorker, "stop", lambda self: self.told.append("stopping"))
    pool = FakePool(ends={0: [(0, KeyboardInterrupt())], 2: [(0, None)]})
    with pytest.raises(KeyboardInterrupt):
        stylize_shots(task, store, pool)
    assert pool.workers[1].told == ["stopping", "kill"]


def test_a_full_disk_is_one_line_and_ends_the_workers(task, store, monkeypatch):
    def full(source, target):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    pool = FakePool(ends={2: [(0, None)]})
    monkeypatch.setattr(store_module.shutil, "copyfile", full)
    monkeypatch.setattr(jobs, "_weights_for_all", lambda *_: "embedded")
    with pytest.raises(InputError, match="disk is full"):
        stylize_shots(task, store, pool)
    assert pool.workers[1].told == ["stop"]
    assert store.finished(range(7)) == 0


@pytest.mark.parametrize("late", [True, False])
def test_frames_that_storage_shows_late_are_waited_for_but_not_for_ever(
    task, store, monkeypatch, late
):
    hidden = store.folder / "hidden.npy"
    wanted = store.folder / "shots" / "000001-000002" / "frames" / "0002.npy"

    class Late(FakePool):
        def start(self, job):
            worker = super().start(job)
            if wanted.exists() and not hidden.exists():
                wanted.rename(hidden)
                if late:
                    threading.Timer(0.3, hidden.rename, (wanted,)).start()
            return worker

    monkeypatch.setattr(jobs, "_STORAGE_SECONDS", 30.0 if late else 0.1)
    if late:
        stylize_shots(task, store, Late())
        assert greys(store) == [0, 1, 2, 3, 4, 5, 6]
    else:
        with pytest.raises(InputError, match="storage that all machines see"):
            stylize_shots(task, store, Late())


def test_what_workers_have_to_say_is_said_once(task, store):
    said = Outcome(0, "W0000 some library\njvst: the flow cache is full\n")
    told = []
    pool = FakePool(ends={0: [(2, said)], 2: [(3, said)]})
    stylize_shots(task, store, pool, Teller(told.append))
    notices = [event for event in told if isinstance(event, Notice)]
    assert notices == [Notice("the flow cache is full")]


def test_a_listener_hears_where_the_workers_are_and_which_shots_are_done(task, store):
    told = []
    stylize_shots(task, store, FakePool(), Teller(told.append))
    assert told[0] == ShotsStarted(frames=7, left=7, passes=1)
    working = next(event.working for event in told if isinstance(event, ShotsAtWork))
    assert [shot.frames for shot in working] == [range(2), range(2, 5)]
    done = [event.frames for event in told if isinstance(event, ShotDone)]
    assert sorted(done, key=min) == [range(2), range(2, 5), range(5, 7)]


def test_a_cancelled_run_stops_its_workers_as_ctrl_c_does(task, store):
    cancel = threading.Event()
    pool = FakePool(size=3, ends={2: [(1, None)], 5: [(0, None)]})

    def listen(event):
        if isinstance(event, ShotDone):
            cancel.set()

    with pytest.raises(StoppedError):
        stylize_shots(task, store, pool, Teller(listen, cancel=cancel))
    assert [worker.told for worker in pool.workers[1:]] == [["stop"], ["stop"]]
    assert store.finished([0, 1]) == 2


def test_what_a_worker_compiles_is_seen_by_its_command(tmp_path):
    note = CompilingNote(tmp_path)
    assert read_compiling(tmp_path) is None
    note(Compiling((48, 41)))
    assert read_compiling(tmp_path) == (48, 41)
    note(Progress((0,), (), 5, (48, 41)))
    assert read_compiling(tmp_path) is None


def test_machines_of_different_kinds_are_told_of(task, store):
    pool = FakePool()
    pool.devices[5] = "NVIDIA H200"
    told = []
    stylize_shots(task, store, pool, Teller(told.append))
    assert "(NVIDIA H200, cpu)" in str(told[-1])


def test_a_job_is_a_run_of_its_own_part_with_the_network_that_the_command_found(task, tmp_path):
    shot = jobs.Shot(range(2, 5), tmp_path / "shots" / "000003-000005")
    job = jobs.write_job(task.config, 10, shot, weights="net.safetensors")
    own = config_from_dict(json.loads(job.read_text()), source=str(job))
    assert own.input.frames == "12:15"
    assert (own.input.cuts, own.run.jobs, own.run.cluster) == ("none", 1, "")
    assert own.network.weights == "net.safetensors"
    assert own.output.run_dir == str(shot.folder)
    assert own.solver == task.config.solver
    assert own.look == task.config.look


def test_the_bar_counts_all_shots_and_says_where_each_worker_is():
    drawn = io.StringIO()
    progress = ShotsProgress(10, 8, quiet=False, stream=drawn)
    progress.show([ShotAtWork(range(2, 6), 1), ShotAtWork(range(6, 10), 0, (48, 41))])
    progress.gathered(8)
    progress.close()
    last = drawn.getvalue().split("\r")[-1]
    assert "100%" in last
    assert "frame 4, frame 7 (compiling for 48×41)" in last


def test_the_bar_of_several_passes_counts_every_solve():
    drawn = io.StringIO()
    progress = ShotsProgress(4, 4, passes=3, quiet=False, stream=drawn)
    progress.show([ShotAtWork(range(4), 6)])
    progress.close()
    last = drawn.getvalue().split("\r")[-1]
    assert "pass 2/3 of frames 1 to 4" in last


def test_a_worker_waits_until_one_that_was_lost_sight_of_lets_go(tmp_path, monkeypatch):
    monkeypatch.setattr(worker, "_LOOK_SECONDS", 0.02)
    threading.Timer(0.3, RunStore(tmp_path).__exit__).start()
    with worker._store_once_free(str(tmp_path)):
        monkeypatch.setattr(worker, "_LOCK_SECONDS", 0.0)
        with pytest.raises(InputError, match="another run works"):
            worker._store_once_free(str(tmp_path))
