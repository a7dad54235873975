"""Flow and masks in numbered files (``files:PATTERN``)."""

import re
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Float32

from jvst._files import write_whole
from jvst._types import FlowField
from jvst.errors import InputError
from jvst.flow.files import measure_flow, read_flow

#: What marks a pattern where an engine's name is expected.
PREFIX = "files:"

_TORCH_FROM = re.compile(r"\[%(0?\d?\d?)d\]")
_TORCH_TO = re.compile(r"\{%(0?\d?\d?)d\}")
_SLOT = re.compile(r"\{(from|to)(?::(0?\d?\d?)d?)?\}")
_DIRECTION = re.compile(r"(?<![A-Za-z])(?:forward|backward)(?![A-Za-z])")
_HINT = "write it like flow_{from:04d}_{to:04d}.flo or backward_[%d]_{%d}.flo"


@dataclass(frozen=True)
class FlowFiles:
    """Fields in files whose names hold two frame numbers.

    Two spellings name the frame on which the arrows start and the other one:
    ``flow_{from}_{to}.flo`` (``{from:04d}`` pads to four digits), and the Torch code's
    ``backward_[%d]_{%d}.flo`` (``[%04d]`` pads), where ``[]`` is the frame on which the arrows
    start and ``{}`` the other.

    As in the Torch code, the field from i to j is named ``forward_i_j`` if j > i and
    ``backward_i_j`` if j < i. So the word ``forward`` or ``backward`` in the file's name, or if
    it has none in the name of the file's folder, gives way to the right one of the two: one
    pattern names both directions.

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
        template = _template(self.pattern)
        named = {match[1] for match in _SLOT.finditer(template)}
        missing = " and ".join(word for word in ("from", "to") if word not in named)
        if missing:
            raise InputError(
                f"the flow pattern {self.pattern!r} does not say where the number of the frame "
                f"{missing} goes; {_HINT}"
            )
        rest = _SLOT.sub("", template)
        if "{" in rest or "}" in rest or "[%" in rest:
            raise InputError(
                f"the flow pattern {self.pattern!r} has a bracket that is not a frame's number; "
                f"{_HINT}"
            )

    def path(self, index_from: int, index_to: int) -> Path:
        """Name the file of one field.

        Args:
            index_from: the frame on which the arrows start, counted from 0 in the clip.
            index_to: the frame to which they point.
        """
        if index_from == index_to or min(index_from, index_to) < 0:
            raise ValueError(
                f"there is no flow from frame {index_from} to {index_to}; give two frames of a clip"
            )
        word = "forward" if index_to > index_from else "backward"
        numbers = {"from": index_from + self.first_number, "to": index_to + self.first_number}

        named = _SLOT.sub(
            lambda match: format(numbers[match[1]], f"{match[2] or ''}d"),
            _directed(_template(self.pattern), word),
        )
        return Path(named)

    def read(
        self, index_from: int, index_to: int, *, size: tuple[int, int] | None = None
    ) -> FlowField:
        """Read the field from one frame to another.

        Args:
            index_from: the frame on which the arrows start, counted from 0 in the clip.
            index_to: the frame to which they point.
            size: (width, height) in pixels of the clip, which the field must have.

        Raises:
            InputError: the file is missing or can't be used.
        """
        return read_flow(self._there(index_from, index_to), size=size)

    def measure(
        self, index_from: int, index_to: int, *, size: tuple[int, int] | None = None
    ) -> Path:
        """Make sure that the field from one frame to another is there; return its file.

        Raises:
            InputError: the file is missing, not whole or of another size.
        """
        path = self._there(index_from, index_to)
        measure_flow(path, size=size)
        return path

    def _there(self, index_from: int, index_to: int) -> Path:
        path = self.path(index_from, index_to)
        if not path.is_file():
            raise InputError(
                f"{path} does not exist; it should hold the flow from frame "
                f"{index_from + self.first_number} to {index_to + self.first_number} "
                f"(the clip's first frame is number {self.first_number})"
            )
        return path

    def pair(
        self, index_from: int, index_to: int, *, size: tuple[int, int] | None = None
    ) -> tuple[FlowField, FlowField]:
        """Read the field from one frame to another, and the one back."""
        return (
            self.read(index_from, index_to, size=size),
            self.read(index_to, index_from, size=size),
        )


def _template(pattern: str) -> str:
    """Spell a pattern our way: ``[%04d]_{%04d}`` is ``{from:04d}_{to:04d}``."""
    template = _TORCH_FROM.sub(r"{from:\1d}", pattern.removeprefix(PREFIX))
    return _TORCH_TO.sub(r"{to:\1d}", template)


def _directed(template: str, word: str) -> str:
    """Put the right one of forward and backward into the file's name, or its folder's."""
    parts = template.split("/")
    for index in range(len(parts) - 1, max(len(parts) - 3, -1), -1):
        if _DIRECTION.search(parts[index]):
            parts[index] = _DIRECTION.sub(word, parts[index])
            break
    return "/".join(parts)


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
    """Write a mask as a grey picture: white is trusted.

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

    def measure(self, index: int, other: int, *, size: tuple[int, int] | None = None) -> Path:
        """Make sure that a mask is there and can be used; return its file.

        Raises:
            InputError: the file is missing or can't be used.
        """
        path = self.path(index, other)
        read_mask(path, size=size)  # of one byte a pixel, most of which are 255
        return path
