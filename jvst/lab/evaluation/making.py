"""The frames of a method, made where they are missing."""

import sys
from collections.abc import Iterable
from pathlib import Path

from tqdm import tqdm

from jvst._types import FlowField, Frame
from jvst.app.motion import prefetch
from jvst.flow import FlowCache
from jvst.lab.evaluation.methods import Method, Passes, run_method
from jvst.lab.evaluation.states import MadeClip
from jvst.lab.evaluation.study import Study


def make_frames(
    method: Method,
    study: Study,
    made: MadeClip,
    *,
    passes: Passes,
    flow_folder: Path | None,
    flow_workers: int,
    quiet: bool,
) -> None:
    """Make the frames of a clip that are not there yet.

    Flow is estimated before the first solve where it can be kept, so that the two do not slow
    each other down while solves are timed.

    Args:
        method: a way of stylizing.
        study: the clip.
        made: keeps the frames.
        passes: length of multi-pass.
        flow_folder: keeps the flow; None keeps nothing.
        flow_workers: threads that estimate flow.
        quiet: show no progress.

    Raises:
        InputError: the engine can't use these frames, or a folder can't be written.
    """
    count = len(study.frames)
    if len(made) >= count:
        return
    # Frames of several passes are finished together, and what frames hand on is not kept.
    whole = method.kind in ("multipass", "passes", "instant")
    if whole or study.problem.config.solver.carries:
        made.clear()
    first = len(made)
    between = FlowCache(flow_folder, method.engine).pair if method.engine else _no_flow
    title = f"{study.clip.name}, {method.name}"
    if method.engine and flow_folder is not None:
        pairs = [
            (study.frames[index], study.frames[index - lag])
            for index in range(first, count)
            for lag in method.lags
            if lag <= index
        ]
        fields = prefetch(
            lambda pair: between(*pair), pairs, workers=flow_workers, ahead=2 * flow_workers
        )
        for _ in _bar(fields, len(pairs), f"{title}, flow", quiet):
            pass
    steps = count * (passes.count if method.kind == "multipass" else 1)
    with _bar(None, steps, title, quiet) as progress:
        progress.update(first)
        for frame in run_method(
            method,
            study.frames,
            between,
            study.problem,
            passes=passes,
            first=first,
            earlier=made.earlier(max(method.lags)),
            on_step=progress.update,
        ):
            made.add(frame)


def _bar(items: Iterable | None, total: int, title: str, quiet: bool) -> tqdm:
    # A file or a pipe gets a line now and then, a terminal a bar that moves.
    interval = 0.2 if sys.stderr.isatty() else 10.0
    return tqdm(
        items,
        total=total,
        desc=title,
        disable=quiet,
        file=sys.stderr,
        leave=False,
        mininterval=interval,
        maxinterval=interval,
        miniters=0,
    )


def _no_flow(image_from: Frame, image_to: Frame) -> tuple[FlowField, FlowField]:
    raise AssertionError("this method needs no flow")
