"""Dissolves from one shot into the next."""

from collections import deque
from fractions import Fraction
from typing import NamedTuple

import numpy as np
from jaxtyping import Float32

from jvst._types import Frame
from jvst.video.cuts.change import Histogram, colour_change, colours, shrunk
from jvst.video.cuts.fades import Transition

#: Longer side of the pictures that are compared, pixels.
_SIDE = 64
#: Lengths that are tried, in frames: quarters of them are whole.
_LENGTHS = (4, 8, 12, 16, 24, 32, 48, 64, 96, 128)
#: Longest dissolve that is looked for, seconds.
_LONGEST = 2.0
#: Likeness of the two ends above which they are one shot.
_ALIKE = 0.5
#: Least change between the ends, and least contrast of each, 8-bit levels: fades have less.
_CHANGE, _CONTRAST = 12.0, 8.0
#: Doubt up to which a stretch is taken for a dissolve. Measured over moving synthetic shots: at
#: least 0.83 within them, at most 0.7 in 3 of 4 dissolves.
_LIMIT = 0.7
#: Largest step from one frame to the next, relative to the mean: a dissolve is even.
_EVEN = 1.8
#: The same, relative to the way between the ends, over the shortest stretch: else a flash that
#: fades away is a dissolve.
_SHARE = 0.6
#: Least change of colours between the ends: Bhattacharyya distance of their counts.
_COLOURS = 0.3


class _Seen(NamedTuple):
    """A frame, shrunk.

    Attributes:
        picture: its levels less their mean colour.
        contrast: root of the mean square of that.
        colours: their counts.
        step: root of the mean square of the change from the picture before.
    """

    picture: Float32[np.ndarray, "_h _w 3"]
    contrast: float
    colours: Histogram
    step: float


class Dissolves:
    r"""Finds dissolves in frames that are given one by one.

    Between the ends a and b of a dissolve the frames are mixtures of both, and those have less
    contrast than either. A stretch of frames is judged by the product of what is left after

    .. math:: x_q \approx (1 - q)\,a + q\,b, \qquad q = 1/4, 1/2, 3/4

    relative to :math:`\|a - b\|/2`, and of the variance that the middle keeps: 1/2 for unrelated
    pictures.

    Args:
        frame_rate: frames per second.
        strictness: factor on the threshold.

    Attributes:
        found: the dissolves, as far as they are certain; each is cut in its middle.
    """

    def __init__(self, *, frame_rate: Fraction, strictness: float):
        self.found: list[Transition] = []
        self._limit = _LIMIT / strictness**0.5
        longest = max(float(frame_rate) * _LONGEST, _LENGTHS[0])
        self._lengths = [length for length in _LENGTHS if length <= longest]
        self._seen: deque[_Seen] = deque(maxlen=self._lengths[-1] + 1)
        self._number = 0
        self._best: Transition | None = None
        self._best_doubt, self._until = 0.0, 0

    def add(self, frame: Frame) -> None:
        """Look at the next frame."""
        small = shrunk(frame, _SIDE)
        picture = small - small.mean((0, 1), dtype=np.float32)
        step = _size(picture - self._seen[-1].picture) if self._seen else 0.0
        self._seen.append(_Seen(picture, _size(picture), colours(small), step))
        for length in self._lengths:
            if length <= self._number:
                doubt = self._doubt(length)
                if doubt <= self._limit:
                    self._note(doubt, length)
        self._number += 1
        if self._best is not None and self._number > self._until + self._lengths[-1]:
            self.finish()

    def finish(self) -> None:
        """Decide what is open."""
        if self._best is not None:
            self.found.append(self._best)
            self._best = None

    def _doubt(self, length: int) -> float:
        """Measure how unlike a dissolve the last frames (``length + 1``) are; 1 or more: motion."""
        start = len(self._seen) - 1 - length
        before, after = self._seen[start], self._seen[-1]
        apart = after.picture - before.picture
        size = _size(apart)
        if min(before.contrast, after.contrast) < _CONTRAST or size < _CHANGE:
            return np.inf
        product = float(np.mean(before.picture * after.picture))
        if product > _ALIKE * before.contrast * after.contrast:
            return np.inf
        if colour_change(before.colours, after.colours) < _COLOURS:
            return np.inf
        steps = [self._seen[number].step for number in range(start + 1, start + length + 1)]
        share = _SHARE if length == _LENGTHS[0] else 1.0
        if max(steps) > min(_EVEN * sum(steps) / length, share * size):
            return np.inf
        left = 0.0
        for quarter in (1, 2, 3):
            mixture = before.picture + quarter / 4 * apart
            left += _size(self._seen[start + quarter * length // 4].picture - mixture) ** 2 / 3
        middle = self._seen[start + length // 2].contrast
        kept = (2 * middle / (before.contrast + after.contrast)) ** 2
        # Black or a flash in the middle keep too little.
        return left**0.5 / (size / 2) * max(kept, 1.0 - kept)

    def _note(self, doubt: float, length: int) -> None:
        first, last = self._number - length, self._number
        if self._best is not None and first > self._until:
            self.finish()
        if self._best is None or doubt < self._best_doubt:
            self._best = Transition(first + (length + 1) // 2, first, last)
            self._best_doubt = doubt
        self._until = last


def _size(difference: Float32[np.ndarray, "_h _w 3"]) -> float:
    return float(np.sqrt(np.mean(np.square(difference))))
