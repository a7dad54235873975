"""Progress bars of a run, and the picture that it writes now and then."""

import sys
import time
from collections.abc import Sequence
from io import TextIOBase
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from tqdm import tqdm

from jvst._types import Image
from jvst.app.motion import Waiting
from jvst.core.image import to_uint8
from jvst.solver.solve import Report
from jvst.video import write_picture


class ClipProgress:
    """One bar for the run: frame, iteration, loss terms, seconds a frame, time left.

    Args:
        solves: number of frames to solve; in several passes, of all of them.
        finished: number of those that an earlier run finished.
        waiting: how long the solver has stood still for flow.
        quiet: show nothing.
        stream: where to draw; standard error when left out.
    """

    def __init__(
        self,
        solves: int,
        finished: int,
        *,
        waiting: Waiting | None = None,
        quiet: bool,
        stream: TextIOBase | None = None,
    ):
        drawn_on: Any = stream or sys.stderr
        self._waiting = waiting or Waiting()
        self._started = time.perf_counter()
        self._begun_with = finished
        # A file or a pipe gets a line now and then, a terminal a bar that moves.
        interval = 0.2 if drawn_on and drawn_on.isatty() else 10.0
        self._bar = tqdm(
            total=solves,
            initial=finished,
            disable=quiet,
            file=drawn_on,
            mininterval=interval,
            maxinterval=interval,
            miniters=0,
            bar_format="{percentage:3.0f}% |{bar:20}| {desc} [{elapsed}<{remaining}]",
            dynamic_ncols=True,
        )

    def chunk(self, what: str, done: int, report: Report, cap: int, together: int = 1) -> None:
        """Show where a solve stands.

        Args:
            what: names the frame, or the frames, and the pass.
            done: how many solves are finished.
            report: where this one, or the first of several at once, stands.
            cap: its iteration cap.
            together: how many frames are being solved.
        """
        # A frame usually stops before its cap, so the bar hurries at its end.
        reached = done + together * min(report.iteration / max(cap, 1), 1.0)
        terms = report.terms
        pace = (time.perf_counter() - self._started) / max(reached - self._begun_with, 1e-6)
        waited = self._waiting.seconds
        waits = f", waited {waited:.0f} s for flow" if waited >= 1.0 else ""
        self._bar.set_description_str(
            f"{what}, iteration {report.iteration}/{cap}: "
            f"content {terms.content:.3g}, style {terms.style:.3g}, "
            f"temporal {terms.temporal:.3g}, tv {terms.total_variation:.3g}, "
            f"{pace:.1f} s/frame{waits}",
            refresh=False,
        )
        self._bar.update(reached - self._bar.n)

    def close(self) -> None:
        """Leave the bar as it stands."""
        self._bar.close()


class Preview:
    """The current picture in a file, for a person who watches.

    Args:
        path: where it is written, whole or not at all.
        every: iterations between two pictures; 0 for none.
    """

    def __init__(self, path: Path, every: int):
        self._path, self._every = path, every
        self._shown: tuple[object, int] | None = None

    def look(self, place: object, iteration: int, image: Image) -> None:
        """Write the picture if it is time.

        Args:
            place: what tells this solve from others.
            iteration: how far it is.
            image: its picture so far, RGB, not clipped.
        """
        if not self._every:
            return
        step = iteration // self._every
        if self._shown is None or self._shown != (place, step):
            self._shown = place, step
            write_picture(self._path, np.asarray(to_uint8(image)))


#: Workers whose place is shown; a line holds no more.
_SHOWN = 4
#: Looking into the shots' folders costs time on network storage.
_EVERY_SECONDS = 1.0


class ShotAtWork(NamedTuple):
    """Where a worker is."""

    frames: range  # of its shot
    solved: int  # of all passes


class ShotsProgress:
    """One bar for all shots, with the frame that each worker is at.

    Args:
        frames: number of frames of the run.
        left: number of those that are not finished.
        passes: how often each is solved.
        quiet: show nothing.
        stream: where to draw; standard error when left out.
    """

    def __init__(
        self,
        frames: int,
        left: int,
        *,
        passes: int = 1,
        quiet: bool,
        stream: TextIOBase | None = None,
    ):
        drawn_on: Any = stream or sys.stderr
        self._passes, self._gathered, self._shown = passes, (frames - left) * passes, 0.0
        # A file or a pipe gets a line now and then, a terminal a bar that moves.
        interval = _EVERY_SECONDS if drawn_on and drawn_on.isatty() else 10.0
        self._bar = tqdm(
            total=frames * passes,
            initial=self._gathered,
            disable=quiet,
            file=drawn_on,
            mininterval=interval,
            maxinterval=interval,
            miniters=0,
            bar_format="{percentage:3.0f}% |{bar:20}| {desc} [{elapsed}<{remaining}]",
            dynamic_ncols=True,
        )

    def due(self) -> bool:
        """Tell whether it is time to look at the workers again."""
        return not self._bar.disable and time.monotonic() - self._shown >= _EVERY_SECONDS

    def show(self, working: Sequence[ShotAtWork]) -> None:
        """Show where the workers are."""
        self._shown = time.monotonic()
        places = [self._place(shot) for shot in working[:_SHOWN]]
        if len(working) > _SHOWN:
            places.append(f"{len(working) - _SHOWN} more")
        self._bar.set_description_str(", ".join(places), refresh=False)
        solved = sum(min(shot.solved, len(shot.frames) * self._passes) for shot in working)
        self._bar.update(self._gathered + solved - self._bar.n)

    def gathered(self, frames: int) -> None:
        """Note that the frames of a shot are in the run."""
        self._gathered += frames * self._passes

    def close(self) -> None:
        """Leave the bar as it stands."""
        self._bar.update(self._gathered - self._bar.n)
        self._bar.close()

    def _place(self, shot: ShotAtWork) -> str:
        count = len(shot.frames)
        number, done = divmod(min(shot.solved, count * self._passes - 1), count)
        if self._passes == 1:
            return f"frame {shot.frames.start + done + 1}"
        # Passes go both ways, so the number of a frame says little.
        first, last = shot.frames.start + 1, shot.frames.stop
        name = f"frame {first}" if first == last else f"frames {first} to {last}"
        return f"pass {number + 1}/{self._passes} of {name}"
