"""When frames are shown: times from the source to the output, damage told by time."""

import itertools
from fractions import Fraction

import av
import numpy as np
import pytest
from support.raw_video import blocks, frame_times, write_raw

from jvst.video import (
    DamagedClipError,
    Timeline,
    probe,
    read_frames,
    read_timed_frames,
    timeline,
    write_picture,
    write_video,
)

#: Half a second a frame for 5 s, then 30 a second for 2 s: 70 frames in 7 s.
SLIDES = [Fraction(i, 2) for i in range(10)] + [5 + Fraction(i, 30) for i in range(60)]
MILLISECOND = Fraction(1, 1000)


def timeline_of(path, **options):
    info = probe(path)
    moments = [(time, span) for _, time, span in read_timed_frames(path, **options)]
    return timeline(moments, tick=info.tick, stated=[info.frame_rate])


def write_slides(path):
    write_raw(
        path,
        blocks(70),
        codec="libvpx-vp9" if path.suffix == ".webm" else "libx264",
        times=[int(time * 600) for time in SLIDES],
        time_base=Fraction(1, 600),
        rate=30,
    )


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".webm"])
def test_frames_of_a_varying_rate_keep_their_times(tmp_path, suffix):
    write_slides(tmp_path / f"slides{suffix}")
    found = timeline_of(tmp_path / f"slides{suffix}")
    assert not found.is_constant
    # Matroska counts milliseconds, and rounds.
    assert max(abs(a - b) for a, b in zip(found.times, SLIDES, strict=True)) <= MILLISECOND
    assert abs(found.end - 7) <= Fraction(1, 30)  # how long the last is shown is not in the file


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".webm", ".gif"])
def test_times_that_are_written_are_the_times_of_the_file(tmp_path, suffix):
    times = [*SLIDES, Fraction(7)]
    write_video(tmp_path / f"a{suffix}", blocks(70), frame_rate=Fraction(10), times=times)
    clock = Fraction(1, 200) if suffix == ".gif" else MILLISECOND  # half of a gif's hundredth
    got = frame_times(tmp_path / f"a{suffix}")
    np.testing.assert_allclose(
        np.array(got) - got[0], [float(t) for t in SLIDES], atol=float(clock)
    )
    found = timeline_of(tmp_path / f"a{suffix}")
    assert max(abs(a - b) for a, b in zip(found.relative, times, strict=True)) <= clock


def test_a_gif_keeps_two_hundredths_between_its_frames(tmp_path):
    times = [Fraction(n, 1000) for n in (0, 5, 100, 200)]
    write_video(tmp_path / "a.gif", blocks(3), frame_rate=Fraction(15), times=times)
    np.testing.assert_allclose(frame_times(tmp_path / "a.gif"), [0, 0.02, 0.1], atol=1e-9)


@pytest.mark.parametrize("rate", [Fraction(24000, 1001), Fraction(25), Fraction(30000, 1001)])
@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".webm"])
def test_a_constant_rate_is_found_in_a_clock_that_rounds(tmp_path, suffix, rate):
    write_video(tmp_path / f"a{suffix}", blocks(40), frame_rate=rate)
    found = timeline_of(tmp_path / f"a{suffix}")
    assert (found.is_constant, found.frame_rate) == (True, rate)
    part = timeline_of(tmp_path / f"a{suffix}", start=7, stop=20)
    assert (part.is_constant, part.frame_rate) == (True, rate)
    assert abs(part.start - 7 / rate) <= MILLISECOND


def test_a_part_begins_and_ends_at_its_own_times(tmp_path):
    write_slides(tmp_path / "a.mkv")
    part = timeline_of(tmp_path / "a.mkv", start=8, stop=12)
    np.testing.assert_allclose(
        [float(time) for time in (*part.times, part.end)],
        [4, 4.5, 5, 5 + 1 / 30, 5 + 2 / 30],
        atol=0.001,
    )


def constant(count, rate):
    times = tuple(n / rate for n in range(count))
    return Timeline(times, count / rate, rate, True)


@pytest.mark.parametrize(
    ("given", "wanted", "order"),
    [
        (25, "25/2", [0, 2, 4, 6]),
        (25, "50", [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7]),
        (25, "25", [0, 1, 2, 3, 4, 5, 6, 7]),
        (24, "30", [0, 1, 1, 2, 3, 4, 5, 5, 6, 7]),
    ],
)
def test_another_rate_repeats_or_leaves_out_and_keeps_the_length(given, wanted, order):
    clip = constant(8, Fraction(given))
    got = clip.at_rate(Fraction(wanted))
    assert got == order
    assert abs(len(got) / Fraction(wanted) - clip.end) <= 1 / (2 * Fraction(wanted))


