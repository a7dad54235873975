"""A run as a repeating moving picture, before and after."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image as PillowImage

from jvst._files import replacing

#: 8-bit RGB of any size.
Picture = UInt8[np.ndarray, "_h _w 3"]

_GAP = 6  # pixels between the pictures


def loop_frames(clip: Sequence[Picture], stylized: Sequence[Picture]) -> list[Picture]:
    """Put each frame beside its painting, forth and back, so that the end meets the beginning.

    Args:
        clip: content frames, all of one size.
        stylized: the same frames, stylized.

    Raises:
        ValueError: not as many stylized frames as content frames, or none.
    """
    if not clip or len(clip) != len(stylized):
        raise ValueError(f"{len(clip)} frames and {len(stylized)} stylized; expected as many")
    gap = np.full((clip[0].shape[0], _GAP, 3), 255, np.uint8)
    pairs = [
        np.concatenate([before, gap, after], axis=1)
        for before, after in zip(clip, stylized, strict=True)
    ]
    return pairs + pairs[-2:0:-1]


def write_loop(path: Path, frames: Sequence[Picture], *, frame_rate: int, quality: int) -> None:
    """Write a webp that repeats for ever.

    Args:
        path: of the file.
        frames: all of one size.
        frame_rate: frames a second.
        quality: of the compression, 0 to 100.
    """
    first, *others = (PillowImage.fromarray(frame) for frame in frames)
    with replacing(path) as unfinished:
        first.save(
            unfinished,
            format="webp",
            save_all=True,
            append_images=others,
            duration=round(1000 / frame_rate),
            loop=0,
            quality=quality,
            method=6,
        )
