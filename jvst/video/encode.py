"""Encoders of video, one for each kind of file."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.container import OutputContainer
from av.error import BlockingIOError as NeedsMoreFrames
from av.error import EOFError as NoMoreFrames
from av.filter import Graph
from av.filter.context import FilterContext
from av.packet import Packet
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc
from jaxtyping import UInt8

from jvst._types import Frame
from jvst.errors import InputError

#: FFmpeg's name of the container for each suffix that can be written.
CONTAINERS = {
    ".mp4": "mp4",
    ".mov": "mov",
    ".mkv": "matroska",
    ".webm": "webm",
    ".gif": "gif",
}

# BT.709, limited range. Colours are halved where decoders expect them when nothing else is said
# (H.264 E.2.1, chroma_loc_info_present_flag 0): above the left one of two pixels. All chroma is
# read, to average it well.
_TO_YUV = (
    "out_color_matrix=bt709:out_range=tv:out_chroma_loc=left"
    ":flags=bicubic+accurate_rnd+full_chroma_inp"
)
_SITING = {"chroma_sample_location": "left"}
# x264's quality runs from 0 to 51, that of VP9 from 0 to 63.
_VP9_PER_X264_QUALITY = 63 / 51
# Browsers slow down gifs whose frames last less than 2/100 s.
FASTEST_GIF = 50


@dataclass(frozen=True)
class Encoder:
    """A video stream of an output container, and what its codec wants frames turned into."""

    stream: av.VideoStream
    prepare: Callable[[av.VideoFrame | None], list[av.VideoFrame]]
    time_base: Fraction
    durations: dict[int, int] = field(default_factory=dict)  # of frames that are in the encoder

    def encode(self, frame: Frame, begin: int, end: int) -> Iterator[Packet]:
        """Encode the frame that is shown from ``begin`` to ``end``, in units of ``time_base``."""
        picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")
        picture.pts, picture.time_base, picture.duration = begin, self.time_base, end - begin
        self.durations[begin] = end - begin
        for prepared in self.prepare(picture):
            yield from map(self._with_duration, self.stream.encode(prepared))

    def finish(self) -> Iterator[Packet]:
        """Give the packets that the encoder still holds."""
        for prepared in self.prepare(None):
            yield from map(self._with_duration, self.stream.encode(prepared))
        yield from map(self._with_duration, self.stream.encode(None))

    def _with_duration(self, packet: Packet) -> Packet:
        # Encoders leave it out, and then the last frame would last as long as an average one.
        if packet.pts is not None and packet.time_base == self.time_base:
            packet.duration = self.durations.pop(packet.pts, packet.duration)
        return packet


def add_video(
    output: OutputContainer,
    path: Path,
    *,
    width: int,
    height: int,
    frame_rate: Fraction,
    time_base: Fraction,
    quality: int,
) -> Encoder:
    """Add a video stream to a container, with the codec that its suffix stands for.

    H.264 halves its colours both ways, so it needs even sizes: a last row or column is repeated
    where the frame's is odd. VP9 and gif keep odd sizes.

    Args:
        output: before anything is written to it.
        path: where it is written.
        width: of a frame.
        height: the same.
        frame_rate: frames per second; the average where they vary.
        time_base: what the times of frames are counted in, seconds.
        quality: from 0 to 51.

    Raises:
        InputError: a gif faster than 50 frames per second.
    """
    suffix = path.suffix.lower()
    if suffix == ".gif":
        if frame_rate > FASTEST_GIF:
            raise InputError(
                f"{path}: a gif can show at most {FASTEST_GIF} frames per second, not "
                f"{float(frame_rate):g}; choose mp4 or a lower frame rate"
            )
        stream = output.add_stream("gif", rate=frame_rate)
        prepare = _palette_filter(width, height, time_base)
        pixel_format = "pal8"
    elif suffix == ".webm":
        scaled = round(quality * _VP9_PER_X264_QUALITY)
        options = {"crf": str(scaled), "row-mt": "1", "deadline": "good", "cpu-used": "2"}
        stream = output.add_stream("libvpx-vp9", rate=frame_rate, options=options | _SITING)
        prepare = _yuv_filter(width, height, time_base)
        pixel_format = "yuv420p"
    else:
        # With x264's tree of macroblocks, and a width that is no multiple of 256, the same frames
        # gave another film each time (its AVX2 code); without, films are an eighth larger.
        options = {"crf": str(quality), "mbtree": "0"}
        stream = output.add_stream("libx264", rate=frame_rate, options=options | _SITING)
        width, height = width + width % 2, height + height % 2
        prepare = _yuv_filter(width, height, time_base)
        pixel_format = "yuv420p"
    stream.width, stream.height, stream.pix_fmt = width, height, pixel_format
    context = stream.codec_context
    context.time_base = stream.time_base = time_base
    if pixel_format == "yuv420p":
        # BT.709, limited range, said in the file: else players guess the matrix from the size.
        context.colorspace = Colorspace.ITU709
        context.color_range = ColorRange.MPEG
        context.color_primaries = ColorPrimaries.BT709
        context.color_trc = ColorTrc.BT709
    return Encoder(stream, prepare, time_base)


def pad_to_even(frame: Frame) -> UInt8[np.ndarray, "h_even w_even 3"]:
    """Repeat the last row and column where the height or width is odd."""
    height, width = frame.shape[:2]
    return np.pad(frame, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")


Prepare = Callable[[av.VideoFrame | None], list[av.VideoFrame]]


def _yuv_filter(width: int, height: int, time_base: Fraction) -> Prepare:
    """Convert frames to the colours that H.264 and VP9 store."""
    graph, source = _graph(width, height, time_base)
    chain = [graph.add("scale", _TO_YUV), graph.add("format", "yuv420p")]
    graph.link_nodes(source, *chain, graph.add("buffersink")).configure()
    return _through(graph)


def _palette_filter(width: int, height: int, time_base: Fraction) -> Prepare:
    """Choose 256 colours for each frame by itself: no frame needs to wait for the last one."""
    graph, source = _graph(width, height, time_base)
    split = graph.add("split")
    choose = graph.add("palettegen", "stats_mode=single:reserve_transparent=0")
    apply = graph.add("paletteuse", "new=1")
    sink = graph.add("buffersink")
    source.link_to(split)
    split.link_to(choose, 0, 0)
    split.link_to(apply, 1, 0)
    choose.link_to(apply, 0, 1)
    apply.link_to(sink)
    graph.configure()
    return _through(graph)


def _graph(width: int, height: int, time_base: Fraction) -> tuple[Graph, FilterContext]:
    graph = Graph()
    source = graph.add_buffer(
        width=width, height=height, format=av.VideoFormat("rgb24"), time_base=time_base
    )
    return graph, source


def _through(graph: Graph) -> Prepare:
    def prepare(picture: av.VideoFrame | None) -> list[av.VideoFrame]:
        graph.push(picture)
        pulled = []
        while True:
            try:
                pulled.append(graph.vpull())
            except (NeedsMoreFrames, NoMoreFrames):
                return pulled

    return prepare
