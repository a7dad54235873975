"""A task made to fit its device: history, tiles, frames at once; decided once a run."""

import json
import sys
from typing import NamedTuple

import jax

from jvst.atomic import replacing, writing_to
from jvst.device_memory import device_limit_bytes
from jvst.errors import InputError
from jvst.network.vgg import VGG19
from jvst.solver.memory import FrameShape, plan
from jvst.store import RunStore
from jvst.task import Task

_PLAN = "plan.json"
#: Part of a device's memory that a solve may take: no estimate knows all.
_SHARE = 0.9


class Fit(NamedTuple):
    """How the frames of a run are solved."""

    tile: tuple[int, int] | None
    history: int
    batch: int  # frames at once, where they don't depend on each other


def fit_task(task: Task, vgg: VGG19, store: RunStore) -> Fit:
    """Decide how a run's frames are solved, say what that needs, and keep to it from then on.

    What is decided is part of the result's bits: a run that goes on, maybe with less memory free,
    reads it from its folder.

    Args:
        task: the run.
        vgg: its network.
        store: its folder.

    Raises:
        InputError: no way of solving fits the device; says what size would.
    """
    kept = store.folder / _PLAN
    if kept.exists():
        return _read(kept.read_text(), kept)
    fit = _fit(task, vgg)
    with replacing(kept) as path, writing_to(kept):
        path.write_text(json.dumps(fit._asdict()))
    return fit


def _fit(task: Task, vgg: VGG19) -> Fit:
    solver, clip, time = task.settings.solver, task.clip, task.config.time
    devices = jax.local_devices()
    limit = device_limit_bytes(devices[0])
    chosen = task.config.solver.tile
    tile = (int(chosen), int(chosen)) if chosen.isdecimal() else None
    if limit is None:
        return Fit(tile, solver.history, time.batch or len(devices))
    several = time.passes > 1
    shape = FrameShape(
        clip.size[1],
        clip.size[0],
        lags=2 if several and time.schedule == "parallel" else len(task.settings.lags),
        content_layers=task.settings.content_layers,
        style_layers=task.config.look.style_layers,
    )
    on_cpu = devices[0].platform == "cpu"
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
    if not task.config.run.quiet:
        tiles = "" if found.tile is None else f", in tiles of {found.tile[1]}x{found.tile[0]}"
        print(
            f"jvst: a frame needs about {found.estimate.total / 1e9:.2f} GB{tiles}; "
            f"{limit / 1e9:.1f} GB are there",
            file=sys.stderr,
        )
    # Batches bring nothing on a CPU, whose cores one frame keeps busy.
    batch = 1 if on_cpu else min(found.frames, clip.count)
    return Fit(found.tile, found.history, time.batch or len(devices) * max(batch, 1))


def _read(text: str, source: object) -> Fit:
    try:
        told = json.loads(text)
        tile = told["tile"] and (int(told["tile"][0]), int(told["tile"][1]))
        return Fit(tile, int(told["history"]), int(told["batch"]))
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise InputError(f"{source} is damaged; remove it, or --fresh to begin again") from error
