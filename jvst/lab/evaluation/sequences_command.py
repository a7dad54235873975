"""``scripts/make_sequences.py``: the named scenes as sequences with ground truth, once."""

import dataclasses
import importlib.metadata
import json
import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tyro
from tqdm import tqdm

from jvst._files import replacing, writing_to
from jvst.app.cli.command import parsed, status_of
from jvst.errors import InputError
from jvst.lab.evaluation.sintel import read_sequences, write_sequence
from jvst.lab.evaluation.sintel.write import check_lags
from jvst.synthetic import Scene, exact_flow, exact_occlusion, make_scene, photograph_scene
from jvst.synthetic.fields import check_size
from jvst.synthetic.sequences import SEQUENCES
from jvst.video import read_picture

#: Film's usual shutter: open for half of the interval.
_SHUTTER = 0.5
#: As a passing cloud: a tenth brighter or darker, a twentieth warmer or cooler.
_LIGHTING, _COLOUR_DRIFT = 0.1, 0.05
_RECORD = "sequences.json"
#: Folders of the layout, as patterns.
_KINDS = (
    *("final", "invalid", "flow", "flow_first", "flow_[0-9]*"),
    *("occlusions", "occlusions_first", "occlusions_[0-9]*"),
)


@dataclasses.dataclass(frozen=True)
class SequencesOptions:
    """Draw sequences whose motion is exactly known, in MPI-Sintel's directory layout."""

    folder: tyro.conf.Positional[str]
    """Folder to write: final/NAME/frame_0001.png, flow/NAME/frame_0001.flo, …"""
    names: tuple[str, ...] = ("alley", "ambush", "blur", "bandage", "market", "static")
    """Which: alley, ambush, blur, bandage, market, static, demo; none with --photograph."""
    photograph: str = ""
    """Picture that a camera pans over and zooms into, as one more sequence, of the file's name."""
    size: str = "256x112"
    """Size of the frames, WIDTHxHEIGHT; Sintel's is 1024x436."""
    frames: int = 24
    """Length of each sequence."""
    seed: int = 0
    """Of colours, composition and phases."""
    lighting: bool = False
    """Let the light change slowly in brightness and colour."""
    blur: bool = False
    """Blur all sequences by their motion, as with a shutter open half of the time. The scene
    blur is always blurred, by more."""
    long_lags: tuple[int, ...] = (5, 10, 20)
    """Distances, in frames, over which motion is also written."""
    overwrite: bool = False
    """Write the named sequences again, and remove all of FOLDER that have other settings."""
    quiet: bool = False
    """No progress bar."""


def run_sequences_command(arguments: Sequence[str]) -> int:
    """Parse a command line, do what it says, and return the exit status."""

    def work() -> int:
        record = make_sequences(parsed(SequencesOptions, arguments, prog="make_sequences"))
        print(motion_table(record["sequences"]))
        return 0

    interrupted = "interrupted; the same command goes on"
    return status_of("make_sequences", work, interrupted=interrupted)


def make_sequences(options: SequencesOptions) -> dict[str, Any]:
    """Write what of the sequences isn't there, and return the folder's record.

    Raises:
        InputError: an option can't be used, or the folder holds something else.
    """
    width, height = _check(options)
    folder = Path(options.folder)
    settings = {
        "jvst": importlib.metadata.version("jvst"),
        **{
            key: value
            for key, value in dataclasses.asdict(options).items()
            if key not in {"folder", "names", "photograph", "overwrite", "quiet"}
        },
        "size": f"{width}x{height}",
        "long_lags": sorted(options.long_lags),
    }
    with writing_to(folder):
        record = _open_record(folder, settings, overwrite=options.overwrite)
        names = [*options.names]
        if options.photograph:
            names.append(Path(options.photograph).stem)
        for name in names:
            if options.overwrite or not _whole(folder, name, record):
                record["sequences"].pop(name, None)
        missing = [n for n in dict.fromkeys(names) if n not in record["sequences"]]
        # Says what the folder is before anything is in it, so that a stopped command can go on.
        _write_record(folder, record)
        for name in tqdm(missing, unit="sequence", disable=options.quiet or not missing):
            scene = _scene(options, name, (width, height))
            _remove(folder, name)
            write_sequence(folder, name, scene, options.frames, lags=sorted(options.long_lags))
            record["sequences"][name] = motion_figures(scene, options.frames)
            _write_record(folder, record)
    return record


def motion_figures(scene: Scene, frames: int) -> dict[str, float]:
    """Return mean and greatest motion, pixels a frame, and the share of what comes into view.

    That is what a frame shows and the one before didn't: uncovered, or from outside.
    """
    lengths = [np.linalg.norm(exact_flow(scene, t - 1, t), axis=-1) for t in range(1, frames)]
    uncovered = [exact_occlusion(scene, t, t - 1).mean() for t in range(1, frames)]
    return {
        "mean_motion": float(np.mean(lengths)),
        "max_motion": float(np.max(lengths)),
        "disoccluded": float(np.mean(uncovered)),
    }


