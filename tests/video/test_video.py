"""Reading any clip and writing any film."""

import errno
import struct
import weakref
from fractions import Fraction
from pathlib import Path

import av
import imageio.v3 as iio
import numpy as np
import pytest
from support.raw_video import write_raw

from jvst._files import temporary_beside
from jvst.errors import InputError
from jvst.video import probe, read_frames, write_video

NTSC = Fraction(30000, 1001)


def smooth_clip(frames=6, height=48, width=64):
    """Gradients that move: what video codecs are made for."""
    rows, columns = np.mgrid[:height, :width]
    return [
        np.stack(
            [
                127 + 120 * np.sin(columns / 17 + t / 5),
                127 + 120 * np.cos(rows / 13 - t / 7),
                127 + 100 * np.sin((rows + columns) / 29 + t / 3),
            ],
            axis=-1,
        ).astype(np.uint8)
        for t in range(frames)
    ]


def quarters(height=48, width=64):
    """Red, green, blue and white quarters: no turn or mirror leaves them as they are."""
    frame = np.zeros((height, width, 3), np.uint8)
    frame[: height // 2, : width // 2] = 255, 0, 0
    frame[: height // 2, width // 2 :] = 0, 255, 0
    frame[height // 2 :, : width // 2] = 0, 0, 255
    frame[height // 2 :, width // 2 :] = 255
    return frame


def psnr(first, second):
    difference = np.asarray(first, np.float64) - np.asarray(second, np.float64)
    return 10 * np.log10(255**2 / max(np.mean(difference**2), 1e-9))


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".webm"])
def test_smooth_clip_survives_a_round_trip(tmp_path, suffix):
    path, clip = tmp_path / f"clip{suffix}", smooth_clip()
    write_video(path, clip, frame_rate=NTSC)
    info = probe(path)
    assert (info.width, info.height, info.frame_rate) == (64, 48, NTSC)
    assert info.frames in (len(clip), None) and not info.has_audio
    frames = list(read_frames(path))
    assert len(frames) == len(clip)
    assert all(frame.dtype == np.uint8 and frame.flags["C_CONTIGUOUS"] for frame in frames)
    assert min(map(psnr, frames, clip)) > 30
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize(
    "rate", [Fraction(24000, 1001), Fraction(25), Fraction(60), Fraction(25, 2)]
)
@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".webm"])
def test_frame_rate_is_kept_exactly(tmp_path, suffix, rate):
    write_video(tmp_path / f"clip{suffix}", smooth_clip(4), frame_rate=rate)
    assert probe(tmp_path / f"clip{suffix}").frame_rate == rate


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".webm"])
@pytest.mark.parametrize("size", [(48, 64), (720, 64)])
def test_saturated_colours_come_back_within_4_levels(tmp_path, suffix, size):
    colours = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (200, 30, 90)]
    for colour in colours:
        flat = np.full((*size, 3), colour, np.uint8)
        write_video(tmp_path / f"flat{suffix}", [flat] * 2, frame_rate=Fraction(25))
        for frame in read_frames(tmp_path / f"flat{suffix}"):
            assert np.abs(frame.astype(int) - flat).max() <= 4
    # The matrix and range are said in the stream, so players need not guess: BT.709, limited.
    with av.open(str(tmp_path / f"flat{suffix}")) as container:
        frame = next(container.decode(video=0))
        assert (frame.colorspace, frame.color_range) == (1, 1)


@pytest.mark.parametrize(("height", "matrix"), [(480, "ITU601"), (720, "ITU709")])
def test_untagged_video_is_read_with_the_matrix_that_players_guess(tmp_path, height, matrix):
    flat = np.full((height, 32, 3), (0, 200, 40), np.uint8)
    with av.open(str(tmp_path / "a.mkv"), "w") as output:
        stream = output.add_stream("ffv1", rate=25)
        stream.height, stream.width, stream.pix_fmt = height, 32, "yuv444p"
        picture = av.VideoFrame.from_ndarray(flat, format="rgb24").reformat(
            format="yuv444p", dst_colorspace=matrix
        )
        picture.colorspace, picture.pts = 2, 0
        output.mux(stream.encode(picture))
        output.mux(stream.encode())
    frame = next(iter(read_frames(tmp_path / "a.mkv")))
    assert np.abs(frame.astype(int) - flat).max() <= 4


@pytest.mark.parametrize("pixel_format", ["yuv420p10le", "yuv444p", "yuv444p10le", "bgr0"])
def test_deep_and_unsubsampled_video_is_read(tmp_path, pixel_format):
    clip = smooth_clip(2)
    write_raw(tmp_path / "a.mkv", clip, codec="ffv1", pixel_format=pixel_format)
    assert min(map(psnr, read_frames(tmp_path / "a.mkv"), clip)) > 35


