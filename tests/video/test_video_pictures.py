"""Single pictures: a style image, one frame."""

import os

import cv2
import imageio.v3 as iio
import numpy as np
import pytest
from PIL import Image

from jvst.errors import InputError
from jvst.video import probe, read_frames, read_picture, write_picture


@pytest.fixture
def picture():
    return np.random.default_rng(0).integers(0, 256, (13, 17, 3), np.uint8)


# The eight ways of Exif 2.3 to store a scene: what a viewer does to show it.
TURNS = {
    1: lambda p: p,
    2: np.fliplr,
    3: lambda p: np.rot90(p, 2),
    4: np.flipud,
    5: lambda p: p.transpose(1, 0, 2),
    6: lambda p: np.rot90(p, -1),
    7: lambda p: np.rot90(p, 2).transpose(1, 0, 2),
    8: np.rot90,
}


def exif(orientation):
    """One entry: tag 0x0112, a short, one of it."""
    entry = b"\x12\x01\x03\x00\x01\x00\x00\x00" + bytes([orientation, 0, 0, 0])
    return b"Exif\x00\x00II*\x00\x08\x00\x00\x00\x01\x00" + entry + b"\x00\x00\x00\x00"


@pytest.mark.parametrize("suffix", [".png", ".ppm", ".tiff", ".bmp"])
def test_lossless_pictures_keep_every_pixel(tmp_path, picture, suffix):
    iio.imwrite(tmp_path / f"a{suffix}", plugin="pillow", image=picture)
    np.testing.assert_array_equal(read_picture(tmp_path / f"a{suffix}"), picture)


@pytest.mark.parametrize("suffix", [".jpg", ".webp"])
def test_lossy_pictures_are_read(tmp_path, suffix):
    flat = np.full((16, 24, 3), (180, 90, 40), np.uint8)
    iio.imwrite(tmp_path / f"a{suffix}", plugin="pillow", image=flat)
    assert np.abs(read_picture(tmp_path / f"a{suffix}").astype(int) - flat).max() <= 6


@pytest.mark.parametrize("orientation", TURNS)
@pytest.mark.parametrize("grey", [False, True])
def test_exif_orientation_turns_a_picture_upright(tmp_path, picture, orientation, grey):
    stored = picture[..., 0] if grey else picture
    iio.imwrite(tmp_path / "a.png", stored, exif=exif(orientation))
    expected = TURNS[orientation](np.repeat(stored[..., None], 3, -1) if grey else stored)
    np.testing.assert_array_equal(read_picture(tmp_path / "a.png"), expected)
    # Header-only probing and reading agree on the size.
    info = probe(tmp_path)
    assert (info.height, info.width) == expected.shape[:2]
    np.testing.assert_array_equal(next(iter(read_frames(tmp_path / "a.png"))), expected)


@pytest.mark.parametrize("orientation", TURNS)
@pytest.mark.parametrize("suffix", [".tiff", ".webp", ".jpg"])
def test_every_kind_of_file_is_turned_once(tmp_path, orientation, suffix):
    stored = np.full((24, 40, 3), 60, np.uint8)
    stored[:12, :20] = 220
    notes = Image.Exif()
    notes[0x0112] = orientation
    Image.fromarray(stored).save(tmp_path / f"a{suffix}", exif=notes)
    got, expected = read_picture(tmp_path / f"a{suffix}"), TURNS[orientation](stored)
    assert got.shape == expected.shape
    assert np.abs(got.astype(int) - expected)[::6, ::6].mean() < 3
    info = probe(tmp_path / f"a{suffix}")
    assert (info.height, info.width) == expected.shape[:2]


def test_transparency_lies_on_white(tmp_path):
    pixels = np.zeros((2, 3, 4), np.uint8)
    pixels[0] = 200, 100, 50, 255
    pixels[1, 0] = 200, 100, 50, 0
    pixels[1, 1] = 200, 100, 50, 51
    iio.imwrite(tmp_path / "a.png", pixels)
    got = read_picture(tmp_path / "a.png")
    assert (got[0] == (200, 100, 50)).all()
    assert (got[1, 0] == 255).all()
    np.testing.assert_array_equal(got[1, 1], (244, 224, 214))  # 0.2 · colour + 0.8 · 255


