"""The same frames give the same film, byte for byte."""

from fractions import Fraction

import numpy as np
import pytest

from jvst.synthetic import make_scene, render
from jvst.video import write_video

NAMES = ("film.mp4", "film.mkv", "film.mov", "film.gif")


@pytest.fixture(scope="module")
def frames():
    scene = make_scene("demo", width=450, height=350)
    return [render(scene, t, supersampling=1) for t in range(3)]


@pytest.mark.parametrize("name", [*NAMES, pytest.param("film.webm", marks=pytest.mark.slow)])
def test_a_film_is_the_same_whatever_was_in_memory_before(tmp_path, frames, name):
    rng = np.random.default_rng(0)
    films, held = set(), []
    for _ in range(4):
        held = [np.full(size, size % 251, np.uint8) for size in rng.integers(1, 3_000_000, 4)]
        write_video(tmp_path / name, frames, frame_rate=Fraction(25))
        films.add((tmp_path / name).read_bytes())
    assert held and len(films) == 1
