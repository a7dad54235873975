"""Sound from one film into another."""

import av
import numpy as np
import pytest
from support.sound import RATE, audio_packets, picture, write_source

from jvst.errors import InputError
from jvst.video import probe, read_frames, write_video


def picture_start(path):
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        return float(stream.start_time * stream.time_base)


def audio_codec(path):
    with av.open(str(path)) as container:
        return container.streams.audio[0].codec_context.codec.canonical_name


def loudest_tone(path, at):
    """Frequency in Hz of what sounds in the half second from ``at`` on."""
    samples, times = [], []
    with av.open(str(path)) as container:
        for frame in container.decode(audio=0):
            array = frame.to_ndarray().astype(np.float64)
            channels = frame.layout.nb_channels
            samples.append(array[0] if frame.format.is_planar else array[0, ::channels])
            times.append(frame.time + np.arange(frame.samples) / frame.sample_rate)
            rate = frame.sample_rate
    time, wave = np.concatenate(times), np.concatenate(samples)
    part = wave[(time >= at) & (time < at + 0.5)]
    assert len(part) > 0.45 * rate
    return np.argmax(np.abs(np.fft.rfft(part))) * rate / len(part)


COPIES = [
    ("aac", ".mp4", ".mp4"),
    ("aac", ".mp4", ".mov"),
    ("aac", ".mp4", ".mkv"),
    ("aac", ".mkv", ".mp4"),
    ("libmp3lame", ".mp4", ".mp4"),
    ("ac3", ".mkv", ".mp4"),
    ("alac", ".mov", ".mp4"),
    ("libopus", ".webm", ".webm"),
    ("libopus", ".webm", ".mp4"),
    ("libopus", ".mkv", ".webm"),
    ("flac", ".mkv", ".mkv"),
    ("pcm_s16le", ".mov", ".mov"),
]


@pytest.mark.parametrize(("codec", "source", "target"), COPIES)
def test_sound_that_the_container_takes_is_copied_byte_for_byte(tmp_path, codec, source, target):
    write_source(tmp_path / f"source{source}", codec=codec)
    path = tmp_path / f"out{target}"
    write_video(path, picture(3), frame_rate=RATE, audio_from=tmp_path / f"source{source}")
    assert probe(path).has_audio
    given, got = audio_packets(tmp_path / f"source{source}"), audio_packets(path)
    # The codec's tail may hang over the last frame by a packet or two.
    assert len(given) - 3 <= len(got) <= len(given)
    bytes_given = b"".join(data for _, data in given)
    assert bytes_given.startswith(b"".join(data for _, data in got))
    # Matroska has no times before 0: it moves sound and picture alike, by the codec's priming.
    moved = picture_start(path)
    pairs = [pair for pair in zip(got, given, strict=False) if pair[0][1] == pair[1][1]]
    shifts = [out - moved - time for (out, _), (time, _) in pairs]
    assert shifts[0] == pytest.approx(0, abs=0.002)  # later ones of PCM can be cut elsewhere
    assert codec == "pcm_s16le" or max(map(abs, shifts)) < 0.002
    assert len(list(read_frames(path))) == 75


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".webm"])
def test_copied_sound_is_trimmed_to_the_frames(tmp_path, suffix):
    codec = "libopus" if suffix == ".webm" else "aac"
    source, path = tmp_path / f"source{suffix}", tmp_path / f"out{suffix}"
    write_source(source, codec=codec)
    write_video(path, picture(1.6), frame_rate=RATE, audio_from=source, audio_start=1.2)
    inside = [(time - 1.2, data) for time, data in audio_packets(source) if 1.2 <= time < 2.8]
    got = audio_packets(path)
    assert [data for _, data in got] == [data for _, data in inside]
    np.testing.assert_allclose([time for time, _ in got], [time for time, _ in inside], atol=0.002)
    assert loudest_tone(path, at=0.1) == pytest.approx(800, abs=5)
    assert loudest_tone(path, at=0.9) == pytest.approx(1200, abs=5)


