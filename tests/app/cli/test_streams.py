"""What ends a command, and what doesn't: streams, signals, defects, words that are no options."""

import errno
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from support.command_lines import HEEDING, start, states

from jvst.app.cli import stylize as stylize_module
from jvst.app.cli.main import run_command
from jvst.app.cli.streams import SteadyStream


def shell(line, **options):
    """Run a line of a shell in which $JVST is the command."""
    environment = {**os.environ, "JVST": f"{sys.executable} -m jvst.app.cli.main"}
    environment |= options.pop("env", {})
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", line],
        capture_output=True,
        env=environment,
        check=False,
        **options,
    )


@pytest.mark.slow
def test_a_reader_that_leaves_is_no_error():
    done = shell("$JVST --help | head -1")
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.count(b"\n") == 1


@pytest.mark.slow
def test_a_full_device_behind_standard_output_is_one_line():
    done = shell("$JVST --help > /dev/full")
    assert done.returncode == 2
    assert done.stderr.decode().strip().splitlines() == [
        "jvst: standard output can't be written (No space left on device); see to its place"
    ]


@pytest.mark.slow
@pytest.mark.parametrize("redirection", [">&-", "2>&-", ">&- 2>&-"])
def test_closed_streams_are_no_error(redirection):
    done = shell(f"$JVST --help {redirection}")
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.slow
@pytest.mark.parametrize(
    "places",
    [
        {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
        {"PYTHONIOENCODING": "latin-1"},
    ],
)
def test_help_is_shown_in_every_encoding(places):
    done = shell("$JVST --help", env=places)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"--clip" in done.stdout


class Failing:
    encoding = "utf-8"

    def __init__(self, number):
        self.number, self.written = number, 0

    def write(self, text):
        self.written += 1
        raise OSError(self.number, os.strerror(self.number))

    def fileno(self):
        raise OSError(errno.EBADF, "no number")


def test_a_stream_that_failed_is_not_written_to_again():
    for number, remembered in ((errno.EPIPE, False), (errno.ENOSPC, True)):
        failing = Failing(number)
        stream = SteadyStream(failing)
        print("a", file=stream)
        print("b", file=stream)
        stream.flush()
        assert failing.written == 1
        assert (stream.failure is not None) == remembered


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--efort", "draft"], "jvst: there is no option --efort; did you mean --effort?"),
        (["--outptu=x.mp4"], "jvst: there is no option --outptu; did you mean --output?"),
        (["--no-audoi"], "jvst: there is no option --no-audoi; did you mean --no-audio?"),
        (["--xyzzy"], "jvst: there is no option --xyzzy; see --help"),
        (
            ["film.mp4"],
            "jvst: 'film.mp4' belongs to no option; expected --OPTION VALUE, see --help",
        ),
        (
            ["--passes", "two"],
            "jvst: Error parsing --passes: invalid literal for int() with base 10",
        ),
        (
            ["--clip", "a.mp4", "--style", "b.png", "--iterations", "3"],
            "jvst: --iterations is 3; expected two numbers from 0",
        ),
    ],
)
def test_a_word_that_can_not_be_used_is_told_once(capsys, words, said):
    assert run_command(words) == 2
    error = capsys.readouterr().err.strip()
    assert error.startswith(said)
    assert len(error.splitlines()) == 1
    assert error.count("nrecognized") == 0


def test_a_defect_is_one_line_with_a_file_for_the_report(capsys, monkeypatch, tmp_path):
    def fail(config):
        raise ZeroDivisionError("a defect\nof two lines")

    monkeypatch.setenv("JVST_CACHE", str(tmp_path))
    monkeypatch.setattr(stylize_module, "stylize", fail)
    assert run_command(["--clip", "film.mp4"]) == 70
    error = capsys.readouterr().err.strip()
    assert len(error.splitlines()) == 1
    assert "ZeroDivisionError: a defect of two lines" in error and "report" in error
    log = Path(re.search(r"in (\S+\.log)", error)[1]).read_text()
    for part in (
        "'--clip' 'film.mp4'",
        "Traceback",
        "raise ZeroDivisionError",
        "numpy: ",
        "python: ",
    ):
        assert part in log


@pytest.mark.parametrize("number", [errno.EMFILE, errno.EROFS, errno.ENAMETOOLONG, errno.EIO])
def test_what_the_system_refuses_is_one_line(capsys, monkeypatch, number):
    def fail(config):
        raise OSError(number, os.strerror(number), "some/file")

    monkeypatch.setattr(stylize_module, "stylize", fail)
    assert run_command(["--clip", "film.mp4"]) == 2
    error = capsys.readouterr().err.strip()
    assert error.startswith(f"jvst: some/file: {os.strerror(number)}; ")
    assert len(error.splitlines()) == 1


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_scheduler_and_a_closed_terminal_save_as_ctrl_c_does(command, tmp_path, hold, number):
    line = command("--tolerance", "0", iterations=("40", "120"))
    hold.once(tmp_path / "run" / "frames" / "0001.npy")
    process = start(line, hold)
    hold.wait(process)
    process.send_signal(number)
    error = process.communicate(timeout=300)[1]
    assert process.returncode == 130, error
    assert "goes on" in error
    assert (tmp_path / "run" / "interrupted.npz").exists()
    hold.release()
    assert run_command(line) == 0
    whole = command("--tolerance", "0", iterations=("40", "120"), run_dir="whole")
    assert run_command(whole) == 0
    for one, two in zip(states(tmp_path / "whole"), states(tmp_path / "run"), strict=True):
        np.testing.assert_array_equal(one, two)


#: Says when it is busy where no signal reaches Python, as a compiler is.
BUSY = """
import ctypes, sys
from jvst.app.cli.command import leave_with
def work():
    try:
        print("busy", flush=True)
        while True:
            ctypes.CDLL(None).sleep(1)
    except KeyboardInterrupt:
        print("saving", flush=True)
        while True:  # a signal also ends the call
            ctypes.CDLL(None).sleep(1)
leave_with(work)
"""


@pytest.mark.slow
def test_a_second_ctrl_c_leaves_at_once():
    code = HEEDING.partition(";")[0] + ";" + HEEDING.split(";")[1] + "\n" + BUSY
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "busy\n"
    process.send_signal(signal.SIGINT)
    # The first one is noticed once the call returns; the second one waits for nothing.
    assert process.stdout.readline() in ("saving\n", "")
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=300) == 130
    process.stdout.close()


@pytest.mark.slow
def test_a_signal_that_is_ignored_stays_so():
    code = (
        "import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
        "from jvst.app.cli.command import leave_with\n"
        "leave_with(lambda: int(signal.getsignal(signal.SIGHUP) != signal.SIG_IGN))\n"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
