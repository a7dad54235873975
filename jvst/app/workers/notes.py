"""Notes of a worker to the command, as files."""

import contextlib
import json
from pathlib import Path

from jvst._files import replacing
from jvst.app.events import Event
from jvst.errors import InputError
from jvst.film.events import Compiling, Progress

_COMPILING = "compiling.json"


class CompilingNote:
    """Notes what a worker compiles, as long as it does; a listener.

    Args:
        folder: of the shot.
    """

    def __init__(self, folder: Path):
        self._path = folder / _COMPILING
        self._path.unlink(missing_ok=True)

    def __call__(self, event: Event) -> None:
        """Hear of an event."""
        # A note is not worth a frame.
        with contextlib.suppress(OSError, InputError):
            if isinstance(event, Compiling):
                with replacing(self._path) as path:
                    path.write_text(json.dumps(event.size))
            elif isinstance(event, Progress):
                self._path.unlink(missing_ok=True)


def read_compiling(folder: Path) -> tuple[int, int] | None:
    """Return the (width, height) in pixels that a shot's worker compiles for, if it does."""
    try:
        width, height = json.loads((folder / _COMPILING).read_text())
        return int(width), int(height)
    except (OSError, ValueError, TypeError):
        return None
