"""A disk that is full at any moment: one line, and the same command goes on later."""

import errno
import os
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
from support.command_lines import states

from jvst import _files
from jvst.app.cli.main import run_command

#: More writes than a run of three frames does.
MOST = 40


class Disk:
    """Is full at one write, counted from 1; every file that appears whole is synchronised."""

    def __init__(self):
        self.full_at, self.writes = 0, 0

    def fsync(self, number):
        self.writes += 1
        if self.writes == self.full_at:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def fill_at_each(writes, line, tmp_path, monkeypatch, capsys):
    """Let the disk be full at each of some writes of a run, and go on with it after that."""
    disk = Disk()
    assert run_command(line) == 0
    before = states(tmp_path / "run")
    monkeypatch.setattr(_files.os, "fsync", disk.fsync)
    for write in writes:
        shutil.rmtree(tmp_path / "run")
        disk.full_at, disk.writes = write, 0
        capsys.readouterr()
        status = run_command(line)
        said = capsys.readouterr().err.strip()
        if disk.writes < write:
            assert status == 0
            return write
        assert status == 2, said
        assert len(said.splitlines()) == 1
        assert "the disk is full" in said
        assert re.search(rf"the run in {tmp_path}/run wants about \d+ MB more", said), said
        disk.full_at = 0
        assert run_command(line) == 0
        for one, two in zip(before, states(tmp_path / "run"), strict=True):
            np.testing.assert_array_equal(one, two)
        assert not [*(tmp_path / "run").rglob(".jvst-*")]
    return None


def test_a_full_disk_is_one_line_and_the_same_command_goes_on(
    command, tmp_path, monkeypatch, capsys
):
    line = command(iterations=("1", "1"))
    fill_at_each((1, 5), line, tmp_path, monkeypatch, capsys)


@pytest.mark.slow
def test_whichever_write_finds_the_disk_full_the_run_goes_on(
    command, tmp_path, monkeypatch, capsys
):
    line = command(iterations=("1", "1"))
    line.remove("--no-report")
    assert fill_at_each(range(1, MOST), line, tmp_path, monkeypatch, capsys) is not None


#: The room that is needed is looked at first; here the disk is filled by others after that.
UNFORESEEN = (
    "import jvst.app.run as run; run.check_room = lambda *_: None; "
    "from jvst.app.cli.main import main; main()"
)


def may_mount():
    try:
        tried = ["unshare", "-rm", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
        return subprocess.run(tried, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.05, 0.3, 0.5, 0.7, 0.9])
def test_a_small_disk_that_fills_is_one_line_and_a_larger_one_goes_on(command, tmp_path, share):
    if not may_mount():
        pytest.skip("no file system can be mounted here")
    whole = tmp_path / "whole"
    assert run_command(command(iterations=("1", "1"), run_dir="whole")) == 0
    # A tmpfs counts pages.
    pages = sum(-(-path.stat().st_size // 4096) for path in whole.rglob("*") if path.is_file())
    kilobytes = 4 * int(share * pages)
    (tmp_path / "run").mkdir()
    line = command(iterations=("1", "1"))
    script = (
        f'mount -t tmpfs -o size={kilobytes}k tmpfs "$RUN" && "$@"; echo "status $?" >&2; '
        'mount -o remount,size=50m "$RUN"; "$@"; echo "status $?" >&2'
    )
    done = subprocess.run(
        ["unshare", "-rm", "sh", "-c", script, "sh", sys.executable, "-c", UNFORESEEN, *line],
        env={**os.environ, "RUN": str(tmp_path / "run"), "JAX_PLATFORMS": "cpu"},
        capture_output=True,
        text=True,
        check=False,
    )
    lines = done.stderr.strip().splitlines()
    assert lines[-1] == "status 0", lines
    assert lines[1:] == ["status 2", "status 0"], lines
    assert "full" in lines[0] or "No space" in lines[0]
    assert str(tmp_path / "run") in lines[0]
