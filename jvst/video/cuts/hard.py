"""Cuts from one frame to the next."""

from collections import deque
from dataclasses import dataclass
from typing import NamedTuple

from jvst._types import Frame
from jvst.video.cuts.change import (
    Histogram,
    Picture,
    colour_change,
    colours,
    content_change,
    shrunk,
)

#: Longer side of the pictures that are compared, pixels: noise is averaged out, shapes stay.
_SIDE = 96
#: Least change of content at a cut, 8-bit levels: the one of PySceneDetect's AdaptiveDetector.
_CONTENT = 15.0
#: How many times the change around it a cut's change is: of content, times that of colours.
#: Measured with moving synthetic scenes: at most 1.5 within shots, however fast; at 268 cuts at
#: least 3.6, at 858 with motion up to twice as fast 2.4 or more in 99 of 100. Of content alone:
#: up to 48 levels within shots and from 30 levels at cuts, which is why PySceneDetect's own
#: thresholds are not enough.
_TIMES = 2.0
#: Steps before and after that say what is usual; a film on threes changes every third frame.
_REACH = 3
#: Change that counts as none: rounding and compression.
_STILL_CONTENT, _STILL_COLOURS = 0.5, 0.02


class _Change(NamedTuple):
    """Between two frames: of content in 8-bit levels, of colours in [0, 1]."""

    content: float
    colours: float


class _Seen(NamedTuple):
    """A frame, shrunk, and the change from the one before."""

    picture: Picture
    colours: Histogram
    change: _Change


@dataclass
class _Suspect:
    """Large changes close together: a cut, a flash, or a cut with a flash.

    Attributes:
        first: frame of the first of them.
        last: frame of the last.
    """

    first: int
    last: int


class HardCuts:
    """Finds cuts in frames that are given one by one.

    A cut is a change that is large, that is many times the change in the frames around it (so
    fast motion is none), and that stays (so a flash is none).

    Args:
        hold: frames that a new picture has to stay; closer changes count once.
        strictness: factor on the thresholds.

    Attributes:
        cuts: frames at which a shot begins, as far as they are certain.
    """

    def __init__(self, *, hold: int, strictness: float):
        self.cuts: list[int] = []
        self._hold = hold
        self._content, self._times = _CONTENT * strictness, _TIMES * strictness
        self._settled_after = 2 * hold + _REACH
        self._seen: deque[_Seen] = deque(maxlen=self._settled_after + _REACH + 2)
        self._count = 0
        self._suspects: deque[_Suspect] = deque()

    def add(self, frame: Frame) -> None:
        """Look at the next frame."""
        picture = shrunk(frame, _SIDE)
        counted, change = colours(picture), _Change(0.0, 0.0)
        if self._seen:
            before = self._seen[-1]
            change = _Change(
                content_change(before.picture, picture), colour_change(before.colours, counted)
            )
        self._seen.append(_Seen(picture, counted, change))
        self._count += 1
        self._suspect(self._count - 1 - _REACH)
        if self._suspects and self._count > self._suspects[0].first + self._settled_after:
            self._settle(self._suspects.popleft())

    def finish(self) -> None:
        """Decide what the end of the clip left open."""
        for number in range(self._count - _REACH, self._count):
            self._suspect(number)
        while self._suspects:
            self._settle(self._suspects.popleft())

    def _at(self, number: int) -> _Seen:
        return self._seen[number - self._count]

    def _suspect(self, number: int) -> None:
        if number < 1 or number + _REACH > self._count:
            return  # too near the end to tell from a flash
        # Even-handed: the other side of a flash, or of a short shot, must not hide this one.
        usual = self._usual(number, number, quieter=0.5)
        if not self._stands_out(self._at(number).change, usual):
            return
        if self._suspects and number < self._suspects[-1].first + self._hold:
            self._suspects[-1].last = number
        else:
            self._suspects.append(_Suspect(number, number))

    def _stands_out(self, change: _Change, usual: _Change, *, steps: int = 1) -> bool:
        times = change.content / usual.content * change.colours / usual.colours
        return change.content >= self._content and times >= self._times * steps

    def _usual(self, first: int, last: int, *, quieter: float) -> _Change:
        """Return the usual change around: between the largest before and the largest after."""
        # The first frame has no change.
        before = range(max(first - _REACH, 1), first)
        behind = range(last + 1, min(last + _REACH + 1, self._count))
        # The clip's ends may hold none but repeated frames on their side.
        weight = quieter if len(before) == len(behind) == _REACH else 0.0
        largest = []
        for measure, least in enumerate((_STILL_CONTENT, _STILL_COLOURS)):
            low, high = sorted(
                max((self._at(number).change[measure] for number in side), default=0.0)
                for side in (before, behind)
            )
            largest.append(max(weight * low + (1.0 - weight) * high, least))
        return _Change(*largest)

    def _settle(self, suspect: _Suspect) -> None:
        before = self._at(suspect.first - 1)
        # Little for the quieter side: where motion or a fade begins, all that follows is as large.
        usual = self._usual(suspect.first, suspect.last, quieter=0.25)
        steps = suspect.last - suspect.first + 1
        for number in range(suspect.last, min(suspect.last + self._hold, self._count)):
            after = self._at(number)
            change = _Change(
                content_change(before.picture, after.picture),
                colour_change(before.colours, after.colours),
            )
            if not self._stands_out(change, usual, steps=steps):
                return
        self.cuts.append(suspect.last)
