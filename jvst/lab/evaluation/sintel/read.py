"""Sequences on disk: their frames and true motion."""

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from jvst._types import FlowField, Frame
from jvst.errors import InputError
from jvst.flow.files import read_flow
from jvst.lab.evaluation.sintel.layout import PixelMask, beside, ending, outside_frame
from jvst.video.pictures import picture_size, read_picture

_FRAME = re.compile(r"frame_(\d+)\.png")
_LONG_FLOW = re.compile(r"flow_(\d{2,})")


class Truth(NamedTuple):
    """True motion from one frame to another, on the frame where it starts."""

    flow: FlowField  # pixels
    visible: PixelMask  # neither hidden in the other frame nor outside it


@dataclass(frozen=True)
class SintelSequence:
    """One sequence on disk.

    Args:
        folder: that holds ``final``, ``flow`` and the others.
        name: of the sequence.
        frames: its pictures in order.
        lags: distances beyond 1, in frames, at which some motion is known.
    """

    folder: Path
    name: str
    frames: tuple[Path, ...]
    lags: tuple[int, ...]

    def image(self, index: int) -> Frame:
        """Read a frame, counted from 0.

        Raises:
            InputError: there is no such frame, or its picture is damaged.
        """
        return read_picture(self._frame(index))

    def truth(self, index: int, lag: int = 1) -> Truth | None:
        """Read the motion from a frame, counted from 0, to the one ``lag`` frames later.

        Returns:
            None where the folder has none.

        Raises:
            InputError: there is no such frame, the lag is under 1, or a file is damaged or of
                another size than the frame.
        """
        if lag < 1:
            raise InputError(f"lag is {lag}; expected a later frame: give 1 or more")
        return self._truth(ending(lag), self._frame(index))

    def truth_from_first(self, index: int) -> Truth | None:
        """Read the motion from the first frame to another, counted from 0.

        Returns:
            None where the folder has none, as for the first frame itself.

        Raises:
            InputError: there is no such frame, or a file is damaged or of another size.
        """
        return self._truth("_first", self._frame(index))

    def _frame(self, index: int) -> Path:
        if not 0 <= index < len(self.frames):
            raise InputError(
                f"sequence {self.name} has no frame {index}; expected 0 to {len(self.frames) - 1}"
            )
        return self.frames[index]

    def _truth(self, kind: str, frame: Path) -> Truth | None:
        path = beside(self.folder, f"flow{kind}", self.name, frame, ".flo")
        if not path.is_file():
            return None
        height, width = picture_size(frame)
        flow = read_flow(path, size=(width, height))
        occlusions = beside(self.folder, f"occlusions{kind}", self.name, frame, ".png")
        hidden = _read_pixels(occlusions, (width, height)) | outside_frame(flow)
        invalid = beside(self.folder, "invalid", self.name, frame, ".png")
        if not kind and invalid.is_file():
            hidden |= _read_pixels(invalid, (width, height))
        return Truth(flow, ~hidden)


def read_sequences(
    folder: str | Path, *, names: Sequence[str] = (), passname: str = "final"
) -> list[SintelSequence]:
    """List the sequences of a folder; pictures and flow are read when they are asked for.

    Args:
        folder: that holds ``final``, ``flow`` and ``occlusions``; of Sintel itself, ``training``.
        names: of the sequences, in the order wanted; all of them, sorted, when empty.
        passname: folder of the pictures; Sintel also has ``clean``.

    Raises:
        InputError: a folder, a sequence, a frame, its flow or its occlusions are missing, or
            frames differ in size.
    """
    folder = Path(folder)
    try:
        if not (folder / passname).is_dir():
            raise InputError(
                f"{folder} has no folder {passname}; expected {passname}/NAME/frame_0001.png as in "
                "MPI-Sintel; give the folder that holds it (of Sintel, training)"
            )
        there = sorted(path.name for path in (folder / passname).glob("[!.]*/"))
        if not there:
            raise InputError(
                f"{folder / passname} holds no sequence; expected folders of frames, "
                f"{passname}/NAME/frame_0001.png; copy or make them again"
            )
        for name in names:
            if name not in there:
                raise InputError(
                    f"{folder / passname} has no sequence {name!r}; expected one of "
                    f"{', '.join(there)}"
                )
        return [_find(folder, passname, name) for name in dict.fromkeys(names or there)]
    except OSError as error:
        raise InputError(
            f"{folder} can't be read ({error.strerror or error}); give a readable folder"
        ) from error


def _find(folder: Path, passname: str, name: str) -> SintelSequence:
    """Look through one sequence's folders."""
    pictures = folder / passname / name
    numbered = sorted(
        (int(match[1]), path)
        for path in pictures.glob("frame_*.png")
        if (match := _FRAME.fullmatch(path.name))
    )
    if len(numbered) < 2:
        raise InputError(
            f"{pictures} holds {len(numbered)} frames; expected at least 2, frame_0001.png and on"
        )
    for (number, path), (following, _) in itertools.pairwise(numbered):
        if following != number + 1:
            raise InputError(
                f"{pictures} goes from frame {number} to {following}; copy or make what lacks"
            )
        for kind, suffix in (("flow", ".flo"), ("occlusions", ".png")):
            truth = beside(folder, kind, name, path, suffix)
            if not truth.is_file():
                raise InputError(
                    f"{truth} is missing; expected one for each frame but the last: copy or make "
                    f"it, or name the sequences without {name}"
                )
    frames = tuple(path for _, path in numbered)
    height, width = picture_size(frames[0])
    for path in frames[1:]:
        other = picture_size(path)
        if other != (height, width):
            raise InputError(
                f"{path} is {other[1]}x{other[0]} pixels, {frames[0].name} is {width}x{height}; "
                "expected frames of one size: copy or make them again"
            )
    known = sorted(
        int(match[1])
        for path in folder.glob("flow_*")
        if (match := _LONG_FLOW.fullmatch(path.name)) and any((path / name).glob("frame_*.flo"))
    )
    return SintelSequence(folder, name, frames, tuple(known))


def _read_pixels(path: Path, size: tuple[int, int]) -> PixelMask:
    """Find where a mask isn't 0: Sintel's description leaves open what the other value is."""
    marked = np.any(read_picture(path) > 0, axis=-1)
    height, width = marked.shape[:2]
    if (width, height) != size:
        raise InputError(
            f"{path} is {width}x{height} pixels, the frames are {size[0]}x{size[1]}; give a mask "
            "of the same size"
        )
    return marked