@pytest.mark.parametrize(
    ("codecs", "suffixes"),
    [
        (("flac", "aac"), (".mkv", ".mp4")),
        (("pcm_s16le", "aac"), (".mov", ".mp4")),
        (("libopus", "aac"), (".mkv", ".mov")),
        (("aac", "opus"), (".mp4", ".webm")),
        (("libmp3lame", "opus"), (".mkv", ".webm")),
    ],
)
@pytest.mark.parametrize("form", [(48000, "stereo"), (44100, "mono")])
def test_other_sound_is_encoded_anew_and_keeps_its_time(tmp_path, codecs, suffixes, form):
    (codec, becomes), (source, target), (sample_rate, layout) = codecs, suffixes, form
    if codec == "libopus" and sample_rate != 48000:
        pytest.skip("Opus has one rate")
    film, path = tmp_path / f"source{source}", tmp_path / f"out{target}"
    write_source(film, codec=codec, sample_rate=sample_rate, layout=layout)
    write_video(path, picture(1.6), frame_rate=RATE, audio_from=film, audio_start=1.2)
    assert audio_codec(path) == becomes
    assert loudest_tone(path, at=0.1) == pytest.approx(800, abs=5)
    assert loudest_tone(path, at=0.9) == pytest.approx(1200, abs=5)
    last = audio_packets(path)[-1][0]
    assert 1.5 < last < 1.6


def test_sound_keeps_its_place_where_the_picture_starts_later_than_zero(tmp_path):
    source, path = tmp_path / "source.mkv", tmp_path / "out.mkv"
    write_source(source, codec="aac", picture_starts=1)
    write_video(path, picture(1.6), frame_rate=RATE, audio_from=source)
    assert loudest_tone(path, at=0.2) == pytest.approx(800, abs=5)
    assert loudest_tone(path, at=1.05) == pytest.approx(1200, abs=5)


@pytest.mark.parametrize("name", ["out.gif", "frames/"])
def test_gifs_and_folders_drop_the_sound(tmp_path, name):
    write_source(tmp_path / "source.mp4", codec="aac", seconds=1)
    path = f"{tmp_path}/{name}"
    write_video(path, picture(0.2), frame_rate=RATE, audio_from=tmp_path / "source.mp4")
    assert not probe(path).has_audio


def test_silent_sources_give_no_sound(tmp_path):
    write_video(tmp_path / "silent.mp4", picture(0.2), frame_rate=RATE)
    write_video(tmp_path / "frames", picture(0.2), frame_rate=RATE)
    for source in ("silent.mp4", "frames", "frames/*.png"):
        write_video(tmp_path / "a.mp4", picture(0.2), frame_rate=RATE, audio_from=tmp_path / source)
        assert not probe(tmp_path / "a.mp4").has_audio


def test_start_after_the_end_of_the_sound_is_silence(tmp_path):
    write_source(tmp_path / "source.mp4", codec="aac", seconds=1)
    write_video(
        tmp_path / "a.mp4",
        picture(0.2),
        frame_rate=RATE,
        audio_from=tmp_path / "source.mp4",
        audio_start=7.0,
    )
    assert len(list(read_frames(tmp_path / "a.mp4"))) == 5


def test_sound_that_is_cut_off_is_copied_as_far_as_it_goes(tmp_path):
    write_source(tmp_path / "source.mkv", codec="aac")
    write_video(
        tmp_path / "fast.mp4", picture(3), frame_rate=RATE, audio_from=tmp_path / "source.mkv"
    )
    data = (tmp_path / "fast.mp4").read_bytes()
    (tmp_path / "cut.mp4").write_bytes(data[: len(data) // 2])
    write_video(tmp_path / "a.mp4", picture(3), frame_rate=RATE, audio_from=tmp_path / "cut.mp4")
    given, got = audio_packets(tmp_path / "fast.mp4"), audio_packets(tmp_path / "a.mp4")
    assert len(given) / 4 < len(got) < len(given) * 3 / 4
    assert [data for _, data in got] == [data for _, data in given[: len(got)]]


def test_film_cut_in_its_last_sound_has_all_its_frames(tmp_path):
    write_source(tmp_path / "source.mkv", codec="aac")
    write_video(tmp_path / "a.mp4", picture(2), frame_rate=RATE, audio_from=tmp_path / "source.mkv")
    with av.open(str(tmp_path / "a.mp4")) as container:
        end = max(packet.pos + packet.size for packet in container.demux(video=0) if packet.size)
    data = (tmp_path / "a.mp4").read_bytes()
    assert end < len(data)
    (tmp_path / "a.mp4").write_bytes(data[:end])
    assert len(list(read_frames(tmp_path / "a.mp4"))) == 50


@pytest.mark.parametrize(("name", "says"), [("missing.mp4", "doesn't exist"), ("a.txt", "not a")])
def test_unreadable_sound_is_one_line_and_leaves_nothing(tmp_path, name, says):
    (tmp_path / "a.txt").write_text("no film")
    with pytest.raises(InputError, match=says) as caught:
        write_video(tmp_path / "out.mp4", picture(0.2), frame_rate=RATE, audio_from=tmp_path / name)
    assert "\n" not in str(caught.value)
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]
