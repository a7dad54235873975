"""Shots given to workers, and gathered into one run."""

import contextlib
import dataclasses
import json
import shutil
import time
from collections import deque
from pathlib import Path

from jvst._files import replacing, set_aside, writing_to
from jvst.app.claims import SHOTS, remove_shot, remove_shots, shot_folders
from jvst.app.events import Notice, ShotAtWork, ShotDone, ShotsAtWork, ShotsStarted, Teller
from jvst.app.manifest import read_manifest
from jvst.app.options import StylizeConfig
from jvst.app.store import RunStore
from jvst.app.task import Task
from jvst.app.workers.notes import read_compiling
from jvst.app.workers.pool import FailedShotsError, Outcome, Pool, Worker
from jvst.errors import InputError
from jvst.network.weights.find import EMBEDDED
from jvst.video.cuts import shots

__all__ = ["FailedShotsError", "shots_begun", "stylize_shots", "write_job"]

#: Number of vain attempts after which a shot counts as failed. A worker may be lost, to a kill or
#: to a machine that goes down; an attempt that finished a frame was not in vain.
ATTEMPTS = 4
#: A worker keeps its state between two chunks of iterations, or once a program is compiled.
_STOP_SECONDS = 120.0
#: Network storage may show what another machine wrote a minute later.
_STORAGE_SECONDS = 75.0
_LOOK_SECONDS = 0.2
#: Looking into the shots' folders costs time on network storage.
_SHOW_SECONDS = 1.0
#: Number of failures that are reported in full.
_NAMED = 5


@dataclasses.dataclass
class Shot:
    """One shot on its way.

    Attributes:
        frames: their numbers in the part of the clip that is stylized.
        folder: its own run folder.
        attempts: number of vain attempts.
        kept: how many solves were finished when a worker was last lost.
        failure: why it can't be stylized.
    """

    frames: range
    folder: Path
    attempts: int = 0
    kept: int = 0
    failure: str = ""

    @property
    def name(self) -> str:
        """Its frames, counted from 1."""
        first, last = self.frames.start + 1, self.frames.stop
        return f"frame {first}" if first == last else f"frames {first} to {last}"

    def solved(self) -> int:
        """Count the solves of all passes that are finished; each leaves its notes."""
        notes = ("frames/*.json", "passes/*/*.json")
        return sum(1 for pattern in notes for _ in self.folder.glob(pattern))

    def at_work(self) -> ShotAtWork:
        """Tell where its worker is."""
        return ShotAtWork(self.frames, self.solved(), read_compiling(self.folder))


def stylize_shots(task: Task, store: RunStore, pool: Pool, tell: Teller | None = None) -> None:
    """Stylize what is not finished, a shot a worker, and gather the frames in ``store``.

    Every shot has a run folder of its own under ``shots``, where it goes on after a lost worker or
    a new command; it is removed once its frames are gathered. A shot is the same whoever works
    on it, on the same kind of device: nothing is carried over a cut.

    Args:
        task: the run.
        store: its folder.
        pool: where to work.
        tell: told how far the shots are, and what the workers have to say.

    Raises:
        InputError: the run's folder can't be written.
        FailedShotsError: some shots could not be stylized; all others are finished and gathered.
        KeyboardInterrupt: after the workers have kept what they were at.
        StoppedError: likewise, when the run is cancelled or a listener raised.
    """
    tell = tell or Teller()
    folder = store.folder.absolute() / SHOTS
    waiting = deque(
        shot for shot in _shots(task, folder) if store.finished(shot.frames) < len(shot.frames)
    )
    working: list[tuple[Shot, Worker]] = []
    failed: list[Shot] = []
    notices: set[str] = set()
    devices: set[str] = set()
    weights = _weights_for_all(task, folder) if waiting else ""
    left = sum(len(shot.frames) for shot in waiting)
    tell(ShotsStarted(task.clip.count, left, max(task.config.time.passes, 1)))
    shown = -_SHOW_SECONDS
    try:
        while waiting or working:
            while waiting and len(working) < pool.size:
                job = write_job(task.config, task.clip.start, waiting[0], weights=weights)
                working.append((waiting[0], pool.start(job)))
                waiting.popleft()
            if time.monotonic() - shown >= _SHOW_SECONDS:
                shown = time.monotonic()
                tell(ShotsAtWork(tuple(shot.at_work() for shot, _ in working)))
            tell.check()
            time.sleep(_LOOK_SECONDS)
            for shot, worker in list(working):
                outcome = worker.outcome()
                if outcome is None:
                    continue
                working.remove((shot, worker))
                if outcome.status == 0:
                    devices.add(_gather(task, store, shot))
                    tell(ShotDone(shot.frames))
                    notices.update(_lines_of_ours(outcome))
                elif _counts_as_failed(shot, outcome):
                    failed.append(shot)
                else:
                    waiting.appendleft(shot)
    except BaseException:
        # What the pool says on the way out is about the same trouble.
        with contextlib.suppress(FailedShotsError):
            _stop([worker for _, worker in working])
        raise
    if failed:
        raise FailedShotsError(_failures(failed, task.clip.count))
    remove_shots(store.folder)
    if len(devices) > 1:
        kinds = ", ".join(sorted(devices))
        notices.add(f"shots were made on devices of different kinds ({kinds}) and may differ a bit")
    for notice in sorted(notices):
        tell(Notice(notice))


