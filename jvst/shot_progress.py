"""What a person sees while shots are worked on side by side: one bar over all their frames."""

import sys
import time
from collections.abc import Sequence
from io import TextIOBase
from typing import Any, NamedTuple

from tqdm import tqdm

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
