"""A listener that notes seconds of a run's stages."""

import time

from jvst.app.events import (
    Event,
    FlowReady,
    FramesFinished,
    ReportWritten,
    Started,
    VideoWritten,
)


class Timings:
    """Notes how long each stage of a run took.

    Attributes:
        seconds: by stage, in the order of the run.
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._since = time.perf_counter()
        self._waited = 0.0

    def __call__(self, event: Event) -> None:
        """Hear of an event."""
        match event:
            case Started():
                self._since = time.perf_counter()
            case FlowReady(waited):
                self._waited = waited
            case FramesFinished(compiling):
                self._note("frames")
                self.seconds["of which waiting for flow"] = round(self._waited, 3)
                self.seconds["of which compiling"] = round(compiling, 3)
            case VideoWritten():
                self._note("video")
            case ReportWritten():
                self._note("report")

    def _note(self, stage: str) -> None:
        now = time.perf_counter()
        self.seconds[stage] = round(now - self._since, 3)
        self._since = now
