"""The events of a run, beside those of a clip.

A listener is a function of one event. It is called on the thread that called ``run``, never on
another, and the run waits for it. One that raises ends the run as a cancelled one ends, with all
that is finished kept, and then its error reaches whoever called ``run``.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeAlias, runtime_checkable

from jvst.app.result import Result
from jvst.film.events import ClipEvent, Progress


@dataclass(frozen=True)
class LookingThrough:
    """The whole clip is decoded once, for damage and cuts.

    Attributes:
        clip: as given.
    """

    clip: str


@dataclass(frozen=True)
class Fetching:
    """A file of weights is being fetched.

    Attributes:
        name: of the file.
        have: bytes that are there.
        total: bytes that there will be; None while unknown.
    """

    name: str
    have: int
    total: int | None


@dataclass(frozen=True)
class Notice:
    """Something that the user should know.

    Attributes:
        text: one line.
    """

    text: str


@dataclass(frozen=True)
class Started:
    """A run begins, or goes on.

    Attributes:
        clip: as given.
        folder: the run's folder.
        network: name of the network.
        effort: name of the effort, see ``app.effort``.
    """

    clip: str
    folder: Path
    network: str = ""
    effort: str = ""


@dataclass(frozen=True)
class MemoryFitted:
    """It is decided how frames are solved so that they fit the device.

    Attributes:
        needed: bytes that a frame needs, estimated.
        available: bytes that the device can give.
        tile: (height, width) in pixels that the network sees at a time; None: the whole frame.
    """

    needed: int
    available: int
    tile: tuple[int, int] | None


@dataclass(frozen=True)
class FramesStarted:
    """The frames begin, one after the other or a batch at a time.

    Attributes:
        frames: number of frames.
        size: (width, height) in pixels.
        passes: number of passes.
        finished: number of solves of all passes that an earlier run finished.
        caps: iterations at the most: of a frame that is tied to none before it, and of another.
        anew: numbers of the frames that are tied to none before them.
    """

    frames: int
    size: tuple[int, int]
    passes: int
    finished: int
    caps: tuple[int, int] = (0, 0)
    anew: frozenset[int] = frozenset({0})


@dataclass(frozen=True)
class ShotsStarted:
    """The frames begin, shots side by side.

    Attributes:
        frames: number of frames.
        left: number of those that are not finished.
        passes: number of passes.
    """

    frames: int
    left: int
    passes: int


@dataclass(frozen=True)
class ShotAtWork:
    """Where a worker is.

    Attributes:
        frames: numbers of the frames of its shot.
        solved: number of solves of all passes that are finished.
        compiling: (width, height) in pixels that it compiles a program for, if it does.
    """

    frames: range
    solved: int
    compiling: tuple[int, int] | None = None


@dataclass(frozen=True)
class ShotsAtWork:
    """Where all workers are; told about once a second.

    Attributes:
        working: the shots that are being worked on.
    """

    working: tuple[ShotAtWork, ...]


@dataclass(frozen=True)
class ShotDone:
    """A shot's frames are in the run.

    Attributes:
        frames: their numbers.
    """

    frames: range


@dataclass(frozen=True)
class WaitingForFlow:
    """The solver stands still, for the motion of its next frame is not computed yet."""


@dataclass(frozen=True)
class FlowReady:
    """The motion of the next frame is there.

    Attributes:
        waited: seconds that the solver has stood still in this run.
    """

    waited: float


@dataclass(frozen=True)
class PreviewWritten:
    """The current picture is in its file.

    Attributes:
        path: the file.
    """

    path: Path


@dataclass(frozen=True)
class FramesFinished:
    """All frames are there.

    Attributes:
        compiling: seconds that XLA spent on compiling, or on reading what it compiled before.
    """

    compiling: float


@dataclass(frozen=True)
class VideoWritten:
    """The film is written.

    Attributes:
        path: the file, the folder or the pattern of pictures.
    """

    path: Path


@dataclass(frozen=True)
class ReportWritten:
    """The page is written.

    Attributes:
        path: the file.
    """

    path: Path


@dataclass(frozen=True)
class Finished:
    """A run has come to its end.

    Attributes:
        result: what it leaves behind.
    """

    result: Result


@dataclass(frozen=True)
class Cancelled:
    """A run has ended early, by Ctrl-C or because its caller asked for it.

    Attributes:
        result: what it leaves behind; the same run goes on from its folder.
    """

    result: Result


@dataclass(frozen=True)
class Failed:
    """A run has failed; what is finished is kept.

    Attributes:
        error: why; it is raised as well.
    """

    error: Exception


@dataclass(frozen=True)
class ClipStarted:
    """One of several clips has its turn.

    Attributes:
        clip: as given.
        number: from 1.
        count: number of clips.
    """

    clip: str
    number: int
    count: int


@dataclass(frozen=True)
class ClipSkipped:
    """One of several clips was finished before.

    Attributes:
        clip: as given.
        video: its film.
    """

    clip: str
    video: Path


@dataclass(frozen=True)
class ClipFailed:
    """One of several clips can't be stylized; the next has its turn.

    Attributes:
        clip: as given.
        error: why.
    """

    clip: str
    error: Exception


Event: TypeAlias = (
    ClipEvent
    | LookingThrough
    | Fetching
    | Notice
    | Started
    | MemoryFitted
    | FramesStarted
    | ShotsStarted
    | ShotsAtWork
    | ShotDone
    | WaitingForFlow
    | FlowReady
    | PreviewWritten
    | FramesFinished
    | VideoWritten
    | ReportWritten
    | Finished
    | Cancelled
    | Failed
    | ClipStarted
    | ClipSkipped
    | ClipFailed
)
Listener: TypeAlias = Callable[[Event], Any]


def nobody(event: Event) -> None:
    """Ignore an event."""
    del event


@runtime_checkable
class Cancel(Protocol):
    """Asks a run to end, as ``threading.Event`` does once it is set."""

    def is_set(self) -> bool:
        """Tell whether the run is to end."""
        ...


class StoppedError(Exception):
    """Ends a run early: it is cancelled, or a listener raised, which is the cause."""


class Teller:
    """Tells listeners, one after the other, and ends a run that is cancelled.

    Args:
        listeners: whom to tell.
        cancel: looked at between two chunks of iterations.

    Attributes:
        latest: where the solve under way stands.
    """

    def __init__(self, *listeners: Listener, cancel: Cancel | None = None):
        self._listeners, self._cancel = listeners, cancel
        self.latest: Progress | None = None

    def __call__(self, event: Event) -> None:
        """Tell of an event.

        Raises:
            StoppedError: a listener raised, or the run is cancelled between two chunks.
        """
        between_chunks = isinstance(event, Progress)
        if between_chunks:
            self.latest = event
        for listener in self._listeners:
            try:
                listener(event)
            except Exception as error:
                raise StoppedError from error
        if between_chunks:
            self.check()

    def check(self) -> None:
        """End the run if it is cancelled.

        Raises:
            StoppedError: it is.
        """
        if self._cancel is not None and self._cancel.is_set():
            raise StoppedError
