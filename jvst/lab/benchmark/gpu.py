"""All benchmarks in one command with a time limit."""

import dataclasses
import importlib.util
import json
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from jvst.lab.benchmark.records import Column, Journal, check_at_least, say
from jvst.lab.benchmark.sizes import look_at_machine

_RESERVE = 5.0  # seconds of the budget for writing and for starting Python

COLUMNS = (
    Column("stage", "stage"),
    Column("outcome", "outcome"),
    Column("seconds", "seconds", ".0f"),
    Column("allowed", "allowed", ".0f"),
)


@dataclasses.dataclass(frozen=True)
class Stage:
    """One benchmark, run in a process of its own.

    Attributes:
        title: of its section.
        words: its command line.
        share: of the budget, at the most.
        needs: modules that it can't do without, beside jvst's core.
    """

    title: str
    words: str
    share: float
    needs: tuple[str, ...] = ()


_DRAWN = ("cv2",)
#: The most telling first: what doesn't fit is left out from the end. A program of this size takes
#: seconds to compile, the first of a kind ten; each stage finishes something within its part.
LARGE = (
    Stage("From the command to the first picture", "start --size 1024x436", 0.4, (*_DRAWN, "av")),
    Stage(
        "Iterations with the embedded network's channels",
        "profile --parts iteration --size 1024x436 --width 0.25 --precision tf32 --history 30 10",
        0.2,
    ),
    Stage(
        "Iterations with VGG-19's channels",
        "profile --parts iteration --size 1024x436 --width 1 --precision bfloat16 --history 30 10",
        0.2,
    ),
    Stage(
        "An evaluation in bfloat16",
        "gradient --size 1024x436 --width 1 --repeats 9 --precision bfloat16 --no-compile",
        0.25,
    ),
    Stage(
        "Frames at once",
        "sizes --parts batches --batches 4 16 --width 0.25 --precision tf32",
        0.25,
    ),
    Stage(
        "What TF32 costs",
        "precision --size 384x288 --iterations 100 --precision tf32",
        0.2,
        _DRAWN,
    ),
    Stage("Sizes and memory", "sizes --parts sizes --megapixels 0.1 0.5 2 8 --iterations 5", 0.4),
    Stage(
        "An evaluation against compiled PyTorch",
        "gradient --size 1024x436 --width 1 --repeats 9 --precision bfloat16",
        0.4,
    ),
    Stage("A frame", "frame --size 1024x436 --schemes jvst 'jvst, coarse to fine'", 0.5, _DRAWN),
    Stage("Flow", "flow --size 1024x436 --cases 1 --engines dis epic", 0.3, _DRAWN),
    Stage("A clip", "clip --size 1024x436 --frames 6", 0.3, (*_DRAWN, "av")),
    # Each of its seven sizes is a program of its own to compile.
    Stage(
        "A frame by style-transfer-pytorch's scheme",
        "frame --size 1024x436 --schemes 'Adam, coarse to fine' --starts 'later, warped'",
        0.5,
        _DRAWN,
    ),
)
SMALL = (
    Stage(
        "An evaluation",
        "gradient --size 64x48 --width 0.125 --repeats 3 --no-compile",
        1.0,
    ),
    Stage(
        "A frame",
        "frame --size 48x40 --iterations 3 --schemes jvst --starts 'later, warped'",
        1.0,
        _DRAWN,
    ),
    Stage(
        "Precision",
        "precision --size 48x40 --iterations 3 --starts 'later, warped'",
        1.0,
        _DRAWN,
    ),
    Stage(
        "Frames at once",
        "sizes --parts batches --batches 2 --batch-size 48x40 --width 0.125",
        1.0,
    ),
    Stage(
        "Sizes, memory and a tiled frame",
        "sizes --parts sizes --megapixels 0.004 --width 0.125 --tiled 96x64:48",
        1.0,
    ),
    Stage("Flow", "flow --size 96x64 --cases 1 --engines dis", 1.0, _DRAWN),
    Stage(
        "A clip",
        "clip --size 48x40 --frames 2 --iterations 3 2 --flow dis",
        1.0,
        (*_DRAWN, "av"),
    ),
)


