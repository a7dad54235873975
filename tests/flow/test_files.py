"""Flow files: bytes, round trips, and every file that can't be used."""

import os
import struct
from pathlib import Path

import cv2
import jaxtyping
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from jvst.errors import InputError
from jvst.flow import FlowFiles, read_flow, write_flow

GOLDEN_FIELD = np.array([[[1.0, -2.0], [0.5, 0.0]], [[0.0, 0.0], [3.0, 1e9]]], np.float32)
GOLDEN_BYTES = (
    b"PIEH\x02\x00\x00\x00\x02\x00\x00\x00"
    b"\x00\x00\x80\x3f\x00\x00\x00\xc0\x00\x00\x00\x3f\x00\x00\x00\x00"
    b"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x40\x40\x28\x6b\x6e\x4e"
)

FIELDS = arrays.arrays(
    np.float32,
    st.tuples(st.integers(1, 9), st.integers(1, 7), st.just(2)),
    elements=st.floats(-1e9, 1e9, width=32),
)


def flo(width: int, height: int, body: bytes = b"", tag: bytes = b"PIEH") -> bytes:
    return struct.pack("<4sii", tag, width, height) + body


def field_of(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(height, width, 2)).astype(np.float32)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def refused(path: Path, **options) -> str:
    """The one line with which a file is refused."""
    with pytest.raises(InputError) as caught:
        read_flow(path, **options)
    message = str(caught.value)
    assert path.name in message and "\n" not in message
    return message


@pytest.fixture
def unchecked():
    """Call as a user does, whose program doesn't check jaxtyping's annotations."""
    before = jaxtyping.config.jaxtyping_disable
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", before)


# .flo


def test_write_flow_gives_the_golden_bytes(tmp_path):
    write_flow(tmp_path / "a.flo", GOLDEN_FIELD)
    assert (tmp_path / "a.flo").read_bytes() == GOLDEN_BYTES


def test_read_flow_reads_the_golden_bytes(tmp_path):
    (tmp_path / "a.flo").write_bytes(GOLDEN_BYTES)
    field = read_flow(str(tmp_path / "a.flo"), size=(2, 2))
    np.testing.assert_array_equal(field, GOLDEN_FIELD)
    assert field.dtype == np.float32 and field.flags.writeable


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(field=FIELDS)
def test_a_field_comes_back_bit_for_bit(tmp_path, field):
    write_flow(tmp_path / "a.flo", field)
    back = read_flow(tmp_path / "a.flo", size=(field.shape[1], field.shape[0]))
    assert back.tobytes() == field.tobytes() and back.shape == field.shape


def test_opencv_reads_what_is_written_and_the_other_way(tmp_path):
    field = field_of(5, 8)
    write_flow(tmp_path / "ours.flo", field)
    np.testing.assert_array_equal(cv2.readOpticalFlow(str(tmp_path / "ours.flo")), field)
    cv2.writeOpticalFlow(str(tmp_path / "theirs.flo"), field)
    np.testing.assert_array_equal(read_flow(tmp_path / "theirs.flo"), field)


def test_a_field_that_is_not_contiguous_is_written_in_row_order(tmp_path):
    field = field_of(6, 5)
    write_flow(tmp_path / "a.flo", field[::2, ::-1])
    np.testing.assert_array_equal(read_flow(tmp_path / "a.flo"), field[::2, ::-1])


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "tag"),
        (b"PIE", "tag"),
        (flo(2, 1, bytes(16), tag=b"HEIP"), "tag"),
        (b"PIEH\x02\x00", "header"),
        (flo(2, 2), "cut short"),
        (flo(2, 2, bytes(31)), "cut short"),
        (flo(2, 2, bytes(33)), "after its end"),
        (flo(0, 2), "at least 1x1"),
        (flo(2, -1), "at least 1x1"),
        (flo(2**31 - 1, 2**31 - 1), "at most"),
        (flo(1, 1, struct.pack("<2f", 0, np.nan)), "not finite at 1 pixels"),
        (flo(1, 1, struct.pack("<2f", np.inf, 0)), "not finite at 1 pixels"),
        (flo(1, 1, b"\x00\x00\xa0\x7f" * 2), "not finite at 1 pixels"),  # signalling NaN
        (flo(2, 1, struct.pack("<4f", 0, 0, 1.7e9, 0)), "1 of 2 pixels as unknown"),
        (flo(2, 1, struct.pack("<4f", -2e9, -2e9, 1.7e9, 0)), "2 of 2 pixels as unknown"),
    ],
)
def test_a_bad_flo_file_is_refused_in_one_line(tmp_path, content, says):
    path = tmp_path / "bad.flo"
    path.write_bytes(content)
    assert says in refused(path)


