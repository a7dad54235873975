"""Signals that end a command, and leave time to save."""

import contextlib
import os
import signal
import threading
from collections.abc import Iterator

#: Ctrl-C, a cluster's scheduler, a terminal that is closed. Windows has no SIGHUP.
_NAMES = ("SIGINT", "SIGTERM", "SIGHUP")
STATUS = 130


@contextlib.contextmanager
def ending_signals() -> Iterator[None]:
    """Let each of the signals end the command as Ctrl-C does, and Ctrl-C after that at once.

    One that is ignored, as under ``nohup`` or in the background of a script, stays so.
    """
    numbers = [getattr(signal, name) for name in _NAMES if hasattr(signal, name)]
    heeded = [number for number in numbers if signal.getsignal(number) != signal.SIG_IGN]
    begun = threading.Event()

    def interrupt(number: int, frame: object) -> None:
        del number, frame
        # A second one must not cut short what the first one saves.
        if not begun.is_set():
            begun.set()
            raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in heeded}
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    told = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    # Python's own handlers wait until the compiler or the solver returns; this thread doesn't.
    threading.Thread(target=_leave_at_once, args=(reading, heeded), daemon=True).start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(told)
        for number, handler in before.items():
            signal.signal(number, handler)
        os.close(writing)  # which ends the thread


def _leave_at_once(reading: int, heeded: list[int]) -> None:
    """Read the numbers of signals as they come, and leave at the second if that is Ctrl-C."""
    count = 0
    while numbers := os.read(reading, 16):
        for number in numbers:
            if count and number == signal.SIGINT:
                os._exit(STATUS)
            count += number in heeded
    os.close(reading)
