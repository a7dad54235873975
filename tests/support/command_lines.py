"""Command lines on a small clip and a network of few channels, here and in a process of its own."""

import os
import subprocess
import sys
import time
from fractions import Fraction

import numpy as np
import pytest
from support.problems import network

from jvst.network.weights import save_vgg19
from jvst.synthetic import clip, make_scene, painting
from jvst.video import write_picture, write_video

FRAMES = 3

# What starts the tests in the background may let them ignore Ctrl-C, as a shell does, or a closed
# terminal, as nohup does; and so their children.
HEEDING = (
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    "signal.signal(signal.SIGHUP, signal.SIG_DFL); "
    "from jvst.app.cli.main import main; main()"
)


@pytest.fixture(scope="session")
def files(tmp_path_factory):
    """A clip of an odd size, two paintings and a small network."""
    folder = tmp_path_factory.mktemp("inputs")
    scene = make_scene("demo", width=48, height=41)
    write_video(folder / "clip", clip(scene, FRAMES), frame_rate=Fraction(25))
    write_video(folder / "clip.mp4", clip(scene, FRAMES), frame_rate=Fraction(30000, 1001))
    write_picture(folder / "style.png", painting("swirls", 60, 40))
    write_picture(folder / "other.png", painting("facets", 50, 50))
    save_vgg19(folder / "net.safetensors", network(), network="embedded")
    return folder


@pytest.fixture
def command(files, tmp_path):
    """Returns what makes a command line of a few iterations; it writes no page."""

    def run(*extra, clip="clip", style=("style.png",), iterations=("6", "4"), run_dir="run"):
        return [
            *("--clip", str(files / clip), "--style", *(str(files / name) for name in style)),
            *("--weights", str(files / "net.safetensors"), "--iterations", *iterations),
            *("--run-dir", str(tmp_path / run_dir), "--flow-cache", "none", "--quiet"),
            *("--flow", "dis"),
            *("--init", "noise", "--keep", "all", "--no-report", *extra),
        ]

    return run


def states(folder):
    """The frames of a run, as they were solved."""
    return [np.load(path) for path in sorted((folder / "frames").glob("*.npy"))]


def start(arguments, hold=None):
    """Run a command line in a process of its own, which may be held."""
    return subprocess.Popen(
        [sys.executable, "-c", HEEDING, *arguments],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "JAX_PLATFORMS": "cpu", **(hold.environment if hold else {})},
    )


def wait_for(condition, process, seconds=300):
    """Wait until something is so while a process works; the limit only ends a test that hangs."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.02)