def test_an_absurd_size_is_refused_before_the_file_is_read(tmp_path):
    path = tmp_path / "huge.flo"
    with path.open("wb") as handle:  # a sparse file that really is as long as it says
        handle.write(flo(2**15, 2**15))
        handle.truncate(12 + 2**15 * 2**15 * 8)
    assert "at most" in refused(path)


def test_another_size_than_the_clip_is_refused(tmp_path):
    path = tmp_path / "a.flo"
    write_flow(path, field_of(5, 8))
    assert read_flow(path, size=(8, 5)).shape == (5, 8, 2)
    message = refused(path, size=(5, 8))
    assert "8x5" in message and "5x8" in message


def test_what_is_not_a_readable_file_is_refused(tmp_path):
    assert "does not exist" in refused(tmp_path / "none.flo")
    assert "does not exist" in refused(tmp_path / "none" / "none.flo")
    (tmp_path / "folder.flo").mkdir()
    assert "can't be read" in refused(tmp_path / "folder.flo")
    (tmp_path / "a.exr").write_bytes(b"")
    assert ".flo, .npy, .png" in refused(tmp_path / "a.exr")


# writing


def test_a_failed_write_keeps_the_old_file_and_leaves_nothing_behind(tmp_path, monkeypatch):
    path = tmp_path / "a.flo"
    write_flow(path, GOLDEN_FIELD)

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_flow(path, field_of(3, 3))
    assert path.read_bytes() == GOLDEN_BYTES
    assert names(tmp_path) == ["a.flo"]


def test_a_write_replaces_the_file_and_respects_the_umask(tmp_path):
    path = tmp_path / "a.flo"
    before = os.umask(0o027)
    try:
        write_flow(path, field_of(3, 3))
    finally:
        os.umask(before)
    write_flow(tmp_path / "b.flo", GOLDEN_FIELD)
    write_flow(path, GOLDEN_FIELD)
    assert path.read_bytes() == GOLDEN_BYTES
    assert (tmp_path / "b.flo").stat().st_mode & 0o777 == 0o666 & ~before
    assert names(tmp_path) == ["a.flo", "b.flo"]


def test_a_place_that_can_not_be_written_is_refused(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "folder.flo").mkdir()
    for path in ("none/a.flo", "file/a.flo", "folder.flo", "a.npy"):
        with pytest.raises(InputError, match="can't be written"):
            write_flow(tmp_path / path, GOLDEN_FIELD)
    assert names(tmp_path) == ["file", "folder.flo"]


@pytest.mark.parametrize("value", [np.nan, np.inf, 2e9])
def test_a_field_that_could_not_be_read_back_is_not_written(tmp_path, value):
    field = field_of(3, 4)
    field[1, 2, 0] = value
    with pytest.raises(InputError, match=r"1 pixels|1 of 12 pixels"):
        write_flow(tmp_path / "a.flo", field)
    assert not list(tmp_path.iterdir())


def test_a_wrong_shape_or_type_is_not_written(tmp_path, unchecked):
    for field in (field_of(3, 4)[0], np.zeros((3, 4, 3), np.float32), np.zeros((3, 4, 2))):
        with pytest.raises(InputError, match="float32 array"):
            write_flow(tmp_path / "a.flo", field)


