"""A run without a solve, from files to folder."""

import time
from collections.abc import Iterable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jvst.app.claims import CARRIED
from jvst.app.events import FramesStarted, Notice, StoppedError, Teller
from jvst.app.inputs import Clip, clip_frames
from jvst.app.motion import MotionSource, Waiting, image_on_device, ready_frames, split
from jvst.app.options import StylizeConfig
from jvst.app.store import RunStore
from jvst.app.task import Task
from jvst.core.image import to_uint8
from jvst.errors import InputError
from jvst.film.coordinates import Coordinates, coordinates_of
from jvst.film.one_pass import PaintingStatistics
from jvst.film.pass_clip import CarryConfig, carry_clip, named_frames

#: What a frame's notes say in place of how a solve went.
NO_SOLVE = {
    "iterations": 0,
    "evaluations": 0,
    "stopped": "one pass",
    "fallback": "none",
    "reports": [],
    "coarse": [],
}
# Seconds after which a run that is killed has to paint again, at the most.
_KEEP_EVERY = 20.0


class Stretch(NamedTuple):
    """Frames of one shot to paint one after the other."""

    frames: range
    coordinates: Coordinates | None  # of the frame before, where it goes on inside a shot


def stylize_instant(
    task: Task,
    source: MotionSource,
    paintings: PaintingStatistics,
    store: RunStore,
    tell: Teller,
    *,
    tile: tuple[int, int] | None = None,
) -> None:
    """Paint the frames that are not finished, each in one pass, held along the flow.

    A run that was stopped goes on from the coordinates of its last frame, bit for bit; one that was
    killed, from those that were kept at the most 20 seconds before, or from the start of the shot.

    Args:
        task: the run.
        source: where motion comes from.
        paintings: see ``painting_statistics``.
        store: the run's folder.
        tell: told of every step.
        tile: see ``one_pass``.

    Raises:
        InputError: several passes, a frame or field that can't be read, or a full disk.
        KeyboardInterrupt: after the coordinates have been kept.
        StoppedError: likewise, when the run is cancelled or a listener raised.
    """
    for notice in instant_notices(task.config):
        tell(Notice(notice))
    clip = task.clip
    left = [index for index in range(clip.count) if not store.is_finished(index)]
    tell(FramesStarted(clip.count, clip.size, 1, clip.count - len(left)))
    for stretch in to_paint(store, clip, left):
        _paint(task, source, paintings, store, tell, stretch, tile)
    store.forget_carried()


def instant_notices(config: StylizeConfig) -> list[str]:
    """Say which options a clip without a solve does without.

    Raises:
        InputError: several passes.
    """
    if config.time.passes > 1:
        raise InputError(
            f"`passes` is {config.time.passes}, and the effort is instant; several passes are "
            "solves that go over the clip again: give another effort, or 1 pass"
        )
    if tuple(config.time.lags) != (1,):
        return [
            "the effort instant holds a frame to the one before alone, whose pixels name the "
            "passes of up to 16 frames; `lags` has no effect"
        ]
    return []


def to_paint(store: RunStore, clip: Clip, left: Iterable[int]) -> list[Stretch]:
    """Return the frames to paint.

    They are those of each shot up to the last that is not finished, from where coordinates were
    kept on, or from the start.

    Args:
        store: the run's folder.
        clip: the clip.
        left: numbers of the frames that are not finished.
    """
    shots: dict[int, list[int]] = {}
    for index in left:
        shots.setdefault(clip.shot_start(index), []).append(index)
    kept = _kept(store, clip)
    stretches = []
    for start, wanted in shots.items():
        stretch = Stretch(range(start, wanted[-1] + 1), None)
        if kept is not None and start < kept.frames.start <= wanted[0]:
            stretch = Stretch(range(kept.frames.start, wanted[-1] + 1), kept.coordinates)
        stretches.append(stretch)
    return stretches


def _paint(
    task: Task,
    source: MotionSource,
    paintings: PaintingStatistics,
    store: RunStore,
    tell: Teller,
    stretch: Stretch,
    tile: tuple[int, int] | None,
) -> None:
    """Paint frames that follow one another."""
    config, clip, frames = task.config, task.clip, stretch.frames
    ready = ready_frames(
        clip,
        config,
        lags=(1,),
        first=frames.start,
        stop=frames.stop,
        waiting=Waiting(on_event=tell),
        source=source,
    )
    recent = {}
    if stretch.coordinates is not None:
        named = set(named_frames(stretch.coordinates))
        before = zip(
            range(min(named), frames.start), clip_frames(clip, first=min(named)), strict=False
        )
        recent = {index: image_on_device(frame) for index, frame in before if index in named}
    settings = task.settings
    painted = carry_clip(
        *split(ready),
        paintings,
        config=CarryConfig(mask=settings.mask, edge=settings.edge, knobs=settings.knobs, tile=tile),
        first=frames.start,
        coordinates=stretch.coordinates,
        recent=recent,
        on_event=tell,
    )
    latest: tuple[int, Coordinates] | None = None
    try:
        before = kept = time.perf_counter()
        for frame in painted:
            picture = np.asarray(to_uint8(frame.image))
            now = time.perf_counter()
            info = {**NO_SOLVE, "seconds": round(now - before, 3)}
            drop = [frame.index - 1] if config.run.keep == "pictures" and frame.index else []
            store.save(frame.index, np.asarray(frame.image), picture, info, drop=drop)
            latest = frame.index, frame.coordinates
            if now - kept > _KEEP_EVERY:
                _keep(store, *latest)
                kept = now
            tell.check()
            before = time.perf_counter()
        store.flush()
    except (KeyboardInterrupt, StoppedError):
        if latest is not None:
            _keep(store, *latest)
        raise
    finally:
        ready.close()


def _keep(store: RunStore, index: int, coordinates: Coordinates) -> None:
    """Keep the coordinates of a frame that is written, for the next to go on from."""
    store.flush()
    leaves = [np.asarray(leaf) for leaf in jax.tree.leaves(coordinates)]
    store.save_kept(CARRIED, [index], leaves)


def _kept(store: RunStore, clip: Clip) -> Stretch | None:
    """Return where a run was that was stopped, unless what it kept is something else."""
    place, leaves = store.load_kept(CARRIED) or ([], [])
    found = coordinates_of([jnp.asarray(leaf) for leaf in leaves])
    if len(place) != 1 or found is None or found.fade.shape != clip.size[::-1]:
        return None
    (index,), named = place, named_frames(found)
    if not clip.shot_start(index) <= named[0] <= named[-1] <= index:
        return None
    return Stretch(range(index + 1, index + 2), found)
