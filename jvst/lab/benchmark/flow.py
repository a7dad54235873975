"""Accuracy and speed of the flow engines."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool

from jvst._types import FlowField, Frame
from jvst.app.options import size_of
from jvst.core.consistency import mask_reasons
from jvst.core.metrics import endpoint_error
from jvst.errors import InputError
from jvst.flow import ENGINES, Engine, FlowFiles, engine_named, estimate_pair
from jvst.flow.engines.dis import Dis
from jvst.flow.patterns import read_mask
from jvst.lab.benchmark.process_memory import forget_peak, resident
from jvst.lab.benchmark.records import Column, Journal, check_at_least, check_choice, say
from jvst.synthetic import exact_flow, exact_occlusion, make_scene, mixed_pixels, render
from jvst.synthetic.sequences import SEQUENCES
from jvst.video import read_frames

#: Scene, speed and noise: textured at two speeds, weakly textured at two speeds, large motion.
CASES = (
    ("market", 1.0, 0.0),
    ("market", 2.5, 0.0),
    ("demo", 1.0, 2.0),
    ("demo", 2.0, 2.0),
    ("ambush", 1.0, 0.0),
)
#: Engines that compute on JAX's device, all or in part.
ON_DEVICE = frozenset({"deepmatching", "deepflow2", "epicflow"})
_TIME = 3.0  # of the first frame; scenes are in full motion there


COLUMNS = (
    Column("engine", "engine"),
    Column("error", "error", ".3f"),
    Column("visible", "visible_error", ".3f"),
    Column("precision", "precision", ".2f"),
    Column("recall", "recall", ".2f"),
    Column("IoU", "overlap", ".2f"),
    Column("time / DIS", "of_dis", ".0f"),
    Column("seconds", "seconds", ".3f"),
    Column("at first", "first_s", ".2f"),
    Column("on", "computed_on"),
    Column("peak MB", "peak", ".0f", 1 / 2**20),
)
#: Beside those with several compositions of a scene.
SEED_COLUMNS = (
    Column("visible, each", "visible_each"),
    Column("IoU, each", "overlap_each"),
)
REFERENCE_COLUMNS = (
    Column("engine", "engine"),
    Column("mean", "mean", ".3f"),
    Column("median", "median", ".3f"),
    Column("where trusted", "trusted_mean", ".3f"),
    Column("> 3 px", "above_3", ".2%"),
)


@dataclass(frozen=True)
class FlowOptions:
    """Measure the flow engines on scenes whose motion is known.

    Seconds are those of both directions, compiled; "at first" also compiles. DeepMatching and what
    is built on it runs on JAX's device, everything else on the processor.
    """

    engines: tuple[str, ...] = tuple(ENGINES)
    """Which engines."""
    size: str = "512x218"
    """Size of the scenes, WIDTHxHEIGHT."""
    cases: int = len(CASES)
    """How many of the scenes, from the first."""
    scenes: tuple[str, ...] = ()
    """Scenes of your own in place of those, NAME:SPEED or NAME:SPEED:NOISE."""
    seeds: tuple[int, ...] = (0,)
    """Compositions of each scene; with several, rows are means over them, and two columns have the
    visible error and the IoU of each."""
    reference: str = ""
    """A folder of frames with a folder deepflow of published fields, to compare with."""
    json: str = ""
    """File for the figures."""


class Case(NamedTuple):
    """Two frames and the truth about them, both ways."""

    motion: tuple[float, float]  # pixels: mean and most, from the first frame on
    frames: tuple[Frame, Frame]
    flows: tuple[FlowField, FlowField]
    hidden: tuple[Bool[np.ndarray, "h w"], Bool[np.ndarray, "h w"]]
    mixed: tuple[Bool[np.ndarray, "h w"], Bool[np.ndarray, "h w"]]


class Score(NamedTuple):
    """Mean over both directions; pixels, and shares of 1."""

    error: float
    visible_error: float
    precision: float
    recall: float
    overlap: float


def make_case(
    name: str, speed: float, noise: float, size: tuple[int, int], *, seed: int = 0
) -> Case:
    """Render two frames of a scene, and write down what is true of them."""
    scene = make_scene(name, width=size[0], height=size[1], speed=speed, noise=noise, seed=seed)
    times = ((_TIME, _TIME + 1), (_TIME + 1, _TIME))
    flows = exact_flow(scene, *times[0]), exact_flow(scene, *times[1])
    length = np.linalg.norm(flows[0], axis=-1)
    return Case(
        (float(length.mean()), float(length.max())),
        (render(scene, _TIME), render(scene, _TIME + 1)),
        flows,
        (exact_occlusion(scene, *times[0]), exact_occlusion(scene, *times[1])),
        (mixed_pixels(scene, times[0][0]), mixed_pixels(scene, times[1][0])),
    )


def score(case: Case, flows: tuple[FlowField, FlowField]) -> Score:
    """Compare fields with the truth; the mask is what is disoccluded or outside, unsmoothed."""
    rows = []
    for here, there in ((0, 1), (1, 0)):
        reasons = _reasons(jnp.asarray(flows[here]), jnp.asarray(flows[there]))
        found, hidden = np.asarray(reasons.disoccluded | reasons.outside), case.hidden[here]
        both = np.count_nonzero(found & hidden)
        rows.append(
            (
                _mean_error(flows[here], case.flows[here], ~case.mixed[here]),
                _mean_error(flows[here], case.flows[here], ~case.mixed[here] & ~hidden),
                both / max(np.count_nonzero(found), 1),
                both / max(np.count_nonzero(hidden), 1),
                both / max(np.count_nonzero(found | hidden), 1),
            )
        )
    return Score(*map(float, np.mean(rows, axis=0)))


def timed(
    engine: str | Engine, case: Case
) -> tuple[tuple[FlowField, FlowField], tuple[float, float]]:
    """Estimate both ways, twice; return the fields and the seconds, the first with compilation."""
    begun = time.perf_counter()
    estimate_pair(engine, *case.frames)
    between = time.perf_counter()
    flows = estimate_pair(engine, *case.frames)
    return flows, (between - begun, time.perf_counter() - between)


def run(options: FlowOptions, journal: Journal) -> None:
    """Measure scene by scene and report.

    Raises:
        InputError: an unknown engine or scene, or a bad size.
    """
    for name in options.engines:
        engine_named(name)
    if not options.seeds:
        raise InputError("--seeds is empty; expected whole numbers from 0 on")
    for seed in options.seeds:
        check_at_least(seed, 0, "--seeds")
    size = size_of(options.size)
    check_at_least(options.cases, 0, "--cases")
    chosen = [setting(scene) for scene in options.scenes] or CASES[: options.cases]
    for name, *_ in chosen:
        check_choice(name, sorted(SEQUENCES), "--scenes")
    journal.begin()
    columns = COLUMNS if len(options.seeds) == 1 else (*COLUMNS, *SEED_COLUMNS)
    for number, scene in enumerate(chosen):
        title, rows = measure(*scene, size, options)
        journal.table(f"scene_{number}", title, columns, rows)
    if options.reference:
        title = "Distance to published DeepFlow fields, pixels"
        journal.table("reference", title, REFERENCE_COLUMNS, reference_rows(options))


def measure(
    name: str, speed: float, noise: float, size: tuple[int, int], options: FlowOptions
) -> tuple[str, list[dict[str, Any]]]:
    """Measure the engines on the compositions of a scene; return the table's title and rows."""
    noisy = f", noise {noise:g}" if noise else ""
    title = f"{name}, speed {speed:g}{noisy}"
    several, motion = [], []
    for seed in options.seeds:
        say(f"{title}, seed {seed}")
        case = make_case(name, speed, noise, size, seed=seed)
        motion.append(case.motion)
        several.append(case_rows(case, options.engines))
    mean, most = zip(*motion, strict=True)
    title += f": motion {np.mean(mean):.1f} px in the mean, {max(most):.0f} at most"
    if len(several) == 1:
        return title, several[0]
    seeds = " ".join(str(seed) for seed in options.seeds)
    return f"{title}; means over the seeds {seeds}", [
        together(rows) for rows in zip(*several, strict=True)
    ]


