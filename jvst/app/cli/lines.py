"""A run's events as lines on the command line."""

import sys
from pathlib import Path

from jvst.app.cli.defects import defect_line
from jvst.app.cli.estimate import TimeLeft
from jvst.app.cli.progress import ClipProgress, FetchProgress, ShotsProgress, compiling
from jvst.app.cli.spelling import legible, spoken
from jvst.app.events import (
    Cancelled,
    ClipFailed,
    ClipSkipped,
    ClipStarted,
    Event,
    Failed,
    Fetching,
    Finished,
    FlowReady,
    FramesFinished,
    FramesStarted,
    MemoryFitted,
    Notice,
    ShotDone,
    ShotsAtWork,
    ShotsStarted,
    Started,
)
from jvst.app.result import Result
from jvst.app.workers.pool import FailedShotsError
from jvst.errors import InputError
from jvst.film.events import Compiling, FrameDone, Progress

#: Efforts that are faster than each.
_SOONER = {
    "draft": ("instant",),
    "normal": ("draft",),
    "high": ("normal", "draft"),
    "paper": ("high", "normal", "draft"),
}
_LARGE = 512  # pixels; frames smaller than that are seldom wanted


class CommandLine:
    """Shows a run: a bar and notices on standard error, where everything is on standard output.

    Args:
        quiet: no bars, and only what the user has to know.
    """

    def __init__(self, *, quiet: bool):
        self._quiet = quiet
        self._clip: ClipProgress | None = None
        self._shots: ShotsProgress | None = None
        self._fetch: FetchProgress | None = None
        self._begun = FramesStarted(0, (0, 0), 1, 0)
        self._left = TimeLeft(self._begun)
        self._started = Started("", Path())
        self._done = 0

    def __call__(self, event: Event) -> None:
        """Hear of an event."""
        match event:
            case FramesStarted():
                self._begun, self._done, self._left = event, event.finished, TimeLeft(event)
                solves = event.frames * event.passes
                self._say_what_comes(event, solves - event.finished)
                self._clip = ClipProgress(solves, event.finished, self._left, quiet=self._quiet)
            case ShotsStarted(frames, left, passes):
                self._shots = ShotsProgress(frames, left, passes=passes, quiet=self._quiet)
            case Compiling() if self._clip is None and not self._quiet:
                self._line(f"jvst: {compiling(event)}")
            case Compiling() | Progress() | FrameDone() | FlowReady():
                self._solve(event)
            case ShotsAtWork(working) if self._shots is not None:
                self._shots.show(working)
            case ShotDone(frames) if self._shots is not None:
                self._shots.gathered(len(frames))
            case Fetching():
                self._fetched(event)
            case FramesFinished():
                self.close()
            case Started():
                self._started = event
            case _:
                self._say(event)

    def close(self) -> None:
        """Leave the bars as they stand."""
        for bar in (self._clip, self._shots, self._fetch):
            if bar is not None:
                bar.close()
        self._clip = self._shots = self._fetch = None

    def _solve(self, event: Compiling | Progress | FrameDone | FlowReady) -> None:
        """Show how far the frames are."""
        bar = self._clip
        if bar is None:
            return
        if not isinstance(event, FlowReady):
            self._left.hear(event)
        match event:
            case Compiling():
                bar.compiling(event)
            case FlowReady(waited):
                bar.waited = waited
            case FrameDone():
                self._done += 1
            case Progress(indices=indices):
                what = progress_place(event, self._begun)
                bar.chunk(what, self._done, event.slowest, event.cap, len(indices))

    def _say_what_comes(self, event: FramesStarted, left: int) -> None:
        """Say what is about to happen, and what to change to have it sooner."""
        if self._quiet:
            return
        if left == 0:
            self._line(f"jvst: all frames in {self._started.folder} are finished; the film is next")
            return
        width, height = event.size
        first, later = event.caps
        what = f"{left} frames" if event.passes == 1 else f"{left} solves of frames"
        caps = (
            f"{later} iterations"
            if event.passes > 1
            else f"{first} iterations, then {later} a frame"
        )
        effort = self._started.effort
        faster = [f"--effort {name}" for name in _SOONER.get(effort, ())]
        if max(width, height) > _LARGE:
            faster.append(f"--max-side {_LARGE}")
        sooner = f"; for a faster run: {' or '.join(faster)}" if faster else ""
        self._line(
            f"jvst: {what} of {width}x{height}, network {self._started.network}, effort {effort} "
            f"({'one pass a frame' if not first + later else caps}){sooner}"
        )

    def _fetched(self, event: Fetching) -> None:
        if self._fetch is None:
            self._fetch = FetchProgress(event.name, quiet=self._quiet)
        self._fetch.show(event.have, event.total)
        if event.have == event.total:
            self.close()

    def _say(self, event: Event) -> None:
        """Write one or more lines for an event that is not progress."""
        match event:
            case Notice(text):
                self._line(f"jvst: {spoken(text)}")
            case MemoryFitted(needed, available, tile) if not self._quiet:
                tiles = "" if tile is None else f", in tiles of {tile[1]}x{tile[0]}"
                self._line(
                    f"jvst: a frame needs about {needed / 1e9:.2f} GB{tiles}; "
                    f"{available / 1e9:.1f} GB are there"
                )
            case ClipStarted(clip, number, count) if not self._quiet:
                self._line(f"jvst: clip {number} of {count}, {clip}")
            case ClipSkipped(clip, video):
                print(legible(f"{clip} was finished before: {video}"))
            case ClipFailed(clip, error):
                if isinstance(error, InputError | FailedShotsError):
                    self._line(f"jvst: {clip} failed: {spoken(error)}")
                else:
                    self._line(f"jvst: {clip} failed: {defect_line(error, sys.argv[1:])}")
            case Finished(result):
                print(legible(summary(result)))
            case Cancelled(result):
                self._line(f"\njvst: interrupted; the same command goes on from {result.folder}")
            case Failed():
                self.close()  # who called says why

    def _line(self, text: str) -> None:
        self.close()
        print(legible(text), file=sys.stderr)


def progress_place(event: Progress, begun: FramesStarted) -> str:
    """Name the frames that are being solved, and the pass or the size."""
    first, last = event.indices[0] + 1, event.indices[-1] + 1
    if event.passes > 1:
        frames = f"frame {first}" if first == last else f"frames {first} to {last}"
        return f"pass {event.pass_number}/{event.passes}, {frames} of {begun.frames}"
    width, height = event.size
    at = "" if event.size == begun.size else f" at {width}x{height}"
    return f"frame {first}/{begun.frames}{at}"


def summary(result: Result) -> str:
    """Say at the end where everything is and what went wrong on the way."""
    converged = sum(info["stopped"] == "converged" for info in result.frames)
    ended = f"{converged} converged before their iteration cap" if converged else "each to its cap"
    if all(info["stopped"] == "one pass" for info in result.frames):
        ended = "each in one pass"
    lines = [
        f"video     {result.video}",
        f"frames    {result.pictures}",
        f"manifest  {result.manifest}",
        *([f"report    {result.report}"] if result.report else []),
        f"{len(result.frames)} frames in {result.timings['frames']:.1f} s; {ended}",
    ]
    for number, info in enumerate(result.frames, start=1):
        if info["fallback"] != "none":
            lines.append(
                f"frame {number}: the loss became non-finite; fell back to the {info['fallback']}"
            )
    return "\n".join(lines)
