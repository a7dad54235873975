"""Times of the frames of a video file."""

from fractions import Fraction

import av
from av.container import InputContainer

#: FFmpeg's own rate of what has none.
DEFAULT_FRAME_RATE = Fraction(25)


class Clock:
    """Tells the time of frames that come in the order of display.

    Time 0 is where the stream begins, in an avi its first frame. Frames without a time follow each
    other at the stated rate.
    """

    def __init__(self, container: InputContainer, stream: av.VideoStream):
        self.rate = frame_rate(stream)
        self.tick = Fraction(stream.time_base or 1 / self.rate)
        start = None if container.format.name == "avi" else stream.start_time
        self._start = None if start is None else start * self.tick
        self._last: Fraction | None = None
        self.repeats = 0  # ticks that the last frame is shown longer than it says itself

    def time(self, frame: av.VideoFrame) -> Fraction:
        """Return when the next frame begins, in seconds; always later than the one before."""
        stamp = frame.pts
        time = None if stamp is None else stamp * Fraction(frame.time_base or self.tick)
        if time is not None:
            self._start = time if self._start is None else self._start
            time -= self._start
        if time is None or (self._last is not None and time <= self._last):
            time = Fraction(0) if self._last is None else self._last + 1 / self.rate
        self._last = time
        return time

    def since_start(self, time: Fraction) -> Fraction:
        """Count a time of the file's clock from where the stream begins."""
        return time - (self._start or 0)

    def duration(self, frame: av.VideoFrame) -> Fraction:
        """Return how long a frame that no other follows is shown, in seconds."""
        stated = (frame.duration or 0) * Fraction(frame.time_base or self.tick)
        return (stated if stated > 0 else 1 / self.rate) + self.repeats * self.tick


def frame_rate(stream: av.VideoStream) -> Fraction:
    """Read the frames per second that a stream states: its average."""
    # PyAV 19 has a number of its own.
    return Fraction(stream.average_rate or stream.guessed_rate or DEFAULT_FRAME_RATE)


def stream_start(stream: av.VideoStream | None) -> Fraction:
    """Return where in its file's clock a stream begins, in seconds."""
    if stream is None or stream.start_time is None or stream.time_base is None:
        return Fraction(0)
    return stream.start_time * stream.time_base