# .npy


@pytest.mark.parametrize("kind", ["<f4", ">f4", "<f8", "<f2"])
def test_npy_of_any_float_is_read_as_float32(tmp_path, kind):
    field = field_of(4, 3).astype(kind)
    np.save(tmp_path / "a.npy", field)
    back = read_flow(tmp_path / "a.npy", size=(3, 4))
    assert back.dtype == np.float32 and back.dtype.isnative
    np.testing.assert_array_equal(back, field.astype(np.float32))


@pytest.mark.parametrize(
    ("array", "says"),
    [
        (np.zeros((3, 4, 2), np.int32), "int32[3, 4, 2]"),
        (np.zeros((3, 4)), "float64[3, 4]"),
        (np.zeros((2, 3, 4)), "float64[2, 3, 4]"),
        (np.full((3, 4, 2), 1e300), "unknown"),  # would overflow float32
        (np.full((3, 4, 2), np.nan), "finite"),
        (np.array([{"a": 1}], object), "not a whole .npy"),
        (np.zeros((0, 4, 2)), ""),
    ],
)
def test_a_bad_npy_array_is_refused(tmp_path, array, says):
    np.save(tmp_path / "bad.npy", array)
    assert says in refused(tmp_path / "bad.npy")


def test_a_damaged_npy_file_is_refused(tmp_path):
    path = tmp_path / "bad.npy"
    np.save(path, field_of(4, 3))
    whole = path.read_bytes()
    absurd = whole.replace(b"(4, 3, 2)", b"(4, 9**99, 2)")
    large = whole.replace(b"(4, 3, 2), }      ", b"(400000, 300000, 2), }")
    zipped = tmp_path / "zip.npz"
    np.savez(zipped, a=1)
    for content in (b"", whole[:4], whole[:40], whole[:-1], absurd, large, zipped.read_bytes()):
        path.write_bytes(content)
        refused(path)


# KITTI .png


def write_kitti(path: Path, field: np.ndarray, known: np.ndarray) -> None:
    """The benchmark's formula, (u, v, known) as R, G, B; OpenCV writes B first."""
    red_green = np.rint(field * 64 + 2**15).astype(np.uint16)
    cv2.imwrite(
        str(path), np.dstack([known.astype(np.uint16), red_green[..., 1], red_green[..., 0]])
    )


def test_kitti_png_is_read_in_steps_of_a_64th_pixel(tmp_path):
    field = np.rint(field_of(4, 5) * 64) / 64 * [3, -7]
    write_kitti(tmp_path / "a.png", field, np.ones((4, 5)))
    back = read_flow(tmp_path / "a.png", size=(5, 4))
    assert back.dtype == np.float32
    np.testing.assert_array_equal(back, field)


def test_a_sparse_kitti_field_is_refused(tmp_path):
    known = np.ones((4, 5))
    known[1, :3] = 0
    write_kitti(tmp_path / "a.png", field_of(4, 5), known)
    assert "3 of 20 pixels as unknown" in refused(tmp_path / "a.png")


