"""Accuracy of solves with convolutions of lower precision."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jvst._types import Image
from jvst.app.options import size_of
from jvst.core.image import to_uint8
from jvst.lab.benchmark.frame import STARTS
from jvst.lab.benchmark.gradient import PRECISIONS
from jvst.lab.benchmark.problems import FrameProblem, at_precision, exact_loss, frame_problems, load
from jvst.lab.benchmark.records import Column, Journal, check_at_least, check_choice, say
from jvst.lab.sheet import Picture
from jvst.solver.objective import LEVELS, frame_loss
from jvst.solver.solve import Report, SolverConfig, SolveState, solve_frame
from jvst.synthetic.sequences import SEQUENCES
from jvst.video import write_picture
from jvst.video.pictures import check_picture_suffix

_CHUNK = 10  # iterations between two points of a course
#: The start of the run that shows what rounding alone does moves by this: some steps of float32.
_NUDGE = 1e-6
_NUDGED = "float32, start moved by 1e-6"
#: The differences in the picture are this much larger.
_GAIN = 8

COLUMNS = (
    Column("frame", "frame"),
    Column("convolutions", "precision"),
    Column("its gradient at the start off by", "gradient_error", ".2%"),
    Column("evaluations", "evaluations", ".0f"),
    Column("final loss in float32", "final_loss", ".6g"),
    Column("to float32's after as many evaluations", "loss_ratio", ".4f"),
    Column("off float32's picture, rms of 255 levels", "off_levels", ".2f"),
)


@dataclasses.dataclass(frozen=True)
class PrecisionOptions:
    """Solve frames with convolutions of several precisions, and compare what they end at.

    Whatever a solve computes in, losses are evaluated in float32 and compared after the same number
    of evaluations. A solve in float32 from a start that is moved by rounding shows what part of a
    difference any rounding makes.
    """

    size: str = "128x96"
    """WIDTHxHEIGHT."""
    iterations: int = 300
    """Of each solve, without early stop."""
    starts: tuple[str, ...] = ("first, from noise", "later, warped")
    """Which frames: 'first, from noise', 'first, from content', 'later, warped'."""
    precision: tuple[str, ...] = ("bfloat16",)
    """Compared with float32: tf32, bfloat16, or both."""
    scene: str = "demo"
    """Drawn scene, see jvst.synthetic."""
    weights: str = "embedded"
    """Network: embedded, vgg19 or a file."""
    picture: str = ""
    """File for the pictures: a row a frame, float32 at the left, then each precision and how far it
    is from float32, eight times as strong."""
    json: str = ""
    """File for the figures."""


def run(options: PrecisionOptions, journal: Journal) -> None:
    """Solve and report.

    Raises:
        InputError: an option that can't be used.
    """
    size = size_of(options.size)
    check_at_least(options.iterations, 1, "--iterations")
    for start in options.starts:
        check_choice(start, STARTS, "--starts")
    for precision in options.precision:
        check_choice(precision, PRECISIONS, "--precision")
    check_choice(options.scene, sorted(SEQUENCES), "--scene")
    if options.picture:
        check_picture_suffix(Path(options.picture))
    network = load(options.weights, "float32")
    journal.begin()
    problems = frame_problems(
        network, size, scene=options.scene, before=min(options.iterations, 300)
    )
    rows, pictures = [], []
    for problem in problems:
        if problem.title in options.starts:
            found, images = compare(problem, options.iterations, options.precision)
            rows += found
            pictures.append(side_by_side(images))
            journal.keep("precision", rows)
    title = f"{size[0]}×{size[1]}, {network.name} network, {options.iterations} iterations"
    journal.table("precision", title, COLUMNS, rows)
    if options.picture:
        write_picture(options.picture, np.concatenate(pictures))


def compare(
    problem: FrameProblem, iterations: int, precisions: Sequence[str]
) -> tuple[list[dict[str, Any]], list[Image]]:
    """Solve a frame in float32 and otherwise.

    Returns:
        A row for each solve, float32's first, and the pictures in the same order, without that of
        the moved start.
    """
    nudge = _NUDGE * jax.random.normal(jax.random.key(1), problem.start.shape)
    tried = {
        "float32": at_precision(problem, "float32"),
        _NUDGED: problem._replace(start=problem.start + nudge),
        **{name: at_precision(problem, name) for name in precisions},  # type: ignore[arg-type]
    }
    exact = _gradient(problem)
    rows: list[dict[str, Any]] = []
    images: dict[str, Image] = {}
    courses: dict[str, np.ndarray] = {}
    for name, one in tried.items():
        say(f"  {problem.title}: {name}")
        images[name], courses[name] = _course(one, problem, iterations)
        evaluations = min(courses[name][-1, 0], courses["float32"][-1, 0])
        mine, base = (
            _loss_after(courses[which], float(evaluations)) for which in (name, "float32")
        )
        same = name in ("float32", _NUDGED)
        off = 0.0 if same else jnp.linalg.norm(_gradient(one) - exact) / jnp.linalg.norm(exact)
        rows.append(
            {
                "frame": problem.title,
                "precision": name,
                "gradient_error": float(off),
                "evaluations": int(courses[name][-1, 0]),
                "final_loss": float(courses[name][-1, 1]),
                "loss_ratio": mine / base,
                "off_levels": None
                if name == "float32"
                else LEVELS * float(_rms(images[name] - images["float32"])),
            }
        )
    return rows, [image for name, image in images.items() if name != _NUDGED]


def side_by_side(images: Sequence[Image]) -> Picture:
    """Join pictures to a row: the first, then each other one and what it is off by."""
    first, *others = images
    row = [first]
    for image in others:
        row += [image, _GAIN * jnp.abs(image - first)]
    return np.concatenate([np.asarray(to_uint8(image)) for image in row], axis=1)


def _course(
    problem: FrameProblem, judge: FrameProblem, iterations: int
) -> tuple[Image, np.ndarray]:
    """Solve; return the picture, and (evaluations, loss in float32) of every chunk."""
    points = [(0, exact_loss(judge, problem.start))]

    def on_chunk(report: Report, state: SolveState | None) -> None:
        if state is not None:
            points.append((report.evaluations, exact_loss(judge, state.image)))

    image, _ = solve_frame(
        problem.start,
        problem.network.vgg,
        problem.targets,
        problem.weights,
        iterations,
        config=SolverConfig(tolerance=0.0),
        chunk=_CHUNK,
        on_chunk=on_chunk,
    )
    return image, np.asarray(points)


def _loss_after(course: np.ndarray, evaluations: float) -> float:
    """Read a course between its points."""
    return float(np.interp(evaluations, course[:, 0], course[:, 1]))


def _gradient(problem: FrameProblem) -> Image:
    """Return the gradient at a frame's start, as its network computes it."""
    return _image_gradient(problem.start, problem.network.vgg, problem.targets, problem.weights)[0]


_image_gradient = jax.jit(jax.grad(frame_loss, has_aux=True))


def _rms(values: Image) -> jax.Array:
    return jnp.sqrt(jnp.mean(jnp.square(values)))
