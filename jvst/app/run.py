"""One command from beginning to end: read, stylize, store, write video and page."""

import contextlib
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jvst._types import Frame
from jvst.app.budget import check_room
from jvst.app.frames import Stylized, compiling, motion_source, solve_infos, stylize_task
from jvst.app.inputs import Clip
from jvst.app.options import StylizeConfig
from jvst.app.store import LAST, RunStore
from jvst.app.task import Task, prepare_task
from jvst.app.workers.jobs import shots_begun, stylize_shots
from jvst.app.workers.local import LocalPool
from jvst.app.workers.pool import FailedShotsError
from jvst.errors import InputError
from jvst.video import read_picture, write_video


def run(config: StylizeConfig) -> int:
    """Stylize a clip as configured and return the exit status.

    Raises:
        InputError: something given can't be used.
    """
    task = look_at(config)
    if task.found.notice:
        print(f"jvst: {task.found.notice}", file=sys.stderr)
    try:
        return run_task(task)
    except FailedShotsError as error:
        print(f"jvst: {error}", file=sys.stderr)
        return 1


def look_at(config: StylizeConfig, *, clip: Clip | None = None) -> Task:
    """Find and check all that a run is made of.

    Args:
        config: the options, of one clip.
        clip: the clip, where it has been looked through already.

    Raises:
        InputError: something given can't be used.
    """
    if config.run.jobs > 1 or config.run.cluster:
        # The workers need the GPU; by default this process would take most of its memory.
        os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    task = prepare_task(config, clip=clip)
    if task.clip.count == 1 and float(task.weights.temporal) > 0.0:
        raise InputError(
            f"{task.clip.source} has 1 frame; a temporal term needs at least 2 (or "
            "--temporal-weight 0)"
        )
    return task


def run_task(task: Task) -> int:
    """Stylize what is not finished of a run, and write its video, page and manifest.

    Returns:
        0, or 130 after Ctrl-C, once what was under way is kept.

    Raises:
        InputError: its folder or its video can't be written, or a frame or field can't be read.
        FailedShotsError: some shots could not be stylized; the others are kept.
    """
    config = task.config
    folder = Path(config.output.run_dir or _default_folder(config))
    timings: dict[str, float] = {}
    manifest = task.manifest()
    with RunStore(folder) as store:
        store.open_run(manifest, fresh=config.run.fresh)
        check_room((task, folder))
        try:
            with _timed(timings, "frames"), compiling() as compiled:
                stylized = _stylize(task, store)
        except KeyboardInterrupt:
            store.flush()
            print(f"\njvst: interrupted; the same command goes on from {folder}", file=sys.stderr)
            return 130
        timings["of which waiting for flow"] = stylized.waited
        timings["of which compiling"] = round(compiled.seconds, 3)
        for notice in stylized.notices:
            print(f"jvst: {notice}", file=sys.stderr)
        output = _write_video(task, store, timings)
        manifest |= {"timings": timings, **solve_infos(task, store)}
        if config.run.report:
            _write_report(task, store, manifest, timings)
        store.write_manifest(manifest)
        if config.run.keep == "pictures":
            store.drop_states(LAST)
        print(summary(manifest["frames"], timings["frames"], output, store))
    return 0


def summary(infos: list[dict[str, Any]], seconds: float, output: str, store: RunStore) -> str:
    """Say at the end where everything is and what went wrong on the way."""
    converged = sum(info["stopped"] == "converged" for info in infos)
    lines = [
        f"video     {output}",
        f"frames    {store.folder / 'pictures'}",
        f"manifest  {store.manifest_path}",
        *([f"report    {page}"] if (page := store.folder / "report.html").exists() else []),
        f"{len(infos)} frames in {seconds:.1f} s; {converged} converged, "
        f"{len(infos) - converged} reached their iteration cap",
    ]
    for number, info in enumerate(infos, start=1):
        if info["fallback"] != "none":
            lines.append(
                f"frame {number}: the loss became non-finite; fell back to the {info['fallback']}"
            )
    return "\n".join(lines)


def _stylize(task: Task, store: RunStore) -> Stylized:
    """Stylize what is not finished, here or in processes of their own, a shot each."""
    options = task.config.run
    if options.cluster:
        # Late: Ray is an extra.
        from jvst.app.workers.ray_cluster import RayPool  # noqa: PLC0415

        with RayPool(options.cluster) as pool:
            return stylize_shots(task, store, pool)
    # What an earlier command began side by side is finished so.
    if task.clip.cuts and (options.jobs > 1 or shots_begun(store)):
        with LocalPool(options.jobs) as pool:
            return stylize_shots(task, store, pool)
    return stylize_task(task, store)


def _write_video(task: Task, store: RunStore, timings: dict[str, float]) -> str:
    """Write the video and return its path."""
    clip, options = task.clip, task.config.output
    output = options.output or str(store.folder / "stylized.mp4")
    with _timed(timings, "video"):
        write_video(
            output,
            _pictures(store, clip.count),
            frame_rate=clip.frame_rate,
            audio_from=clip.source if options.audio and clip.has_audio else None,
            audio_start=float(clip.start / clip.frame_rate),
            quality=options.quality,
        )
    return output


def _write_report(
    task: Task, store: RunStore, manifest: dict[str, Any], timings: dict[str, float]
) -> None:
    # Late: plotting takes half a second to import, which `--no-report` saves.
    from jvst.app.report import write_report  # noqa: PLC0415
    from jvst.app.report.frames import report_frames  # noqa: PLC0415

    with _timed(timings, "report"):
        frames = report_frames(task, motion_source(task, store), store)
        write_report(store.folder / "report.html", frames, manifest)


@contextlib.contextmanager
def _timed(timings: dict[str, float], stage: str) -> Iterator[None]:
    """Note the seconds of a stage."""
    started = time.perf_counter()
    yield
    timings[stage] = round(time.perf_counter() - started, 3)


def _pictures(store: RunStore, count: int) -> Iterator[Frame]:
    for index in range(count):
        yield read_picture(store.picture_path(index))


def clip_name(clip: str) -> str:
    """Name a clip after its file, or the folder of a pattern."""
    path = Path(clip)
    if set("*?[%") & set(path.name):
        path = path.parent.resolve()
    return path.stem


def run_name(name: str, config: StylizeConfig) -> str:
    """Name a run after a clip's name and the paintings."""
    return "-".join([name, *(Path(style).stem for style in config.input.style)])


def _default_folder(config: StylizeConfig) -> Path:
    (clip,) = config.input.clips
    return Path("runs") / run_name(clip_name(clip), config)