@pytest.mark.parametrize(("rotation", "turns"), [(0, 0), (90, 1), (180, 2), (-90, 3)])
def test_rotated_phone_video_is_turned_upright(tmp_path, rotation, turns):
    write_raw(tmp_path / "a.mp4", [quarters()] * 2, rotation=rotation)
    expected = np.rot90(quarters(), turns)  # anticlockwise, as the rotation
    info = probe(tmp_path / "a.mp4")
    assert (info.height, info.width) == expected.shape[:2]
    frames = list(read_frames(tmp_path / "a.mp4"))
    assert len(frames) == 2
    assert psnr(frames[0][4:-4, 4:-4], expected[4:-4, 4:-4]) > 20


def test_display_matrix_in_the_file_is_obeyed(tmp_path):
    # By hand, as ISO/IEC 14496-12 has it: x' = -y, y' = x is a quarter turn clockwise.
    path = tmp_path / "a.mp4"
    write_raw(path, [quarters()])
    identity = struct.pack(">9i", 1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)
    clockwise = struct.pack(">9i", 0, 1 << 16, 0, -(1 << 16), 0, 0, 48 << 16, 0, 1 << 30)
    data = path.read_bytes()
    at = data.index(identity, data.index(b"tkhd"))
    path.write_bytes(data[:at] + clockwise + data[at + 36 :])
    (frame,) = read_frames(path)
    assert psnr(frame[4:-4, 4:-4], np.rot90(quarters(), -1)[4:-4, 4:-4]) > 20


@pytest.mark.parametrize(("aspect", "width"), [(Fraction(4, 3), 85), (Fraction(1, 2), 32)])
def test_pixels_become_square_and_rows_stay(tmp_path, aspect, width):
    write_raw(tmp_path / "a.mp4", [quarters()], sample_aspect_ratio=aspect)
    assert (probe(tmp_path / "a.mp4").width, probe(tmp_path / "a.mp4").height) == (width, 48)
    (frame,) = read_frames(tmp_path / "a.mp4")
    assert frame.shape == (48, width, 3)
    assert psnr(frame[4:20, 4 : width // 2 - 4], np.full(3, (255, 0, 0))) > 25


def test_wide_pixels_turned_upright_become_narrow(tmp_path):
    write_raw(tmp_path / "a.mp4", [quarters()], sample_aspect_ratio=Fraction(2), rotation=90)
    (frame,) = read_frames(tmp_path / "a.mp4")
    assert frame.shape == (64, 24, 3)  # 48 wide as stored pixels, each half as wide as high


def test_varying_frame_rate_is_averaged(tmp_path):
    times = [
        0,
        1,
        2,
        6,
        7,
        8,
        12,
        13,
    ]  # in 1/24 s; the last frame is shown as long as the one before
    write_raw(tmp_path / "a.mp4", smooth_clip(8), rate=24, times=times, max_b_frames=0)
    assert float(probe(tmp_path / "a.mp4").frame_rate) == pytest.approx(8 / (14 / 24), rel=0.01)
    assert len(list(read_frames(tmp_path / "a.mp4"))) == 8


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_odd_sizes_are_padded_by_repeating_the_edge(tmp_path, suffix):
    clip = smooth_clip(3, height=47, width=63)
    write_video(tmp_path / f"a{suffix}", clip, frame_rate=Fraction(25), quality=5)
    frames = list(read_frames(tmp_path / f"a{suffix}"))
    padded = [np.pad(frame, ((0, 1), (0, 1), (0, 0)), mode="edge") for frame in clip]
    assert frames[0].shape == (48, 64, 3)
    assert min(map(psnr, frames, padded)) > 35


@pytest.mark.parametrize("suffix", [".webm", ".gif"])
def test_odd_sizes_are_kept_where_they_can_be(tmp_path, suffix):
    clip = smooth_clip(3, height=47, width=63)
    write_video(tmp_path / f"a{suffix}", clip, frame_rate=Fraction(25))
    frames = list(read_frames(tmp_path / f"a{suffix}"))
    assert frames[0].shape == (47, 63, 3)
    assert min(map(psnr, frames, clip)) > 28


def test_gif_keeps_frames_and_average_rate(tmp_path):
    clip = smooth_clip(12)
    write_video(tmp_path / "a.gif", clip, frame_rate=Fraction(30))
    info = probe(tmp_path / "a.gif")
    assert info.frames == 12
    assert float(info.frame_rate) == pytest.approx(30, rel=0.02)
    frames = list(read_frames(tmp_path / "a.gif"))
    assert len(frames) == 12
    assert min(map(psnr, frames, clip)) > 26


def test_transparent_gif_lies_on_white(tmp_path):
    picture = np.zeros((20, 30, 4), np.uint8)
    picture[:, :15] = 0, 0, 255, 255
    iio.imwrite(tmp_path / "a.gif", [picture, picture], mode="RGBA", duration=100)
    frame = next(iter(read_frames(tmp_path / "a.gif")))
    assert (frame[:, :15] == (0, 0, 255)).all()
    assert (frame[:, 15:] == 255).all()


def test_better_quality_is_a_larger_file(tmp_path):
    for suffix in (".mp4", ".webm"):
        sizes = []
        for quality in (10, 40):
            write_video(tmp_path / f"a{suffix}", smooth_clip(), frame_rate=NTSC, quality=quality)
            sizes.append((tmp_path / f"a{suffix}").stat().st_size)
        assert sizes[0] > 1.3 * sizes[1]


@pytest.mark.parametrize("name", ["a.xyz", "a.avi", "a_%d.bmp"])
def test_unknown_suffix_is_refused_with_those_that_are_known(tmp_path, name):
    with pytest.raises(InputError, match=r"\.mp4.*\.webm.*\.gif|\.png.*\.jpg"):
        write_video(tmp_path / name, smooth_clip(1), frame_rate=Fraction(25))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "options",
    [{"quality": 52}, {"quality": -1}, {"frame_rate": Fraction(0)}, {"audio_start": -1.0}],
)
def test_options_out_of_range_are_refused(tmp_path, options):
    with pytest.raises(InputError, match="expected"):
        write_video(tmp_path / "a.mp4", smooth_clip(1), **{"frame_rate": NTSC, **options})


@pytest.mark.parametrize("name", ["a.mp4", "a.gif", "a/"])
def test_frames_that_do_not_fit_are_refused(tmp_path, name):
    path = f"{tmp_path}/{name}"
    for frames, says in (
        ([], "no frames"),
        ([np.zeros((4, 4, 3), np.uint8), np.zeros((4, 6, 3), np.uint8)], "frame 1 .*6x4.*4x4"),
        ([np.zeros((4, 4, 3), np.float32)], "float32"),
    ):
        with pytest.raises(InputError, match=says):
            write_video(path, iter(frames), frame_rate=NTSC)


@pytest.mark.parametrize("name", ["a.mp4", "a.webm", "a.gif", "a/"])
def test_frames_are_taken_one_at_a_time(tmp_path, name):
    held = weakref.WeakValueDictionary()

    def frames():
        for number in range(40):
            held[number] = frame = np.full((16, 16, 3), number, np.uint8)
            yield frame
            assert len(held) <= 4

    write_video(f"{tmp_path}/{name}", frames(), frame_rate=NTSC)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".webm", ".gif"])
