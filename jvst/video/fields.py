"""Interlaced video, brought to whole frames."""

from collections.abc import Callable, Generator, Iterator
from fractions import Fraction
from pathlib import Path

import av
from av.error import BlockingIOError as NeedsMoreFrames
from av.error import EOFError as NoMoreFrames
from av.filter import Graph

from jvst.errors import InputError

# AVFieldOrder of FFmpeg's libavcodec/defs.h: which field of a frame is shown first.
_TOP_FIRST, _BOTTOM_FIRST = {2, 4}, {3, 5}
# Of these codecs the container alone says whether frames are interlaced; others mark each frame.
_UNMARKED_CODECS = {"mjpeg", "ffv1", "huffyuv", "ffvhuff", "rawvideo", "v210", "utvideo"}


def is_interlaced(frame: av.VideoFrame, stream: av.VideoStream) -> bool:
    """Tell whether a decoded frame holds two fields, by its own mark or by its stream's."""
    context = stream.codec_context
    stated = context.field_order in _TOP_FIRST | _BOTTOM_FIRST
    return frame.interlaced_frame or (stated and context.codec.canonical_name in _UNMARKED_CODECS)


def describe_fields(path: Path) -> str:
    """Say what is done with an interlaced clip."""
    return f"{path} is interlaced; whole frames are made of its first fields (yadif)"


def whole_frames(
    frames: Generator[av.VideoFrame, None, None],
    stream: av.VideoStream,
    *,
    on_interlaced: Callable[[], object] = lambda: None,
) -> Iterator[av.VideoFrame]:
    """Replace interlaced frames by whole ones, made of their first fields by FFmpeg's yadif.

    As many frames come out as go in, at the same times. Frames that are marked as whole stay as
    they are, and nothing is done before the first interlaced one.

    Args:
        frames: as they are decoded.
        stream: that they belong to.
        on_interlaced: called at the first interlaced frame.

    Raises:
        DamagedClipError: as ``frames``, after the last frame before the damage.
    """
    filtered: _Yadif | None = None
    damage: InputError | None = None
    try:
        for frame in frames:
            if filtered is not None and not filtered.takes(frame):
                yield from filtered.finish()
                filtered = None
            if filtered is None and is_interlaced(frame, stream):
                filtered = _Yadif(frame, stream)
                on_interlaced()
            if filtered is None:
                yield frame
            else:
                yield from filtered.add(frame)
    except InputError as error:
        damage = error
    if filtered is not None:
        yield from filtered.finish()
    if damage is not None:
        raise damage


class _Yadif:
    """FFmpeg's filter for frames of one form."""

    def __init__(self, first: av.VideoFrame, stream: av.VideoStream):
        self._form = _form(first)
        self._graph = Graph()
        source = self._graph.add_buffer(
            width=first.width,
            height=first.height,
            format=first.format,
            time_base=Fraction(first.time_base or stream.time_base or 1),
        )
        chain = [source]
        order = stream.codec_context.field_order
        if not first.interlaced_frame:  # the stream says what its frames don't
            mode = "tff" if order in _TOP_FIRST else "bff"
            chain.append(self._graph.add("setfield", mode))
        chain.append(self._graph.add("yadif", "mode=send_frame:parity=auto:deint=interlaced"))
        chain.append(self._graph.add("buffersink"))
        self._graph.link_nodes(*chain).configure()

    def takes(self, frame: av.VideoFrame) -> bool:
        """Tell whether a frame has the form of the first."""
        return _form(frame) == self._form

    def add(self, frame: av.VideoFrame) -> Iterator[av.VideoFrame]:
        """Take the next frame and give those that are ready."""
        self._graph.push(frame)
        yield from self._ready()

    def finish(self) -> Iterator[av.VideoFrame]:
        """Give the frames that are held."""
        self._graph.push(None)
        yield from self._ready()

    def _ready(self) -> Iterator[av.VideoFrame]:
        while True:
            try:
                yield self._graph.vpull()
            except (NeedsMoreFrames, NoMoreFrames):
                return


def _form(frame: av.VideoFrame) -> tuple[int, int, str]:
    return frame.width, frame.height, frame.format.name
