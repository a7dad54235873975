"""Masks in files: ``.pgm`` as the Torch code writes them, or any 8-bit grey picture."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Float32

from jvst.errors import InputError
from jvst.flow.files import FlowFiles
from jvst.flow.io import write_whole

MaskField = Float32[np.ndarray, "h w"]

_ENDINGS = (".pgm", ".png")


def read_mask(path: str | Path, *, size: tuple[int, int] | None = None) -> MaskField:
    """Read trust from the grey levels of a picture, 255 for all of it.

    Args:
        path: a ``.pgm`` or grey ``.png`` file of 8 bits.
        size: (width, height) in pixels that the mask must have, or None for any.

    Returns:
        Trust in [0, 1].

    Raises:
        InputError: the file is missing, no such picture, damaged, or of another size.
    """
    path = Path(path)
    if path.suffix.lower() not in _ENDINGS:
        raise InputError(f"{path} is not a mask by its ending; give one of {', '.join(_ENDINGS)}")
    try:
        encoded = np.frombuffer(path.read_bytes(), np.uint8)
    except FileNotFoundError as error:
        raise InputError(f"{path} does not exist; give the path of a mask") from error
    except OSError as error:
        raise InputError(
            f"{path} can't be read ({error.strerror or error}); give a readable mask"
        ) from error
    try:
        levels = cv2.imdecode(encoded, cv2.IMREAD_UNCHANGED)
    except cv2.error:
        levels = None
    if levels is None or levels.dtype != np.uint8 or levels.ndim != 2:
        raise InputError(f"{path} is not an 8-bit grey picture, or is damaged; give a mask")
    height, width = levels.shape
    if size is not None and (width, height) != tuple(size):
        raise InputError(
            f"{path} is {width}x{height} pixels, the frames are {size[0]}x{size[1]}; "
            "give a mask of the same size"
        )
    return levels.astype(np.float32) / 255


def write_mask(path: str | Path, mask: MaskField) -> None:
    """Write a mask as a picture that a person can look at: white is trusted.

    Args:
        path: the file to write or replace, ``.pgm``; its folder exists.
        mask: trust in [0, 1]; rounded to 256 levels.

    Raises:
        InputError: the ending or the folder can't be used.
        OSError: the disk is full or failed; an older file at ``path`` is left as it was.
    """
    path = Path(path)
    if path.suffix.lower() != ".pgm":
        raise InputError(f"{path} can't be written: masks are written as .pgm; end the name so")
    height, width = mask.shape
    levels = np.clip(np.rint(mask * 255), 0, 255).astype(np.uint8)
    write_whole(path, f"P5\n{width} {height}\n255\n".encode() + levels.tobytes())


@dataclass(frozen=True)
class MaskFiles:
    """Masks in files whose names hold two frame numbers.

    The spellings are those of ``FlowFiles``: ``reliable_[%d]_{%d}.pgm`` is the Torch code's,
    ``[]`` the frame on which the mask lives and ``{}`` the other; ``mask_{from}_{to}.png`` is the
    same in words.

    Args:
        pattern: a path with both numbers; a leading ``files:`` is dropped.
        first_number: the number that the files give to the first frame; the Torch code's is 1.

    Raises:
        InputError: the pattern does not name both frames, or has another brace.
    """

    pattern: str
    first_number: int = 1

    def __post_init__(self) -> None:
        """Refuse a bad pattern at once, not at the first frame."""
        FlowFiles(self.pattern, self.first_number)

    def path(self, index: int, other: int) -> Path:
        """Name the file of the mask on one frame (counted from 0) against another."""
        return FlowFiles(self.pattern, self.first_number).path(index, other)

    def read(self, index: int, other: int, *, size: tuple[int, int] | None = None) -> MaskField:
        """Read the trust in the flow from frame ``index``, on which it lives, to ``other``.

        Raises:
            InputError: the file is missing or can't be used.
        """
        return read_mask(self.path(index, other), size=size)
