import errno
import json
import os
import subprocess
import sys
import textwrap
from fractions import Fraction

import numpy as np
import pytest

from jvst._files import DiskFullError
from jvst.app import sealed
from jvst.app.inputs import Clip
from jvst.app.manifest import read_manifest
from jvst.app.sealed import sealing
from jvst.app.single import to_solve
from jvst.app.store import RunStore
from jvst.errors import InputError
from jvst.video import Timeline, read_picture

MANIFEST = {"options": {"mask": "binary", "seed": 0}, "inputs": {"clip": "abc", "frames": 5}}
IMAGE = np.linspace(0, 1, 33 * 40 * 3, dtype=np.float32).reshape(33, 40, 3)
PICTURE = (IMAGE * 255).astype(np.uint8)


def a_clip(count, cuts=()):
    rate = Fraction(25)
    shown = Timeline(tuple(n / rate for n in range(count)), count / rate, rate, True)
    return Clip("clip", 0, count, (40, 33), shown, False, False, "abc", cuts)


def save_frames(store, count, start=0):
    for index in range(start, start + count):
        store.save(index, IMAGE + index, PICTURE, {"iterations": index})
    store.flush()


def test_a_finished_frame_comes_back_bit_for_bit_with_picture_and_info(tmp_path):
    with RunStore(tmp_path) as store:
        store.open_run(MANIFEST, fresh=False)
        assert store.finished(range(5)) == 0
        save_frames(store, 2)
    with RunStore(tmp_path) as store:
        store.open_run(MANIFEST, fresh=False)
        assert store.finished(range(5)) == 2
        np.testing.assert_array_equal(store.load(1), IMAGE + 1)
        np.testing.assert_array_equal(read_picture(store.picture_path(1)), PICTURE)
        assert store.load_info(1) == {"iterations": 1}


def test_frames_count_up_to_the_first_gap(tmp_path):
    with RunStore(tmp_path) as store:
        store.open_run(MANIFEST, fresh=False)
        save_frames(store, 4)
        (tmp_path / "frames" / "0003.npy").unlink()
        assert store.finished(range(5)) == 2


@pytest.mark.parametrize(
    ("part", "name", "value", "said"),
    [
        ("options", "mask", "soft", "mask (binary there, soft now)"),
        ("inputs", "clip", "xyz", "clip (abc there, xyz now)"),
        ("options", "lags", [1, 2], "lags (None there, [1, 2] now)"),
    ],
)
def test_a_changed_run_is_refused_and_the_difference_named(tmp_path, part, name, value, said):
    with RunStore(tmp_path) as store:
        store.open_run(MANIFEST, fresh=False)
        save_frames(store, 1)
        changed = {**MANIFEST, part: {**MANIFEST[part], name: value}}
        with pytest.raises(InputError, match="`fresh`") as error:
            store.open_run(changed, fresh=False)
        assert said in str(error.value)
        assert read_manifest(store.manifest_path)["options"] == MANIFEST["options"]
        store.open_run(changed, fresh=True)
        assert not list((tmp_path / "frames").iterdir())
        # Nothing of it is taken over, but it stays until there is a new one.
        assert store.finished(range(5)) == 0
        assert store.picture_path(0).exists()


MINE = ("notes.txt", "frames/holiday.png", "frames/0009.npy", "pictures/a.png", "shots/take1.mp4")


def test_fresh_removes_only_what_the_run_made(tmp_path):
    with RunStore(tmp_path) as store:
        store.open_run(MANIFEST, fresh=False)
        save_frames(store, 2)
        for name in MINE:
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_text("mine")
        store.open_run(MANIFEST, fresh=True)
    assert not (tmp_path / "frames" / "0001.npy").exists()
    for name in MINE:
        assert (tmp_path / name).read_text() == "mine"


@pytest.mark.parametrize("name", ["manifest.json", "plan.json", "inputs.npy", "pictures/0002.png"])
@pytest.mark.parametrize("fresh", [True, False])
def test_files_that_no_run_made_are_not_written_over(tmp_path, name, fresh):
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("mine")
    with RunStore(tmp_path) as store, pytest.raises(InputError, match="manifest"):
        store.open_run(MANIFEST, fresh=fresh)
    assert (tmp_path / name).read_text() == "mine"


def test_the_lock_empties_no_file_of_that_name(tmp_path):
    (tmp_path / "lock").write_text("mine")
    RunStore(tmp_path).__exit__()
    assert (tmp_path / "lock").read_text() == "mine"


def test_pictures_of_a_longer_run_go_once_the_new_ones_are_there(tmp_path):
    with RunStore(tmp_path) as store:
        store.open_run(MANIFEST, fresh=False)
        save_frames(store, 5)
        shorter = {**MANIFEST, "inputs": {"clip": "xyz", "frames": 2}}
        store.open_run(shorter, fresh=True)
        save_frames(store, 2)
        assert store.picture_path(4).exists()
        store.drop_leftovers(2)
        assert [store.picture_path(i).exists() for i in range(5)] == [True] * 2 + [False] * 3


