"""Clips that are cut off or damaged: what is sound is read, the rest is said in one line."""

import struct
from fractions import Fraction

import av
import numpy as np
import pytest

from jvst.errors import InputError
from jvst.video import DamagedClipError, probe, read_frames, write_video

FRAMES = 60


@pytest.fixture(scope="module")
def clip():
    """Blocks that move, so that every frame takes some bytes."""
    rng = np.random.default_rng(0)
    blocks = np.kron(rng.integers(0, 255, (6, 8, 3)), np.ones((8, 8, 1))).astype(np.uint8)
    return [np.roll(blocks, 3 * t, axis=1) for t in range(FRAMES)]


@pytest.fixture(scope="module")
def whole(clip, tmp_path_factory):
    """The clip as mp4, with the index first, and in the other containers."""
    folder = tmp_path_factory.mktemp("whole")
    for suffix in (".mp4", ".mkv", ".webm"):
        write_video(folder / f"clip{suffix}", clip, frame_rate=Fraction(25))
    for name, codec in (("late.mp4", "libx264"), ("clip.avi", "mpeg4")):
        with av.open(str(folder / name), "w") as output:
            stream = output.add_stream(codec, rate=25)
            stream.height, stream.width = clip[0].shape[:2]
            for frame in clip:
                output.mux(stream.encode(av.VideoFrame.from_ndarray(frame)))
            output.mux(stream.encode())
    return folder


def read_until_damage(path, **options):
    frames = []
    with pytest.raises(DamagedClipError) as caught:
        for frame in read_frames(path, **options):
            frames.append(frame)  # one by one: kept when the reader raises
    assert "\n" not in str(caught.value)
    return frames, caught.value


@pytest.mark.parametrize("share", [0.6, 0.7, 0.8, 0.9])
@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".webm", ".avi"])
def test_cut_clip_gives_the_frames_before_the_cut_and_then_says_so(tmp_path, whole, suffix, share):
    data = (whole / f"clip{suffix}").read_bytes()
    path = tmp_path / f"clip{suffix}"
    path.write_bytes(data[: int(len(data) * share)])
    frames, error = read_until_damage(path)
    assert 0 < len(frames) < FRAMES
    assert error.frames_read == len(frames)
    assert f"clip{suffix} is damaged after {len(frames)} frames" in str(error)
    assert f"`frames` 0:{len(frames)}" in str(error)
    # These are the first frames of the whole clip, without a gap, exactly.
    np.testing.assert_array_equal(
        frames, list(read_frames(whole / f"clip{suffix}", stop=len(frames)))
    )
    # What the message advises works.
    assert len(list(read_frames(path, stop=error.frames_read))) == error.frames_read


def test_cut_clip_read_from_the_middle_counts_from_the_beginning(tmp_path, whole):
    data = (whole / "clip.mp4").read_bytes()
    (tmp_path / "a.mp4").write_bytes(data[: len(data) // 2])
    everything, _ = read_until_damage(tmp_path / "a.mp4")
    frames, error = read_until_damage(tmp_path / "a.mp4", start=4)
    assert error.frames_read == len(everything) == len(frames) + 4


def test_whole_clips_are_not_called_damaged(whole):
    for path in whole.iterdir():
        assert len(list(read_frames(path))) == FRAMES


@pytest.mark.parametrize("share", [0.2, 0.6, 0.9])
def test_mp4_without_its_index_is_called_truncated(tmp_path, whole, share):
    data = (whole / "late.mp4").read_bytes()
    (tmp_path / "a.mp4").write_bytes(data[: int(len(data) * share)])
    for use in (probe, read_frames):
        with pytest.raises(InputError, match="truncated") as caught:
            use(tmp_path / "a.mp4")
        assert "\n" not in str(caught.value)


def test_mp4_cut_before_its_first_frame_is_one_line(tmp_path, whole):
    data = (whole / "clip.mp4").read_bytes()
    (tmp_path / "a.mp4").write_bytes(data[: data.index(b"mdat") + 20])
    for use in (probe, read_frames):
        with pytest.raises(InputError, match=r"damaged from its first frame|truncated"):
            use(tmp_path / "a.mp4")


@pytest.mark.parametrize("number", [20, 21, 22, 23])
def test_overwritten_packet_ends_the_clip_before_its_frame(tmp_path, whole, number):
    with av.open(str(whole / "clip.mp4")) as container:
        packets = [(p.pts, p.pos) for p in container.demux(video=0) if p.size]
    data = bytearray((whole / "clip.mp4").read_bytes())
    data[packets[number][1] : packets[number][1] + 8] = b"\xff" * 8
    (tmp_path / "a.mp4").write_bytes(data)
    frames, _ = read_until_damage(tmp_path / "a.mp4")
    # Packets are in the order of decoding: sound are the frames up to the first in the order of
    # display whose packet doesn't come before the overwritten one.
    came = {pts for pts, _ in packets[:number]}
    sound = [pts in came for pts, _ in sorted(packets)].index(False)
    assert len(frames) == sound
    np.testing.assert_array_equal(frames, list(read_frames(whole / "clip.mp4", stop=sound)))


def test_clip_trimmed_by_an_edit_list_is_not_called_damaged(tmp_path, whole):
    # As phones trim: the edit list starts in the middle of a group of pictures.
    data = bytearray((whole / "clip.mp4").read_bytes())
    at = data.index(b"elst") + 4
    version, count = data[at], struct.unpack_from(">I", data, at + 4)[0]
    assert (version, count) == (0, 1)
    duration, start = struct.unpack_from(">Ii", data, at + 8)
    shorter, ticks = duration * 40 // FRAMES, 20 * 512  # mp4 at 25 frames/s: 512 ticks a frame
    struct.pack_into(">Ii", data, at + 8, shorter, start + ticks)
    (tmp_path / "a.mp4").write_bytes(data)
    frames = list(read_frames(tmp_path / "a.mp4"))
    assert abs(len(frames) - 40) <= 1
    whole_frames = list(read_frames(whole / "clip.mp4"))
    np.testing.assert_array_equal(frames[:38], whole_frames[20:58])