@dataclasses.dataclass(frozen=True)
class GpuOptions:
    """Run every benchmark within some minutes and print one document.

    Each stage is a process of its own, within its part of the time: one that fails, hangs or no
    longer fits is named, and the others go on. The JSON file is written after each.
    """

    minutes: float = 8.0
    """What all stages may take."""
    small: bool = False
    """Tiny sizes: a trial of the whole on a CPU."""
    json: str = ""
    """File for the figures."""


def run(options: GpuOptions, journal: Journal) -> None:
    """Run stage after stage and report.

    Raises:
        InputError: an option that can't be used.
    """
    check_at_least(options.minutes, 0.1, "--minutes")
    budget = 60.0 * options.minutes - _RESERVE
    end = time.monotonic() + budget
    journal.begin(look_at_machine())
    outcomes = []
    programs = tempfile.TemporaryDirectory()
    for stage in SMALL if options.small else LARGE:
        allowed = min(stage.share * budget, end - time.monotonic())
        begun = time.monotonic()
        outcome = attempt(stage, allowed, journal, programs=programs.name)
        outcomes.append(
            {
                "stage": stage.title,
                "outcome": outcome,
                "seconds": time.monotonic() - begun,
                "allowed": max(allowed, 0.0),
            }
        )
        say(f"{stage.title}: {outcome}")
    programs.cleanup()
    journal.table("stages", "What was done", COLUMNS, outcomes)


def attempt(stage: Stage, allowed: float, journal: Journal, *, programs: str) -> str:
    """Run a stage, put what it printed into the journal, and say how it went.

    Args:
        stage: the stage.
        allowed: seconds.
        journal: of the whole.
        programs: folder in which stages find what others have compiled.
    """
    say(f"{stage.title}: at most {allowed:.0f} s")
    if missing := [name for name in stage.needs if importlib.util.find_spec(name) is None]:
        return f"left out: {missing[0]} is not installed"
    if allowed < 1.0:
        return "left out: no time left"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "stage.json"
        words = (*shlex.split(stage.words), "--json", str(path))
        outcome = supervised(words, allowed, programs=programs)
        held = _read(path)
    if held is not None:
        journal.include(stage.title, held)
        journal.text(f"## {stage.title}\n\n{held['markdown']}")
    if outcome != "done":
        journal.note(f"{stage.title}: {outcome}.")
    return outcome


def supervised(words: tuple[str, ...], allowed: float, *, programs: str) -> str:
    """Run a benchmark in a process of its own for some seconds at the most; say how it went.

    Args:
        words: of its command line.
        allowed: seconds.
        programs: see ``attempt``.
    """
    kept = {
        "JAX_COMPILATION_CACHE_DIR": programs,
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    }
    code = "from jvst.lab.benchmark.command import main; main()"
    process = subprocess.Popen(
        [sys.executable, "-c", code, *words],
        env={**os.environ, **kept},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stderr is not None
    last: deque[str] = deque(maxlen=3)
    listener = threading.Thread(target=_pass_on, args=(process.stderr, last), daemon=True)
    listener.start()
    try:
        status = process.wait(timeout=allowed)
    except subprocess.TimeoutExpired:
        _end(process)
        return f"stopped after {allowed:.0f} s, its part of the time"
    except BaseException:
        _end(process)
        raise
    finally:
        listener.join(timeout=5.0)
        if not listener.is_alive():  # what a stage left behind may still hold the other end
            process.stderr.close()
    if status:
        return f"failed with status {status}: {' '.join(' '.join(last).split())[-300:]}"
    return "done"


def _pass_on(lines: Iterable[str], last: deque[str]) -> None:
    """Show what a stage says, and keep the end of it."""
    for line in lines:
        last.append(line)
        say(line.rstrip("\n"))


def _end(process: subprocess.Popen[str]) -> None:
    """End a stage and what it started."""
    if hasattr(os, "killpg"):
        os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.wait()


def _read(path: Path) -> dict[str, Any] | None:
    """Return what a stage has written, as far as it came; None if that is nothing."""
    try:
        held = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return held if held["figures"] else None
