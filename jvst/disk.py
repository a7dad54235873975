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


def staying_bytes(task: Task) -> int:
    """Estimate what is left of ``needed_bytes`` once a run has finished."""
    clip = task.clip
    each = 3 + 12 * (task.config.run.keep == "all")
    return clip.count * clip.size[0] * clip.size[1] * each


def check_room(*runs: tuple[Task, Path]) -> None:
    """Refuse runs, one after the other, that the disk can't hold.

    Args:
        runs: each with its folder, which exists; what earlier runs left there counts as used. All
            folders are taken to be on one disk.

    Raises:
        InputError: with what is needed and what is free.
    """
    free = shutil.disk_usage(runs[0][1]).free
    stays = 0
    for number, (task, folder) in enumerate(runs, start=1):
        there = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
        needed = stays + max(needed_bytes(task) - there, 0)
        if needed > free:
            what = "the run needs" if number == 1 else f"the first {number} clips need"
            raise InputError(
                f"{what} about {needed / _GIGA:.1f} GB in {folder}, where {free / _GIGA:.1f} GB "
                "are free; free some space, or choose another --run-dir, --max-side or --keep "
                "pictures"
            )
        stays += max(staying_bytes(task) - there, 0)