def motion_table(sequences: dict[str, dict[str, float]]) -> str:
    """Lay ``motion_figures`` of named sequences out as Markdown."""
    rows = ["| sequence | mean motion, px | max motion, px | disoccluded |", "|---|---|---|---|"]
    for name, figures in sequences.items():
        rows.append(
            f"| {name} | {figures['mean_motion']:.2f} | {figures['max_motion']:.1f} | "
            f"{figures['disoccluded']:.1%} |"
        )
    return "\n".join(rows)


def _check(options: SequencesOptions) -> tuple[int, int]:
    """Refuse what can't be meant, before anything is written; return (width, height)."""
    sides = re.fullmatch(r"([0-9]{1,4})x([0-9]{1,4})", options.size.lower())
    if not sides:
        raise InputError(f"--size is {options.size!r}; expected WIDTHxHEIGHT, such as 256x112")
    if not options.names and not options.photograph:
        raise InputError(f"--names is empty; expected some of {', '.join(sorted(SEQUENCES))}")
    if options.frames < 2:
        raise InputError(f"--frames is {options.frames}; motion needs at least 2")
    check_lags(options.long_lags)
    size = int(sides[1]), int(sides[2])
    check_size(*size)
    if options.seed < 0:
        raise InputError(f"--seed is {options.seed}; expected 0 or more")
    if options.photograph:
        read_picture(options.photograph)  # refused before anything is written
    if options.photograph and Path(options.photograph).stem in options.names:
        raise InputError(
            f"--photograph is {options.photograph!r}, and a sequence has that name; rename the file"
        )
    for name in options.names:
        if name not in SEQUENCES:
            raise InputError(
                f"--names has {name!r}; expected some of {', '.join(sorted(SEQUENCES))}"
            )
    return size


def _scene(options: SequencesOptions, name: str, size: tuple[int, int]) -> Scene:
    if name not in options.names:
        return photograph_scene(read_picture(options.photograph), width=size[0], height=size[1])
    return make_scene(
        name,
        seed=options.seed,
        width=size[0],
        height=size[1],
        lighting=_LIGHTING if options.lighting else 0.0,
        colour_drift=_COLOUR_DRIFT if options.lighting else 0.0,
        shutter=max(_SHUTTER, SEQUENCES[name].shutter) if options.blur else None,
    )


def _open_record(folder: Path, settings: dict[str, Any], *, overwrite: bool) -> dict[str, Any]:
    """Read what the folder says of itself, and see that it suits."""
    path = folder / _RECORD
    fresh = {**settings, "sequences": {}}
    if not path.exists():
        for kind in _KINDS:
            for other in folder.glob(kind):
                raise InputError(
                    f"{other} is not from this command ({path} is missing); give another folder"
                )
        return fresh
    try:
        record = json.loads(path.read_text("utf-8"))
        found = {key: record[key] for key in settings}
        figures = {name: dict(values) for name, values in record["sequences"].items()}
        motion_table(figures)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{path} is damaged; expected the record of this command; remove {folder}, or give "
            "another folder"
        ) from error
    if found == settings:
        return {**settings, "sequences": figures}
    if not overwrite:
        differing = [key for key in settings if found[key] != settings[key]]
        raise InputError(
            f"{folder} holds sequences with "
            + ", ".join(f"{key} {found[key]} (asked: {settings[key]})" for key in differing)
            + "; give another folder, or --overwrite to replace them all"
        )
    for name in {*SEQUENCES, *figures}:
        _remove(folder, name)
    return fresh


def _write_record(folder: Path, record: dict[str, Any]) -> None:
    path = folder / _RECORD
    content = json.dumps(record, indent=1) + "\n"
    if path.exists() and path.read_text("utf-8") == content:
        return
    with replacing(path) as temporary, writing_to(path):
        temporary.write_text(content, "utf-8")


def _whole(folder: Path, name: str, record: dict[str, Any]) -> bool:
    """Tell whether a sequence is recorded, and its files are still there."""
    if name not in record["sequences"]:
        return False
    try:
        (sequence,) = read_sequences(folder, names=[name])
    except InputError:
        return False
    lags = tuple(lag for lag in record["long_lags"] if lag < record["frames"])
    return len(sequence.frames) == record["frames"] and sequence.lags == lags


def _remove(folder: Path, name: str) -> None:
    """Remove all that an earlier command wrote of a sequence."""
    for kind in _KINDS:
        for path in folder.glob(f"{kind}/{name}"):
            shutil.rmtree(path)
