"""Time from the command to the first picture.

With and without programs that an earlier run compiled. Each run is a process of its own, timed from
before Python starts, with a folder of its own in place of the user's caches.
"""

import dataclasses
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import jax
from jax import monitoring

from jvst.app.clips import run_clips
from jvst.app.events import Event
from jvst.app.options import (
    InputOptions,
    NetworkOptions,
    OutputOptions,
    RunOptions,
    SolverOptions,
    StylizeConfig,
    size_of,
)
from jvst.errors import InputError
from jvst.film.events import FrameDone, Progress
from jvst.lab.benchmark.clip import draw
from jvst.lab.benchmark.records import Column, Journal, check_at_least, say
from jvst.lab.benchmark.sizes import look_at_machine

COLUMNS = (
    Column("run", "run"),
    Column("JAX is imported", "imported_s", ".2f"),
    Column("first iteration begins", "iterates_s", ".2f"),
    Column("first frame", "first_s", ".2f"),
    Column("a later frame", "later_s", ".3f"),
    Column("programs compiled", "compiled"),
    Column("found compiled", "found"),
)


@dataclasses.dataclass(frozen=True)
class StartOptions:
    """Stylize a drawn clip in a process that finds nothing compiled, and again in one that does."""

    frames: int = 6
    """Length of the clip."""
    size: str = ""
    """WIDTHxHEIGHT; 1024x436 on a GPU and 512x218 on a CPU when left out."""
    effort: str = "auto"
    """As on jvst's command line."""
    weights: str = "embedded"
    """Network, as on jvst's command line."""
    json: str = ""
    """File for the figures."""


def run(options: StartOptions, journal: Journal) -> None:
    """Measure both runs and report.

    Raises:
        InputError: an option that can't be used.
    """
    check_at_least(options.frames, 2, "--frames")
    facts = look_at_machine()
    journal.begin(facts)
    size = size_of(options.size or ("512x218" if facts["platform"] == "cpu" else "1024x436"))
    title = (
        f"Seconds from the command, {options.frames} frames of {size[0]}×{size[1]}, "
        f"{options.weights} network, effort {options.effort}"
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        say("drawing the clip")
        draw(folder, size, options.frames)
        rows = journal.grow("start", title, COLUMNS)
        for number, kind in enumerate(("cold", "warm")):
            say(f"run: {kind}")
            rows.append({"run": kind} | _in_a_process(folder, number, options))
        rows.end()


def _in_a_process(folder: Path, number: int, options: StartOptions) -> dict[str, Any]:
    """Run once and return what was seen.

    Raises:
        InputError: the run failed; with the end of what it said.
    """
    code = "from jvst.lab.benchmark.start import watched; watched()"
    words = [str(folder), str(number), options.effort, options.weights, str(time.time())]
    kept = {k: v for k, v in os.environ.items() if k != "JAX_COMPILATION_CACHE_DIR"}
    done = subprocess.run(
        [sys.executable, "-c", code, *words],
        env={**kept, "XDG_CACHE_HOME": str(folder / "caches")},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise InputError(f"the run failed: {' '.join(done.stderr.split())[-300:]}")
    return json.loads(done.stdout.splitlines()[-1])


def watched() -> None:
    """Stylize as the command line does and print what was seen, as JSON.

    The words after it: a folder with ``draw``'s files, the run's number, effort, network and the
    time at which it was started.
    """
    place, number, effort, weights, begun = sys.argv[1:]
    imported = time.time()
    folder, seen, counts = Path(place), [], {"compiled": 0, "found": 0}

    def hear(event: Event) -> None:
        if isinstance(event, Progress | FrameDone):
            seen.append((type(event), time.time() - float(begun)))

    def count(event: str, **_: Any) -> None:
        counts["compiled"] += event == "/jax/compilation_cache/cache_misses"
        counts["found"] += event == "/jax/compilation_cache/cache_hits"

    monitoring.register_event_listener(count)
    config = StylizeConfig(
        input=InputOptions(clip=str(folder / "clip.mp4"), style=(str(folder / "style.png"),)),
        output=OutputOptions(run_dir=str(folder / f"run{number}")),
        network=NetworkOptions(weights=weights),
        solver=SolverOptions(effort=effort),  # type: ignore[arg-type]
        run=RunOptions(quiet=True),
    )
    run_clips(config, on_event=hear)
    done = [when for kind, when in seen if kind is FrameDone]
    first = next((when for kind, when in seen if kind is Progress), None)
    found = {
        "imported_s": imported - float(begun),
        "iterates_s": first,
        "first_s": done[0],
        "later_s": (done[-1] - done[0]) / (len(done) - 1),
        "device": jax.devices()[0].device_kind,
    }
    print(json.dumps(found | counts))