def test_grey_with_alpha_and_black_and_white_are_read(tmp_path):
    grey = np.arange(12, dtype=np.uint8).reshape(3, 4) * 20
    iio.imwrite(tmp_path / "la.png", np.stack([grey, np.full_like(grey, 255)], -1), mode="LA")
    iio.imwrite(tmp_path / "1.png", grey > 100)
    np.testing.assert_array_equal(read_picture(tmp_path / "la.png")[..., 1], grey)
    np.testing.assert_array_equal(read_picture(tmp_path / "1.png")[..., 2], (grey > 100) * 255)


@pytest.mark.parametrize("name", ["g.png", "g.tiff", "g.pgm", "c.png", "c.tiff", "c.ppm"])
def test_16_bit_pictures_become_8_bit(tmp_path, name):
    deep = (np.arange(13 * 17).reshape(13, 17) * 296).astype(np.uint16)
    # OpenCV, as an independent writer of 16-bit files.
    cv2.imwrite(str(tmp_path / name), np.stack([deep] * 3, -1) if name[0] == "c" else deep)
    got = read_picture(tmp_path / name)
    assert got.shape == (13, 17, 3)
    assert np.abs(got[..., 0] - deep / 257).max() <= 1


@pytest.mark.parametrize("content", [b"", b"not a picture", b"\x89PNG\r\n\x1a\n" + b"\0" * 40])
def test_file_that_is_no_picture_is_one_line(tmp_path, content):
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(InputError, match=r"a\.png is not a picture") as caught:
        read_picture(tmp_path / "a.png")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tiff", ".webp", ".bmp"])
def test_cut_picture_is_one_line(tmp_path, suffix):
    noise = np.random.default_rng(0).integers(0, 256, (200, 200, 3), np.uint8)
    iio.imwrite(tmp_path / f"a{suffix}", plugin="pillow", image=noise)
    data = (tmp_path / f"a{suffix}").read_bytes()
    (tmp_path / f"a{suffix}").write_bytes(data[: len(data) // 2])
    with pytest.raises(InputError, match="not a picture"):
        read_picture(tmp_path / f"a{suffix}")


def test_missing_picture_and_folder_are_one_line(tmp_path):
    with pytest.raises(InputError, match="doesn't exist"):
        read_picture(tmp_path / "a.png")
    with pytest.raises(InputError, match="is a folder"):
        read_picture(tmp_path)


def test_floating_point_picture_is_refused(tmp_path):
    cv2.imwrite(str(tmp_path / "a.tiff"), np.zeros((4, 5), np.float32))
    with pytest.raises(InputError, match="16-bit"):
        read_picture(tmp_path / "a.tiff")


def test_written_picture_is_read_back(tmp_path, picture):
    write_picture(tmp_path / "new" / "a.png", picture)
    np.testing.assert_array_equal(cv2.imread(str(tmp_path / "new" / "a.png"))[..., ::-1], picture)
    flat = np.full((16, 24, 3), (180, 90, 40), np.uint8)
    for suffix in (".jpg", ".jpeg", ".JPG"):
        write_picture(tmp_path / f"a{suffix}", flat)
        assert np.abs(read_picture(tmp_path / f"a{suffix}").astype(int) - flat).max() <= 3


def test_unknown_picture_suffix_is_refused(tmp_path, picture):
    with pytest.raises(InputError, match=r"\.png, \.jpg"):
        write_picture(tmp_path / "a.xyz", picture)


def test_interrupted_picture_leaves_the_one_before(tmp_path, picture, monkeypatch):
    write_picture(tmp_path / "a.png", picture)
    before = (tmp_path / "a.png").read_bytes()

    def fail(*_):
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr("pathlib.Path.replace", fail)
    with pytest.raises(InputError, match="disk is full"):
        write_picture(tmp_path / "a.png", picture // 2)
    assert (tmp_path / "a.png").read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["a.png"]
