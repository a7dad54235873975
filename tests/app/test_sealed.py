"""Files that tell whether they are whole."""

import ast
import json
import pickle
from pathlib import Path

import numpy as np
import pytest

import jvst
from jvst.app.sealed import (
    DamagedError,
    check_seal,
    read_array,
    read_arrays,
    read_json,
    write_array,
    write_arrays,
    write_json,
)

ARRAY = np.linspace(0, 1, 300, dtype=np.float32).reshape(10, 10, 3)
VALUE = {"loss": 0.1, "terms": {"style": 3}, "cuts": [1, 2], "name": "ä"}


def write_each(folder):
    write_array(folder / "a.npy", ARRAY)
    write_arrays(folder / "a.npz", [ARRAY, np.arange(3)])
    write_json(folder / "a.json", VALUE)
    return {"a.npy": read_array, "a.npz": read_arrays, "a.json": read_json}


def test_what_was_written_comes_back_and_numpy_reads_it_too(tmp_path):
    write_each(tmp_path)
    np.testing.assert_array_equal(read_array(tmp_path / "a.npy"), ARRAY)
    np.testing.assert_array_equal(np.load(tmp_path / "a.npy"), ARRAY)
    np.testing.assert_array_equal(np.load(tmp_path / "a.npy", mmap_mode="r"), ARRAY)
    first, second = read_arrays(tmp_path / "a.npz")
    np.testing.assert_array_equal(first, ARRAY)
    np.testing.assert_array_equal(second, np.arange(3))
    assert read_json(tmp_path / "a.json") == VALUE
    assert json.loads((tmp_path / "a.json").read_text())["terms"] == {"style": 3}
    check_seal(tmp_path / "a.npy")


def test_files_from_before_there_were_checksums_are_read_if_they_are_whole(tmp_path):
    np.save(tmp_path / "a.npy", ARRAY)
    np.savez(tmp_path / "a.npz", ARRAY)
    (tmp_path / "a.json").write_text(json.dumps(VALUE))
    np.testing.assert_array_equal(read_array(tmp_path / "a.npy"), ARRAY)
    np.testing.assert_array_equal(read_arrays(tmp_path / "a.npz")[0], ARRAY)
    assert read_json(tmp_path / "a.json") == VALUE
    content = (tmp_path / "a.npy").read_bytes()
    for damaged in (content[:-1], content + b"x"):
        (tmp_path / "a.npy").write_bytes(damaged)
        with pytest.raises(DamagedError):
            read_array(tmp_path / "a.npy")


@pytest.mark.parametrize("name", ["a.npy", "a.npz", "a.json"])
def test_every_change_of_a_byte_and_every_cut_is_found(tmp_path, name):
    read = write_each(tmp_path)[name]
    path = tmp_path / name
    content, whole = path.read_bytes(), read(path)
    rng = np.random.default_rng(0)
    for place in {
        0,
        8,
        len(content) // 2,
        len(content) - 3,
        *rng.integers(len(content) - 3, size=9),
    }:
        for damaged in (
            content[:place],
            content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :],
        ):
            path.write_bytes(damaged)
            try:
                found = read(path)
            except DamagedError:
                continue
            # Only the checksum itself was hit: its name in JSON, its last bytes elsewhere.
            if name == "a.json":
                assert {**found, **VALUE} == found
            else:
                assert place > len(content) - 24
                for one, two in zip(found, whole, strict=True):
                    np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("name", ["a.npy", "a.npz", "a.json"])
@pytest.mark.parametrize("what", ["missing", "empty", "a folder", "a dangling link"])
def test_what_can_stand_in_a_file_s_place_is_damage_and_is_written_over(tmp_path, name, what):
    read = write_each(tmp_path)[name]
    path = tmp_path / name
    path.unlink()
    match what:
        case "empty":
            path.touch()
        case "a folder":
            path.mkdir()
            (path / "mine").touch()
        case "a dangling link":
            path.symlink_to(tmp_path / "nowhere" / "x")
    with pytest.raises(DamagedError):
        read(path)
    write_each(tmp_path)
    read(path)
    assert (tmp_path / f"{name}.aside" / "mine").exists() == (what == "a folder")


class Told:
    def __reduce__(self):
        return (pytest.fail, ("a pickle was loaded",))


def test_nothing_is_unpickled(tmp_path):
    for name, read in (("a.npy", read_array), ("a.npz", read_arrays)):
        with (tmp_path / name).open("wb") as file:
            pickle.dump(Told(), file)
        with pytest.raises(DamagedError):
            read(tmp_path / name)
    objects = np.empty(1, object)
    objects[0] = Told()
    np.save(tmp_path / "a.npy", objects, allow_pickle=True)
    np.savez(tmp_path / "a.npz", objects)
    for name, read in (("a.npy", read_array), ("a.npz", read_arrays)):
        with pytest.raises(DamagedError):
            read(tmp_path / name)


def test_no_module_lets_numpy_unpickle_or_unpickles_itself():
    for path in Path(jvst.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.keyword) and node.arg == "allow_pickle":
                assert isinstance(node.value, ast.Constant) and node.value.value is False, path
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = {alias.name for alias in node.names} | {getattr(node, "module", "")}
                assert not names & {"pickle", "dill", "cloudpickle", "marshal", "shelve"}, path
