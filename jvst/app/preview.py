"""A listener that writes the current picture to a file."""

from pathlib import Path

import numpy as np

from jvst.app.events import Event, Listener, PreviewWritten
from jvst.core.image import to_uint8
from jvst.film.events import Progress
from jvst.video import write_picture


class Preview:
    """Writes the current picture for the user who watches.

    Args:
        path: where it is written, whole or not at all.
        every: iterations between two pictures.
        on_event: told of every picture.
    """

    def __init__(self, path: Path, every: int, on_event: Listener):
        self._path, self._every, self._on_event = path, every, on_event
        self._shown: tuple[object, ...] | None = None

    def __call__(self, event: Event) -> None:
        """Hear of an event, and write the picture if it is time."""
        if not isinstance(event, Progress) or (image := event.image) is None:
            return
        place = event.pass_number, event.indices, event.slowest.iteration // self._every
        if place != self._shown:
            self._shown = place
            write_picture(self._path, np.asarray(to_uint8(image)))
            self._on_event(PreviewWritten(self._path))