def test_what_a_killed_run_left_unfinished_is_removed_and_nothing_else(tmp_path):
    left = tmp_path / "frames" / ".jvst-0123456789abcdef.npy"
    others = tmp_path / "frames" / ".jvst-mine.npy", tmp_path / ".jvst-0123456789abcdef.mp4"
    left.parent.mkdir()
    for path in (left, *others):
        path.write_text("half")
    with RunStore(tmp_path) as store:
        store.open_run(MANIFEST, fresh=False)
    assert not left.exists()
    assert all(path.exists() for path in others)


def test_frames_without_a_manifest_are_not_taken_over(tmp_path):
    with RunStore(tmp_path) as store:
        store.open_run(MANIFEST, fresh=False)
        save_frames(store, 1)
        store.manifest_path.unlink()
        with pytest.raises(InputError, match="without a manifest"):
            store.open_run(MANIFEST, fresh=False)


def test_a_second_run_is_kept_out_while_the_first_one_works(tmp_path):
    with RunStore(tmp_path), pytest.raises(InputError, match="another run works"):
        RunStore(tmp_path)
    RunStore(tmp_path).__exit__()


def test_the_lock_of_a_killed_run_does_not_stay(tmp_path):
    code = f"""
        import os, signal
        from jvst.app.store import RunStore
        store = RunStore({str(tmp_path)!r})
        os.kill(os.getpid(), signal.SIGKILL)
    """
    result = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=False)
    assert result.returncode == -9
    with RunStore(tmp_path) as store:
        store.open_run(MANIFEST, fresh=False)


def test_an_interrupted_solve_comes_back_for_its_frame_and_is_gone_once_it_is_finished(tmp_path):
    leaves = [IMAGE, np.asarray(3, np.int32), np.ones((2, 3))]
    with RunStore(tmp_path) as store:
        store.open_run(MANIFEST, fresh=False)
        store.save_interrupted([0], leaves)
        assert store.load_interrupted(1) is None
        assert store.load_interrupted(0, pass_number=2) is None
        for kept, leaf in zip(store.load_interrupted(0), leaves, strict=True):
            np.testing.assert_array_equal(kept, leaf)
            assert kept.dtype == leaf.dtype
        save_frames(store, 1)
        assert store.load_interrupted(0) is None


def test_a_state_that_is_dropped_leaves_a_finished_frame_with_its_picture(tmp_path):
    with RunStore(tmp_path) as store:
        store.open_run(MANIFEST, fresh=False)
        for index in range(4):
            store.save(index, IMAGE, PICTURE, {}, drop=[index - 2] if index >= 2 else [])
        store.flush()
        assert store.kept() == [2, 3]
        assert store.finished(range(5)) == 4
        np.testing.assert_allclose(store.load_shown(0), IMAGE, atol=1 / 255)
        np.testing.assert_array_equal(store.load_shown(3), IMAGE)
        assert to_solve(store, a_clip(5), (1, 2)) == [range(4, 5)]
        # What the next frame needs is gone: go back to where it can be made again.
        assert to_solve(store, a_clip(5), (3,)) == [range(1, 2), range(4, 5)]
        assert to_solve(store, a_clip(5), (1, 3)) == [range(0, 2), range(4, 5)]
        assert to_solve(store, a_clip(5, cuts=(3,)), (1, 3)) == [range(4, 5)]
        assert to_solve(store, a_clip(4), (1, 3)) == []  # all is finished, nothing is needed


def test_passes_are_kept_apart_and_counted_in_their_own_order(tmp_path):
    with RunStore(tmp_path) as store:
        store.open_run(MANIFEST, fresh=False)
        for index in (2, 1):
            store.save(index, IMAGE + index, PICTURE, {"iterations": index}, pass_number=3)
        store.flush()
        assert store.finished(range(4)) == 0
        assert store.finished([2, 1, 0], pass_number=3) == 2
        assert store.finished([0, 1, 2], pass_number=3) == 0
        np.testing.assert_array_equal(store.load(2, pass_number=3), IMAGE + 2)
        store.drop_states(3)
        assert store.kept(pass_number=3) == []
        assert store.finished([2, 1, 0], pass_number=3) == 2
        assert store.load_info(2, pass_number=3) == {"iterations": 2}
        store.open_run(MANIFEST, fresh=True)
        assert not (tmp_path / "passes").exists()


def test_a_full_disk_leaves_nothing_half_written_under_a_final_name(tmp_path, monkeypatch):
    def full(path, array):
        with sealing(path) as file:
            file.write(b"half")
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with RunStore(tmp_path) as store:
        store.open_run(MANIFEST, fresh=False)
        monkeypatch.setattr(sealed, "write_array", full)
        store.save(0, IMAGE, PICTURE, {})
        with pytest.raises(DiskFullError, match="disk is full"):
            store.flush()
    left = [path.name for path in (tmp_path / "frames").iterdir()]
    assert left == ["0001.json"]


def test_a_folder_that_can_not_be_written_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="can't be written"):
        RunStore(tmp_path / "file" / "run")


@pytest.mark.parametrize("text", ["", "[]", "{}", "{broken", json.dumps({"options": 3})])
def test_what_is_no_manifest_is_refused(tmp_path, text):
    path = tmp_path / "manifest.json"
    path.write_text(text)
    with pytest.raises(InputError, match="not a manifest"):
        read_manifest(path)
