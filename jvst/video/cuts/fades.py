"""Fades through black, or through white."""

from collections import deque
from typing import NamedTuple

import numpy as np
from scenedetect.detectors import ThresholdDetector

from jvst._types import Frame
from jvst.video.cuts.change import Picture, as_bgr, likeness, shrunk

#: Mean level below which a picture counts as black: PySceneDetect's.
_BLACK = 12.0
#: Part of that level that a fade goes below; a night scene doesn't.
_DEEP = 0.5
#: Longer side in pixels at which the pictures around a fade are compared: motion hardly counts.
_SIDE = 32
#: Likeness above which the picture that comes back is the one that went. Different synthetic
#: shots: at most 0.6 in 98 of 100 pairs.
_SAME = 0.6
#: Part of its light that a shot has lost before it is black: a flash or a cut comes at once.
_LOST = 0.4


class Transition(NamedTuple):
    """A change of shots that takes several frames.

    Attributes:
        cut: frame at which the new shot is taken to begin.
        first: frame at which the transition is first seen.
        last: frame at which it is last seen.
    """

    cut: int
    first: int
    last: int


class Fades:
    """Finds fades in frames that are given one by one.

    Args:
        white: look for fades through white rather than black.
        hold: frames before the black in which a fade is seen to begin.
        strictness: factor; the level that counts as black falls with it.

    Attributes:
        found: the fades; each is cut in the middle of the black.
    """

    def __init__(self, *, white: bool, hold: int, strictness: float):
        self.found: list[Transition] = []
        self._white = white
        self._level = int(_BLACK / strictness**0.5)
        self._detector = ThresholdDetector(threshold=self._level, min_scene_len=0)
        self._number = 0
        self._bright: Picture | None = None
        self._levels: deque[float] = deque(maxlen=max(hold, 2))
        self._dark_since: int | None = None
        self._depth = 255.0

    def add(self, frame: Frame) -> None:
        """Look at the next frame."""
        picture = shrunk(frame, _SIDE)
        if self._white:
            picture = 255 - picture
        middles = self._detector.process_frame(self._number, as_bgr(picture))
        level = float(np.mean(picture))
        if level < self._level:
            if self._dark_since is None:
                self._dark_since, self._depth = self._number, level
            self._depth = min(self._depth, level)
        else:
            if middles and self._dark_since is not None and self._is_fade(picture):
                self.found.append(Transition(middles[0], self._dark_since, self._number))
            if self._dark_since is not None:
                self._levels.clear()
            self._levels.append(level)
            self._bright, self._dark_since = picture, None
        self._number += 1

    def _is_fade(self, after: Picture) -> bool:
        if self._bright is None or self._depth > _DEEP * self._level:
            return False  # the clip began black, or it only grew dim
        gradual = self._levels[-1] <= (1.0 - _LOST) * max(self._levels)
        return gradual and likeness(self._bright, after) < _SAME