def test_another_png_is_refused(tmp_path):
    path = tmp_path / "a.png"
    cv2.imwrite(str(path), np.zeros((4, 5, 3), np.uint8))
    assert "16-bit" in refused(path)
    cv2.imwrite(str(path), np.zeros((4, 5), np.uint16))
    assert "16-bit" in refused(path)
    write_kitti(path, field_of(40, 50), np.ones((40, 50)))
    whole = path.read_bytes()
    assert "5x5" in refused(path, size=(5, 5))
    for content in (b"", b"GIF89a" * 9, whole[:20], whole[:60], whole[: len(whole) // 2]):
        path.write_bytes(content)
        refused(path)
    huge = bytearray(whole)
    huge[16:24] = struct.pack(">II", 2**30, 2**30)
    path.write_bytes(huge)
    assert "at most" in refused(path)


# files:PATTERN


@pytest.mark.parametrize(
    ("pattern", "back", "ahead"),
    [
        ("backward_[%d]_{%d}.flo", "backward_3_2.flo", "forward_2_3.flo"),
        ("forward_[%d]_{%d}.flo", "backward_3_2.flo", "forward_2_3.flo"),
        ("files:x/flow_{from}_{to}.flo", "x/flow_3_2.flo", "x/flow_2_3.flo"),
        ("flow_[%04d]_{%3d}.npy", "flow_0003_  2.npy", "flow_0002_  3.npy"),
        ("{to:04d}-{from:02}.png", "0002-03.png", "0003-02.png"),
        ("a/forward/{from}_{to:d}.flo", "a/backward/3_2.flo", "a/forward/2_3.flo"),
        ("forward/x/{from}_{to}.flo", "forward/x/3_2.flo", "forward/x/2_3.flo"),
        ("forward/backward_{from}_{to}.flo", "forward/backward_3_2.flo", "forward/forward_2_3.flo"),
        ("straightforward_{from}_{to}.flo", *(f"straightforward_{n}.flo" for n in ("3_2", "2_3"))),
        ("[clip]/{from}/{from}_{to}.flo", "[clip]/3/3_2.flo", "[clip]/2/2_3.flo"),
    ],
)
def test_a_pattern_names_the_file_of_each_direction(pattern, back, ahead):
    files = FlowFiles(pattern)
    assert files.path(2, 1) == Path(back)
    assert files.path(1, 2) == Path(ahead)


def test_first_number_moves_the_numbers():
    assert FlowFiles("{from}_{to}.flo", first_number=0).path(0, 4) == Path("0_4.flo")
    assert FlowFiles("{from}_{to}.flo", first_number=100).path(7, 3) == Path("107_103.flo")


@pytest.mark.parametrize(
    ("pattern", "says"),
    [
        ("", "from and to"),
        ("flow.flo", "from and to"),
        ("flow_{from}.flo", "frame to goes"),
        ("flow_{%d}.flo", "frame from goes"),
        ("flow_{from}_{to}_{lag}.flo", "bracket"),
        ("flow_[%d]_{%d}_[%x].flo", "bracket"),
        ("flow_{from:999d}_{to}.flo", "frame from goes"),
        ("flow_{from!r}_{to}.flo", "frame from goes"),
    ],
)
def test_a_bad_pattern_is_refused_at_once(pattern, says):
    with pytest.raises(InputError, match=says) as caught:
        FlowFiles(pattern)
    assert repr(pattern) in str(caught.value) and "\n" not in str(caught.value)


def test_fields_of_files_are_read_both_ways(tmp_path):
    ahead, back = field_of(4, 6), -field_of(4, 6)
    write_flow(tmp_path / "forward_1_2.flo", ahead)
    write_flow(tmp_path / "backward_2_1.flo", back)
    files = FlowFiles(f"files:{tmp_path}/backward_[%d]_{{%d}}.flo")
    got, got_back = files.pair(0, 1, size=(6, 4))
    np.testing.assert_array_equal(got, ahead)
    np.testing.assert_array_equal(got_back, back)
    np.testing.assert_array_equal(files.read(1, 0), back)
    with pytest.raises(InputError, match="6x4"):
        files.read(1, 0, size=(4, 6))


def test_a_missing_field_is_named_with_its_frames(tmp_path):
    files = FlowFiles(f"{tmp_path}/backward_[%d]_{{%d}}.flo")
    with pytest.raises(InputError, match=r"forward_1_5.flo does not exist.*from frame 1 to 5"):
        files.read(0, 4)


@pytest.mark.parametrize("frames", [(1, 1), (-1, 0), (0, -1)])
def test_a_field_needs_two_frames(frames):
    with pytest.raises(ValueError, match="two frames"):
        FlowFiles("{from}_{to}.flo").path(*frames)