def together(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Make one row of an engine's rows on several compositions: means, and the highest peak."""
    held = dict(rows[0])
    for key, value in held.items():
        values = [row[key] for row in rows]
        if isinstance(value, float):
            held[key] = float(np.mean(values))
    if "peak" in held:
        held["peak"] = max((row["peak"] for row in rows if row["peak"]), default=None)
    held["visible_by_seed"] = [row["visible_error"] for row in rows]
    held["overlap_by_seed"] = [row["overlap"] for row in rows]
    held["visible_each"] = " ".join(f"{value:.3f}" for value in held["visible_by_seed"])
    held["overlap_each"] = " ".join(f"{value:.2f}" for value in held["overlap_by_seed"])
    return held


def case_rows(case: Case, engines: Sequence[str]) -> list[dict[str, Any]]:
    """Measure each engine on a scene; the first row is what the exact flow scores."""
    rows: list[dict[str, Any]] = [{"engine": "(exact flow)"} | score(case, case.flows)._asdict()]
    _, unit = timed(Dis(refinements=0), case)
    for name in engines:
        say(f"  {name}")
        forget_peak()
        flows, seconds = timed(name, case)
        rows.append(
            {"engine": name}
            | score(case, flows)._asdict()
            | {"first_s": seconds[0], "seconds": min(seconds), "peak": resident()[1] or None}
            | {"of_dis": min(seconds) / min(unit), "computed_on": _computed_on(name)}
        )
    return rows


def setting(text: str) -> tuple[str, float, float]:
    """Read ``NAME:SPEED`` or ``NAME:SPEED:NOISE``.

    Raises:
        InputError: text of another form.
    """
    name, *numbers = text.split(":")
    try:
        speed, noise = (float(number) for number in (*numbers, *["0"] * (2 - len(numbers))))
    except ValueError as error:
        raise InputError(
            f"--scenes has {text!r}; expected NAME:SPEED or NAME:SPEED:NOISE"
        ) from error
    return name, speed, noise


def reference_rows(options: FlowOptions) -> list[dict[str, Any]]:
    """Compare with published fields: ``FOLDER/deepflow/backward_2_1.flo`` and so on."""
    folder = Path(options.reference)
    frames = list(read_frames(folder))
    files = FlowFiles(str(folder / "deepflow" / "backward_[%d]_{%d}.flo"))
    pairs = [i for i in range(len(frames) - 1) if files.path(i, i + 1).is_file()]
    if not pairs:
        raise InputError(f"{files.path(0, 1)} is not there; expected published fields to compare")
    rows = []
    for name in options.engines:
        errors, trust = [], []
        for i in pairs:
            flows = estimate_pair(name, frames[i], frames[i + 1])
            for flow, a, b in ((flows[0], i, i + 1), (flows[1], i + 1, i)):
                errors.append(np.linalg.norm(flow - files.read(a, b), axis=-1).ravel())
                trust.append(
                    read_mask(folder / "deepflow" / f"reliable_{a + 1}_{b + 1}.pgm").ravel()
                )
        error, weight = np.concatenate(errors), np.concatenate(trust)
        rows.append(
            {
                "engine": name,
                "mean": float(error.mean()),
                "median": float(np.median(error)),
                "trusted_mean": float(np.average(error, weights=weight)),
                "above_3": float((error > 3).mean()),
            }
        )
    return rows


_reasons = jax.jit(mask_reasons)
_endpoint_error = jax.jit(endpoint_error)


def _mean_error(flow: FlowField, truth: FlowField, pixels: np.ndarray) -> float:
    mask = pixels.astype(np.float32)
    return float(_endpoint_error(*map(jnp.asarray, (flow, truth, mask))))


def _computed_on(name: str) -> str:
    """Say whether an engine works on JAX's device or on the processor beside it."""
    return jax.default_backend() if name in ON_DEVICE else "cpu"
