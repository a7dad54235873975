"""Pictures with colour profiles, as sRGB."""

import itertools
import struct

import numpy as np
import pytest
from PIL import Image, ImageCms, PngImagePlugin
from support.colour_profiles import (
    ADOBE_GAMMA,
    ADOBE_RGB,
    SRGB,
    cmyk_profile,
    encoded,
    grey_profile,
    ink_lab,
    lab_to_srgb,
    matrix_profile,
    to_xyz,
)

from jvst.video import read_frames, read_picture

GREEN = (60, 200, 60)


def flat(colour, mode):
    return Image.new(mode, (5, 4), tuple(int(value) for value in colour))


def pixel(path):
    picture = read_picture(path)
    assert (picture == picture[0, 0]).all()
    return picture[0, 0].astype(int)


@pytest.mark.parametrize("suffix", [".png", ".tiff", ".webp", ".jpg"])
def test_adobe_rgb_becomes_srgb(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    options = {"lossless": True} if suffix == ".webp" else {}
    profile = matrix_profile(ADOBE_RGB, ADOBE_GAMMA)
    flat(GREEN, "RGB").save(path, icc_profile=profile, **options)
    linear = (np.array(GREEN) / 255) ** ADOBE_GAMMA
    expected = encoded(np.linalg.solve(to_xyz(SRGB), to_xyz(ADOBE_RGB) @ linear))
    np.testing.assert_array_equal(expected, (0, 201, 37))
    assert np.abs(pixel(path) - expected).max() <= (3 if suffix == ".jpg" else 1)
    assert np.abs(next(iter(read_frames(path)))[0, 0] - expected).max() <= 3


@pytest.mark.parametrize("inks", list(itertools.product((0, 1), repeat=4)))
def test_inks_are_what_their_profile_says(tmp_path, inks):
    picture = flat(np.array(inks) * 255, "CMYK")
    picture.save(tmp_path / "a.tiff", icc_profile=cmyk_profile())
    # The table holds 8 bits of Lab.
    assert np.abs(pixel(tmp_path / "a.tiff") - lab_to_srgb(ink_lab(inks))).max() <= 2


def test_grey_with_a_profile_is_read_with_it(tmp_path):
    flat((100,), "L").save(tmp_path / "a.png", icc_profile=grey_profile(1.8))
    assert np.abs(pixel(tmp_path / "a.png") - encoded((100 / 255) ** 1.8)).max() <= 1


def test_colours_under_transparency_are_converted_too(tmp_path):
    profile = matrix_profile(ADOBE_RGB, ADOBE_GAMMA)
    flat((*GREEN, 128), "RGBA").save(tmp_path / "a.png", icc_profile=profile)
    share = 128 / 255
    expected = share * np.array((0, 201, 37)) + (1 - share) * 255
    assert np.abs(pixel(tmp_path / "a.png") - expected).max() <= 1


def test_the_profile_of_srgb_changes_no_pixel(tmp_path):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    pixels = np.random.default_rng(0).integers(0, 256, (30, 40, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png", icc_profile=profile)
    np.testing.assert_array_equal(read_picture(tmp_path / "a.png"), pixels)


@pytest.mark.parametrize("profile", [b"no profile", grey_profile(2.2)])
def test_a_profile_that_does_not_fit_is_left_out_and_said(tmp_path, profile):
    flat(GREEN, "RGB").save(tmp_path / "a.png", icc_profile=profile)
    told = []
    picture = read_picture(tmp_path / "a.png", on_notice=told.append)
    assert (picture == GREEN).all()
    assert len(told) == 1 and "profile" in told[0] and "\n" not in told[0]


@pytest.mark.parametrize(
    ("gamma", "expected"),
    [(1.0, encoded(100 / 255)), (1 / 2.2, 100), (0.6, encoded((100 / 255) ** (1 / 0.6)))],
)
def test_a_png_of_another_gamma_is_read_with_it(tmp_path, gamma, expected):
    notes = PngImagePlugin.PngInfo()
    notes.add(b"gAMA", struct.pack(">I", round(100_000 * gamma)))
    flat((100,), "L").save(tmp_path / "a.png", pnginfo=notes)
    assert np.abs(pixel(tmp_path / "a.png") - expected).max() <= 1


def test_lab_is_read_without_a_profile(tmp_path):
    flat((128, 128, 128), "LAB").save(tmp_path / "a.tiff")
    assert np.abs(pixel(tmp_path / "a.tiff") - lab_to_srgb((50.2, 0, 0))).max() <= 2
