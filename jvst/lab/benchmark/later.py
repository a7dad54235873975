"""Later frames after a few iterations, by their beginnings."""

import dataclasses
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import jax.numpy as jnp
import numpy as np

from jvst._types import Image
from jvst.app.options import (
    InputOptions,
    NetworkOptions,
    RunOptions,
    SolverOptions,
    StylizeConfig,
    size_of,
)
from jvst.core.image import to_uint8
from jvst.core.metrics import gradient_energy
from jvst.core.warp import Kernel
from jvst.errors import InputError
from jvst.film.clip import ClipConfig, StylizedFrame
from jvst.film.neighbours import Motion
from jvst.flow import engine_named
from jvst.lab.benchmark.films import drawn_clips, film_of, motions_of, true_error
from jvst.lab.benchmark.known_clips import PublishedClip
from jvst.lab.benchmark.records import Column, Journal, check_at_least, check_choice, say
from jvst.lab.evaluation.study import Studio, Study
from jvst.lab.evaluation.truths import TrueClip
from jvst.video import write_picture

COLUMNS = (
    Column("iterations", "iterations"),
    Column("kernel", "kernel"),
    Column("steps carried", "carry"),
    Column("loss of frame 2 ×10⁵", "second_loss", ".2f", 1e-5),
    Column("of the last ×10⁵", "last_loss", ".2f", 1e-5),
    Column("mean ×10⁵", "mean_loss", ".2f", 1e-5),
    Column("evaluations a frame", "evaluations", ".1f"),
    Column("time a frame", "seconds", ".2f"),
    Column("sharpness", "sharpness", ".2f"),
    Column("warping error ×10⁻⁴", "warping_error", ".2f", 1e4),
    Column("dropped", "dropped"),
)


@dataclass(frozen=True)
class LaterOptions:
    """Stylize clips with few iterations a frame, by kernel and by what a solve begins with.

    All go on from the same first frame. Time is in evaluations of the first frame's solve;
    sharpness is the last frame's gradient energy over the first's. The warping error is that along
    the true motion where there is one; it rewards blur, so read it beside the sharpness.
    """

    scenes: tuple[str, ...] = ("market:1", "ambush:1")
    """Scenes, NAME:SPEED or NAME:SPEED:NOISE."""
    published: str = ""
    """A folder of frames with a folder deepflow of published fields, which count as true."""
    size: str = "384x164"
    """Size to work at, WIDTHxHEIGHT."""
    frames: int = 10
    """Frames of each clip."""
    engine: str = "dis"
    """Flow engine."""
    ways: tuple[str, ...] = ("bilinear:0", "catmull-rom:0", "catmull-rom:10")
    """KERNEL:STEPS: how neighbours are read, and how many steps a frame hands on."""
    iterations: tuple[int, ...] = (3, 6, 12, 30)
    """Of a later frame."""
    first_iterations: int = 60
    """Of the first."""
    style: str = "painting:swirls"
    """Painting: a picture, or painting:NAME for one of our own."""
    weights: str = "embedded"
    """Network, as for jvst --weights."""
    pictures: str = ""
    """Folder for the last frames."""
    json: str = ""
    """File for the figures."""


def run(options: LaterOptions, journal: Journal) -> None:
    """Measure clip by clip and report.

    Raises:
        InputError: an unknown engine, scene or kernel, a bad size, or too few frames.
    """
    engine_named(options.engine)
    check_at_least(options.frames, 2, "--frames")
    ways = [_way(text) for text in options.ways]
    size = size_of(options.size)
    clips: list[tuple[TrueClip, int]] = [
        (clip, options.frames) for clip in drawn_clips(options.scenes, size)
    ]
    if options.published:
        published = PublishedClip(Path(options.published))
        clips.append((published, min(options.frames, published.count)))
    journal.begin()
    studio = Studio(
        StylizeConfig(
            input=InputOptions(clip="clip", style=(options.style,), size=options.size),
            network=NetworkOptions(weights=options.weights),
            solver=SolverOptions(iterations=(options.first_iterations, 0), tolerance=0.0),
            run=RunOptions(quiet=True),
        )
    )
    for clip, frames in clips:
        study = studio.study(clip, frames, 0)
        width, height = study.size
        title = f"{clip.name}, {width}x{height}, {len(study.frames)} frames, flow {options.engine}"
        rows = _rows(study, ways, options, journal)
        journal.table(clip.name, title, COLUMNS, rows)


def _way(text: str) -> tuple[Kernel, int]:
    """Read ``KERNEL:STEPS``."""
    name, _, steps = text.partition(":")
    check_choice(name, get_args(Kernel), "--ways")
    if not steps.isdecimal():
        raise InputError(f"--ways names {text!r}; expected KERNEL:STEPS, such as catmull-rom:10")
    return name, int(steps)  # type: ignore[return-value]


def _rows(
    study: Study, ways: Sequence[tuple[Kernel, int]], options: LaterOptions, journal: Journal
) -> list[dict[str, Any]]:
    motions = motions_of(study, options.engine)
    config = _config(study, 0, ("bilinear", 0))
    (first,), _ = _film(study, motions[:1], config)
    _, seconds = _film(study, motions[:1], config)  # compiled by now
    evaluation = seconds / first.info.evaluations
    rows: list[dict[str, Any]] = []
    for iterations in options.iterations:
        for kernel, carry in ways:
            say(f"{study.clip.name}: {iterations} iterations, {kernel}, {carry} steps carried")
            config = _config(study, iterations, (kernel, carry))
            film, seconds = _film(study, motions[1:], config, first=1, earlier={0: first.image})
            row = {"iterations": iterations, "kernel": kernel, "carry": carry}
            row |= _measured(study, first, film) | {"seconds": seconds / evaluation}
            rows.append(row)
            journal.keep(study.clip.name, rows)
            if options.pictures:
                name = re.sub(r"\W+", "_", study.clip.name) + f"-{iterations}-{kernel}-{carry}.png"
                picture = np.asarray(to_uint8(film[-1].image))
                write_picture(Path(options.pictures, name), picture)
    return rows


def _config(study: Study, iterations: int, way: tuple[Kernel, int]) -> ClipConfig:
    kernel, carry = way
    base = study.problem.config
    solver = dataclasses.replace(base.solver, carry=carry)
    return dataclasses.replace(base, next_iterations=iterations, kernel=kernel, solver=solver)


def _film(
    study: Study, motions: Sequence[Mapping[int, Motion]], config: ClipConfig, **options: Any
) -> tuple[list[StylizedFrame], float]:
    """Return the frames, and the seconds of one of them, the median."""
    film, seconds, began = [], [], time.perf_counter()
    for frame in film_of(study, motions, config, **options):
        frame.image.block_until_ready()
        seconds.append(time.perf_counter() - began)
        # What each hands on is as large as twenty pictures.
        film.append(frame._replace(info=frame.info._replace(curvature=None)))
        began = time.perf_counter()
    return film, float(np.median(seconds))


def _measured(study: Study, first: StylizedFrame, film: Sequence[StylizedFrame]) -> dict[str, Any]:
    losses = [frame.info.reports[-1].loss for frame in film]
    shown: list[Image] = [jnp.clip(frame.image, 0.0, 1.0) for frame in (first, *film)]
    return {
        "second_loss": losses[0],
        "last_loss": losses[-1],
        "mean_loss": float(np.mean(losses)),
        "evaluations": float(np.mean([frame.info.evaluations for frame in film])),
        "sharpness": float(gradient_energy(shown[-1]) / gradient_energy(shown[0])),
        "warping_error": true_error(study, shown),
        "dropped": sum(frame.info.dropped for frame in film),
    }
