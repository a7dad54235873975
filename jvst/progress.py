"""What a person sees while a clip is stylized: one bar."""

import sys
import time
from io import TextIOBase
from typing import Any

from tqdm import tqdm

from jvst.prefetch import Waiting
from jvst.solver import Report


class ClipProgress:
    """One bar for the clip: frame, iteration, loss terms, seconds a frame, time left.

    Args:
        frames: number of frames.
        finished: number of those that an earlier run finished.
        caps: iteration caps of the first and of later frames.
        waiting: how long the solver has stood still for flow.
        quiet: show nothing.
        stream: where to draw; standard error when left out.
    """

    def __init__(
        self,
        frames: int,
        finished: int,
        caps: tuple[int, int],
        *,
        waiting: Waiting | None = None,
        quiet: bool,
        stream: TextIOBase | None = None,
    ):
        drawn_on: Any = stream or sys.stderr
        self._caps = caps
        self._frames = frames
        self._waiting = waiting or Waiting()
        self._started = time.perf_counter()
        self._begun_with = finished
        # A file or a pipe gets a line now and then, a terminal a bar that moves.
        interval = 0.2 if drawn_on and drawn_on.isatty() else 10.0
        self._bar = tqdm(
            total=frames,
            initial=finished,
            disable=quiet,
            file=drawn_on,
            mininterval=interval,
            maxinterval=interval,
            miniters=0,
            bar_format="{percentage:3.0f}% |{bar:20}| {desc} [{elapsed}<{remaining}]",
            dynamic_ncols=True,
        )

    def chunk(self, index: int, report: Report) -> None:
        """Show where the solve of a frame stands."""
        cap = self._caps[0] if index == 0 else self._caps[1]
        # A frame usually stops before its cap, so the bar hurries at its end.
        done = index + min(report.iteration / max(cap, 1), 1.0)
        terms = report.terms
        pace = (time.perf_counter() - self._started) / max(done - self._begun_with, 1e-6)
        waited = self._waiting.seconds
        waits = f", waited {waited:.0f} s for flow" if waited >= 1.0 else ""
        self._bar.set_description_str(
            f"frame {index + 1}/{self._frames}, iteration {report.iteration}/{cap}: "
            f"content {terms.content:.3g}, style {terms.style:.3g}, "
            f"temporal {terms.temporal:.3g}, tv {terms.total_variation:.3g}, "
            f"{pace:.1f} s/frame{waits}",
            refresh=False,
        )
        self._bar.update(done - self._bar.n)

    def close(self) -> None:
        """Leave the bar as it stands."""
        self._bar.close()
