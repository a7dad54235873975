"""What a run reads, held against what it would write."""

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from jvst.app.assembly import film_plan
from jvst.app.claims import (
    FILM,
    MANIFEST,
    PICTURES,
    PREVIEW,
    Claims,
    check_strangers,
    claims_in,
    claims_of,
    run_files,
)
from jvst.app.inputs import picture_paths
from jvst.app.manifest import checked_manifest
from jvst.app.motion import field_files
from jvst.app.task import Task
from jvst.errors import InputError
from jvst.video.sequence import PICTURE_SUFFIXES, numbered, picture_files


class Source(NamedTuple):
    """A file that a run reads."""

    option: str  # that names it
    path: Path


class Footprint(NamedTuple):
    """The files of a run.

    Attributes:
        sources: what it reads.
        folder: its own.
        planned: what it will lay claim to.
        old: what an earlier command laid claim to; None where none worked in the folder.
    """

    sources: Sequence[Source]
    folder: Path
    planned: Claims
    old: Claims | None


def footprint_of(task: Task, folder: Path) -> Footprint:
    """Find all files of a run.

    Raises:
        InputError: a file of flow or masks is missing or of the wrong size, or the manifest in
            the folder is damaged.
    """
    manifest, old = folder / MANIFEST, None
    if manifest.exists():
        old = claims_in(checked_manifest(manifest), folder)
    return Footprint(list(sources_of(task)), folder, claims_of_run(task, folder), old)


def claims_of_run(task: Task, folder: Path) -> Claims:
    """Return what a run will lay claim to."""
    pictures = len(film_plan(task.clip, task.config).order)
    return claims_of(task.config, task.clip.count, pictures, folder)


def sources_of(task: Task) -> Iterator[Source]:
    """Yield every file that a run reads.

    Raises:
        InputError: a file of flow or masks is missing or of the wrong size.
    """
    config = task.config
    (clip,) = config.input.clips
    yield from (Source("clip", path) for path in picture_files(clip) or [Path(clip)])
    yield from (Source("style", Path(path)) for path in config.input.style)
    for option, text in (
        ("cuts", config.input.cuts),
        ("config", config.run.config),
        ("weights", config.network.weights),
    ):
        if text and os.path.isfile(text):  # noqa: PTH113 (a list of cuts may be a name too long)
            yield Source(option, Path(text))
    yield Source("weights", task.found.path)
    if config.network.normalise_on:
        for path in picture_paths(config.network.normalise_on):
            yield Source("normalise_on", path)
    yield from (Source(option, path) for option, path in field_files(task.clip, config))


def check_footprint(run: Footprint) -> None:
    """Refuse a run that would write over what it reads, or over files that it didn't make.

    Args:
        run: its files.

    Raises:
        InputError: names the file and what to do.
    """
    check_apart(run)
    _check_strangers(run)


def check_apart(*runs: Footprint) -> None:
    """Refuse runs of which one would write over, or remove, what any of them reads.

    Files are told apart as the system does: symbolic and hard links, other spellings and, where
    the system takes them for one, other cases are the same file.

    Args:
        runs: all that one command works on.

    Raises:
        InputError: names the file and what to do.
    """
    for run in runs:
        _check_sources([source for each in runs for source in each.sources], run)


def _check_sources(sources: Sequence[Source], run: Footprint) -> None:
    read = {}
    for source in sources:
        for identity in _identities(source.path):
            read.setdefault(identity, source)
    for path, option in _written(run):
        found = next((read[key] for key in _identities(path) if key in read), None)
        # A manifest is read whole before it is written again, and says the same then.
        if found and not (path.name == MANIFEST and found.option in ("cuts", "config")):
            raise InputError(
                f"{path} would be written over, but is {_spelled(found.path, path)}what `"
                f"{found.option}` names; nothing was done: choose another `{option}`"
            )
    clips = {
        _identity(source.path.parent)
        for source in sources
        if source.option == "clip" and _is_picture(source.path)
    }
    for path, option in _picture_folders(run):
        if path.exists() and _identity(path) in clips:
            raise InputError(
                f"{path} holds the clip's pictures; expected another folder for those that are "
                f"written: choose another `{option}`"
            )


def _check_strangers(run: Footprint) -> None:
    """Refuse to write over files that the run didn't make."""
    check_strangers(run.folder, run.planned, run.old)
    if run.old is None:
        _check_other_pictures(run.folder / PICTURES, "run_dir")
    for place, count in run.planned.films.items():
        film = run.folder / place
        if count and Path(place).parent == Path(PICTURES):
            raise InputError(
                f"{film.parent} is where the run keeps pictures of its own; choose another `output`"
            )
        if run.old is not None and place in run.old.films:
            continue
        if count:
            _check_other_pictures(film.parent, "output")
        elif os.path.lexists(film):
            raise InputError(
                f"{film} is there, and the run in {run.folder} didn't make it; it is not written "
                "over: move it away, or choose another `output`"
            )


def _check_other_pictures(folder: Path, option: str) -> None:
    try:
        found = sorted(path for path in folder.iterdir() if _is_picture(path))
    except OSError:  # it is not there yet, or can't be a folder, which is said elsewhere
        return
    if found:
        raise InputError(
            f"{folder} holds pictures that this run didn't make, such as {found[0].name}; expected "
            f"a folder without: choose another `{option}`"
        )


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() in PICTURE_SUFFIXES and not path.name.startswith(".")


def _written(run: Footprint) -> Iterator[tuple[Path, str]]:
    """Yield what is there and would be written or removed, and the option that says where."""
    old = run.old or Claims()
    for file in run_files(run.folder):
        if run.planned.covers(file) or old.covers(file):
            yield file.path, "output" if file.path.name == FILM else "run_dir"
    films = {**run.planned.films, **old.films}
    for place, count in films.items():
        film = run.folder / place
        paths = [film] if not count else (numbered(film, n) for n in range(1, count + 1))
        yield from ((path, "output") for path in paths if os.path.lexists(path))


def _picture_folders(run: Footprint) -> Iterable[tuple[Path, str]]:
    """Return where pictures are written, and the option that says so."""
    films = run.planned.films.items()
    places = [(run.folder / PICTURES, "run_dir"), (run.folder, "run_dir")]
    places = places if PREVIEW in run.planned.names else places[:1]
    return [*places, *(((run.folder / place).parent, "output") for place, n in films if n)]


def _identities(path: Path) -> list[object]:
    """Return what tells a file from others: its place, and its number where the system has one."""
    return [os.path.realpath(path), _identity(path)]


def _identity(path: Path) -> object:
    try:
        status = path.stat()
    except OSError:
        return os.path.realpath(path)
    return (status.st_dev, status.st_ino) if status.st_ino else os.path.realpath(path)


def _spelled(source: Path, path: Path) -> str:
    """Name a file that the message has not named yet."""
    return "" if source == path else f"{source}, "
