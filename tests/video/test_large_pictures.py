"""Pictures of very many pixels: read smaller, said, never a warning of a library."""

import warnings

import numpy as np
import pytest
from PIL import Image

from jvst.errors import InputError
from jvst.video import probe, read_picture


@pytest.fixture(autouse=True)
def no_warning_is_let_through():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def halves(height, width):
    picture = np.full((height, width, 3), 40, np.uint8)
    picture[:, width // 2 :] = 200
    return picture


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tiff"])
def test_a_picture_over_the_limit_is_reduced_by_a_whole_number_and_said(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    Image.fromarray(halves(120, 320)).save(path)
    told = []
    picture = read_picture(path, largest=120 * 320 // 5, on_notice=told.append)
    assert picture.shape == (30, 80, 3)
    assert np.abs(picture.astype(int) - halves(30, 80))[:, ::4].max() <= 4
    assert len(told) == 1 and "80x30" in told[0]


@pytest.mark.parametrize("mode", ["L", "1", "P", "RGBA", "CMYK", "I;16"])
def test_every_kind_of_picture_can_be_reduced(tmp_path, mode):
    grey = np.full((64, 64), 180, np.uint8)
    if mode == "I;16":
        picture = Image.fromarray(grey.astype(np.uint16) * 257)
    elif mode == "1":
        picture = Image.fromarray(grey > 0)
    else:
        picture = Image.fromarray(grey).convert("RGB").convert(mode)
    picture.save(tmp_path / "a.tiff")
    whole, small = (read_picture(tmp_path / "a.tiff", largest=n) for n in (None, 1024))
    assert small.shape == (32, 32, 3)
    assert abs(small.mean() - whole.mean()) <= 1  # the palette's picture is dithered


def test_a_picture_within_the_limit_is_as_it_was(tmp_path):
    Image.fromarray(halves(12, 32)).save(tmp_path / "a.png")
    told = []
    picture = read_picture(tmp_path / "a.png", largest=12 * 32, on_notice=told.append)
    np.testing.assert_array_equal(picture, halves(12, 32))
    assert not told


def test_what_no_memory_holds_is_refused_by_its_size(tmp_path, monkeypatch):
    monkeypatch.setattr("jvst.video.pictures._LARGEST_DECODED", 1000)
    Image.fromarray(halves(40, 60)).save(tmp_path / "a.png")
    with pytest.raises(InputError, match=r"60x40; expected at most"):
        read_picture(tmp_path / "a.png", largest=600)
    # A jpg is made smaller while it is decoded.
    Image.fromarray(halves(40, 60)).save(tmp_path / "a.jpg")
    assert read_picture(tmp_path / "a.jpg", largest=600).shape == (20, 30, 3)


def test_a_picture_that_the_memory_can_not_take_is_not_called_damaged(tmp_path, monkeypatch):
    def fail(*_, **__):
        raise MemoryError

    Image.fromarray(halves(40, 60)).save(tmp_path / "a.png")
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", fail)
    with pytest.raises(InputError, match="memory"):
        read_picture(tmp_path / "a.png")


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_a_painting_of_182_megapixels_is_read(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    Image.new("L", (14000, 13000), 90).save(path)
    told = []
    picture = read_picture(path, largest=64_000_000, on_notice=told.append)
    assert picture.shape == (6500, 7000, 3)
    assert "182 megapixels" in told[0]
    assert (probe(path).width, probe(path).height) == (14000, 13000)
