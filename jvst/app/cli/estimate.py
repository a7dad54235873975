"""Time that the frames of a run still take."""

import statistics
import time
from collections.abc import Callable

from jvst.app.events import FramesStarted
from jvst.film.events import Compiling, FrameDone, Progress

# Of a later frame before one is finished: evaluations beside those of its iterations (its first,
# warps, the pass where it is uncovered, flow), and evaluations an iteration.
_BESIDE, _TRIALS = 8.0, 1.3
_LATEST = 8  # frames whose median counts


class TimeLeft:
    """Estimates the seconds left from events, compilation left out.

    Before the first frame of a kind is finished, the pace of iterations counts; from then on the
    median of the latest frames.

    Args:
        begun: the event that frames begin.
        now: a clock, seconds.
    """

    def __init__(self, begun: FramesStarted, *, now: Callable[[], float] = time.perf_counter):
        self._begun, self._now = begun, now
        self._frame_since = self._chunk_since = now()
        self._compiling = False
        # Of the frame at hand: seconds that went into compiling, and iterations hidden in them.
        self._excluded, self._hidden = 0.0, 0
        self._iteration = 0
        self._pace: float | None = None  # seconds an iteration
        self._took: dict[bool, list[float]] = {True: [], False: []}  # of frames that start anew
        self._done = begun.finished
        self._index = min(begun.anew, default=0) if begun.finished == 0 else None

    def hear(self, event: Compiling | Progress | FrameDone) -> None:
        """Hear of an event."""
        now = self._now()
        match event:
            case Compiling():
                self._compiling = True
            case Progress(indices=indices):
                self._index = indices[0]
                iteration = event.slowest.iteration
                if self._compiling:
                    self._excluded += now - self._chunk_since
                    self._hidden += max(iteration - self._iteration, 0)
                elif iteration > self._iteration:
                    self._pace = (now - self._chunk_since) / (iteration - self._iteration)
                self._chunk_since, self._iteration, self._compiling = now, iteration, False
            case FrameDone(index=index):
                took = now - self._frame_since - self._excluded
                took += self._hidden * (self._pace or 0.0)
                self._took[self._is_anew(index)].append(took)
                self._done += 1
                self._frame_since = self._chunk_since = now
                self._iteration, self._excluded, self._hidden = 0, 0.0, 0
                self._index = index + 1

    @property
    def seconds(self) -> float | None:
        """Seconds left; None while nothing is known."""
        left = self._begun.frames * self._begun.passes - self._done
        if left <= 0:
            return 0.0
        anew = self._anew_left()
        first, later = self._frame(anew=True), self._frame(anew=False)
        if (anew and first is None) or (left > anew and later is None):
            return None
        whole = anew * (first or 0.0) + (left - anew) * (later or 0.0)
        under_way = self._chunk_since - self._frame_since - self._excluded
        kind = first if self._index is not None and self._is_anew(self._index) else later
        return whole - min(under_way, kind or 0.0)

    @property
    def per_frame(self) -> float | None:
        """Seconds of a later frame; None while nothing is known."""
        return self._frame(anew=False)

    def _is_anew(self, index: int) -> bool:
        return self._begun.passes == 1 and index in self._begun.anew

    def _anew_left(self) -> int:
        """Count the frames left that are tied to none before them."""
        if self._begun.passes > 1:
            return 0
        return sum(index >= self._done for index in self._begun.anew)

    def _frame(self, *, anew: bool) -> float | None:
        """Return the seconds of a frame that starts anew, or of another."""
        took = self._took[anew][-_LATEST:]
        first, later = self._begun.caps
        if took:
            return statistics.median(took)
        if self._pace is None:
            return None
        return self._pace * (first + 2.0 if anew else _TRIALS * later + _BESIDE)


def spoken_seconds(seconds: float) -> str:
    """Say a time as one would: 40 s, 3 min, 2 h 10 min.

    Args:
        seconds: how long.
    """
    if seconds < 90:
        return f"{max(round(seconds), 1)} s"
    minutes = round(seconds / 60)
    hours, rest = divmod(minutes, 60)
    if hours == 0:
        return f"{minutes} min"
    return f"{hours} h {rest} min" if hours < 10 else f"{hours} h"
