"""The single pass from files to the run's folder."""

import time
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jvst._types import StyleTargets
from jvst.app.events import FramesStarted, StoppedError, Teller
from jvst.app.motion import MotionSource, Waiting, ready_frames, split
from jvst.app.store import LAST, RunStore
from jvst.app.task import Task
from jvst.core.image import to_uint8
from jvst.film.clip import ClipConfig, stylize_clip
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
    config, clip = task.config, task.clip
    reach = max(settings.lags)
    done = store.next_frame(clip.count, reach)
    tell(FramesStarted(clip.count, clip.size, 1, done))
    ready = ready_frames(
        clip,
        config,
        lags=settings.lags,
        first=done,
        waiting=Waiting(on_event=tell),
        source=source,
    )
    stylized = stylize_clip(
        *split(ready),
        vgg,
        style,
        task.weights,
        config=settings,
        key=jax.random.key(config.solver.seed),
        paintings=paintings,
        scales=scales,
        first=done,
        earlier={
            index: jnp.asarray(store.load(index)) for index in range(max(done - reach, 0), done)
        },
        resume=store.load_interrupted(done),
        on_event=tell,
    )
    try:
        before = time.perf_counter()
        for frame in stylized:
            picture = np.asarray(to_uint8(frame.image))
            info = frame_info(frame.info, time.perf_counter() - before)
            passed = frame.index - reach
            drop = [passed] if config.run.keep == "pictures" and passed >= 0 else []
            store.save(frame.index, np.asarray(frame.image), picture, info, drop=drop)
            tell.check()
            before = time.perf_counter()
        store.flush()
    except (KeyboardInterrupt, StoppedError):
        keep_unfinished(store, tell)
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
