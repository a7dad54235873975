"""Frames of a video file as a viewer sees them."""

from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import av
import numpy as np

from jvst._types import Frame
from jvst.errors import InputError
from jvst.video.clock import Clock
from jvst.video.colour import check_colours, describe_tone_map, to_rgb, tone_map
from jvst.video.container import open_container, require_picture_stream
from jvst.video.decode import DamagedClipError, decode
from jvst.video.display import UPRIGHT, Orientation, fit, orient, orientation_from_matrix
from jvst.video.ending import repeats_at_end, stated_end
from jvst.video.fields import describe_fields, is_interlaced, whole_frames
from jvst.video.timing import TimedFrame
from jvst.video.tone import ToneMap


@dataclass(frozen=True)
class Display:
    """How the stored frames of a video are shown.

    Attributes:
        orientation: how they are turned upright.
        width: as shown, with square pixels.
        height: the same.
        tone_map: how their light is brought to a common screen; None: as it is.
        notices: what the user should know of that, a line each.
    """

    orientation: Orientation
    width: int
    height: int
    tone_map: ToneMap | None = None
    notices: tuple[str, ...] = ()


def find_display(frame: av.VideoFrame, stream: av.VideoStream, path: Path) -> Display:
    """Find how frames are shown: turned upright, then widened or narrowed to square pixels.

    The number of rows stays.

    Args:
        frame: the first one.
        stream: that it belongs to.
        path: the file's name, for messages.

    Raises:
        InputError: colours that can't be converted.
    """
    check_colours(frame, path)
    matrix = cast(Any, frame.side_data).get("DISPLAYMATRIX")
    orientation = orientation_from_matrix(bytes(matrix)) if matrix else UPRIGHT
    aspect = Fraction(stream.sample_aspect_ratio or 1)
    if orientation.transpose:
        width, height, aspect = frame.height, frame.width, 1 / aspect
    else:
        width, height = frame.width, frame.height
    chosen, notices = tone_map(frame), []
    if is_interlaced(frame, stream):
        notices.append(describe_fields(path))
    if chosen is not None:
        notices.append(f"{path} {describe_tone_map(chosen, frame)}")
    width = max(1, round(width * aspect))
    return Display(orientation, width, height, chosen, tuple(notices))


def to_picture(frame: av.VideoFrame, display: Display) -> Frame:
    """Convert a decoded frame to RGB as it is shown; one of another size is resized to fit."""
    pixels = orient(to_rgb(frame, display.tone_map), display.orientation)
    pixels = fit(pixels, width=display.width, height=display.height)
    # A copy: the array may lie in a buffer of the decoder.
    return np.array(pixels, order="C")


def read_video(
    path: Path,
    start: int,
    stop: int | None,
    display: Display,
    number: int | None = None,
    *,
    on_notice: Callable[[str], object] = lambda _: None,
) -> Generator[TimedFrame, None, None]:
    """Yield the frames ``start`` to ``stop`` of a video file, as they are shown.

    Args:
        path: the file.
        start: the first frame, from 0.
        stop: the frame after the last; None for all.
        display: how they are shown.
        number: of the video stream; its default when left out.
        on_notice: told of what the first frame doesn't show.

    Raises:
        InputError: fewer frames than ``start``.
        DamagedClipError: after the last sound frame, unless ``stop`` comes before the damage.
    """
    count = 0
    with open_container(path) as container:
        stream = require_picture_stream(container, path, number)
        clock = Clock(container, stream)
        with closing(decode(container, stream, path)) as decoded:
            end = stated_end(container, stream, path)
            clock.repeats = repeats_at_end(container, stream, path)
            whole = whole_frames(
                decoded, stream, on_interlaced=lambda: on_notice(describe_fields(path))
            )
            for frame, time, duration in _timed(whole, clock, end):
                if count >= start:
                    yield TimedFrame(to_picture(frame, display), time, duration)
                count += 1
                if count == stop:
                    return
    if start >= count:
        raise InputError(f"{path} has {count} frames; start must be less than that, not {start}")


def _timed(
    frames: Iterator[av.VideoFrame], clock: Clock, end: Fraction | None
) -> Iterator[tuple[av.VideoFrame, Fraction, Fraction]]:
    """Yield frames with time and duration: until the next one, or up to the file's end."""
    held: tuple[av.VideoFrame, Fraction] | None = None
    damage: DamagedClipError | None = None
    try:
        for frame in frames:
            time = clock.time(frame)
            if held is not None:
                yield *held, time - held[1]
            held = frame, time
    except DamagedClipError as error:
        damage = error
    if held is not None:
        duration = clock.duration(held[0])
        if damage is None and end is not None:
            duration = max(duration, clock.since_start(end) - held[1])
        yield *held, duration
    if damage is not None:
        raise damage
