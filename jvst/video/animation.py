"""Animated webp, png and avif, as clips."""

from collections.abc import Generator
from fractions import Fraction
from pathlib import Path
from typing import Literal

from PIL import ImageFile

from jvst.video.pictures import identified, opened, shown
from jvst.video.timing import TimedFrame

# What browsers take for frames that state no time, or less than a screen can show.
_UNSTATED_MILLISECONDS, _LEAST_MILLISECONDS = 100, 10
# A gif is FFmpeg's work; the second picture of a jpg or tiff is no motion.
_ANIMATED = ("WEBP", "PNG", "AVIF")

Content = Literal["picture", "animation", "other"]


def content_of(path: Path) -> Content:
    """Tell what a file holds, whatever it is called."""
    if not path.is_file():  # a pipe would lose what is read here
        return "other"
    with path.open("rb") as file:
        try:
            image = identified(file, path)
        except Exception:  # as ``opened`` has it
            return "other"
        if image is None or image.format == "GIF":
            return "other"
        moves = image.format in _ANIMATED and getattr(image, "n_frames", 1) > 1
    return "animation" if moves else "picture"


def animation_length(path: Path) -> tuple[int, Fraction]:
    """Return the number of frames of a moving picture, and how many seconds it lasts."""
    with opened(path) as image:
        first, count = _frames(image)
        durations = (_shown_for(image, first + number) for number in range(count))
        return count, sum(durations, Fraction(0))


def read_animation(path: Path, start: int, stop: int | None) -> Generator[TimedFrame, None, None]:
    """Yield the frames ``start`` to ``stop`` of a moving picture.

    Raises:
        InputError: a damaged file.
    """
    time = Fraction(0)
    with opened(path) as image:
        first, count = _frames(image)
        for number in range(count if stop is None else min(stop, count)):
            duration = _shown_for(image, first + number)
            if number >= start:
                yield TimedFrame(shown(image.copy(), path), time, duration)
            time += duration


def _shown_for(image: ImageFile.ImageFile, number: int) -> Fraction:
    """Go to a frame and return how many seconds it is shown."""
    image.seek(number)
    image.load()  # a webp says it no earlier
    stated = image.info.get("duration") or 0
    milliseconds = stated if stated > _LEAST_MILLISECONDS else _UNSTATED_MILLISECONDS
    return Fraction(round(milliseconds), 1000)


def _frames(image: ImageFile.ImageFile) -> tuple[int, int]:
    """Return the first frame of the motion, and how many it has."""
    # A png's first picture may be for programs that show no motion.
    first = int(bool(getattr(image, "default_image", False)))
    return first, int(getattr(image, "n_frames", 1)) - first
