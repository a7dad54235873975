"""What can be a clip, which of its frames are read, and what is said of everything else."""

from fractions import Fraction
from pathlib import Path

import av
import imageio.v3 as iio
import numpy as np
import pytest

from jvst.errors import InputError
from jvst.video import probe, read_frames, try_film, write_video


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


@pytest.mark.parametrize("name", ["frames/", "frames", "frames/x_%d.png", "deep/er/%03d.png"])
def test_folders_and_patterns_keep_every_pixel(tmp_path, name):
    clip = smooth_clip(11, height=9, width=7)
    write_video(f"{tmp_path}/{name}", clip, frame_rate=Fraction(25))
    info = probe(f"{tmp_path}/{name}")
    assert (info.frames, info.width, info.height, info.frame_rate) == (11, 7, 9, 25)
    np.testing.assert_array_equal(list(read_frames(f"{tmp_path}/{name}")), clip)


def test_shorter_film_replaces_as_much_of_a_longer_one_as_is_said_to_be_its_own(tmp_path):
    write_video(tmp_path / "f", smooth_clip(7), frame_rate=Fraction(25))
    write_video(tmp_path / "f", smooth_clip(3), frame_rate=Fraction(25))
    assert len(list((tmp_path / "f").iterdir())) == 7
    write_video(tmp_path / "f", smooth_clip(3), frame_rate=Fraction(25), earlier=5)
    assert sorted(p.name for p in (tmp_path / "f").iterdir()) == [
        f"frame_{n:04d}.png" for n in (1, 2, 3, 6, 7)
    ]


@pytest.mark.parametrize("name", ["clip.mp4", "clip.gif", "new/clip.webm", "new/%d.png", "new/"])
def test_a_film_is_tried_without_a_trace(tmp_path, name):
    (tmp_path / "clip.mp4").write_bytes(b"mine")
    try_film(f"{tmp_path}/{name}", (33, 20), frame_rate=Fraction(25))
    assert [path.name for path in tmp_path.iterdir()] == ["clip.mp4"]
    assert (tmp_path / "clip.mp4").read_bytes() == b"mine"


def test_folder_is_read_in_natural_order_without_other_files(tmp_path):
    for number in (10, 2, 1):
        iio.imwrite(tmp_path / f"frame_{number}.png", np.full((4, 5, 3), number, np.uint8))
    (tmp_path / "notes.txt").write_text("no picture")
    (tmp_path / ".hidden.png").write_bytes(b"")
    for source in (tmp_path, tmp_path / "frame_*.png"):
        assert [frame[0, 0, 0] for frame in read_frames(source)] == [1, 2, 10]


def test_printf_pattern_takes_all_numbers_that_it_would_write(tmp_path):
    for number in (7, 8, 9, 10, 12):
        iio.imwrite(tmp_path / f"x{number:02d}.png", np.full((4, 5, 3), number, np.uint8))
    iio.imwrite(tmp_path / "x5.png", np.zeros((4, 5, 3), np.uint8))  # not as the pattern writes 5
    values = [frame[0, 0, 0] for frame in read_frames(tmp_path / "x%02d.png")]
    assert values == [7, 8, 9, 10, 12]


@pytest.mark.parametrize("name", ["clip.mp4", "clip.webm", "clip.gif", "clip/"])
def test_start_and_stop_choose_frames_like_a_slice(tmp_path, name):
    path = f"{tmp_path}/{name}"
    write_video(path, smooth_clip(8), frame_rate=Fraction(25))
    whole = list(read_frames(path))
    for start, stop in ((0, 3), (2, 5), (6, None), (7, 8), (3, 99)):
        np.testing.assert_array_equal(
            list(read_frames(path, start=start, stop=stop)), whole[start:stop]
        )


@pytest.mark.parametrize("name", ["clip.mp4", "clip.webm", "clip/"])
@pytest.mark.parametrize(("start", "stop"), [(-1, None), (0, -2), (8, None), (3, 3), (5, 2)])
def test_range_that_the_clip_lacks_is_refused(tmp_path, name, start, stop):
    path = f"{tmp_path}/{name}"
    write_video(path, smooth_clip(8), frame_rate=Fraction(25))
    with pytest.raises(InputError, match=r"video|8 frames") as caught:
        list(read_frames(path, start=start, stop=stop))
    assert "\n" not in str(caught.value)


