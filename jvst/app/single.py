"""The single pass from files to the run's folder: flow ahead, frames stored, progress, Ctrl-C."""

import time
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jvst._types import StyleTargets
from jvst.app.motion import MotionSource, Waiting, ready_frames, split
from jvst.app.progress import ClipProgress, Preview
from jvst.app.store import RunStore
from jvst.app.task import Task
from jvst.core.image import to_uint8
from jvst.film.clip import ClipConfig, stylize_clip
from jvst.film.coarse import Scale, Stage, iterations_at
from jvst.network.vgg import VGG19
from jvst.solver.solve import Report, SolveInfo


def stylize_frames(
    task: Task,
    settings: ClipConfig,
    source: MotionSource,
    vgg: VGG19,
    style: StyleTargets,
    scales: Sequence[Scale],
    store: RunStore,
) -> Waiting:
    """Stylize the frames that are not finished; return how long the solver waited for flow."""
    config, clip = task.config, task.clip
    reach = max(settings.lags)
    done = store.next_frame(clip.count, reach)
    waiting = Waiting()
    progress = ClipProgress(clip.count, done, waiting=waiting, quiet=config.run.quiet)
    preview = Preview(store.folder / "preview.png", config.run.preview)
    latest: tuple[int, Stage | None] | None = None

    def on_chunk(index: int, report: Report, stage: Stage | None) -> None:
        nonlocal latest
        latest = index, stage
        # Behind a cut, too, a frame starts anew.
        begun = index == clip.shot_start(index)
        cap = settings.first_iterations if begun else settings.next_iterations
        what = f"frame {index + 1}/{clip.count}"
        if stage is not None and (shape := stage.state.image.shape) != (*clip.size[::-1], 3):
            what += f" at {shape[1]}x{shape[0]}"
            cap = iterations_at(scales[stage.number].factor, cap)
        progress.chunk(what, index, report, cap)
        if stage is not None:
            preview.look(index, report.iteration, stage.state.image)

    ready = ready_frames(
        clip, config, lags=settings.lags, first=done, waiting=waiting, source=source
    )
    stylized = stylize_clip(
        *split(ready),
        vgg,
        style,
        task.weights,
        config=settings,
        key=jax.random.key(config.solver.seed),
        scales=scales,
        first=done,
        earlier={
            index: jnp.asarray(store.load(index)) for index in range(max(done - reach, 0), done)
        },
        resume=store.load_interrupted(done),
        on_chunk=on_chunk,
    )
    try:
        before = time.perf_counter()
        for frame in stylized:
            picture = np.asarray(to_uint8(frame.image))
            info = frame_info(frame.info, time.perf_counter() - before)
            passed = frame.index - reach
            drop = [passed] if config.run.keep == "pictures" and passed >= 0 else []
            store.save(frame.index, np.asarray(frame.image), picture, info, drop=drop)
            before = time.perf_counter()
        store.flush()
    except KeyboardInterrupt:
        if latest is not None and latest[1] is not None:
            leaves = [np.asarray(leaf) for leaf in jax.tree.leaves(latest[1])]
            store.flush()
            store.save_interrupted([latest[0]], leaves)
        raise
    finally:
        progress.close()
        ready.close()
    return waiting


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
