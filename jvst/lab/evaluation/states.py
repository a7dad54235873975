"""Frames of a method and clip, kept on disk.

A run goes on after the last of them.
"""

import json
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np

from jvst._files import replacing, writing_to
from jvst._types import Image
from jvst.core.image import to_uint8
from jvst.errors import InputError
from jvst.lab.evaluation.measures import Shown
from jvst.lab.evaluation.methods import MadeFrame
from jvst.video import write_picture

_NOTES = "made.json"


def forget_frames(out: Path) -> None:
    """Let all methods make their frames again."""
    for path in out.glob(f"states/*/*/{_NOTES}"):
        with writing_to(path):
            path.unlink()


class MadeClip:
    """Frames of one method and clip: pictures to look at, float32 states for measuring.

    ``OUT/frames/METHOD/CLIP/frame_0001.png`` and ``OUT/states/METHOD/CLIP/0001.npy``; beside the
    states ``made.json`` says with what settings they were made and how long each took. What was
    made with other settings is removed.

    Args:
        out: folder of the evaluation.
        method: name of a method that a folder may have.
        clip: name of the clip.
        settings: all that the frames depend on.
    """

    def __init__(self, out: Path, method: str, clip: str, settings: dict[str, Any]):
        self._pictures = out / "frames" / method / clip
        self._states = out / "states" / method / clip
        self._settings = json.loads(json.dumps(settings))  # as JSON gives them back
        self._notes = self._finished()
        if not self._notes:
            self.clear()

    def __len__(self) -> int:
        """Count the finished frames."""
        return len(self._notes)

    @property
    def iterations(self) -> float:
        """Mean iterations of a frame."""
        return float(np.mean([note["iterations"] for note in self._notes]))

    @property
    def seconds(self) -> float:
        """Usual seconds of a frame: the median over those after the first, which compiles."""
        later = [note["seconds"] for note in self._notes[1:]]
        return float(np.median(later or [note["seconds"] for note in self._notes]))

    def load(self, index: int) -> Shown:
        """Read a frame.

        Raises:
            InputError: it was removed or damaged.
        """
        path = self._state(index)
        try:
            return np.load(path)
        except (OSError, ValueError, EOFError) as error:
            raise InputError(
                f"{path} can't be read; it was damaged or removed: remove {self._states / _NOTES} "
                "to make these frames again"
            ) from error

    def earlier(self, reach: int) -> dict[int, Image]:
        """Return the last finished frames by number."""
        first = max(len(self) - reach, 0)
        return {index: jnp.asarray(self.load(index)) for index in range(first, len(self))}

    def add(self, made: MadeFrame) -> None:
        """Keep the next frame.

        Raises:
            InputError: the folder can't be written, or the disk is full.
        """
        picture = np.asarray(to_uint8(jnp.asarray(made.image)))
        write_picture(self._pictures / f"frame_{made.index + 1:04d}.png", picture)
        state = self._state(made.index)
        with replacing(state) as path, writing_to(state), path.open("wb") as file:
            np.save(file, made.image)
        self._notes.append({"iterations": made.iterations, "seconds": made.seconds})
        notes = self._states / _NOTES
        with replacing(notes) as path, writing_to(notes):
            path.write_text(json.dumps({"settings": self._settings, "frames": self._notes}))

    def clear(self) -> None:
        """Remove what was kept, and nothing else."""
        for folder, pattern in (
            (self._states, _NOTES),
            (self._states, "[0-9]*.npy"),
            (self._pictures, "frame_[0-9]*.png"),
        ):
            with writing_to(folder):
                for path in folder.glob(pattern):
                    path.unlink()
        self._notes = []

    def _state(self, index: int) -> Path:
        return self._states / f"{index + 1:04d}.npy"

    def _finished(self) -> list[dict[str, Any]]:
        """Return the notes on frames that were made with these settings, up to the first gap."""
        try:
            kept = json.loads((self._states / _NOTES).read_text())
            if kept["settings"] != self._settings:
                return []
            notes = [
                {"iterations": int(note["iterations"]), "seconds": float(note["seconds"])}
                for note in kept["frames"]
            ]
        except (OSError, ValueError, KeyError, TypeError):
            return []
        count = 0
        while count < len(notes) and self._state(count).is_file():
            count += 1
        return notes[:count]
