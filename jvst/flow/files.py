"""``files:PATTERN``: flow fields computed elsewhere, found by the numbers of two frames."""

import re
from dataclasses import dataclass
from pathlib import Path

from jvst._types import FlowField
from jvst.errors import InputError
from jvst.flow.io import read_flow

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
        path = self.path(index_from, index_to)
        if not path.is_file():
            raise InputError(
                f"{path} does not exist; it should hold the flow from frame "
                f"{index_from + self.first_number} to {index_to + self.first_number} "
                f"(the clip's first frame is number {self.first_number})"
            )
        return read_flow(path, size=size)

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
