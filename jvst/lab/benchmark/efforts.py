"""Films by effort: losses, steadiness, sharpness and time."""

import dataclasses
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np

from jvst._types import Image
from jvst.app.effort import LEVELS
from jvst.app.options import (
    InputOptions,
    NetworkOptions,
    RunOptions,
    SolverOptions,
    StylizeConfig,
    size_of,
)
from jvst.app.task import chosen_engine
from jvst.core.image import to_uint8
from jvst.core.metrics import gradient_energy
from jvst.film.clip import ClipConfig
from jvst.film.neighbours import Motion
from jvst.lab.benchmark.films import drawn_clips, film_of, motions_of, true_error
from jvst.lab.benchmark.records import Column, Journal, check_at_least, check_choice, say
from jvst.lab.evaluation.study import Studio, Study
from jvst.video import write_picture

COLUMNS = (
    Column("effort", "effort"),
    Column("flow", "flow"),
    Column("iterations", "iterations", ".0f"),
    Column("evaluations", "evaluations", ".0f"),
    Column("seconds a frame", "seconds", ".2f"),
    Column("in evaluations", "in_evaluations", ".1f"),
    Column("loss of frame 2", "second", ".2f"),
    Column("of the middle one", "middle", ".2f"),
    Column("of the last", "last", ".2f"),
    Column("sharpness", "sharpness", ".2f"),
    Column("warping error ×10⁻⁴", "warping_error", ".2f", 1e4),
)


#: Those that solve; evaluate.py --methods instant:ENGINE measures films without a solve.
SOLVING = tuple(name for name, means in LEVELS.items() if any(means.iterations))


@dataclass(frozen=True)
class EffortsOptions:
    """Stylize clips with each effort, and say how far from the end its frames are.

    Losses are those of a frame over what many more iterations from the same start make of it;
    iterations, evaluations and seconds are the median of later frames, seconds without flow, which
    is computed beside. Sharpness is the last frame's gradient energy over the first's.
    """

    scenes: tuple[str, ...] = ("market:1", "alley:1")
    """Scenes, NAME:SPEED or NAME:SPEED:NOISE."""
    size: str = "256x112"
    """Size to work at, WIDTHxHEIGHT."""
    frames: int = 20
    """Frames of each clip."""
    efforts: tuple[str, ...] = SOLVING
    """Which efforts."""
    end: int = 1000
    """Iterations that losses are compared with; 0: they are not."""
    style: str = "painting:swirls"
    """Painting: a picture, or painting:NAME for one of our own."""
    weights: str = "embedded"
    """Network, as for jvst --weights."""
    pictures: str = ""
    """Folder for the frames."""
    json: str = ""
    """File for the figures."""


def run(options: EffortsOptions, journal: Journal) -> None:
    """Measure clip by clip and report.

    Raises:
        InputError: an unknown effort or scene, a bad size, or too few frames.
    """
    check_at_least(options.frames, 3, "--frames")
    size = size_of(options.size)
    for effort in options.efforts:
        check_choice(effort, SOLVING, "--efforts")
    clips = drawn_clips(options.scenes, size)
    journal.begin()
    for clip in clips:
        rows: list[dict[str, Any]] = []
        for effort in options.efforts:
            say(f"{clip.name}: {effort}")
            config = _config(options, effort)
            study = Studio(config).study(clip, options.frames, 0)
            rows.append(
                {"effort": effort} | _row(study, effort, chosen_engine(config, size), options)
            )
            journal.keep(clip.name, rows)
        title = f"{clip.name}, {options.size}, {options.frames} frames"
        journal.table(clip.name, title, COLUMNS, rows)


def _config(options: EffortsOptions, effort: str) -> StylizeConfig:
    return StylizeConfig(
        input=InputOptions(clip="clip", style=(options.style,), size=options.size),
        network=NetworkOptions(weights=options.weights),
        solver=SolverOptions(effort=effort),  # type: ignore[arg-type]
        run=RunOptions(quiet=True),
    )


def _row(study: Study, effort: str, engine: str, options: EffortsOptions) -> dict[str, Any]:
    motions = motions_of(study, engine)
    images, infos, seconds = [], [], []
    began = time.perf_counter()
    for frame in film_of(study, motions, study.problem.config):
        images.append(frame.image.block_until_ready())
        infos.append(frame.info._replace(curvature=None))
        seconds.append(time.perf_counter() - began)
        began = time.perf_counter()
        _keep(options, study, effort, frame.index, frame.image)
    shown: list[Image] = [jnp.clip(image, 0.0, 1.0) for image in images]
    later = infos[1:]
    typical = float(np.median(seconds[2:]))  # the second frame may compile
    row: dict[str, Any] = {
        "flow": engine,
        "iterations": float(np.median([info.iterations for info in later])),
        "evaluations": float(np.median([info.evaluations for info in later])),
        "seconds": typical,
        "in_evaluations": typical / _evaluation(study, motions),
        "sharpness": float(gradient_energy(shown[-1]) / gradient_energy(shown[0])),
        "warping_error": true_error(study, shown),
    }
    if options.end:
        ends = _alone(study.problem.config, options.end)
        middle, last = len(images) // 2 - 1, len(images) - 1
        for name, index in (("second", 1), ("middle", middle), ("last", last)):
            earlier = {index - 1: images[index - 1]}
            (end,) = film_of(study, motions[index : index + 1], ends, first=index, earlier=earlier)
            row[name] = infos[index].reports[-1].loss / end.info.reports[-1].loss
    return row


def _alone(config: ClipConfig, iterations: int) -> ClipConfig:
    """Return how a frame is solved by itself, to a number of iterations."""
    solver = dataclasses.replace(config.solver, tolerance=0.0, carry=0)
    return dataclasses.replace(
        config, first_iterations=iterations, next_iterations=iterations, solver=solver
    )


def _evaluation(study: Study, motions: Sequence[Mapping[int, Motion]]) -> float:
    """Return the seconds of an evaluation, in a solve that is long enough to tell."""
    took = []
    for _ in range(2):  # the first may compile
        began = time.perf_counter()
        (frame,) = film_of(study, motions[:1], _alone(study.problem.config, 30))
        took.append((time.perf_counter() - began) / frame.info.evaluations)
    return took[-1]


def _keep(options: EffortsOptions, study: Study, effort: str, index: int, image: Image) -> None:
    if options.pictures:
        folder = re.sub(r"\W+", "_", study.clip.name)
        path = Path(options.pictures, folder, effort, f"frame_{index + 1:04d}.png")
        write_picture(path, np.asarray(to_uint8(image)))
