"""The interface of a pool of workers.

The workers are on this machine or on many.
"""

from pathlib import Path
from typing import NamedTuple, Protocol, runtime_checkable


class FailedShotsError(Exception):
    """Some shots could not be stylized; what is finished is kept."""


class Outcome(NamedTuple):
    """How a worker ended."""

    status: int  # its exit status, negative when it was lost; 2: its input can't be used
    said: str  # what it wrote on standard error


@runtime_checkable
class Worker(Protocol):
    """A shot that is being worked on somewhere."""

    def outcome(self) -> Outcome | None:
        """Return how it ended, None while it works."""
        ...

    def stop(self) -> None:
        """Ask it to keep the frame that it is at, and to end; returns at once."""
        ...

    def kill(self) -> None:
        """End it."""
        ...


@runtime_checkable
class Pool(Protocol):
    """Where shots are worked on."""

    @property
    def size(self) -> int:
        """Number of shots that may be worked on at once."""
        ...

    def start(self, job: Path) -> Worker:
        """Begin a shot.

        Args:
            job: ``job.json`` in the folder of the shot, see ``shot_jobs``.
        """
        ...
