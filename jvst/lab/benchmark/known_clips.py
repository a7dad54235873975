"""Clips with known motion, drawn or with published fields."""

from pathlib import Path

import numpy as np

from jvst._types import Frame
from jvst.errors import InputError
from jvst.flow import FlowFiles
from jvst.flow.patterns import read_mask
from jvst.lab.evaluation.truths import ScaledMotion
from jvst.synthetic import exact_flow, exact_occlusion, make_scene, render
from jvst.video import read_frames

_TIME = 3.0  # of the first frame; scenes are in full motion there


class DrawnClip:
    """A scene as a clip whose motion is known; see ``evaluation.truths.TrueClip``.

    Args:
        name: of the scene.
        size: (width, height) in pixels.
        speed: factor on time.
        noise: standard deviation of the sensor noise, in levels of 255.
    """

    def __init__(self, name: str, size: tuple[int, int], *, speed: float, noise: float):
        self.name = f"{name}, speed {speed:g}" + (f", noise {noise:g}" if noise else "")
        self.lags: tuple[int, ...] = ()
        self._scene = make_scene(name, width=size[0], height=size[1], speed=speed, noise=noise)

    def image(self, index: int) -> Frame:
        """Return a frame."""
        return render(self._scene, _TIME + index)

    def truth(self, index: int, lag: int = 1) -> ScaledMotion:
        """Return the motion from a frame to the one ``lag`` later."""
        times = _TIME + index, _TIME + index + lag
        return ScaledMotion(exact_flow(self._scene, *times), ~exact_occlusion(self._scene, *times))

    def truth_from_first(self, index: int) -> ScaledMotion:
        """Return the motion from frame 0 to a frame."""
        return self.truth(0, index)


class PublishedClip:
    """A clip with published fields in its folder ``deepflow``; see ``TrueClip``.

    Args:
        folder: holds the frames.

    Raises:
        InputError: it holds no field from its first frame to its second.
    """

    def __init__(self, folder: Path):
        self.name = folder.resolve().name
        self.lags: tuple[int, ...] = ()
        self._frames = list(read_frames(folder))
        self._masks = folder / "deepflow"
        self._fields = FlowFiles(str(folder / "deepflow" / "backward_[%d]_{%d}.flo"))
        if self.truth(0) is None:
            raise InputError(f"{self._fields.path(0, 1)} is not there; expected published fields")

    @property
    def count(self) -> int:
        """Number of frames."""
        return len(self._frames)

    def image(self, index: int) -> Frame:
        """Return a frame."""
        return self._frames[index]

    def truth(self, index: int, lag: int = 1) -> ScaledMotion | None:
        """Return the motion from a frame to the one ``lag`` later, if there is a file of it."""
        if lag != 1 or not self._fields.path(index, index + 1).is_file():
            return None
        mask = read_mask(self._masks / f"reliable_{index + 1}_{index + 2}.pgm")
        return ScaledMotion(self._fields.read(index, index + 1), np.asarray(mask) >= 0.5)

    def truth_from_first(self, index: int) -> None:
        """Return nothing: there are no files of it."""
