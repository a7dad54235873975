"""Clips in many files: folders, printf and glob patterns."""

import glob
import itertools
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from jvst.errors import InputError
from jvst.video.animation import content_of
from jvst.video.container import is_video

PICTURE_SUFFIXES = (
    ".png",
    ".jpg",
    ".jpeg",
    ".ppm",
    ".pgm",
    ".webp",
    ".tif",
    ".tiff",
    ".bmp",
    ".avif",
    ".jp2",
)

_PRINTF = re.compile(r"%(?P<width>0?\d*)d")


def is_printf_pattern(path: Path) -> bool:
    """Tell whether the name holds a number's place, as ``%d`` or ``%04d``."""
    return _PRINTF.search(path.name) is not None


def numbered(pattern: Path, number: int) -> Path:
    """Put a number into the place that a printf pattern keeps for it."""
    before, width, after = _parts(pattern)
    return pattern.with_name(f"{before}{number:{width}d}{after}")


def _parts(pattern: Path) -> tuple[str, str, str]:
    """Return what stands before the number, its width, and what stands behind it.

    Of several places the last is the number's: 50%done_%04d.png is a user's own name before it.
    """
    *_, place = _PRINTF.finditer(pattern.name)
    return pattern.name[: place.start()], place["width"], pattern.name[place.end() :]


def natural_order(path: Path) -> tuple[list[int | str], str]:
    """Return a sort key by the numbers in the name: ``frame_2`` before ``frame_10``."""
    # Splitting by a group alternates text and number, so equal positions compare equal types.
    parts = re.split(r"(\d+)", path.name.lower())
    return [int(part) if index % 2 else part for index, part in enumerate(parts)], path.name


@dataclass(frozen=True)
class Pictures:
    """The files of a clip that is made of pictures.

    Attributes:
        files: in order.
        places: of each file in time, in frames from the first; 0, 1, 2 … where none is missing.
        notices: what the user should know of them, a line each.
    """

    files: list[Path]
    places: list[int]
    notices: tuple[str, ...] = ()


def picture_files(source: str | Path) -> list[Path] | None:
    """List the files of a clip that is made of pictures, as ``find_pictures``."""
    found = find_pictures(source)
    return None if found is None else found.files


def find_pictures(source: str | Path) -> Pictures | None:
    """Find the files of a clip that is made of pictures.

    Args:
        source: an existing file or folder, or a pattern. A name that exists is taken as it is,
            even if it looks like a pattern.

    Returns:
        The pictures: of a folder and a glob pattern those with a picture's suffix that are not
        hidden, in natural order; of a printf pattern all numbers that there are, a missing one
        leaving its time to the picture before; of a picture itself. ``None`` for every other
        file, by what it holds, not by its name.

    Raises:
        InputError: nothing is there, or no picture is.
    """
    path = Path(source)
    if not str(source).strip():
        raise InputError("the clip's name is empty; expected a video file, a folder or a pattern")
    if path.is_dir():
        found = _evenly(_pictures_among(path.iterdir()))
        expected = f"pictures ({', '.join(PICTURE_SUFFIXES)}) in it"
    elif path.exists():
        return _evenly([path]) if _is_picture(path) else None
    elif is_printf_pattern(path):
        found = _printf_matches(path)
        expected = "files whose names differ in that number only"
    elif glob.has_magic(str(path)):
        names = glob.glob(_with_literal_folders(path))  # noqa: PTH207
        found = _evenly(_pictures_among(Path(name) for name in names))
        expected = f"it to match pictures ({', '.join(PICTURE_SUFFIXES)})"
        if "[" in str(path):
            expected += "; [ ] stand for one of the characters between them, [[] for a bracket"
    else:
        raise InputError(
            f"{source} doesn't exist; expected a video file, a folder of frames or a pattern like "
            "frames/%04d.png; check the path"
        )
    if not found.files:
        what = "has no pictures" if path.is_dir() else "matches no file"
        raise InputError(f"{source} {what}; expected {expected}; check the path")
    return found


def _is_picture(path: Path) -> bool:
    content = content_of(path)
    if content == "other":
        # A damaged picture is told as one.
        return path.suffix.lower() in PICTURE_SUFFIXES and not is_video(path)
    return content == "picture"


def _evenly(files: list[Path]) -> Pictures:
    return Pictures(files, list(range(len(files))))


def _with_literal_folders(path: Path) -> str:
    """Return a glob pattern in which folders that exist are meant by their names."""
    for folder in path.parents:
        if folder.is_dir():
            return str(Path(glob.escape(str(folder))) / path.relative_to(folder))
    return str(path)


def _pictures_among(paths: Iterable[Path]) -> list[Path]:
    pictures = (
        path
        for path in paths
        if path.suffix.lower() in PICTURE_SUFFIXES
        and not path.name.startswith(".")
        and path.is_file()
    )
    return sorted(pictures, key=natural_order)


def _printf_matches(pattern: Path) -> Pictures:
    if not pattern.parent.is_dir():
        return _evenly([])
    before, _, after = _parts(pattern)
    name = re.compile(f"{re.escape(before)}(-?\\d+){re.escape(after)}")
    matches = (name.fullmatch(path.name) for path in pattern.parent.iterdir())
    # frame_7.png is no frame of frame_%04d.png: only names that the pattern itself gives count.
    numbers = sorted(
        {n for match in matches if match for n in [int(match[1])] if numbered(pattern, n).is_file()}
    )
    files = [numbered(pattern, number) for number in numbers]
    # Every tenth picture of a clip is a clip without gaps.
    step = math.gcd(*(number - numbers[0] for number in numbers)) or 1
    places = [(number - numbers[0]) // step for number in numbers]
    return Pictures(files, places, _describe_gaps(pattern, numbers, step))


def _describe_gaps(pattern: Path, numbers: list[int], step: int) -> tuple[str, ...]:
    pairs = list(itertools.pairwise(numbers))
    missing = sum((after - before) // step - 1 for before, after in pairs)
    if not missing:
        return ()
    begin = next(before for before, after in pairs if after - before > step)
    verb = "is" if missing == 1 else "are"
    return (
        f"{missing} of the pictures {numbers[0]} to {numbers[-1]} of {pattern} {verb} missing, the "
        f"first after {begin}; the picture before a gap is shown until the next one",
    )