def shots_begun(store: RunStore) -> bool:
    """Tell whether an earlier command worked on shots side by side and did not finish.

    Such a run is gone on with shot by shot: its frames are finished in no order.
    """
    return bool(shot_folders(store.folder))


def write_job(config: StylizeConfig, clip_start: int, shot: Shot, *, weights: str) -> Path:
    """Write the options of one shot's own run, and return the file.

    Args:
        config: the options of the whole run.
        clip_start: number of its first frame in the clip.
        shot: what is to be worked on.
        weights: the network, found and normalised.

    Raises:
        InputError: the folder can't be written.
    """
    first, stop = clip_start + shot.frames.start, clip_start + shot.frames.stop
    own = dataclasses.replace(
        config,
        input=dataclasses.replace(config.input, frames=f"{first}:{stop}", cuts="none"),
        network=dataclasses.replace(config.network, weights=weights, normalise_on=""),
        output=dataclasses.replace(config.output, output="", run_dir=str(shot.folder)),
        run=dataclasses.replace(
            config.run,
            demo=False,
            fresh=False,
            quiet=True,
            config="",
            preview=0,
            report=False,
            jobs=1,
            cluster="",
        ),
    )
    job = shot.folder / "job.json"
    set_aside(job)
    with replacing(job) as path, writing_to(job):
        path.write_text(json.dumps(dataclasses.asdict(own), indent=2))
    return job


def _shots(task: Task, folder: Path) -> list[Shot]:
    return [
        Shot(frames, folder / f"{frames.start + 1:06d}-{frames.stop:06d}")
        for frames in shots(task.clip.count, task.clip.cuts)
    ]


def _weights_for_all(task: Task, folder: Path) -> str:
    """Put the network where every machine finds it: ``auto`` may mean another one elsewhere."""
    if task.found.path == EMBEDDED:
        return "embedded"
    copy = folder / "network.safetensors"
    set_aside(copy)
    with replacing(copy) as path, writing_to(copy):
        shutil.copyfile(task.found.path, path)
    return str(copy)


def _counts_as_failed(shot: Shot, outcome: Outcome) -> bool:
    """Tell whether to give a shot up that was not finished, and note why."""
    lines = outcome.said.strip().splitlines()
    said = lines[-1].removeprefix("jvst: ") if lines else ""
    if outcome.status == 2:
        shot.failure = said
        return True
    solved = shot.solved()
    shot.attempts = 1 if solved > shot.kept else shot.attempts + 1
    shot.kept = solved
    shot.failure = f"its worker was lost {ATTEMPTS} times, at last with status {outcome.status}" + (
        f" ({said})" if said else ""
    )
    return shot.attempts >= ATTEMPTS


def _gather(task: Task, store: RunStore, shot: Shot) -> str:
    """Take a finished shot's frames over into the run, and return the kind of its device."""
    deadline = time.monotonic() + _STORAGE_SECONDS
    with RunStore(shot.folder) as own:
        while own.finished(range(len(shot.frames))) < len(shot.frames):
            if time.monotonic() > deadline:
                raise InputError(
                    f"{shot.folder} lacks frames although its worker has finished; expected "
                    "storage that all machines see; run the same command again"
                )
            time.sleep(_LOOK_SECONDS)
        for place, index in enumerate(shot.frames):
            store.adopt(index, own, place, passes=range(1, task.config.time.passes))
        device = read_manifest(own.manifest_path).get("device", "")
    remove_shot(shot.folder)
    return device


def _stop(workers: list[Worker]) -> None:
    """Let all workers keep what they are at; returns when they have ended."""
    for worker in workers:
        worker.stop()
    deadline = time.monotonic() + _STOP_SECONDS
    while any(worker.outcome() is None for worker in workers):
        if time.monotonic() > deadline:
            for worker in workers:
                worker.kill()
            return
        time.sleep(_LOOK_SECONDS)


def _lines_of_ours(outcome: Outcome) -> list[str]:
    lines = outcome.said.splitlines()
    return [line.removeprefix("jvst: ") for line in lines if line.startswith("jvst: ")]


def _failures(failed: list[Shot], total: int) -> str:
    failed = sorted(failed, key=lambda shot: shot.frames.start)
    said = [f"{shot.name} failed: {shot.failure}" for shot in failed[:_NAMED]]
    if len(failed) > _NAMED:
        said.append(f"{len(failed) - _NAMED} more shots failed, from {failed[_NAMED].name} on")
    done = total - sum(len(shot.frames) for shot in failed)
    said.append(
        f"{done} of {total} frames are finished, and the same command goes on with the rest"
    )
    return "; ".join(said)
