"""One run from beginning to end.

Inputs are read, frames stylized and stored, video and page written.
"""

import contextlib
import dataclasses
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jvst._files import DiskFullError
from jvst.app.assembly import LostPictureError, check_film, film_plan, write_film
from jvst.app.budget import bytes_of, check_film_room, check_room, needed_bytes
from jvst.app.claims import PREVIEW, REPORT
from jvst.app.effort import effort_of
from jvst.app.events import (
    Cancel,
    Cancelled,
    Failed,
    Finished,
    FramesFinished,
    Listener,
    Notice,
    ReportWritten,
    Started,
    StoppedError,
    Teller,
    VideoWritten,
    nobody,
)
from jvst.app.footprint import check_footprint, claims_of_run, footprint_of
from jvst.app.frames import compiling, motion_source, solve_infos, stylize_task
from jvst.app.inputs import Clip
from jvst.app.mending import mend
from jvst.app.options import StylizeConfig
from jvst.app.preview import Preview
from jvst.app.result import Result
from jvst.app.store import LAST, RunStore
from jvst.app.task import Task, prepare_task
from jvst.app.timings import Timings
from jvst.app.workers.jobs import shots_begun, stylize_shots
from jvst.app.workers.local import LocalPool
from jvst.errors import InputError

#: Number of times that the film is begun anew because a picture was damaged meanwhile.
_ATTEMPTS = 2
#: Bytes of a run's name: most file systems take 255, and several clips of one name get a number.
_LONGEST_NAME = 200


def look_at(
    config: StylizeConfig, *, clip: Clip | None = None, on_event: Listener = nobody
) -> Task:
    """Find and check all that a run is made of.

    Args:
        config: the options, of one clip.
        clip: the clip, where it has been looked through already.
        on_event: told what is looked at, and what the user should know of the choices.

    Raises:
        InputError: something given can't be used.
    """
    if config.run.jobs > 1 or config.run.cluster:
        # The workers need the GPU; by default this process would take most of its memory.
        os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    task = prepare_task(config, clip=clip, on_event=on_event)
    check_footprint(footprint_of(task, run_folder(config)))
    check_film(task.clip, config, run_folder(config))
    check_film_room(task, len(film_plan(task.clip, config).order))
    if task.clip.count == 1 and float(task.weights.temporal) > 0.0:
        raise InputError(
            f"{task.clip.source} has 1 frame; a temporal term needs at least 2 (or "
            "`temporal_weight` 0)"
        )
    return task


def run(task: Task, *, on_event: Listener = nobody, cancel: Cancel | None = None) -> Result:
    """Stylize what is not finished of a run, and write its video, page and manifest.

    A run that ends early, by ``cancel`` or Ctrl-C, keeps what is under way; another call with the
    same task goes on from there, bit for bit as if it had not ended.

    Args:
        task: see ``look_at``.
        on_event: told of every step, see ``app.events``.
        cancel: ends the run once it is set, after the chunk of iterations that is under way.

    Returns:
        Where everything is; ``Result.cancelled`` after an early end.

    Raises:
        InputError: its folder or its video can't be written, or a frame or field can't be read.
        FailedShotsError: some shots could not be stylized; the others are kept.
    """
    config = task.config
    folder = run_folder(config)
    timings = Timings()
    listeners: list[Listener] = [timings, on_event]
    if config.run.preview:
        listeners.append(Preview(folder / PREVIEW, config.run.preview, on_event))
    tell = Teller(*listeners, cancel=cancel)
    try:
        with RunStore(folder) as store:
            result = _go_through(task, store, tell, timings)
    except Exception as error:
        error = _with_what_is_wanted(error, task, folder)
        with contextlib.suppress(Exception):
            on_event(Failed(error))
        raise error
    on_event(Cancelled(result) if result.cancelled else Finished(result))
    return result


