"""Timelines of clips, and constant rates made of them."""

import itertools
import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

from jvst._types import Frame

#: Rates that films and screens have; one of them is preferred where frames fit it.
_USUAL_RATES = sorted(
    {Fraction(rate) for rate in (5, 6, 8, 10, 12, 15, 20, 24, 25, 30, 48, 50, 60, 100, 120)}
    | {Fraction(25, 2), *(Fraction(1000 * rate, 1001) for rate in (12, 15, 24, 30, 48, 60, 120))}
)
#: Where frames fit no usual rate, repeats are not made more finely than a screen shows them.
_FINEST_RATE = 60
#: Part of a frame beyond which a clock's ticks are no rounding any more.
_COARSE_CLOCK = Fraction(1, 5)
#: The clock of a gif, seconds: ticks as long as frames, as an avi's, are no rounding.
_COARSEST_ROUNDING = Fraction(1, 100)
#: Denominators that stated rates have: 1001 of television, and what is finer than any clock.
_LARGEST_DENOMINATOR = 100_000


#: Units a second of an output's clock: of MPEG's own, and the most that a clip's may have.
_COMMON_CLOCK, _FINEST_CLOCK = 90_000, 1_000_000


class TimedFrame(NamedTuple):
    """A frame and when it is shown."""

    pixels: Frame
    time: Fraction  # seconds from the beginning of the clip's picture
    duration: Fraction  # seconds, > 0


@dataclass(frozen=True)
class Timeline:
    """When the frames of a clip, or of a part of it, are shown.

    Attributes:
        times: when each begins, in seconds from the beginning of the source's picture, rising.
        end: when the last one ends.
        frame_rate: frames per second; the average where they vary.
        is_constant: whether all frames are shown equally long, as far as the source's clock tells.
        tick: what that clock counts in, in seconds; 0 where times are exact.
    """

    times: tuple[Fraction, ...]
    end: Fraction
    frame_rate: Fraction
    is_constant: bool
    tick: Fraction = Fraction(0)

    @property
    def start(self) -> Fraction:
        """When the first frame begins."""
        return self.times[0]

    @property
    def relative(self) -> tuple[Fraction, ...]:
        """When each frame begins and the last one ends, counted from the first one's beginning."""
        return tuple(time - self.start for time in (*self.times, self.end))

    def at_rate(self, frame_rate: Fraction) -> list[int]:
        """Choose a frame for each moment of a constant rate, as near to its time as can be.

        A frame that is shown longer than a moment is repeated; of several in one moment the last
        is taken. Speed and length stay.

        Args:
            frame_rate: frames per second.

        Returns:
            Numbers of frames, from 0, never falling.
        """
        begin = [time - self.start for time in self.times]
        count = max(int((self.end - self.start) * frame_rate + Fraction(1, 2)), 1)
        halves = (Fraction(2 * slot + 1) / (2 * frame_rate) for slot in range(count))
        return [max(bisect_left(begin, half) - 1, 0) for half in halves]

    def repeating_rate(self) -> Fraction:
        """Find a constant rate at which repeats keep every frame at its time.

        Returns:
            The lowest usual rate that all times fit; else one frame in the shortest distance of
            two, but no more than 60 a second.
        """
        if self.is_constant:
            return self.frame_rate
        times = self.relative
        gaps = [after - before for before, after in itertools.pairwise(times)]
        slack = self.tick if self.tick <= _COARSEST_ROUNDING else Fraction(0)
        for rate in _USUAL_RATES:
            if all(_distance(time * rate) <= slack * rate for time in times[:-1]) and all(
                gap * rate > Fraction(1, 2) for gap in gaps
            ):
                return rate
        return Fraction(max(1, min(round(1 / min(gaps)), _FINEST_RATE)))


class Ticks(NamedTuple):
    """When the frames of an output begin, in whole units of its clock."""

    unit: Fraction  # seconds
    frame_rate: Fraction  # frames per second; the average where they vary
    marks: tuple[int, ...] | None  # one more than there are frames; None: each lasts one unit

    def begin(self, number: int) -> int:
        """Return when a frame begins, counted from 0; that is when the one before ends."""
        return number if self.marks is None else self.marks[number]


def ticks(
    frame_rate: Fraction, times: Sequence[Fraction] | None, *, unit: Fraction | None, least: int
) -> Ticks:
    """Bring times to the clock of an output.

    Args:
        frame_rate: frames per second; of a constant rate where ``times`` is None.
        times: when each frame begins and the last one ends, in seconds, rising.
        unit: of the clock, in seconds; as fine as the times where None.
        least: how many units a frame lasts at least.
    """
    rate = frame_rate.limit_denominator(_LARGEST_DENOMINATOR)  # FFmpeg's rates have 32 bits
    if times is None:
        return Ticks(1 / rate, rate, None)
    if unit is None:
        exact = math.lcm(*(time.denominator for time in times))
        unit = Fraction(1, exact if exact <= _FINEST_CLOCK else _COMMON_CLOCK)
    marks: list[int] = []
    for time in times:
        mark = round((time - times[0]) / unit)
        marks.append(mark if not marks else max(mark, marks[-1] + least))
    return Ticks(unit, rate, tuple(marks))


def timeline(
    moments: Sequence[tuple[Fraction, Fraction]], *, tick: Fraction, stated: Sequence[Fraction]
) -> Timeline:
    """Make the timeline of frames from their times and durations.

    Args:
        moments: of each frame its time and its duration, in seconds; rising.
        tick: what the source's clock counts in, in seconds.
        stated: frames per second, as the source states them, the best first.
    """
    times = tuple(time for time, _ in moments)
    end = moments[-1][0] + moments[-1][1]
    span = end - times[0]
    average = (len(times) / span).limit_denominator(_LARGEST_DENOMINATOR)
    # In a clock of milliseconds the average of 30000/1001 is some other number beside it.
    near = (round(average), Fraction(1000 * round(average * 1001 / 1000), 1001))
    usual = sorted(_USUAL_RATES, key=lambda rate: abs(rate - average))[:1]
    for rate in (*stated, average, *near, *usual):
        if rate > 0 and _fits(times, end, Fraction(rate), tick):
            return Timeline(times, end, Fraction(rate), True, tick)
    return Timeline(times, end, average, False, tick)


def _fits(times: Sequence[Fraction], end: Fraction, rate: Fraction, tick: Fraction) -> bool:
    """Tell whether frame ``i`` is shown ``i / rate`` seconds after the first."""
    # Both times are rounded to the clock, by half a tick each; a clock that counts whole frames,
    # or few for each, is taken at its word.
    slack = tick if tick * rate < _COARSE_CLOCK else 0
    if any(abs(t - times[0] - i / rate) > slack for i, t in enumerate(times)):
        return False
    # How long the last frame is shown is often a guess.
    return abs(end - times[0] - len(times) / rate) <= max(tick, 1 / (2 * rate))


def _distance(position: Fraction) -> Fraction:
    """Return how far a number is from the nearest whole one."""
    return abs(position - round(position))
