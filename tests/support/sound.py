"""Small films with sound."""

from fractions import Fraction

import av
import numpy as np

RATE = Fraction(25)
FILM = np.full((75, 16, 24, 3), 90, np.uint8) + np.arange(75, dtype=np.uint8)[:, None, None, None]


def picture(seconds):
    """The film's first frames."""
    return FILM[: round(seconds * RATE)]


def write_source(path, *, codec, seconds=3, picture_starts=0, sample_rate=48000, layout="stereo"):
    """Write a film with a tone that rises every second, so that its place can be told."""
    with av.open(str(path), "w") as output:
        video = output.add_stream("libvpx-vp9" if path.suffix == ".webm" else "libx264", rate=25)
        video.height, video.width = FILM.shape[1:3]
        video.codec_context.max_b_frames = 0
        audio = output.add_stream(codec, rate=sample_rate)
        audio.layout = layout
        for t in range(seconds * 25):
            frame = av.VideoFrame.from_ndarray(FILM[t % len(FILM)])
            frame.pts, frame.time_base = t + round(picture_starts * 25), Fraction(1, 25)
            output.mux(video.encode(frame))
            now = np.arange(sample_rate // 25) / sample_rate + t / 25
            wave = (8000 * np.sin(2 * np.pi * 400 * (1 + t // 25) * now)).astype(np.int16)
            channels = audio.layout.nb_channels
            sound = av.AudioFrame.from_ndarray(
                np.repeat(wave, channels)[None], format="s16", layout=layout
            )
            sound.sample_rate, sound.pts = sample_rate, t * len(wave)
            sound.time_base = Fraction(1, sample_rate)
            output.mux(audio.encode(sound))
        output.mux(audio.encode())
        output.mux(video.encode())


def audio_packets(path):
    """When each packet of sound is heard, and its bytes."""
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        return [
            (float(packet.pts * packet.time_base), bytes(packet))
            for packet in container.demux(stream)
            if packet.size
        ]
