"""Names of a run's files, and which are its own.

A run writes fixed names into its folder and, where that is asked for, a film elsewhere. Before it
begins it makes sure that nothing stands there, and notes in its manifest, under ``files``, what it
lays claim to. From then on a file under such a name is its own; every other file is the user's,
and is neither replaced nor removed.
"""

import contextlib
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

from jvst._files import is_temporary
from jvst.app.options import StylizeConfig
from jvst.errors import InputError
from jvst.video import pictures_of

MANIFEST, PLAN = "manifest.json", "plan.json"
INTERRUPTED, CARRIED, INPUTS = "interrupted.npz", "carried.npz", "inputs.npy"
PREVIEW, REPORT, FILM = "preview.png", "report.html", "stylized.mp4"
FRAMES, PICTURES, PASSES, SHOTS = "frames", "pictures", "passes", "shots"
FLOW = "flow"
#: Written where the user asks for nothing else.
_ALWAYS = (MANIFEST, PLAN, INTERRUPTED, CARRIED, INPUTS)
_ASKED_FOR = (PREVIEW, REPORT, FILM)
_NOTES_OF_SHOT = ("lock", "job.json", "compiling.json", "stop")
_NETWORK_OF_SHOTS = "network.safetensors"

_NUMBERED = re.compile(r"(\d{4,})\.(?:npy|json|dropped)")
_PICTURE = re.compile(r"(\d{4,})\.png")
_PASS = re.compile(r"\d{2,}")
_SHOT = re.compile(r"\d{6,}-\d{6,}")
_FIELD_FOLDER, _FIELD = re.compile(r"[0-9a-f]{2}"), re.compile(r"[0-9a-f]{38}\.flo")
#: Of what a killed run leaves unfinished in its folder itself; films of other runs may be there.
_UNFINISHED = (".json", ".npy", ".npz")

Kind = Literal["single", "state", "picture", "shot"]


class RunFile(NamedTuple):
    """A file under one of a run's names, whoever made it."""

    path: Path
    kind: Kind
    number: int = 0  # of the frame, from 1


class Claims(NamedTuple):
    """What a run lays claim to.

    Attributes:
        names: of single files that are not in every run's folder.
        frames: number of frames.
        films: films outside the fixed names (see ``film_place``) -> number of pictures; 0 for a
            file.
    """

    names: frozenset[str] = frozenset()
    frames: int = 0
    films: Mapping[str, int] = {}

    def covers(self, file: RunFile) -> bool:
        """Tell whether a file is the run's own."""
        match file.kind:
            case "single":
                return file.path.name in _ALWAYS or file.path.name in self.names
            case "state" | "picture":
                return 1 <= file.number <= self.frames
        return True

    def merged(self, other: "Claims") -> "Claims":
        """Return all that either lays claim to."""
        films = dict(other.films)
        for place, count in self.films.items():
            films[place] = max(count, films.get(place, 0))
        return Claims(self.names | other.names, max(self.frames, other.frames), films)

    def plain(self) -> dict[str, Any]:
        """Return the claims as a manifest holds them."""
        return {"names": sorted(self.names), "frames": self.frames, "films": dict(self.films)}


def claims_of(config: StylizeConfig, frames: int, pictures: int, folder: Path) -> Claims:
    """Return what a run will lay claim to.

    Args:
        config: its options.
        frames: number of its frames.
        pictures: number of those that its film shows, repeats included.
        folder: its folder.
    """
    output = config.output.output
    names, films = set(), {}
    if config.run.report:
        names.add(REPORT)
    if config.run.preview:
        names.add(PREVIEW)
    if not output or film_place(output, folder) == FILM:
        names.add(FILM)
    else:
        films[film_place(output, folder)] = 0 if pictures_of(output) is None else pictures
    return Claims(frozenset(names), frames, films)


def claims_in(manifest: Mapping[str, Any], folder: Path) -> Claims:
    """Return what the manifest in a run's folder lays claim to.

    A manifest from before there were claims says what was made by its options.

    Raises:
        InputError: the claims are not what a run writes.
    """
    files = manifest.get("files")
    try:
        if files is not None:
            films = {str(place): int(count) for place, count in files["films"].items()}
            names = frozenset(str(name) for name in files["names"] if name in _ASKED_FOR)
            return Claims(names, int(files["frames"]), films)
        frames = int(manifest.get("inputs", {}).get("frames", 0))
        output = manifest.get("config", {}).get("output", {}).get("output", "")
        films = {}
        if output and film_place(output, folder) != FILM:
            films[film_place(output, folder)] = 0 if pictures_of(output) is None else frames
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        raise InputError(
            f"{folder / MANIFEST} is damaged (what it says of its files); choose another "
            "`run_dir`, or move what is there away"
        ) from error
    return Claims(frozenset(_ASKED_FOR), frames, films)


