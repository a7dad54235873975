"""Progress bars of a run, its shots and fetched files."""

import sys
from collections.abc import Sequence
from io import TextIOBase
from typing import Any

from tqdm import tqdm

from jvst.app.cli.estimate import TimeLeft, spoken_seconds
from jvst.app.events import ShotAtWork
from jvst.film.events import Compiling
from jvst.solver.solve import Report

_SHORT = {"total_variation": "tv"}


class ClipProgress:
    """One bar for the run: frame, iteration, loss terms, seconds a frame, time left.

    Args:
        solves: number of frames to solve; in several passes, of all of them.
        finished: number of those that an earlier run finished.
        left: estimates the time left.
        quiet: show nothing.
        stream: where to draw; standard error when left out.
    """

    def __init__(
        self,
        solves: int,
        finished: int,
        left: TimeLeft,
        *,
        quiet: bool,
        stream: TextIOBase | None = None,
    ):
        drawn_on: Any = stream or sys.stderr
        #: Seconds that the solver has stood still for flow.
        self.waited = 0.0
        self._left = left
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
            bar_format="{percentage:3.0f}% |{bar:20}| {desc} [{elapsed}{postfix}]",
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
        each, seconds = self._left.per_frame, self._left.seconds
        pace = f", {each:.1f} s/frame" if each is not None else ""
        if seconds is not None:
            self._bar.set_postfix_str(f"about {spoken_seconds(seconds)} left", refresh=False)
        shown = [
            f"{_SHORT.get(name, name)} {value:.3g}"
            for name, value in report.terms._asdict().items()
        ]
        waits = f", waited {self.waited:.0f} s for flow" if self.waited >= 1.0 else ""
        self._bar.set_description_str(
            f"{what}, iteration {report.iteration}/{cap}: {', '.join(shown)}{pace}{waits}",
            refresh=False,
        )
        self._bar.update(reached - self._bar.n)

    def compiling(self, event: Compiling) -> None:
        """Show that a program is being compiled, before that ends."""
        self._bar.set_description_str(compiling(event), refresh=True)

    def close(self) -> None:
        """Leave the bar as it stands."""
        self._bar.close()


def compiling(event: Compiling) -> str:
    """Say what a program is compiled for."""
    width, height = event.size
    together = f", {event.frames} frames at once" if event.frames > 1 else ""
    return f"compiling for {width}×{height}{together}, once for each size"


class FetchProgress:
    """One bar for a file that is being fetched.

    Args:
        name: of the file.
        quiet: show nothing.
    """

    def __init__(self, name: str, *, quiet: bool = False):
        self._name, self._quiet = name, quiet
        self._bar: tqdm | None = None

    def show(self, have: int, total: int | None) -> None:
        """Show how many bytes are there, and how many there will be where that is known."""
        if self._bar is None:
            self._bar = tqdm(unit="B", unit_scale=True, desc=self._name, disable=self._quiet)
        self._bar.total = total
        self._bar.update(have - self._bar.n)

    def close(self) -> None:
        """Leave the bar, if anything came, as it stands."""
        if self._bar is not None:
            self._bar.close()


#: Workers whose place is shown; a line holds no more.
_SHOWN = 4
#: Seconds between two looks at the workers.
_EVERY_SECONDS = 1.0


class ShotsProgress:
    """One bar for all shots, with the frame that each worker is at.

    Args:
        frames: number of frames of the run.
        left: number of those that are not finished.
        passes: number of solves of each.
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
        self._passes, self._gathered = passes, (frames - left) * passes
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

    def show(self, working: Sequence[ShotAtWork]) -> None:
        """Show where the workers are."""
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
        if shot.compiling is None:
            return self._frames(shot)
        width, height = shot.compiling
        return f"{self._frames(shot)} (compiling for {width}×{height})"

    def _frames(self, shot: ShotAtWork) -> str:
        count = len(shot.frames)
        number, done = divmod(min(shot.solved, count * self._passes - 1), count)
        if self._passes == 1:
            return f"frame {shot.frames.start + done + 1}"
        # Passes go both ways, so the number of a frame says little.
        first, last = shot.frames.start + 1, shot.frames.stop
        name = f"frame {first}" if first == last else f"frames {first} to {last}"
        return f"pass {number + 1}/{self._passes} of {name}"
