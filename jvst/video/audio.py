"""Sound, copied from one file into another or encoded anew."""

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple, cast

import av
from av.container import InputContainer, OutputContainer
from av.error import FFmpegError
from av.packet import Packet

from jvst.video.animation import content_of
from jvst.video.clock import stream_start
from jvst.video.container import open_container, picture_stream, sound_stream
from jvst.video.sequence import find_pictures

# What players expect in each container; FFmpeg's muxers would take a little more.
_COPIED: dict[str, tuple[str, ...]] = {
    "mp4": ("aac", "mp3", "ac3", "eac3", "alac", "opus"),
    "mov": ("aac", "mp3", "ac3", "eac3", "alac", "pcm_s16le", "pcm_s16be", "pcm_s24le"),
    "webm": ("opus", "vorbis"),
}
_ENCODER = {"mp4": "aac", "mov": "aac", "webm": "libopus", "matroska": "libopus"}
_BITS_PER_SECOND = 192_000
# MPEG-4 part 3, table 1.18, without those above CD-quality that no player needs.
_AAC_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
# What encoders put before the sound to start up: 2112 samples of AAC, 80 ms of Opus.
_PRIMING = Fraction(1, 10)


class Sound(NamedTuple):
    """The sound that an output is to have."""

    source: str | Path | None  # a film; None: no sound
    start: float | Fraction = 0.0  # where in it the output begins, seconds from its first frame
    audio_stream: int | None = None  # which of its sounds, from 0; its default when left out
    video_stream: int | None = None  # which of its video streams the output shows


class AudioTrack:
    """The sound of an output, written as far as its picture has got.

    A packet belongs to the output where it starts at or after the picture's start and before its
    end. From the very beginning of a clip the codec's priming packets are kept too. Damaged sound
    ends where the damage is.
    """

    def __init__(self, output: OutputContainer, packets: Iterator[Packet]):
        """Take packets that are in order of time and ready to be written."""
        self._output = output
        self._packets = packets
        self._next = next(packets, None)

    def write_until(self, seconds: Fraction) -> None:
        """Write the packets that start before ``seconds``."""
        while self._next is not None and _start(self._next) < seconds:
            self._output.mux(self._next)
            self._next = next(self._packets, None)


@contextmanager
def add_audio(
    output: OutputContainer, sound: Sound, *, container: str
) -> Iterator[AudioTrack | None]:
    """Add sound to an output; None where there is none.

    Args:
        output: before anything is written to it.
        sound: from a video or audio file, or a folder or pattern of pictures (which have none).
        container: FFmpeg's name of the output's format.

    Raises:
        InputError: the source is missing, can't be read at all, or hasn't that sound.
    """
    source, start, audio_stream, video_stream = sound
    if source is None or container == "gif" or _is_pictures(source):
        yield None
        return
    with open_container(Path(source)) as opened:
        stream = sound_stream(opened, Path(source), audio_stream)
        if stream is None:
            yield None
            return
        origin = stream_start(picture_stream(opened, video_stream))
        begin = origin + Fraction(start)
        first = begin if start > 0 else origin - _PRIMING
        copy = _add_copy(output, stream, container)
        if copy is not None:
            packets = _copied(stream, copy, begin, first)
        else:
            packets = _encoded(stream, _add_encoder(output, stream, container), begin, first)
        yield AudioTrack(output, packets)


def _is_pictures(source: str | Path) -> bool:
    return find_pictures(source) is not None or content_of(Path(source)) == "animation"


def _start(packet: Packet) -> Fraction:
    return (packet.pts or 0) * packet.time_base


def _demuxed(source: av.AudioStream) -> Iterator[Packet]:
    try:
        for packet in cast(InputContainer, source.container).demux(source):
            if packet.is_corrupt:
                return
            yield packet
    except FFmpegError:
        return


def _add_copy(
    output: OutputContainer, source: av.AudioStream, container: str
) -> av.AudioStream | None:
    codec = source.codec_context.codec.canonical_name
    if container in _COPIED and codec not in _COPIED[container]:
        return None
    try:
        return output.add_stream_from_template(source)
    except ValueError:  # PyAV's answer to a codec that the muxer doesn't know
        return None


def _copied(
    source: av.AudioStream, stream: av.AudioStream, begin: Fraction, first: Fraction
) -> Iterator[Packet]:
    for packet in _demuxed(source):
        if packet.size == 0 or packet.pts is None or _start(packet) < first:
            continue
        shift = round(begin / packet.time_base)
        packet.pts -= shift
        packet.dts = packet.pts if packet.dts is None else packet.dts - shift
        packet.stream = stream
        yield packet


def _add_encoder(output: OutputContainer, source: av.AudioStream, container: str) -> av.AudioStream:
    name = _ENCODER[container]
    # Opus knows 48 kHz only, whatever it is given.
    rate = source.rate if name == "aac" and source.rate in _AAC_RATES else 48_000
    stream = cast(av.AudioStream, output.add_stream(name, rate=rate))
    stream.layout = "mono" if source.layout.nb_channels == 1 else "stereo"
    stream.bit_rate = _BITS_PER_SECOND
    return stream


def _encoded(
    source: av.AudioStream, stream: av.AudioStream, begin: Fraction, first: Fraction
) -> Iterator[Packet]:
    for packet in _demuxed(source):
        try:
            frames = packet.decode()
        except FFmpegError:
            break
        for frame in frames:
            if frame.pts is None or frame.pts * frame.time_base < first:
                continue
            frame.pts -= round(begin / frame.time_base)
            yield from stream.encode(frame)
    yield from stream.encode(None)
