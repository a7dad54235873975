"""Encoders of video, one for each kind of file."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.container import OutputContainer
from av.error import BlockingIOError as NeedsMoreFrames
from av.error import EOFError as NoMoreFrames
from av.filter import Graph
from av.packet import Packet
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc, Interpolation
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

# As in decode.py, but reading full chroma, to average it well when it is halved.
_INTERPOLATION = int(
    Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INP
)
# x264's quality runs from 0 to 51, that of VP9 from 0 to 63.
_VP9_PER_X264_QUALITY = 63 / 51
# Browsers slow down gifs whose frames last less than 2/100 s.
_FASTEST_GIF = 50


@dataclass(frozen=True)
class Encoder:
    """A video stream of an output container, and what its codec wants frames turned into."""

    stream: av.VideoStream
    prepare: Callable[[av.VideoFrame | None], list[av.VideoFrame]]
    frame_rate: Fraction

    def encode(self, frame: Frame, number: int) -> Iterator[Packet]:
        """Encode the frame that is shown ``number / frame_rate`` seconds after the first."""
        picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")
        picture.pts, picture.time_base, picture.duration = number, 1 / self.frame_rate, 1
        for prepared in self.prepare(picture):
            yield from self.stream.encode(prepared)

    def finish(self) -> Iterator[Packet]:
        """Give the packets that the encoder still holds."""
        for prepared in self.prepare(None):
            yield from self.stream.encode(prepared)
        yield from self.stream.encode(None)


def add_video(
    output: OutputContainer,
    path: Path,
    *,
    width: int,
    height: int,
    frame_rate: Fraction,
    quality: int,
) -> Encoder:
    """Add a video stream to a container, with the codec that its suffix stands for.

    H.264 halves its colours both ways, so it needs even sizes: a last row or column is repeated
    where the frame's is odd. VP9 and gif keep odd sizes.

    Raises:
        InputError: a gif faster than 50 frames per second.
    """
    suffix = path.suffix.lower()
    if suffix == ".gif":
        if frame_rate > _FASTEST_GIF:
            raise InputError(
                f"{path}: a gif can show at most {_FASTEST_GIF} frames per second, not "
                f"{float(frame_rate):g}; choose mp4 or a lower frame rate"
            )
        stream = output.add_stream("gif", rate=frame_rate)
        prepare = _palette_filter(width, height, frame_rate)
        pixel_format = "pal8"
    elif suffix == ".webm":
        scaled = round(quality * _VP9_PER_X264_QUALITY)
        options = {"crf": str(scaled), "row-mt": "1", "deadline": "good", "cpu-used": "2"}
        stream = output.add_stream("libvpx-vp9", rate=frame_rate, options=options)
        prepare = _to_yuv
        pixel_format = "yuv420p"
    else:
        stream = output.add_stream("libx264", rate=frame_rate, options={"crf": str(quality)})
        width, height = width + width % 2, height + height % 2
        prepare = _to_yuv
        pixel_format = "yuv420p"
    stream.width, stream.height, stream.pix_fmt = width, height, pixel_format
    context = stream.codec_context
    context.time_base = 1 / frame_rate
    if pixel_format == "yuv420p":
        # BT.709, limited range, said in the file: else players guess the matrix from the size.
        context.colorspace = Colorspace.ITU709
        context.color_range = ColorRange.MPEG
        context.color_primaries = ColorPrimaries.BT709
        context.color_trc = ColorTrc.BT709
    return Encoder(stream, prepare, frame_rate)


def pad_to_even(frame: Frame) -> UInt8[np.ndarray, "h_even w_even 3"]:
    """Repeat the last row and column where the height or width is odd."""
    height, width = frame.shape[:2]
    return np.pad(frame, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")


def _to_yuv(picture: av.VideoFrame | None) -> list[av.VideoFrame]:
    if picture is None:
        return []
    converted = picture.reformat(
        format="yuv420p",
        dst_colorspace=Colorspace.ITU709,
        dst_color_range=ColorRange.MPEG,
        interpolation=_INTERPOLATION,
    )
    return [converted]


def _palette_filter(
    width: int, height: int, frame_rate: Fraction
) -> Callable[[av.VideoFrame | None], list[av.VideoFrame]]:
    """Choose 256 colours for each frame by itself: no frame needs to wait for the last one."""
    graph = Graph()
    source = graph.add_buffer(
        width=width, height=height, format=av.VideoFormat("rgb24"), time_base=1 / frame_rate
    )
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

    def prepare(picture: av.VideoFrame | None) -> list[av.VideoFrame]:
        graph.push(picture)
        pulled = []
        while True:
            try:
                pulled.append(graph.pull())
            except (NeedsMoreFrames, NoMoreFrames):
                return pulled

    return prepare
