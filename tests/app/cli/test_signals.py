"""Signals that end a command reach it, whatever they interrupt."""

import signal
import time

import pytest

from jvst.app.cli.signals import ending_signals


class Callback:
    """Something whose end is called from C, where an exception is lost."""

    def __del__(self):
        signal.raise_signal(signal.SIGTERM)
        time.sleep(0)


def test_an_interrupt_that_a_callback_swallows_comes_again():
    with pytest.raises(KeyboardInterrupt), ending_signals():
        held = Callback()
        del held
        time.sleep(60)  # only ends a test that hangs


def test_an_interrupt_swallowed_at_the_very_end_kills_nothing_later(monkeypatch):
    timers = []

    class Timer:
        def __init__(self, seconds, work):
            del seconds
            timers.append(work)

        def start(self):
            pass

    monkeypatch.setattr("jvst.app.cli.signals.threading.Timer", Timer)
    with ending_signals():
        held = Callback()
        del held
    heard = []
    before = signal.signal(signal.SIGHUP, lambda number, frame: heard.append(number))
    try:
        (late,) = timers
        late()
        time.sleep(0)
    finally:
        signal.signal(signal.SIGHUP, before)
    assert heard == []