def test_frames_are_read_when_they_are_asked_for(tmp_path):
    write_video(tmp_path / "f", smooth_clip(4), frame_rate=Fraction(25))
    reader = read_frames(tmp_path / "f")
    (tmp_path / "f" / "frame_0003.png").unlink()
    next(reader), next(reader)
    with pytest.raises(InputError, match=r"frame_0003\.png doesn't exist"):
        next(reader)


@pytest.mark.parametrize("name", ["clip.mp4", "clip.gif", "clip/"])
def test_reader_left_early_closes_its_files(tmp_path, name):
    path = f"{tmp_path}/{name}"
    write_video(path, smooth_clip(5), frame_rate=Fraction(25))
    read_frames(path)  # never started
    reader = read_frames(path)
    next(reader)
    reader.close()
    held = [p.resolve() for p in Path("/proc/self/fd").iterdir()] if Path("/proc").exists() else []
    assert not [p for p in held if tmp_path in p.parents]


def test_names_that_look_like_protocols_and_patterns_are_names(tmp_path):
    (tmp_path / "50%").mkdir()
    for name in ("a:b.mp4", "50%/x.mp4", "ünï [1].mp4"):
        write_video(tmp_path / name, smooth_clip(2), frame_rate=Fraction(25))
        assert len(list(read_frames(tmp_path / name))) == 2


def _bad_sources(folder):
    rng = np.random.default_rng(0)
    (folder / "empty").mkdir()
    (folder / "noise.mp4").write_bytes(rng.bytes(5000))
    (folder / "zero.mp4").write_bytes(b"")
    (folder / "notes.txt").write_text("A film about a house.\n" * 50)
    (folder / "bad.png").write_bytes(b"no picture")
    with av.open(str(folder / "sound.m4a"), "w") as output:
        output.add_stream("aac", rate=44100)
        output.start_encoding()
    with av.open(str(folder / "frameless.avi"), "w") as output:
        stream = output.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 16, 16, "yuv420p"
        output.start_encoding()
    return folder


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("missing.mp4", "doesn't exist"),
        ("", "empty"),
        ("empty", "has no pictures"),
        ("empty/%04d.png", "matches no file"),
        ("nowhere/%04d.png", "matches no file"),
        ("empty/*.png", "matches no file"),
        ("noise.mp4", "not a video"),
        ("zero.mp4", "not a video"),
        ("notes.txt", "video"),
        ("bad.png", "not a picture"),
        ("sound.m4a", "no video stream"),
        ("frameless.avi", "no frames"),
    ],
)
def test_source_that_is_no_clip_is_one_line(tmp_path, name, says):
    source = str(_bad_sources(tmp_path) / name) if name else name
    for use in (probe, read_frames):
        with pytest.raises(InputError, match=says) as caught:
            use(source)
        assert "\n" not in str(caught.value)


def test_pictures_of_different_sizes_are_named_before_any_is_read(tmp_path):
    for number, width in enumerate((6, 6, 5, 4)):
        iio.imwrite(tmp_path / f"{number}.png", np.zeros((3, width, 3), np.uint8))
    with pytest.raises(InputError, match=r"2\.png is 5x3 but 0\.png is 6x3"):
        read_frames(tmp_path)


@pytest.mark.parametrize(
    ("folder", "name", "source"),
    [
        ("a", "50%done_{:04d}.png", "a/50%done_%04d.png"),
        ("a%d", "x_{}.png", "a%d/x_%d.png"),
        ("shot [final]", "x_{}.png", "shot [final]/*.png"),
        ("shot [final]", "x [{}].png", "shot [final]/x [[]*.png"),
        ("shot [final]/in", "x_{}.png", "shot [final]/i?/*.png"),
        ("*", "x_{}.png", "*/x_*.png"),
    ],
)
def test_names_that_look_like_patterns_are_tried_as_they_are_first(tmp_path, folder, name, source):
    (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "decoy").mkdir()
    iio.imwrite(tmp_path / "decoy" / "x_9.png", np.full((4, 5, 3), 9, np.uint8))
    for number in (1, 2):
        path = tmp_path / folder / name.format(number)
        iio.imwrite(path, np.full((4, 5, 3), number, np.uint8))
    assert [frame[0, 0, 0] for frame in read_frames(tmp_path / source)] == [1, 2]


def test_a_pattern_with_brackets_that_matches_nothing_says_what_they_mean(tmp_path):
    with pytest.raises(InputError, match=r"\[\[\] for a bracket"):
        probe(tmp_path / "shot [final]*.png")
