"""Runs of several clips, one after the other."""

import contextlib
import dataclasses
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from jvst.app.budget import check_room
from jvst.app.events import (
    Cancel,
    ClipFailed,
    ClipSkipped,
    ClipStarted,
    Event,
    Listener,
    Notice,
    nobody,
)
from jvst.app.footprint import Footprint, check_apart, claims_of_run, footprint_of
from jvst.app.inputs import Clip
from jvst.app.manifest import first_difference, read_manifest
from jvst.app.options import StylizeConfig
from jvst.app.result import Result
from jvst.app.run import clip_name, look_at, run, run_folder, run_name, short_name
from jvst.app.store import RunStore
from jvst.app.task import Task
from jvst.errors import InputError

_PLACE = "{clip}"
#: Options in which ``{clip}`` stands for the clip's name: what is read or written for each clip.
_WITH_PLACE = (("output", "output"), ("input", "cuts"), ("motion", "flow"), ("motion", "mask"))


class ClipResults(NamedTuple):
    """How the runs of several clips went."""

    results: tuple[Result, ...]  # of the runs that were begun and have not failed
    failed: tuple[str, ...]  # clips that could not be stylized

    @property
    def cancelled(self) -> bool:
        """Whether all ended early."""
        return any(result.cancelled for result in self.results)


def run_clips(
    config: StylizeConfig, *, on_event: Listener = nobody, cancel: Cancel | None = None
) -> ClipResults:
    """Stylize a clip, or several one after the other.

    All clips are looked at before the first is begun, so that a mistake in the last one shows
    at once. A clip of several that fails leaves the others to be finished.

    Args:
        config: the options.
        on_event: told of every step of every run, see ``app.events``.
        cancel: ends all once it is set, see ``run``.

    Raises:
        InputError: something given can't be used; nothing was begun.
        FailedShotsError: some shots of the only clip could not be stylized.
    """
    configs = split_clips(config)
    if len(configs) == 1:
        task = look_at(configs[0], on_event=on_event)
        return ClipResults((run(task, on_event=on_event, cancel=cancel),), ())
    opened = _look_at_all(configs, on_event)
    results: list[Result] = []
    failed: list[str] = []
    by_listener: list[Exception] = []

    def tell(event: Event) -> None:
        try:
            on_event(event)
        except Exception as error:
            by_listener.append(error)
            raise

    for number, (one, found) in enumerate(zip(configs, opened, strict=True), start=1):
        clip = one.input.clips[0]
        if found.finished:
            tell(ClipSkipped(clip, Path(_video(one))))
            continue
        tell(ClipStarted(clip, number, len(configs)))
        try:
            results.append(run(look_at(one, clip=found.clip), on_event=tell, cancel=cancel))
        except Exception as error:
            if error in by_listener:
                raise
            # Any failure leaves the other clips to be stylized.
            failed.append(clip)
            tell(ClipFailed(clip, error))
        if results and results[-1].cancelled:
            break
    return ClipResults(tuple(results), tuple(failed))


def split_clips(config: StylizeConfig) -> list[StylizeConfig]:
    """Return the options of each clip's own run.

    Raises:
        InputError: a clip was given twice, or an option can't serve several clips.
    """
    clips = config.input.clips
    names = clip_names(clips)
    if len(clips) == 1:
        return [_with_name(config, names[0])]
    _check_shared(config)
    own = []
    for clip, name in zip(clips, names, strict=True):
        base = config.output.run_dir
        folder = Path(base) / short_name(name) if base else Path("runs") / run_name(name, config)
        one = dataclasses.replace(
            config,
            input=dataclasses.replace(config.input, clip=clip),
            output=dataclasses.replace(config.output, run_dir=str(folder)),
        )
        own.append(_with_name(one, name))
    return own


def clip_names(clips: Sequence[str]) -> list[str]:
    """Name each clip after its file, or the folder of a pattern; no two names are equal.

    Of clips with equal names the second has ``-2`` behind it, and so on.
    """
    names: list[str] = []
    taken: set[str] = set()
    for clip in clips:
        name = plain = clip_name(clip) or "clip"
        number = 1
        # Some file systems don't tell A from a.
        while name.casefold() in taken:
            number += 1
            name = f"{plain}-{number}"
        taken.add(name.casefold())
        names.append(name)
    return names


class _Opened(NamedTuple):
    clip: Clip
    finished: bool  # by an earlier command, with the same options