def film_place(output: str | Path, folder: Path) -> str:
    """Return where a film goes as a manifest keeps it.

    Args:
        output: as given: a file, a folder or a pattern.
        folder: of the run; a film in it is kept by its name there, so that the folder can move.
    """
    pattern = pictures_of(output)
    film = Path(output) if pattern is None else pattern
    place = Path(os.path.realpath(film.parent)) / film.name
    home = Path(os.path.realpath(folder))
    return place.relative_to(home).as_posix() if place.is_relative_to(home) else str(place)


def run_files(folder: Path) -> Iterator[RunFile]:
    """Yield every file in a folder that has one of a run's names."""
    for name in (*_ALWAYS, *_ASKED_FOR):
        if os.path.lexists(folder / name):
            yield RunFile(folder / name, "single")
    for path in _inside(folder / FRAMES):
        if found := _NUMBERED.fullmatch(path.name):
            yield RunFile(path, "state", int(found[1]))
    for path in _inside(folder / PICTURES):
        if found := _PICTURE.fullmatch(path.name):
            yield RunFile(path, "picture", int(found[1]))
    for each in _passes(folder):
        for path in _inside(each):
            if found := _NUMBERED.fullmatch(path.name):
                yield RunFile(path, "state", int(found[1]))
    yield from _shot_files(folder / SHOTS)


def check_strangers(folder: Path, claims: Claims, own: Claims | None) -> None:
    """Refuse to write over files in a run's folder that no run made.

    Args:
        folder: of the run.
        claims: what the run will lay claim to.
        own: what its manifest lays claim to; None where there is no manifest.

    Raises:
        InputError: names the first.
    """
    for file in run_files(folder):
        if claims.covers(file) and not (own and own.covers(file)):
            raise InputError(
                f"{folder} holds {file.path.relative_to(folder)} without a manifest that says who "
                "made it; it is not written over: move it away, or choose another `run_dir`"
            )


def shot_folders(folder: Path) -> list[Path]:
    """List the folders of shots that are worked on side by side in a run's folder."""
    return [each for each in _inside(folder / SHOTS) if _SHOT.fullmatch(each.name)]


def remove_shot(folder: Path) -> None:
    """Remove what workers left in the folder of a shot, and the folder if nothing else is in it.

    What can't be removed now, such as a file that is still open elsewhere, stays.
    """
    for file in _files_of_shot(folder):
        with contextlib.suppress(OSError):
            file.unlink()
    for path in unfinished_files(folder):
        with contextlib.suppress(OSError):
            path.unlink()
    _remove_empty_tree(folder)


def remove_shots(folder: Path) -> None:
    """Remove the shots in a run's folder, and whatever else workers have in common."""
    for each in shot_folders(folder):
        remove_shot(each)
    with contextlib.suppress(OSError):
        (folder / SHOTS / _NETWORK_OF_SHOTS).unlink()
    with contextlib.suppress(OSError):
        (folder / SHOTS).rmdir()


def remove_empty_folders(folder: Path) -> None:
    """Remove the folders of earlier passes and of shots that have nothing in them."""
    for each in [*_passes(folder), *shot_folders(folder)]:
        _remove_empty_tree(each)
    for name in (PASSES, SHOTS):
        with contextlib.suppress(OSError):
            (folder / name).rmdir()


def unfinished_files(folder: Path) -> list[Path]:
    """List what a killed run left behind under names that are not final."""
    found = [path for path in _inside(folder) if path.suffix in _UNFINISHED]
    for each in (folder / FRAMES, folder / PICTURES, *_passes(folder)):
        found += _inside(each)
    return [path for path in found if is_temporary(path)]


def _remove_empty_tree(folder: Path) -> None:
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir() and not path.is_symlink():
            with contextlib.suppress(OSError):
                path.rmdir()
    with contextlib.suppress(OSError):
        folder.rmdir()


def _passes(folder: Path) -> list[Path]:
    return [each for each in _inside(folder / PASSES) if _PASS.fullmatch(each.name)]


def _shot_files(folder: Path) -> Iterator[RunFile]:
    if os.path.lexists(folder / SHOTS / _NETWORK_OF_SHOTS):
        yield RunFile(folder / SHOTS / _NETWORK_OF_SHOTS, "shot")
    for each in shot_folders(folder):
        yield from (RunFile(path, "shot") for path in _files_of_shot(each))


def _files_of_shot(folder: Path) -> Iterator[Path]:
    """Yield what workers and the command write into the folder of a shot."""
    yield from (folder / name for name in _NOTES_OF_SHOT if os.path.lexists(folder / name))
    yield from (file.path for file in run_files(folder))
    for each in _inside(folder / FLOW):
        if _FIELD_FOLDER.fullmatch(each.name):
            yield from (path for path in _inside(each) if _FIELD.fullmatch(path.name))


def _inside(folder: Path) -> list[Path]:
    """List a folder; a missing one, or something else of its name, has nothing in it."""
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []
