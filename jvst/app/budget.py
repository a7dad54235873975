"""Memory and disk of a run.

How much there is, and how a run is made to fit.
"""

import contextlib
import os
import shutil
from pathlib import Path
from typing import Any, NamedTuple

import jax

from jvst._files import existing_folder
from jvst._types import Device
from jvst.app.claims import PLAN, run_files
from jvst.app.events import MemoryFitted, Notice, Teller
from jvst.app.options import StylizeConfig
from jvst.app.sealed import DamagedError, read_json, write_json
from jvst.app.store import RunStore
from jvst.app.task import Task
from jvst.core.statistics import STATISTICS
from jvst.errors import InputError
from jvst.film.events import Compiling
from jvst.network.vgg import VGG19
from jvst.solver.memory import FrameShape, plan
from jvst.video import pictures_of

_ROOT = Path("/")


def device_limit_bytes(device: Device, *, root: Path = _ROOT) -> int | None:
    """Return the bytes that a device can give, or None where it is unknown.

    Args:
        device: one of ``jax.devices()``; an accelerator tells its limit itself, a CPU has the
            memory that the machine, or the container that we run in, has available now.
        root: where the machine's ``proc`` and ``sys`` are.
    """
    try:
        told = device.memory_stats() or {}
    except RuntimeError:  # a plugin that doesn't count
        told = {}
    if "bytes_limit" in told:
        return int(told["bytes_limit"])
    if device.platform != "cpu":
        return None
    found = [size for size in (_machine(root), _container(root)) if size is not None]
    return min(found) if found else _physical()


def _machine(root: Path) -> int | None:
    """Return what Linux has for a new program without swapping."""
    table = _numbers(root / "proc/meminfo")
    return table["MemAvailable"] * 1024 if "MemAvailable" in table else None


def _container(root: Path) -> int | None:
    """Return what is left of a control group's limit; cached files that can go count as left."""
    group = root / "sys/fs/cgroup"
    try:
        limit = int((group / "memory.max").read_text())  # or "max"
        used = int((group / "memory.current").read_text())
    except (OSError, ValueError):
        return None
    return max(limit - used + _numbers(group / "memory.stat").get("inactive_file", 0), 0)


def _physical() -> int | None:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):  # Windows has no sysconf
        return None


def _numbers(path: Path) -> dict[str, int]:
    """Read lines such as ``MemAvailable:  21 kB`` or ``inactive_file 21``."""
    try:
        lines = [line.replace(":", " ").split() for line in path.read_text().splitlines()]
    except OSError:
        return {}
    return {line[0]: int(line[1]) for line in lines if len(line) > 1 and line[1].isdigit()}


_GIGA = 1e9


def needed_bytes(task: Task) -> int:
    """Estimate what a run writes at the most, without the flow cache, which has its own limit.

    A picture is counted as its pixels, which no lossless file exceeds by much; a state has 12 bytes
    a pixel; the video is small beside both. Several passes keep two passes' states and the
    decoded clip.
    """
    clip, config = task.clip, task.config
    pixels = clip.size[0] * clip.size[1]
    picture, state = 3 * pixels, 12 * pixels
    frames = clip.count
    if config.time.passes > 1:
        return frames * (picture + 2 * state + 3 * pixels)
    states = frames if config.run.keep == "all" else min(frames, max(task.settings.lags) + 4)
    # A solve that Ctrl-C keeps: the image, its gradient and L-BFGS's history, twice over.
    kept = (2 * task.settings.solver.history + 6) * state
    # What a frame has handed on to the next, once more while it is written.
    kept += 2 * 2 * task.settings.solver.carry * state
    return frames * picture + states * state + kept


def staying_bytes(task: Task) -> int:
    """Estimate what is left of ``needed_bytes`` once a run has finished."""
    clip = task.clip
    each = 3 + 12 * (task.config.run.keep == "all")
    return clip.count * clip.size[0] * clip.size[1] * each


def bytes_of(folder: Path) -> int:
    """Count the bytes of a run's files that are there."""
    there = 0
    for file in run_files(folder):
        with contextlib.suppress(OSError):
            there += file.path.stat().st_size
    return there


def check_room(*runs: tuple[Task, Path]) -> None:
    """Refuse runs, one after the other, that the disk can't hold.

    Args:
        runs: each with its folder; what earlier runs left there counts as used. All
            folders are taken to be on one disk.

    Raises:
        InputError: with what is needed and what is free.
    """
    free = shutil.disk_usage(existing_folder(runs[0][1])).free
    stays = 0
    for number, (task, folder) in enumerate(runs, start=1):
        there = bytes_of(folder)
        needed = stays + max(needed_bytes(task) - there, 0)
        if needed > free:
            what = "the run needs" if number == 1 else f"the first {number} clips need"
            raise InputError(
                f"{what} about {needed / _GIGA:.1f} GB in {folder}, where {free / _GIGA:.1f} GB "
                "are free; free some space, or choose another `run_dir`, `max_side` or `keep` "
                "pictures"
            )
        stays += max(staying_bytes(task) - there, 0)


def check_film_room(task: Task, pictures: int) -> None:
    """Refuse a film of a number of pictures that its disk can't hold.

    Raises:
        InputError: with what is needed and what is free.
    """
    output = task.config.output.output
    pattern = pictures_of(output) if output else None
    if pattern is None:
        return
    needed = 3 * pictures * task.clip.size[0] * task.clip.size[1]
    free = shutil.disk_usage(existing_folder(pattern.parent)).free
    if needed > free:
        raise InputError(
            f"the pictures of `output` need about {needed / _GIGA:.1f} GB in {pattern.parent}, "
            f"where {free / _GIGA:.1f} GB are free; free some space, or choose another `output`"
        )


#: Part of a device's memory that a solve may take: no estimate covers all.
_SHARE = 0.9


class Fit(NamedTuple):
    """How the frames of a run are solved."""

    tile: tuple[int, int] | None
    history: int
    batch: int  # frames at once, where they don't depend on each other


def fit_task(task: Task, vgg: VGG19, store: RunStore, tell: Teller) -> Fit:
    """Decide how a run's frames are solved, tell what that needs, and keep to it from then on.

    What is decided is part of the result's bits: a run that goes on, maybe with less memory free,
    reads it from its folder.

    Args:
        task: the run.
        vgg: its network.
        store: its folder.
        tell: told what a frame needs.

    Raises:
        InputError: no way of solving fits the device; says what size would.
    """
    kept = store.folder / PLAN
    if os.path.lexists(kept):
        try:
            return _read(read_json(kept))
        except DamagedError:
            tell(Notice(f"{kept} is damaged; how frames are solved is decided anew"))
            # It may not fit what is decided now.
            store.forget_interrupted()
    fit = _fit(task, vgg, tell)
    write_json(kept, fit._asdict())
    return fit


def tile_of(config: StylizeConfig) -> tuple[int, int] | None:
    """Return the tile that the user chose.

    Args:
        config: the options.
    """
    chosen = config.solver.tile
    return (int(chosen), int(chosen)) if chosen.isdecimal() else None


def _fit(task: Task, vgg: VGG19, tell: Teller) -> Fit:
    solver, clip, time = task.settings.solver, task.clip, task.config.time
    devices = jax.local_devices()
    limit = device_limit_bytes(devices[0])
    tile = tile_of(task.config)
    if limit is None:
        return Fit(tile, solver.history, time.batch or len(devices))
    several = time.passes > 1
    shape = FrameShape(
        clip.size[1],
        clip.size[0],
        lags=2 if several and time.schedule == "parallel" else len(task.settings.lags),
        content_layers=task.settings.content_layers,
        style_layers=task.config.look.style_layers,
        statistic=STATISTICS[task.config.look.style_statistic],
    )
    on_cpu = devices[0].platform == "cpu"
    if not on_cpu:
        tell(Compiling(clip.size))
    found = plan(
        shape,
        vgg,
        config=solver,
        limit=int(_SHARE * limit),
        tile=tile,
        reach=max(task.settings.lags),
        # The formula was fitted to XLA on a CPU; elsewhere the compiler is asked.
        compiled=not on_cpu,
        weights=task.weights,
    )
    tell(MemoryFitted(found.estimate.total, limit, found.tile))
    # Batches bring nothing on a CPU, whose cores one frame keeps busy.
    batch = 1 if on_cpu else min(found.frames, clip.count)
    return Fit(found.tile, found.history, time.batch or len(devices) * max(batch, 1))


def _read(told: dict[str, Any]) -> Fit:
    """Take a plan that was kept.

    Raises:
        DamagedError: it is none.
    """
    try:
        tile = told["tile"] and (int(told["tile"][0]), int(told["tile"][1]))
        fit = Fit(tile, int(told["history"]), int(told["batch"]))
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise DamagedError(PLAN) from error
    if min(*(fit.tile or (1, 1)), fit.history, fit.batch) < 1:
        raise DamagedError(PLAN)
    return fit