def _go_through(task: Task, store: RunStore, tell: Teller, timings: Timings) -> Result:
    """Go through all stages, or as far as the run is not stopped."""
    config = task.config
    manifest = task.manifest()
    check_room((task, store.folder))
    claims = claims_of_run(task, store.folder)
    store.open_run(manifest, fresh=config.run.fresh, claims=claims)
    result = Result(store.folder, store.folder / "pictures", store.manifest_path)
    try:
        effort = effort_of(config)
        tell(Started(task.clip.source, store.folder, task.found.network, effort))
        tell.check()
        with compiling() as compiled:
            _stylize(task, store, tell)
        tell(FramesFinished(compiled.seconds))
        video = _write_film(task, store, tell)
        tell(VideoWritten(video))
        infos = solve_infos(task, store)
        manifest |= {"timings": timings.seconds, **infos}
        page = store.folder / REPORT
        if config.run.report:
            _write_report(page, task, store, manifest, tell)
            tell(ReportWritten(page))
        store.write_manifest(manifest)
        if config.run.keep == "pictures":
            store.drop_states(LAST)
    except (KeyboardInterrupt, StoppedError) as stop:
        store.flush()
        if stop.__cause__ is not None:
            raise stop.__cause__ from None
        return dataclasses.replace(result, cancelled=True)
    return dataclasses.replace(
        result,
        video=video,
        report=page if page.exists() else None,
        timings=timings.seconds,
        **infos,
    )


def _stylize(task: Task, store: RunStore, tell: Teller) -> None:
    """Stylize what is not finished, here or in processes of their own, a shot each."""
    options = task.config.run
    for line in mend(store, task.clip.count, passes=task.config.time.passes):
        tell(Notice(line))
    if options.cluster:
        # Late: Ray is an extra.
        from jvst.app.workers.ray_cluster import RayPool  # noqa: PLC0415

        with RayPool(options.cluster) as pool:
            stylize_shots(task, store, pool, tell)
    # What an earlier command began side by side is finished so.
    elif task.clip.cuts and (options.jobs > 1 or shots_begun(store)):
        with LocalPool(options.jobs) as pool:
            stylize_shots(task, store, pool, tell)
    else:
        stylize_task(task, store, tell)


def _write_film(task: Task, store: RunStore, tell: Teller) -> Path:
    """Write the film and return its path; frames whose pictures are damaged are made again."""
    for _ in range(_ATTEMPTS):
        try:
            return write_film(task.clip, task.config, store, tell)
        except LostPictureError:
            _stylize(task, store, tell)
    return write_film(task.clip, task.config, store, tell)


def _write_report(
    path: Path, task: Task, store: RunStore, manifest: dict[str, Any], tell: Teller
) -> None:
    # Late: plotting takes half a second to import, which a run without a page saves.
    from jvst.app.report import write_report  # noqa: PLC0415
    from jvst.app.report.frames import report_frames  # noqa: PLC0415

    def frames() -> Iterator[Any]:
        for frame in report_frames(task, motion_source(task, store), store):
            tell.check()
            yield frame

    write_report(path, frames(), manifest)


def _with_what_is_wanted(error: Exception, task: Task, folder: Path) -> Exception:
    """Add to a full disk how much more the run wants."""
    if not isinstance(error, DiskFullError):
        return error
    wanted = max(needed_bytes(task) - bytes_of(folder), 1_000_000)
    more = InputError(f"{error}; the run in {folder} wants about {wanted / 1e6:.0f} MB more")
    more.__cause__ = error
    return more


def clip_name(clip: str) -> str:
    """Name a clip after its file, or the folder of a pattern."""
    path = Path(clip)
    if set("*?[%") & set(path.name):
        path = path.parent.resolve()
    return path.stem


def run_name(name: str, config: StylizeConfig) -> str:
    """Name a run after a clip's name and the paintings, as far as a file's name can be long."""
    return short_name("-".join([name, *(Path(style).stem for style in config.input.style)]))


def short_name(name: str) -> str:
    """Return a name, or the beginning of a long one with a checksum behind it."""
    encoded = os.fsencode(name)
    if len(encoded) <= _LONGEST_NAME:
        return name
    digest = hashlib.sha256(encoded).hexdigest()[:8]
    return f"{encoded[: _LONGEST_NAME - 9].decode(errors='ignore')}-{digest}"


def run_folder(config: StylizeConfig) -> Path:
    """Return the folder of a run: the one that was given, or one named after its inputs."""
    (clip,) = config.input.clips
    given = config.output.run_dir
    return Path(given) if given else Path("runs") / run_name(clip_name(clip), config)
