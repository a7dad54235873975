"""Room on the disk, looked at before hours of work rather than after."""

import shutil
from pathlib import Path

from jvst.errors import InputError
from jvst.task import Task

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
    return frames * picture + states * state + kept


def check_room(task: Task, folder: Path) -> None:
    """Refuse a run that the disk can't hold.

    Args:
        task: the run.
        folder: its folder, which exists; what earlier runs left there counts as used.

    Raises:
        InputError: with what is needed and what is free.
    """
    needed = needed_bytes(task)
    needed -= sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise InputError(
            f"the run needs about {needed / _GIGA:.1f} GB in {folder}, where {free / _GIGA:.1f} GB "
            "are free; free some space, or choose another --run-dir, --max-side or --keep pictures"
        )
