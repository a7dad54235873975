from fractions import Fraction

import numpy as np
import pytest

from jvst.lab.loop import loop_frames, write_loop
from jvst.video.read import read_timed_frames


def grey(level, height=40, width=60):
    return np.full((height, width, 3), level, np.uint8)


def test_a_loop_goes_forth_and_back_with_the_clip_at_the_left():
    clip, stylized = [grey(i) for i in range(4)], [grey(100 + i) for i in range(4)]
    frames = loop_frames(clip, stylized)
    assert {frame.shape for frame in frames} == {(40, 126, 3)}
    assert [frame[20, 30, 0] for frame in frames] == [0, 1, 2, 3, 2, 1]
    assert [frame[20, 96, 0] for frame in frames] == [100, 101, 102, 103, 102, 101]


def test_a_written_loop_holds_its_frames_at_their_rate(tmp_path):
    frames = [grey(0), grey(80), grey(160)]
    write_loop(tmp_path / "loop.webp", frames, frame_rate=10, quality=90)
    read = list(read_timed_frames(tmp_path / "loop.webp"))
    assert [frame.time for frame in read] == [0, Fraction(1, 10), Fraction(2, 10)]
    for frame, written in zip(read, frames, strict=True):
        np.testing.assert_allclose(frame.pixels, written, atol=2)  # compression of flat grey


def test_a_loop_needs_as_many_frames_before_as_after():
    with pytest.raises(ValueError, match="expected as many"):
        loop_frames([grey(1)], [])
