"""Standard output and error that end no run.

A pipe whose reader has left, a full device, a closed stream and an encoding that lacks a letter
are no reason to lose hours of work: what can't be written is left out.
"""

import contextlib
import io
import os
import sys
from typing import Any


class SteadyStream(io.TextIOBase):
    """Writes to a stream for as long as that can be written.

    Args:
        stream: what is written to; None where the process began without one.

    Attributes:
        failure: why something could not be written; None while all was, or while only the
            reader has left.
    """

    def __init__(self, stream: Any):
        self._stream = stream
        self.failure: OSError | None = None
        with contextlib.suppress(AttributeError, ValueError):
            stream.reconfigure(errors="replace")

    def write(self, text: str, /) -> int:
        """Write a text, or what of it can be written."""
        self._try("write", text)
        return len(text)

    def flush(self) -> None:
        """Write what is held back."""
        self._try("flush")

    def writable(self) -> bool:
        """Tell that texts are taken."""
        return True

    def isatty(self) -> bool:
        """Tell whether a terminal shows it."""
        return self._stream is not None and self._stream.isatty()

    def fileno(self) -> int:
        """Return the number that the system knows the stream by."""
        if self._stream is None:
            raise io.UnsupportedOperation("fileno")
        return self._stream.fileno()

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """Name of the encoding."""
        return getattr(self._stream, "encoding", None) or "utf-8"

    def _try(self, method: str, *arguments: str) -> None:
        if self._stream is None:
            return
        try:
            getattr(self._stream, method)(*arguments)
        except (BrokenPipeError, ValueError):  # ValueError: it was closed
            self._give_up()
        except OSError as error:
            self.failure = error
            self._give_up()

    def _give_up(self) -> None:
        # Python writes what is held back once more when it leaves.
        with contextlib.suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.fileno())
            os.close(nowhere)
        self._stream = None


def steady_streams() -> tuple[SteadyStream, SteadyStream]:
    """Put steady streams in the place of standard output and error, and return them."""
    output, error = SteadyStream(sys.stdout), SteadyStream(sys.stderr)
    sys.stdout, sys.stderr = output, error
    return output, error
