"""Frames, states and motion of a finished run, in order."""

import functools
from collections.abc import Iterator

import jax
import numpy as np

from jvst._types import Image, Mask
from jvst.app.motion import MotionSource, image_on_device, motion_on_device, ready_frames
from jvst.app.report import RunFrame
from jvst.app.store import RunStore
from jvst.app.task import Task
from jvst.film.neighbours import Motion, neighbour_masks, neighbours_in_slots


def report_frames(task: Task, source: MotionSource, store: RunStore) -> Iterator[RunFrame]:
    """Yield the frames of a finished run with the motion to the frame before, from the cache.

    Where motion comes from files that the run needed for longer lags only, there is none.
    """
    settings = task.settings
    from_files = task.config.motion.flow.startswith("files:")
    lags = settings.lags if from_files and 1 not in settings.lags else (1,)
    trust = functools.partial(_trust, mode=settings.mask, edge=settings.edge, knobs=settings.knobs)
    ready = ready_frames(task.clip, task.config, lags=lags, source=source)
    for frame in ready:
        motion = frame.motions.get(1)
        mask = (
            None
            if motion is None
            else trust(image_on_device(frame.frame), motion_on_device(motion))
        )
        yield RunFrame(
            index=frame.index,
            source=frame.frame,
            image=store.load_shown(frame.index),
            info=store.load_info(frame.index),
            flow=None if motion is None else motion.flow,
            mask=None if mask is None else np.asarray(mask),
        )


@functools.partial(jax.jit, static_argnames=("mode", "edge", "knobs"))
def _trust(frame: Image, motion: Motion, *, mode, edge, knobs) -> Mask:
    slots = neighbours_in_slots(frame, [(frame, motion)])
    return neighbour_masks(frame, slots, mode=mode, edge=edge, knobs=knobs)[0]
