"""The single pass from files to the run's folder."""

import functools
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jvst._types import StyleTargets
from jvst.app.carried import CarriedOn
from jvst.app.events import FramesStarted, StoppedError, Teller
from jvst.app.inputs import Clip
from jvst.app.motion import MotionSource, Waiting, ready_frames, split
from jvst.app.store import LAST, RunStore
from jvst.app.task import Task
from jvst.core.image import to_uint8
from jvst.film.clip import ClipConfig, StylizedFrame, stylize_clip
from jvst.film.coarse import Scale
from jvst.film.one_pass import PaintingStatistics
from jvst.network.vgg import VGG19
from jvst.solver.solve import SolveInfo


def stylize_frames(
    task: Task,
    settings: ClipConfig,
    source: MotionSource,
    vgg: VGG19,
    style: StyleTargets,
    paintings: PaintingStatistics | None,
    scales: Sequence[Scale],
    store: RunStore,
    tell: Teller,
) -> None:
    """Stylize the frames that are not finished."""
    clip = task.clip
    carried = CarriedOn(store)
    stretches = to_solve(store, clip, settings.lags, carried if settings.solver.carries else None)
    left = sum(len(frames) for frames in stretches)
    caps = settings.first_iterations, settings.next_iterations
    anew = frozenset({0, *clip.cuts})
    tell(FramesStarted(clip.count, clip.size, 1, clip.count - left, caps, anew))
    stylized = functools.partial(
        stylize_clip,
        vgg=vgg,
        style=style,
        weights=task.weights,
        config=settings,
        key=jax.random.key(task.config.solver.seed),
        paintings=paintings,
        scales=scales,
        on_event=tell,
    )
    for frames in stretches:
        _stylize_stretch(task, settings, source, stylized, store, tell, carried, frames)
    carried.forget()


def to_solve(
    store: RunStore, clip: Clip, lags: Sequence[int], carried: CarriedOn | None = None
) -> list[range]:
    """Return the frames to solve, as stretches of neighbours.

    They are those that are not finished, and those before them in their shots whose states they
    need and that are not there any more. Where frames hand on what they have learnt, it goes back
    to the latest frame whose is kept, or to the start of the shot.

    Args:
        store: the run's folder.
        clip: the clip.
        lags: distances to the earlier frames that a frame is tied to.
        carried: what is kept of what frames hand on; None where they hand on nothing.
    """
    wanted = {index for index in range(clip.count) if not store.is_finished(index)}
    for index in range(clip.count - 1, -1, -1):
        if index in wanted:
            wanted.update(o for o in _earlier(clip, index, lags) if not store.has_state(o))
            # The first frame of a shot hands on nothing.
            begins = index - 1 > clip.shot_start(index)
            if carried is not None and begins and index - 1 not in wanted:
                goes_on = store.load_interrupted(index) or carried.after(index - 1)
                wanted.update([] if goes_on else [index - 1])
    stretches: list[range] = []
    for index in sorted(wanted):
        if stretches and stretches[-1].stop == index:
            stretches[-1] = range(stretches[-1].start, index + 1)
        else:
            stretches.append(range(index, index + 1))
    return stretches


def _earlier(clip: Clip, index: int, lags: Sequence[int]) -> list[int]:
    """Return the frames that a frame is tied to."""
    known = index - clip.shot_start(index)
    return [index - lag for lag in lags if lag <= known]


def _stylize_stretch(
    task: Task,
    settings: ClipConfig,
    source: MotionSource,
    stylized: Callable[..., Iterator[StylizedFrame]],
    store: RunStore,
    tell: Teller,
    carried: CarriedOn,
    frames: range,
) -> None:
    """Stylize frames that follow one another."""
    config, clip, first = task.config, task.clip, frames.start
    reach = max(settings.lags)
    needed = {other for index in frames for other in _earlier(clip, index, settings.lags)}
    ready = ready_frames(
        clip,
        config,
        lags=settings.lags,
        first=first,
        stop=frames.stop,
        waiting=Waiting(on_event=tell),
        source=source,
    )
    resume = store.load_interrupted(first)
    still_there = deque(sorted(index for index in needed if index < first))
    made = stylized(
        *split(ready),
        first=first,
        earlier={index: jnp.asarray(store.load(index)) for index in still_there},
        resume=resume,
        curvature=None if resume or not settings.solver.carries else carried.after(first - 1),
    )
    try:
        before = time.perf_counter()
        for frame in made:
            picture = np.asarray(to_uint8(frame.image))
            info = frame_info(frame.info, time.perf_counter() - before)
            # What a run that is killed now goes on from, and what it needs for that.
            last = frame.index if carried.index is None else min(frame.index, carried.index)
            still_there.append(frame.index)
            drop = []
            while config.run.keep == "pictures" and still_there[0] <= last - reach:
                drop.append(still_there.popleft())
            store.save(frame.index, np.asarray(frame.image), picture, info, drop=drop)
            carried.done(frame.index, frame.info.curvature)
            tell.check()
            before = time.perf_counter()
        store.flush()
    except (KeyboardInterrupt, StoppedError):
        keep_unfinished(store, tell)
        carried.flush()
        raise
    finally:
        ready.close()


def keep_unfinished(store: RunStore, tell: Teller, *, pass_number: int = LAST) -> None:
    """Keep the solve that is under way, to go on from there.

    Args:
        store: the run's folder.
        tell: takes where the solve stands.
        pass_number: the store's number of the pass.
    """
    latest = tell.latest
    if latest is not None and latest.state is not None:
        leaves = [np.asarray(leaf) for leaf in jax.tree.leaves(latest.state)]
        store.flush()
        store.save_interrupted(latest.indices, leaves, pass_number=pass_number)


def frame_info(info: SolveInfo, seconds: float) -> dict[str, Any]:
    """Return how a frame's solve went, as plain values for the manifest."""
    return {
        "iterations": info.iterations,
        "evaluations": info.evaluations,
        "stopped": info.stopped,
        "fallback": info.fallback,
        "dropped": info.dropped,
        "loss": info.reports[-1].loss,
        "terms": info.reports[-1].terms._asdict(),
        "seconds": round(seconds, 3),
        "reports": [
            {
                "iteration": report.iteration,
                "evaluations": report.evaluations,
                "loss": report.loss,
                **report.terms._asdict(),
            }
            for report in info.reports
        ],
        "coarse": [
            {
                "iterations": each.iterations,
                "evaluations": each.evaluations,
                "stopped": each.stopped,
            }
            for each in info.coarse
        ],
    }
