"""Frames written on threads, in their order."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import ParamSpec

from jvst._types import Frame
from jvst.video.pictures import encode_picture

P = ParamSpec("P")

_ENCODERS = 4
# Frames that wait to be written, each with what it lets go.
_MOST_PENDING = 8


class Writing:
    """What is to be written, one after the other; pictures are encoded side by side before.

    To encode one takes longer than a frame may on a GPU.
    """

    def __init__(self) -> None:
        # A single thread, so that frames are finished in order.
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="store")
        self._encoder = ThreadPoolExecutor(_ENCODERS, thread_name_prefix="encode")
        self._pending: list[Future[None]] = []

    def encoded(self, picture: Frame, suffix: str) -> Future[bytes]:
        """Begin to encode a picture, see ``video.pictures.encode_picture``."""
        return self._encoder.submit(encode_picture, picture, suffix)

    def then(self, write: Callable[P, None], *args: P.args, **kwargs: P.kwargs) -> None:
        """Write what comes next, once all before it is written."""
        self._pending.append(self._writer.submit(write, *args, **kwargs))

    def make_room(self) -> None:
        """Wait while too much is left to write, and raise what went wrong."""
        self._collect(_MOST_PENDING)

    def flush(self) -> None:
        """Wait until everything is written, and raise what went wrong."""
        self._collect(0)

    def close(self) -> None:
        """Wait, whatever went wrong, and end the threads."""
        self._writer.shutdown(wait=True)
        self._encoder.shutdown(wait=True)

    def _collect(self, most: int) -> None:
        while self._pending and (len(self._pending) > most or self._pending[0].done()):
            self._pending.pop(0).result()