def test_failure_leaves_what_was_there_before(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    path.write_bytes(b"before")

    def frames():
        yield from smooth_clip(4)
        raise RuntimeError("the solver failed")

    with pytest.raises(RuntimeError, match="the solver failed"):
        write_video(path, frames(), frame_rate=NTSC)
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]


def test_errors_of_the_frames_own_source_are_not_taken_for_the_outputs(tmp_path):
    def frames():
        yield from smooth_clip(2)
        raise OSError(errno.EIO, "the camera is gone")

    with pytest.raises(OSError, match="the camera is gone") as caught:
        write_video(tmp_path / "a.mp4", frames(), frame_rate=NTSC)
    assert not isinstance(caught.value, InputError)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".webm", ".gif"])
@pytest.mark.parametrize("size", [(16, 16), (240, 320)])
def test_full_disk_is_one_line_and_leaves_nothing(tmp_path, monkeypatch, suffix, size):
    noise = np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)
    # The temporary file is a link to the full device, whatever it is called.
    monkeypatch.setattr("jvst._files.secrets.token_hex", lambda _: "0")
    temporary_beside(tmp_path / f"a{suffix}").symlink_to("/dev/full")
    with pytest.raises(InputError, match="disk is full") as caught:
        write_video(tmp_path / f"a{suffix}", [noise] * 3, frame_rate=Fraction(25), quality=1)
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["file.txt/a.mp4", "file.txt/frames/"])
def test_folder_that_can_not_be_made_is_one_line(tmp_path, name):
    (tmp_path / "file.txt").write_text("not a folder")
    with pytest.raises(InputError, match="can't be written") as caught:
        write_video(f"{tmp_path}/{name}", smooth_clip(1), frame_rate=NTSC)
    assert "\n" not in str(caught.value)
