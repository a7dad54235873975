"""Moving pictures, and what a file holds whatever it is called."""

from fractions import Fraction

import numpy as np
import pytest
from PIL import Image

from jvst.errors import InputError
from jvst.video import probe, read_frames, read_picture, read_timed_frames, write_video

COLOURS = ((200, 40, 40), (40, 200, 40), (40, 40, 200), (90, 90, 90))
MILLISECONDS = (100, 250, 40, 400)


def write_animation(path, **options):
    pictures = [Image.new("RGB", (40, 36), colour) for colour in COLOURS]
    pictures[0].save(
        path,
        save_all=True,
        append_images=pictures[1:],
        duration=list(MILLISECONDS),
        **options,
    )


@pytest.mark.parametrize(
    ("name", "options"),
    [("a.webp", {"lossless": True}), ("a.png", {}), ("a.gif", {}), ("a.avif", {"quality": 100})],
)
def test_a_moving_picture_is_a_clip_with_its_times(tmp_path, name, options):
    write_animation(tmp_path / name, **options)
    info = probe(tmp_path / name)
    assert (info.frames, info.width, info.height, info.has_times) == (4, 40, 36, True)
    assert float(info.frame_rate) == pytest.approx(4 / 0.79)
    frames = list(read_timed_frames(tmp_path / name))
    assert [1000 * frame.duration for frame in frames] == list(MILLISECONDS)
    for frame, colour in zip(frames, COLOURS, strict=True):
        assert np.abs(frame.pixels[5, 5].astype(int) - colour).max() <= 3
    part = list(read_timed_frames(tmp_path / name, start=1, stop=3))
    assert [1000 * frame.time for frame in part] == [100, 350]


def test_as_a_painting_a_moving_picture_is_its_first_frame(tmp_path):
    write_animation(tmp_path / "a.webp", lossless=True)
    assert (read_picture(tmp_path / "a.webp") == COLOURS[0]).all()


def test_transparent_animations_lie_on_white(tmp_path):
    pictures = [Image.new("RGBA", (8, 8), (200, 0, 0, alpha)) for alpha in (0, 255)]
    pictures[0].save(
        tmp_path / "a.webp", save_all=True, append_images=pictures[1:], lossless=True, exact=True
    )
    first, second = read_frames(tmp_path / "a.webp")
    assert (first == 255).all()
    assert (second == (200, 0, 0)).all()


@pytest.mark.parametrize("name", ["clip.png", "clip.jpg", "clip", "clip.txt"])
def test_a_video_under_any_name_is_a_video(tmp_path, name):
    clip = [np.full((48, 64, 3), 20 * t, np.uint8) for t in range(5)]
    write_video(tmp_path / "a.mp4", clip, frame_rate=Fraction(25))
    (tmp_path / "a.mp4").rename(tmp_path / name)
    assert len(list(read_frames(tmp_path / name))) == 5


@pytest.mark.parametrize("name", ["picture.mp4", "picture", "picture.jpg"])
def test_a_picture_under_any_name_is_a_picture(tmp_path, name):
    pixels = np.random.default_rng(0).integers(0, 256, (36, 40, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    (tmp_path / "a.png").rename(tmp_path / name)
    (frame,) = read_frames(tmp_path / name)
    np.testing.assert_array_equal(frame, pixels)


def test_a_cut_animation_is_one_line(tmp_path):
    write_animation(tmp_path / "a.webp", lossless=True)
    data = (tmp_path / "a.webp").read_bytes()
    (tmp_path / "a.webp").write_bytes(data[: len(data) // 2])
    with pytest.raises(InputError, match=r"not a picture|not a video") as caught:
        list(read_frames(tmp_path / "a.webp"))
    assert "\n" not in str(caught.value)
