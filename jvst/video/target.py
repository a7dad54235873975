"""The files that a film's name stands for."""

from pathlib import Path

from jvst.errors import InputError
from jvst.video.encode import CONTAINERS
from jvst.video.pictures import check_picture_suffix
from jvst.video.sequence import is_printf_pattern

_FRAMES_IN_FOLDER = "frame_%04d.png"


def is_folder(path: str | Path) -> bool:
    """Tell whether an output of that name is a folder of pictures."""
    target = Path(path)
    return str(path).endswith(("/", "\\")) or not target.suffix or target.is_dir()


def pictures_of(path: str | Path) -> Path | None:
    """Return the pattern of the pictures that a film is written as; None for one file.

    Args:
        path: a file, a printf pattern, or a folder, which is a name without a suffix or with
            ``/`` at its end.

    Raises:
        InputError: a name that is neither a film's nor a picture's.
    """
    target = Path(path)
    if is_folder(path):
        return target / _FRAMES_IN_FOLDER
    suffix = target.suffix.lower()
    if is_printf_pattern(target):
        if suffix in CONTAINERS:
            raise InputError(
                f"{path} has a number's place (%d) in its name, as pictures have, but ends in "
                f"{suffix}, as a film does; leave the % out, or write pictures: frames/%04d.png"
            )
        check_picture_suffix(target)
        return target
    if suffix not in CONTAINERS:
        raise InputError(
            f"{path} ends in {target.suffix}; a film can be written as {', '.join(CONTAINERS)}, a "
            "folder or a pattern like frames/%04d.png; choose one of these"
        )
    return None
