"""Reading a folder of pictures, and tiles of one size."""

import cv2
import numpy as np
import pytest
from support.teachers import write_pictures

from jvst.errors import InputError
from jvst.lab.training.pictures import read_pictures, read_tile


def test_pictures_come_as_rgb_in_the_order_of_their_names(tmp_path):
    folder = write_pictures(tmp_path / "photos")
    (folder / "readme.txt").write_text("no picture")
    pictures = read_pictures(folder, least=64)
    assert pictures.shape == (3, 64, 72, 3)
    for number, picture in enumerate(pictures):
        written = cv2.imread(str(folder / f"{number}.png"))[..., ::-1]
        np.testing.assert_array_equal(picture, written)


@pytest.mark.parametrize(
    ("sizes", "said"),
    [
        ((), "holds no pictures"),
        (((64, 72), (64, 72), (72, 64)), "2.png is 64×72 and 0.png 72×64"),
        (((56, 72),), "at least 64 pixels"),
    ],
)
def test_a_folder_that_will_not_do_is_refused_in_one_line(tmp_path, sizes, said):
    with pytest.raises(InputError, match=said) as error:
        read_pictures(write_pictures(tmp_path / "photos", sizes), least=64)
    assert "\n" not in str(error.value)


def test_what_is_no_folder_and_what_is_no_picture_is_refused(tmp_path):
    with pytest.raises(InputError, match="is no folder"):
        read_pictures(tmp_path / "none", least=64)
    folder = write_pictures(tmp_path / "photos")
    (folder / "3.jpg").write_bytes(b"no picture")
    with pytest.raises(InputError, match=r"3\.jpg is not a picture"):
        read_pictures(folder, least=64)


def test_a_tile_is_the_middle_of_a_picture(tmp_path):
    picture = np.zeros((20, 40, 3), np.uint8)
    picture[:, 10:30] = 200
    cv2.imwrite(str(tmp_path / "bars.png"), picture)
    np.testing.assert_array_equal(read_tile(tmp_path / "bars.png", width=10, height=10), 200)
