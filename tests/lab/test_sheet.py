import numpy as np
import pytest

from jvst.lab.sheet import contact_sheet


def grey(level, height=40, width=60):
    return np.full((height, width, 3), level, np.uint8)


def test_a_sheet_shows_the_painting_then_frames_above_their_paintings():
    clip, stylized = [grey(i) for i in range(5)], [grey(100 + i) for i in range(5)]
    sheet = contact_sheet(clip, stylized, [grey(200, 90, 30)], columns=3)
    assert sheet.shape == (2 * 46, 4 * 66, 3)
    assert [sheet[20, 66 * i + 30, 0] for i in (1, 2, 3)] == [0, 2, 4]
    assert [sheet[66, 66 * i + 30, 0] for i in (1, 2, 3)] == [100, 102, 104]
    assert sheet[46, 30, 0] == 200


def test_a_sheet_of_two_paintings_has_both():
    sheet = contact_sheet([grey(1)], [grey(2)], [grey(200), grey(210)], columns=4)
    assert sheet[20, 30, 0] == 200
    assert sheet[66, 30, 0] == 210


def test_a_sheet_needs_as_many_frames_before_as_after():
    with pytest.raises(ValueError, match="expected as many"):
        contact_sheet([grey(1)], [], [grey(2)], columns=1)
