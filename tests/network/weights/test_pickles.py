"""A ``.pth`` is a pickle, and a pickle is a program: none of it is ever run."""

import json
import os
import pickle
import struct
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from support import hostile_pickles, read_weights
from support import published_files as files

from jvst.errors import InputError
from jvst.network.weights.formats.detect import read_published

HOSTILE = hostile_pickles.HOSTILE


def as_zip(path, hostile):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", hostile)
        archive.writestr("archive/data/0", np.zeros(4, np.float32).tobytes())
        archive.writestr("archive/version", "3\n")


def as_legacy(path, hostile):
    with path.open("wb") as file:
        pickle.dump(0x1950A86A20F9469CFC6C, file, 2)
        pickle.dump(1001, file, 2)
        pickle.dump({"little_endian": True}, file, 2)
        file.write(hostile)
        pickle.dump(["0"], file, 2)
        file.write(struct.pack("<q", 4) + np.zeros(4, np.float32).tobytes())


def as_all(path, hostile):
    path.write_bytes(hostile)


def test_there_are_at_least_fifty_hostile_pickles():
    assert len(HOSTILE) >= 50
    assert len(set(HOSTILE.values())) == len(HOSTILE)


def test_hostile_pickles_run_nothing_and_end_in_one_line(tmp_path):
    folder, elsewhere = tmp_path / "hostile", tmp_path / "elsewhere"
    folder.mkdir()
    elsewhere.mkdir()  # where a canary would appear
    for name, hostile in HOSTILE.items():
        for write in (as_zip, as_legacy, as_all):
            write(folder / f"{write.__name__} {name}.pth".replace("/", "-"), hostile)
    done = subprocess.run(
        [sys.executable, Path(read_weights.__file__), folder],
        cwd=elsewhere,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(map(str, Path(__file__).parents[2:4]))},
        capture_output=True,
        check=True,
        timeout=300,
    )
    assert not list(elsewhere.iterdir())
    outcomes = json.loads(done.stdout)
    assert len(outcomes) == 3 * len(HOSTILE)
    for name, (outcome, seconds, megabytes) in outcomes.items():
        assert outcome.startswith(str(folder)), name
        assert "\n" not in outcome, name
        assert len(outcome) < 500, name
        assert seconds < 2, name
        assert megabytes < 100, name


def test_some_of_the_pickles_do_harm_where_pickle_reads_them(tmp_path):
    # Else the tests above would show nothing.
    for name in (
        "reduce os.system",
        "inst",
        "obj",
        "inside a state dict",
        "as a key",
        "thrown away",
    ):
        (tmp_path / "hostile").write_bytes(HOSTILE[name])
        code = "import pickle; pickle.load(open('hostile', 'rb'))"
        subprocess.run(
            [sys.executable, "-c", code], check=False, cwd=tmp_path, stderr=subprocess.DEVNULL
        )
        assert (tmp_path / hostile_pickles.CANARY).exists(), name
        (tmp_path / hostile_pickles.CANARY).unlink()


def test_a_message_names_what_a_pickle_asked_for(tmp_path):
    as_zip(tmp_path / "file", HOSTILE["reduce os.system"])
    with pytest.raises(InputError, match=r"asks for 'os.system'.*nothing was run"):
        read_published(tmp_path / "file")
    as_zip(tmp_path / "file", HOSTILE["inst"])
    with pytest.raises(InputError, match="opcode INST"):
        read_published(tmp_path / "file")


def test_a_zip_archive_that_would_inflate_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "file", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", b"\0" * 50_000_000)
    with pytest.raises(InputError, match="compressed"):
        read_published(tmp_path / "file")


def test_a_zip_archive_of_many_members_is_refused_unread(tmp_path):
    with zipfile.ZipFile(tmp_path / "file", "w") as archive:
        for index in range(6_000):
            archive.writestr(f"archive/data/{index}", b"")
    with pytest.raises(InputError, match="directory of its zip archive is too long"):
        read_published(tmp_path / "file")


def test_a_wrong_checksum_within_a_zip_archive_is_found(tmp_path):
    kernels = files.random_kernels(1 / 32)
    files.zip_pth(tmp_path / "file", files.gatys_names(kernels))
    data = bytearray((tmp_path / "file").read_bytes())
    place = data.find(kernels["conv5_1"][1].tobytes())
    data[place] ^= 1
    (tmp_path / "file").write_bytes(data)
    with pytest.raises(InputError, match="checksum of a tensor"):
        read_published(tmp_path / "file")