def test_repeats_hold_every_frame_within_half_of_a_slot_of_its_time():
    clip = Timeline(tuple(SLIDES), Fraction(7), Fraction(10), False)
    rate = clip.repeating_rate()
    order = clip.at_rate(rate)
    assert (rate, len(order)) == (30, 210)
    assert sorted(set(order)) == list(range(70))
    begins = [order.index(number) / rate for number in range(70)]
    assert max(abs(a - b) for a, b in zip(begins, SLIDES, strict=True)) <= 1 / (2 * rate)


def test_dropped_frames_of_an_avi_are_longer_times_and_no_damage(tmp_path):
    shown = [t for t in range(100) if t % 4 != 3]
    write_raw(tmp_path / "a.avi", blocks(75), codec="mjpeg", pixel_format="yuvj420p", times=shown)
    frames = list(read_timed_frames(tmp_path / "a.avi"))
    assert [frame.time * 25 for frame in frames] == shown
    assert [frame.duration * 25 for frame in frames] == [1, 1, 2] * 24 + [1, 1, 1]


def test_repeats_at_the_end_of_an_avi_are_shown(tmp_path):
    # The writer fills a gap before a packet; without that packet the repeats are the last.
    times = [0, 1, 2, 9]
    write_raw(tmp_path / "a.avi", blocks(4), codec="mjpeg", pixel_format="yuvj420p", times=times)
    data = bytearray((tmp_path / "a.avi").read_bytes())
    index = data.index(b"idx1")
    chunk, entry = data.rindex(b"00dc", 0, index), data.rindex(b"00dc")
    assert data[chunk - 8 : chunk - 4] == data[entry - 16 : entry - 12] == b"00dc"
    assert data[entry - 4 : entry] == bytes(4)  # an empty frame before it
    data[chunk : chunk + 4] = data[entry : entry + 4] = b"JUNK"
    (tmp_path / "a.avi").write_bytes(data)
    frames = list(read_timed_frames(tmp_path / "a.avi"))
    assert [25 * frame.time for frame in frames] == [0, 1, 2]
    assert 25 * frames[-1].duration == 7


def test_frames_of_h264_in_avi_come_in_the_order_of_their_times(tmp_path):
    write_raw(tmp_path / "a.avi", blocks(30))
    found = timeline_of(tmp_path / "a.avi")
    assert found.times == tuple(Fraction(n, 25) for n in range(30))


FRAGMENTS = ("frag_keyframe", "frag_keyframe+empty_moov+default_base_moof")


@pytest.mark.parametrize("flags", FRAGMENTS)
def test_a_fragmented_mp4_has_all_its_frames(tmp_path, flags):
    write_raw(
        tmp_path / "a.mp4", blocks(75), options={"g": "10"}, container_options={"movflags": flags}
    )
    assert len(list(read_frames(tmp_path / "a.mp4"))) == 75
    whole = list(read_frames(tmp_path / "a.mp4"))
    np.testing.assert_array_equal(
        list(read_frames(tmp_path / "a.mp4", start=20, stop=23)), whole[20:23]
    )


def fragmented(folder, flags):
    path = folder / "whole.mp4"
    write_raw(path, blocks(75), options={"g": "10"}, container_options={"movflags": flags})
    return path.read_bytes()


def read_until_damage(path):
    frames = []
    with pytest.raises(DamagedClipError, match="damaged after") as caught:
        for frame in read_frames(path):
            frames.append(frame)
    assert caught.value.frames_read == len(frames)
    return frames


@pytest.mark.parametrize("flags", FRAGMENTS)
@pytest.mark.parametrize("share", [0.35, 0.6, 0.9])
def test_a_fragmented_mp4_that_is_cut_off_says_so(tmp_path, flags, share):
    data = fragmented(tmp_path, flags)
    (tmp_path / "cut.mp4").write_bytes(data[: int(len(data) * share)])
    assert 10 <= len(read_until_damage(tmp_path / "cut.mp4")) < 75


@pytest.mark.parametrize("flags", FRAGMENTS)
@pytest.mark.parametrize("bytes_of_head", [4, 20, 60])
def test_a_cut_in_the_head_of_a_fragment_leaves_those_before(tmp_path, flags, bytes_of_head):
    data = fragmented(tmp_path, flags)
    heads = [at for at in range(len(data)) if data[at : at + 4] == b"moof"]
    (tmp_path / "cut.mp4").write_bytes(data[: heads[3] - 4 + bytes_of_head])
    frames = read_until_damage(tmp_path / "cut.mp4")
    # With an empty index every fragment has its head, else the first one has none.
    assert len(frames) == (30 if "empty_moov" in flags else 40)
    np.testing.assert_array_equal(frames, list(read_frames(tmp_path / "whole.mp4"))[: len(frames)])


