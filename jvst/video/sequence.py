"""Clips in many files: folders, printf and glob patterns."""

import glob
import re
from collections.abc import Iterable
from pathlib import Path

from jvst.errors import InputError

PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg", ".ppm", ".pgm", ".webp", ".tif", ".tiff", ".bmp")

_PRINTF = re.compile(r"%(?P<width>0?\d*)d")


def is_printf_pattern(path: Path) -> bool:
    """Tell whether the name holds a number's place, as ``%d`` or ``%04d``."""
    return _PRINTF.search(path.name) is not None


def numbered(pattern: Path, number: int) -> Path:
    """Put a number into the place that a printf pattern keeps for it."""
    name = _PRINTF.sub(lambda place: f"{number:{place['width']}d}", pattern.name, count=1)
    return pattern.with_name(name)


def natural_order(path: Path) -> tuple[list[int | str], str]:
    """Return a sort key by the numbers in the name: ``frame_2`` before ``frame_10``."""
    # Splitting by a group alternates text and number, so equal positions compare equal types.
    parts = re.split(r"(\d+)", path.name.lower())
    return [int(part) if index % 2 else part for index, part in enumerate(parts)], path.name


def picture_files(source: str | Path) -> list[Path] | None:
    """List the files of a clip that is made of pictures, in order.

    Args:
        source: an existing file or folder, or a pattern. A name that exists is taken as it is,
            even if it looks like a pattern.

    Returns:
        The pictures: of a folder and a glob pattern those with a picture's suffix that are not
        hidden, in natural order; of a printf pattern from the smallest number there is to the
        first gap; of a picture itself. ``None`` for every other file.

    Raises:
        InputError: nothing is there, or no picture is.
    """
    path = Path(source)
    if not str(source).strip():
        raise InputError("the clip's name is empty; expected a video file, a folder or a pattern")
    if path.is_dir():
        found = _pictures_among(path.iterdir())
        expected = f"pictures ({', '.join(PICTURE_SUFFIXES)}) in it"
    elif path.exists():
        return [path] if path.suffix.lower() in PICTURE_SUFFIXES else None
    elif is_printf_pattern(path):
        found = _printf_matches(path)
        expected = "files whose names differ in that number only"
    elif glob.has_magic(str(path)):
        found = _pictures_among(Path(name) for name in glob.glob(str(path)))  # noqa: PTH207
        expected = f"it to match pictures ({', '.join(PICTURE_SUFFIXES)})"
    else:
        raise InputError(
            f"{source} doesn't exist; expected a video file, a folder of frames or a pattern like "
            "frames/%04d.png; check the path"
        )
    if not found:
        what = "has no pictures" if path.is_dir() else "matches no file"
        raise InputError(f"{source} {what}; expected {expected}; check the path")
    return found


def _pictures_among(paths: Iterable[Path]) -> list[Path]:
    pictures = (
        path
        for path in paths
        if path.suffix.lower() in PICTURE_SUFFIXES
        and not path.name.startswith(".")
        and path.is_file()
    )
    return sorted(pictures, key=natural_order)


def _printf_matches(pattern: Path) -> list[Path]:
    if not pattern.parent.is_dir():
        return []
    before, after = (re.escape(part) for part in re.split(_PRINTF.pattern, pattern.name)[::2])
    name = re.compile(f"{before}(-?\\d+){after}")
    matches = (name.fullmatch(path.name) for path in pattern.parent.iterdir())
    numbers = [int(match[1]) for match in matches if match]
    # frame_7.png is no frame of frame_%04d.png: only names that the pattern itself gives count.
    number = min((n for n in numbers if numbered(pattern, n).exists()), default=None)
    files = []
    while number is not None and (file := numbered(pattern, number)).is_file():
        files.append(file)
        number += 1
    return files
