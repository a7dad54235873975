"""Frames that another program has made."""

import re
from collections.abc import Sequence
from pathlib import Path

from jvst.errors import InputError
from jvst.lab.evaluation.measures import Shown, to_unit
from jvst.video import read_picture
from jvst.video.sequence import picture_files


def peer_pictures(folder: str | Path, clip: str, *, count: int, whole: int) -> list[Path]:
    """Find the frames that were made of a clip.

    ``FOLDER/CLIP/frame_0001.png`` and so on where there are such names, else all pictures of
    that folder in natural order.

    Args:
        folder: holds a folder for each clip.
        clip: name of the clip.
        count: how many frames are measured, from the first.
        whole: how many the clip has.

    Raises:
        InputError: the folder or some of the frames are missing, or there are too many.
    """
    place = Path(folder) / clip
    if not place.is_dir():
        raise InputError(
            f"{place} doesn't exist; expected a folder of the {whole} frames of {clip} there"
        )
    found = picture_files(place) or []
    numbered = [path for path in found if re.fullmatch(r"frame_\d+\.png", path.name)]
    pictures = numbered or found
    if len(pictures) not in (count, whole):
        wanted = f"{whole}" if count == whole else f"{count} or {whole}"
        raise InputError(f"{place} has {len(pictures)} frames; expected {wanted}, one a frame")
    return pictures[:count]


def read_peer(pictures: Sequence[Path], size: tuple[int, int]) -> list[Shown]:
    """Read frames, RGB in [0, 1].

    Args:
        pictures: as ``peer_pictures`` finds them.
        size: (width, height) that they must have, pixels.

    Raises:
        InputError: a picture that is damaged or of another size.
    """
    images = []
    for path in pictures:
        picture = read_picture(path)
        height, width, _ = picture.shape
        if (width, height) != size:
            raise InputError(
                f"{path} has {width}x{height} pixels; expected {size[0]}x{size[1]} as the clip "
                "(see --size)"
            )
        images.append(to_unit(picture))
    return images