def test_a_last_frame_that_is_held_long_is_no_damage(tmp_path):
    times = [Fraction(n, 25) for n in range(10)] + [Fraction(20)]
    for suffix in (".mp4", ".mkv", ".webm"):
        path = tmp_path / f"a{suffix}"
        write_video(path, blocks(10), frame_rate=Fraction(25), times=times)
        frames = list(read_timed_frames(path))
        assert len(frames) == 10
        assert abs(frames[-1].time + frames[-1].duration - 20) <= MILLISECOND


def test_a_header_that_counts_too_many_frames_is_no_damage(tmp_path):
    write_raw(tmp_path / "a.avi", blocks(20), codec="mpeg4")
    data = bytearray((tmp_path / "a.avi").read_bytes())
    for name, offset in ((b"avih", 8 + 16), (b"strh", 8 + 32)):  # dwTotalFrames, dwLength
        at = data.index(name) + offset
        assert int.from_bytes(data[at : at + 4], "little") == 20
        data[at : at + 4] = (500).to_bytes(4, "little")
    (tmp_path / "a.avi").write_bytes(data)
    assert len(list(read_frames(tmp_path / "a.avi"))) == 20


def test_frames_without_times_of_their_own_follow_each_other(tmp_path):
    with av.open(str(tmp_path / "a.h264"), "w", format="h264") as output:
        stream = output.add_stream("libx264", rate=25)
        stream.height, stream.width, stream.pix_fmt = 48, 64, "yuv420p"
        for frame in blocks(12):
            output.mux(stream.encode(av.VideoFrame.from_ndarray(frame)))
        output.mux(stream.encode())
    frames = list(read_timed_frames(tmp_path / "a.h264"))
    assert len(frames) == 12
    assert all(a.time < b.time for a, b in itertools.pairwise(frames))


def test_a_missing_number_leaves_its_time_to_the_picture_before(tmp_path):
    for number in (7, 8, 11):
        write_picture(tmp_path / f"x{number:02d}.png", np.full((4, 5, 3), number, np.uint8))
    source = tmp_path / "x%02d.png"
    frames = list(read_timed_frames(source, frame_rate=Fraction(10)))
    assert [frame.pixels[0, 0, 0] for frame in frames] == [7, 8, 11]
    assert [10 * frame.time for frame in frames] == [0, 1, 4]
    assert [10 * frame.duration for frame in frames] == [1, 3, 1]
    (notice,) = probe(source).notices
    assert "2 of the pictures 7 to 11" in notice and "after 8" in notice


def test_every_tenth_picture_is_a_clip_without_gaps(tmp_path):
    for number in (10, 20, 30):
        write_picture(tmp_path / f"x{number}.png", np.full((4, 5, 3), number, np.uint8))
    frames = list(read_timed_frames(tmp_path / "x%d.png", frame_rate=Fraction(10)))
    assert [10 * frame.time for frame in frames] == [0, 1, 2]
    assert probe(tmp_path / "x%d.png").notices == ()


def test_a_varying_rate_whose_sound_alone_is_cut_off_is_no_damage(tmp_path):
    with av.open(str(tmp_path / "a.mp4"), "w", container_options={"movflags": "faststart"}) as out:
        video, sound = out.add_stream("libx264", rate=30), out.add_stream("aac", rate=48000)
        video.height, video.width, video.pix_fmt = 48, 64, "yuv420p"
        video.time_base = video.codec_context.time_base = Fraction(1, 600)
        for frame, time in zip(blocks(70), SLIDES, strict=True):
            picture = av.VideoFrame.from_ndarray(frame)
            picture.pts, picture.time_base = int(time * 600), Fraction(1, 600)
            out.mux(video.encode(picture))
        out.mux(video.encode())
        noise = np.random.default_rng(0).integers(-9000, 9000, (1, 2 * 48000), np.int16)
        samples = av.AudioFrame.from_ndarray(noise, format="s16", layout="stereo")
        samples.sample_rate, samples.pts = 48000, 6 * 48000
        out.mux(sound.encode(samples))
        out.mux(sound.encode())
    data = (tmp_path / "a.mp4").read_bytes()
    with av.open(str(tmp_path / "a.mp4")) as container:
        end = max(packet.pos + packet.size for packet in container.demux(video=0) if packet.size)
    assert end < len(data) - 100
    (tmp_path / "a.mp4").write_bytes(data[: end + 50])
    assert len(list(read_frames(tmp_path / "a.mp4"))) == 70