def _look_at_all(configs: Sequence[StylizeConfig], on_event: Listener) -> list[_Opened]:
    """Look at every clip and its folder before any is begun.

    Raises:
        InputError: something given can't be used; names the clip.
    """
    opened: list[_Opened] = []
    tasks: list[Task] = []
    footprints: list[Footprint] = []
    notices: dict[Notice, None] = {}

    def each_notice_once(event: Event) -> None:
        if isinstance(event, Notice):
            notices[event] = None
        else:
            on_event(event)

    for one in configs:
        with _naming(one.input.clips[0]):
            task = look_at(one, on_event=each_notice_once)
            # The paintings of many clips, each scaled to its frames, would fill the memory.
            tasks.append(dataclasses.replace(task, styles=[]))
            footprints.append(footprint_of(task, run_folder(one)))
            opened.append(_Opened(task.clip, _finished(task)))
    # What one run writes may be what another reads.
    check_apart(*footprints)
    begun = [task for task, each in zip(tasks, opened, strict=True) if not each.finished]
    for task in begun:
        with _naming(task.clip.source):
            _open_folder(task)
    if begun:
        check_room(*((task, run_folder(task.config)) for task in begun))
    for notice in notices:
        on_event(notice)
    return opened


@contextlib.contextmanager
def _naming(clip: str) -> Iterator[None]:
    """Let an error name the clip that it is about."""
    try:
        yield
    except InputError as error:
        said = str(error)
        raise error if clip in said else InputError(f"{clip}: {said}") from error


def _open_folder(task: Task) -> None:
    """Make sure that the run can go on in its folder, as it will when its turn comes."""
    folder = run_folder(task.config)
    with RunStore(folder) as store:
        if not task.config.run.fresh:
            claims = claims_of_run(task, folder)
            store.open_run(task.manifest(), fresh=False, claims=claims)


def _finished(task: Task) -> bool:
    """Tell whether an earlier command has left nothing to do.

    The manifest of a run gets its timings last of all, once video and page are written.
    """
    config = task.config
    path = Path(config.output.run_dir) / "manifest.json"
    if config.run.fresh or not path.exists():
        return False
    old = read_manifest(path)
    new = json.loads(json.dumps(task.manifest()))
    page = path.with_name("report.html")
    return (
        "video" in old.get("timings", {})
        and not first_difference(old, new)
        and _written(old) == _written(new)
        and Path(_video(config)).exists()
        and (page.exists() or not config.run.report)
    )


def _written(manifest: dict[str, Any]) -> list[Any]:
    """Return what the video depends on beside its frames."""
    groups = manifest.get("config", {})
    output, given = groups.get("output", {}), groups.get("input", {})
    kept = [output.get(name) for name in ("output", "quality", "audio")]
    return [*kept, given["frame_rate"], given.get("audio_stream")]


def _video(config: StylizeConfig) -> str:
    return config.output.output or str(Path(config.output.run_dir) / "stylized.mp4")


def _check_shared(config: StylizeConfig) -> None:
    """Refuse what several clips can't share.

    Raises:
        InputError: with what was given and what was expected.
    """
    clips = config.input.clips
    places = [os.path.realpath(clip) for clip in clips]
    for number, clip in enumerate(clips):
        if places[number] in places[:number]:
            raise InputError(f"the clip {clip} was given twice; expected different clips")
    for option, value in (
        ("`output`", config.output.output),
        ("`flow`", config.motion.flow if config.motion.flow.startswith("files:") else ""),
        ("`mask`", config.motion.mask if config.motion.mask.startswith("files:") else ""),
    ):
        if value and _PLACE not in value:
            raise InputError(
                f"{option} is {value!r} for {len(clips)} clips; expected {_PLACE} in it, which "
                "stands for the name of each"
            )
    if config.output.run_dir and (Path(config.output.run_dir) / "manifest.json").exists():
        raise InputError(
            f"`run_dir` {config.output.run_dir} is the folder of one run; {len(clips)} clips need "
            "a folder in which each has its own: choose another"
        )


def _with_name(config: StylizeConfig, name: str) -> StylizeConfig:
    """Put the clip's name where an option has a place for it."""
    for group, option in _WITH_PLACE:
        options = getattr(config, group)
        value = getattr(options, option).replace(_PLACE, name)
        config = dataclasses.replace(
            config, **{group: dataclasses.replace(options, **{option: value})}
        )
    return config
