"""Files of several streams: the default is taken, another by its number."""

from fractions import Fraction

import av
import numpy as np
import pytest
from av.stream import Disposition

from jvst.errors import InputError
from jvst.video import probe, read_frames, write_video

COLOURS = ((200, 40, 40), (40, 200, 40))
TONES = (400, 1200)
RATE = 48000


def write_two_of_each(path, *, marked=1):
    """Write two pictures and two sounds; the ones with the number ``marked`` are the defaults."""
    with av.open(str(path), "w") as output:
        videos = [output.add_stream("libx264", rate=25) for _ in COLOURS]
        sounds = [output.add_stream("aac", rate=RATE, layout="mono") for _ in TONES]
        for video in videos:
            video.height, video.width, video.pix_fmt = 48, 64, "yuv420p"
        for streams, names in ((videos, ("eng", "deu")), (sounds, ("fra", "ita"))):
            for number, stream in enumerate(streams):
                stream.disposition = Disposition.default if number == marked else Disposition(0)
                stream.metadata["language"] = names[number]
        for number in range(25):
            for video, colour in zip(videos, COLOURS, strict=True):
                frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), colour, np.uint8))
                frame.pts, frame.time_base = number, Fraction(1, 25)
                output.mux(video.encode(frame))
        for sound, tone in zip(sounds, TONES, strict=True):
            wave = 8000 * np.sin(2 * np.pi * tone * np.arange(RATE) / RATE)
            samples = av.AudioFrame.from_ndarray(
                wave.astype(np.int16)[None], format="s16", layout="mono"
            )
            samples.sample_rate, samples.pts = RATE, 0
            output.mux(sound.encode(samples))
        for stream in (*videos, *sounds):
            output.mux(stream.encode())


def tone_of(path):
    with av.open(str(path)) as container:
        wave = np.concatenate([frame.to_ndarray()[0] for frame in container.decode(audio=0)])
    return np.argmax(np.abs(np.fft.rfft(wave[:RATE]))) * RATE / len(wave[:RATE])


@pytest.fixture
def clip(tmp_path):
    write_two_of_each(tmp_path / "clip.mkv")
    return tmp_path / "clip.mkv"


@pytest.mark.parametrize(("number", "colour"), [(None, 1), (0, 0), (1, 1)])
def test_the_picture_is_the_default_or_the_one_chosen(clip, number, colour):
    frame = next(iter(read_frames(clip, video_stream=number)))
    assert np.abs(frame[10, 10].astype(int) - COLOURS[colour]).max() <= 4


def test_of_files_that_mark_none_the_first_is_taken(tmp_path):
    write_two_of_each(tmp_path / "clip.mkv", marked=None)
    frame = next(iter(read_frames(tmp_path / "clip.mkv")))
    assert np.abs(frame[10, 10].astype(int) - COLOURS[0]).max() <= 4


@pytest.mark.parametrize(("number", "tone"), [(None, 1), (0, 0), (1, 1)])
def test_the_sound_is_the_default_or_the_one_chosen(clip, tmp_path, number, tone):
    grey = np.full((48, 64, 3), 90, np.uint8)
    write_video(
        tmp_path / "a.mp4",
        [grey] * 25,
        frame_rate=Fraction(25),
        audio_from=clip,
        audio_stream=number,
    )
    assert tone_of(tmp_path / "a.mp4") == pytest.approx(TONES[tone], abs=5)


def test_a_number_that_the_file_lacks_is_refused_with_those_it_has(clip):
    with pytest.raises(InputError, match=r"0 \(eng\), 1 \(deu\); `video_stream` 2"):
        probe(clip, video_stream=2)
    with pytest.raises(InputError, match=r"0 \(fra\), 1 \(ita\); `audio_stream` 5"):
        probe(clip, audio_stream=5)


def test_pictures_have_no_streams_to_choose_from(tmp_path):
    write_video(tmp_path / "frames", [np.zeros((8, 8, 3), np.uint8)], frame_rate=Fraction(25))
    for choice in ({"video_stream": 0}, {"audio_stream": 1}):
        with pytest.raises(InputError, match="made of pictures"):
            probe(tmp_path / "frames", **choice)


def test_a_silent_file_has_no_sound_to_choose(tmp_path):
    write_video(tmp_path / "a.mp4", [np.zeros((48, 64, 3), np.uint8)], frame_rate=Fraction(25))
    with pytest.raises(InputError, match="no sound, but `audio_stream` is 0"):
        probe(tmp_path / "a.mp4", audio_stream=0)
