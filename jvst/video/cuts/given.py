"""Cuts as the user gives them, and the shots between."""

import csv
import json
import re
from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

from jvst._types import Frame
from jvst.errors import InputError
from jvst.video.cuts.find import find_cuts

#: Frame numbers as they are written on the command line. More digits than that are no film.
_NUMBERS = re.compile(r"\s*-?\d{1,15}\s*(,\s*-?\d{1,15}\s*)*", re.ASCII)
#: Size in bytes beyond which a file is something else, such as the film itself.
_LARGEST = 16_000_000
_FORMS = (
    "a JSON list such as [24, 48], one frame number a line, a scene list of PySceneDetect (CSV) "
    "or the manifest.json of a run"
)


def chosen_cuts(
    choice: str, frames: Iterable[Frame], *, frame_rate: Fraction, sensitivity: float = 0.5
) -> tuple[int, ...]:
    """Find or read the cuts that the user chose.

    Args:
        choice: "auto" to find them, "none", frame numbers such as "24,48" (from 0, in the part
            of the clip that is stylized), or a file that holds such numbers: a JSON list, a text
            with one number a line, a scene list of PySceneDetect or the manifest of a run.
        frames: of the clip, taken one by one to their end, whatever the choice.
        frame_rate: frames per second, for "auto".
        sensitivity: from 0 to 1, for "auto".

    Returns:
        Numbers of the frames at which a new shot begins, increasing, without 0.

    Raises:
        InputError: a choice that is none of these, a file that can't be read, or numbers that
            the clip doesn't have or that don't increase.
    """
    if choice == "auto":
        return find_cuts(frames, frame_rate=frame_rate, sensitivity=sensitivity)
    given, source = _given(choice)
    count = sum(1 for _ in frames)
    # A clip without frames is for the caller to refuse.
    if count:
        _check(given, source, count)
    return tuple(cut for cut in given if cut > 0) if count else ()


def shots(count: int, cuts: Sequence[int]) -> list[range]:
    """Divide the frames of a clip at its cuts.

    Args:
        count: number of frames.
        cuts: frames at which a new shot begins, increasing, between 0 and ``count``.

    Returns:
        The frame numbers of each shot.
    """
    starts = [0, *(cut for cut in cuts if cut > 0)]
    ends = [*starts[1:], count]
    return [range(start, end) for start, end in zip(starts, ends, strict=True) if start < end]


def _given(choice: str) -> tuple[list[int], str]:
    """Return frame numbers as they were given, and what to call their source."""
    if choice == "none":
        return [], "the list of cuts"
    if _NUMBERS.fullmatch(choice):
        return [int(number) for number in choice.split(",")], "the list of cuts"
    return _read(choice), choice


def _check(cuts: list[int], source: str, count: int) -> None:
    for before, cut in zip([None, *cuts], cuts, strict=False):
        if not 0 <= cut < count:
            raise InputError(
                f"{source} has a cut at frame {cut} of a clip of {count}; expected 0 to "
                f"{count - 1}, counted in the part of the clip that is stylized"
            )
        if before is not None and cut <= before:
            raise InputError(
                f"{source} has a cut at frame {cut} after one at {before}; expected frame numbers "
                "that increase"
            )


def _read(choice: str) -> list[int]:
    try:
        with Path(choice).open("rb") as file:
            data = file.read(_LARGEST + 1)
    except FileNotFoundError as error:
        raise InputError(
            f"the cuts are {choice!r}; expected auto, none, frame numbers such as 24,48, or a file "
            "that exists"
        ) from error
    except (OSError, ValueError) as error:  # ValueError: a name that no file can have
        reason = getattr(error, "strerror", None) or error
        raise InputError(
            f"the cuts {choice!r} can't be read ({reason}); give another file"
        ) from error
    try:
        if len(data) > _LARGEST:
            raise ValueError
        text = data.decode("utf-8-sig")
        if "Start Frame" in text:
            return _from_scene_list(text)
        if text.lstrip()[:1] in ("[", "{"):
            return _from_json(text)
        return _from_text(text)
    except (ValueError, TypeError, LookupError, RecursionError, csv.Error) as error:
        raise InputError(f"{choice} holds no frame numbers of cuts; expected {_FORMS}") from error


def _from_json(text: str) -> list[int]:
    """Read a list, or the manifest of a run, whose ``options`` hold the cuts."""
    found: Any = json.loads(text)
    if isinstance(found, dict):
        found = found["cuts"] if "cuts" in found else found["options"]["cuts"]
    if not isinstance(found, list) or not all(type(cut) is int for cut in found):
        raise ValueError
    return found


def _from_text(text: str) -> list[int]:
    """Read numbers between spaces, commas or line ends; what follows ``#`` is a remark."""
    lines = [line.partition("#")[0] for line in text.splitlines()]
    words = " ".join(lines).replace(",", " ").split()
    if not words or not all(_NUMBERS.fullmatch(word) for word in words):
        raise ValueError
    return [int(word) for word in words]


def _from_scene_list(text: str) -> list[int]:
    """Read PySceneDetect's table of scenes, whose frames are counted from 1."""
    rows = list(csv.reader(text.splitlines()))
    head = ["Start Frame" in row for row in rows].index(True)
    column = rows[head].index("Start Frame")
    scenes = [row for row in rows[head + 1 :] if row]
    if not scenes:
        raise ValueError
    return [int(row[column]) - 1 for row in scenes]
