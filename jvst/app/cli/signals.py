"""Signals that end a command, and leave time to save."""

import _thread
import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterator
from typing import Any

#: Ctrl-C, a cluster's scheduler, a terminal that is closed. Windows has no SIGHUP.
_NAMES = ("SIGINT", "SIGTERM", "SIGHUP")
STATUS = 130

# After a library has swallowed the interrupt, it is given the time to be done.
_AGAIN_SECONDS = 0.1


@contextlib.contextmanager
def ending_signals() -> Iterator[None]:
    """Let each of the signals end the command as Ctrl-C does, and Ctrl-C after that at once.

    One that is ignored, as under ``nohup`` or in the background of a script, stays so.
    """
    numbers = [getattr(signal, name) for name in _NAMES if hasattr(signal, name)]
    heeded = [number for number in numbers if signal.getsignal(number) != signal.SIG_IGN]
    begun, over = threading.Event(), threading.Event()
    main_thread = threading.get_ident()

    def interrupt(number: int, frame: object) -> None:
        del number, frame
        # A second one must not cut short what the first one saves.
        if not begun.is_set():
            begun.set()
            raise KeyboardInterrupt

    def repeat() -> None:
        if over.is_set():
            return  # a signal would now end the process unsaved
        begun.clear()
        if hasattr(signal, "pthread_kill"):
            # A true signal ends a wait as well; the last is SIGHUP or SIGTERM if one is heeded,
            # since a second SIGINT leaves at once.
            signal.pthread_kill(main_thread, heeded[-1])
        else:
            _thread.interrupt_main(heeded[-1])

    def told_of_ignored(ignored: Any) -> None:
        # In a callback from C, such as JAX has for the collection of garbage, an exception is lost.
        if issubclass(ignored.exc_type, KeyboardInterrupt):
            threading.Timer(_AGAIN_SECONDS, repeat).start()
        else:
            tell_of_ignored(ignored)

    tell_of_ignored, sys.unraisablehook = sys.unraisablehook, told_of_ignored
    before = {number: signal.signal(number, interrupt) for number in heeded}
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    told = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    # Python's own handlers wait until the compiler or the solver returns; this thread doesn't.
    threading.Thread(target=_leave_at_once, args=(reading, heeded), daemon=True).start()
    try:
        yield
    finally:
        over.set()
        sys.unraisablehook = tell_of_ignored
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
