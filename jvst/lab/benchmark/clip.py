"""The time of a whole run, stage by stage."""

import dataclasses
import json
import tempfile
import time
from fractions import Fraction
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp

from jvst.app.frames import compiling
from jvst.app.options import (
    InputOptions,
    MotionOptions,
    NetworkOptions,
    OutputOptions,
    RunOptions,
    SolverOptions,
    StylizeConfig,
    size_of,
)
from jvst.app.run import look_at
from jvst.app.run import run as stylize
from jvst.app.task import chosen_weights
from jvst.lab.benchmark.gradient import loop_seconds
from jvst.lab.benchmark.problems import load
from jvst.lab.benchmark.records import Column, Journal, check_at_least, say
from jvst.lab.benchmark.timing import spread
from jvst.solver.objective import FrameTargets, content_targets, style_targets
from jvst.solver.presets import NETWORKS
from jvst.synthetic import clip, make_scene, painting
from jvst.video import write_picture, write_video

_RUNS = (("first", True), ("again, flow from the cache", True), ("again, no cache", False))
_HIDDEN = "of which waiting for flow"  # as a run's manifest names it

COLUMNS = (
    Column("run", "run"),
    Column("wall s", "wall_s", ".2f"),
    Column("frames", "frames_s", ".2f"),
    Column("video", "video_s", ".2f"),
    Column("page", "page_s", ".2f"),
    Column("the rest", "rest_s", ".2f"),
    Column("waiting for flow", "waiting_s", ".2f"),
    Column("evaluations", "evaluations"),
    Column("times one, s", "evaluating_s", ".2f"),
    Column("not evaluations", "overhead", ".1%"),
    Column("compiling", "compile_s", ".2f"),
)


@dataclasses.dataclass(frozen=True)
class ClipOptions:
    """Stylize a drawn clip three times in one process, and say where the time goes.

    The first run compiles and computes the flow, the second takes both from where the first kept
    them, the third computes the flow again.
    """

    frames: int = 4
    """Length of the clip."""
    size: str = ""
    """WIDTHxHEIGHT; 1024x436 on a GPU and 256x192 on a CPU when left out."""
    iterations: tuple[int, int] = (100, 50)
    """Of the first frame and of each later one; all are done."""
    weights: str = "embedded"
    """Network, as on jvst's command line."""
    flow: str = "auto"
    """Flow engine, as on jvst's command line."""
    json: str = ""
    """File for the figures."""


def run(options: ClipOptions, journal: Journal) -> None:
    """Measure three runs and report.

    Raises:
        InputError: an option that can't be used.
    """
    check_at_least(options.frames, 2, "--frames")
    for count in options.iterations:
        check_at_least(count, 1, "--iterations")
    if options.size:
        size_of(options.size)
    journal.begin()
    small = jax.default_backend() == "cpu"
    size = size_of(options.size or ("256x192" if small else "1024x436"))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if jax.config.values.get("jax_compilation_cache_dir") is None:
            # Else the first run would find what an earlier command compiled.
            jax.config.update("jax_compilation_cache_dir", str(folder / "programs"))
        say("drawing the clip")
        draw(folder, size, options.frames)
        times = evaluation_times(options, size)
        rows = []
        for number, (title, cached) in enumerate(_RUNS):
            rows.append(stylized(folder, options, title, number, cached=cached))
            journal.keep("clip", rows)
        times += evaluation_times(options, size)
    each = spread(times).median
    for row in rows:
        row["evaluation_s"] = each
        row["evaluating_s"] = row["evaluations"] * each
        row["overhead"] = 1.0 - row["evaluating_s"] / row["wall_s"]
    title = (
        f"{options.frames} frames of {size[0]}×{size[1]}, {options.weights} network, seconds; one "
        f"evaluation takes {each * 1e3:.1f} ms in a loop on the device"
    )
    journal.table("clip", title, COLUMNS, rows)


def draw(folder: Path, size: tuple[int, int], frames: int) -> None:
    """Write a clip and a painting; (width, height) in pixels."""
    scene = make_scene("demo", width=size[0], height=size[1])
    write_video(folder / "clip.mp4", clip(scene, frames), frame_rate=Fraction(12))
    write_picture(folder / "style.png", painting("swirls", *size))


def stylized(
    folder: Path, options: ClipOptions, title: str, number: int, *, cached: bool
) -> dict[str, Any]:
    """Run once and return what each stage took."""
    say(f"run: {title}")
    run_dir = folder / f"run{number}"
    config = StylizeConfig(
        input=InputOptions(
            clip=str(folder / "clip.mp4"), style=(str(folder / "style.png"),), cuts="none"
        ),
        output=OutputOptions(run_dir=str(run_dir)),
        network=NetworkOptions(weights=options.weights),
        motion=MotionOptions(
            flow=options.flow, flow_cache=str(folder / "flow") if cached else "none"
        ),
        # No frame stops early: then all runs do the same.
        solver=SolverOptions(iterations=options.iterations, tolerance=0.0),
        run=RunOptions(quiet=True),
    )
    begun = time.perf_counter()
    with compiling() as compiled:
        stylize(look_at(config))
    wall = time.perf_counter() - begun
    manifest = json.loads((run_dir / "manifest.json").read_text("utf-8"))
    timings = dict(manifest["timings"])
    waiting = timings.pop(_HIDDEN)
    timings.pop("of which compiling")
    return {
        "run": title,
        "wall_s": wall,
        "frames_s": timings["frames"],
        "video_s": timings["video"],
        "page_s": timings["report"],
        "rest_s": wall - sum(timings.values()),
        "waiting_s": waiting,
        "evaluations": sum(info["evaluations"] for info in manifest["frames"]),
        "compile_s": compiled.seconds,
    }


def evaluation_times(options: ClipOptions, size: tuple[int, int]) -> list[float]:
    """Time an evaluation of the run's network inside a loop on the device."""
    network = load(options.weights, "auto")
    width, height = size
    layers = NETWORKS[network.name].content_layers
    image, frame, style = jax.random.uniform(jax.random.key(0), (3, height, width, 3))
    targets = FrameTargets(
        jax.jit(content_targets, static_argnames="layers")(network.vgg, frame, layers=layers),
        jax.jit(style_targets)(network.vgg, [style]),
        frame[None],
        jnp.ones((1, height, width)),
    )
    weights = chosen_weights(StylizeConfig(), network.name, size)
    return loop_seconds((image, network.vgg, targets, weights))
