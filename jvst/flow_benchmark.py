"""How good and how fast the flow engines are, as a Markdown table."""

import contextlib
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool

from jvst._types import FlowField, Frame
from jvst.command_line import parsed, status_of
from jvst.consistency import mask_reasons
from jvst.errors import InputError
from jvst.flow import ENGINES, Engine, FlowFiles, engine_named, estimate_pair
from jvst.flow.dis import Dis
from jvst.flow.mask_files import read_mask
from jvst.synthetic import exact_flow, exact_occlusion, make_scene, mixed_pixels, render
from jvst.video import read_frames

#: Scene, speed and noise: textured at two speeds, weakly textured at two speeds, large motion.
CASES = (
    ("market", 1.0, 0.0),
    ("market", 2.5, 0.0),
    ("demo", 1.0, 2.0),
    ("demo", 2.0, 2.0),
    ("ambush", 1.0, 0.0),
)
_TIME = 3.0  # of the first frame; scenes are in full motion there


@dataclass(frozen=True)
class BenchmarkOptions:
    """Measure the flow engines on scenes whose motion is known."""

    engines: tuple[str, ...] = tuple(ENGINES)
    """Which engines."""
    size: str = "512x218"
    """Size of the scenes, WIDTHxHEIGHT."""
    cases: int = len(CASES)
    """How many of the scenes, from the first."""
    scenes: tuple[str, ...] = ()
    """Scenes of your own in place of those, NAME:SPEED or NAME:SPEED:NOISE."""
    reference: str = ""
    """A folder of frames with a folder deepflow of published fields, to compare with."""


class Case(NamedTuple):
    """Two frames and the truth about them, both ways."""

    title: str
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


def make_case(name: str, speed: float, noise: float, size: tuple[int, int]) -> Case:
    """Render two frames of a scene, and write down what is true of them."""
    scene = make_scene(name, width=size[0], height=size[1], speed=speed, noise=noise)
    times = ((_TIME, _TIME + 1), (_TIME + 1, _TIME))
    flows = exact_flow(scene, *times[0]), exact_flow(scene, *times[1])
    length = np.linalg.norm(flows[0], axis=-1)
    noisy = f", noise {noise:g}" if noise else ""
    return Case(
        f"{name}, speed {speed:g}{noisy}: motion {length.mean():.1f} px in the mean, "
        f"{length.max():.0f} at most",
        (render(scene, _TIME), render(scene, _TIME + 1)),
        flows,
        (exact_occlusion(scene, *times[0]), exact_occlusion(scene, *times[1])),
        (mixed_pixels(scene, times[0][0]), mixed_pixels(scene, times[1][0])),
    )


def score(case: Case, flows: tuple[FlowField, FlowField]) -> Score:
    """Compare fields with the truth; the mask is what is disoccluded or outside, unsmoothed."""
    rows = []
    for here, there in ((0, 1), (1, 0)):
        error = np.linalg.norm(flows[here] - case.flows[here], axis=-1)
        reasons = _reasons(jnp.asarray(flows[here]), jnp.asarray(flows[there]))
        found, hidden = np.asarray(reasons.disoccluded | reasons.outside), case.hidden[here]
        both = np.count_nonzero(found & hidden)
        rows.append(
            (
                error[~case.mixed[here]].mean(),
                error[~case.mixed[here] & ~hidden].mean(),
                both / max(np.count_nonzero(found), 1),
                both / max(np.count_nonzero(hidden), 1),
                both / max(np.count_nonzero(found | hidden), 1),
            )
        )
    return Score(*map(float, np.mean(rows, axis=0)))


def timed(engine: str | Engine, case: Case) -> tuple[tuple[FlowField, FlowField], float]:
    """Estimate both ways; seconds of the faster of two runs, the first of which may compile."""
    seconds, flows = [], None
    for _ in range(2):
        start = time.perf_counter()
        flows = estimate_pair(engine, *case.frames)
        seconds.append(time.perf_counter() - start)
    assert flows is not None
    return flows, min(seconds)


def tables(options: BenchmarkOptions) -> Iterator[str]:
    """Yield the report line by line as it is measured.

    Raises:
        InputError: an unknown engine, or a bad size.
    """
    for name in options.engines:
        engine_named(name)
    width, _, height = options.size.lower().partition("x")
    if not (width.isdecimal() and height.isdecimal()):
        raise InputError(f"--size is {options.size!r}; expected WIDTHxHEIGHT, such as 512x218")
    chosen = [_setting(scene) for scene in options.scenes] or CASES[: options.cases]
    for setting in chosen:
        case = make_case(*setting, (int(width), int(height)))
        yield f"\n**{case.title}**\n"
        yield "| engine | error | visible | precision | recall | IoU | time / DIS | peak MB |"
        yield "|---|---|---|---|---|---|---|---|"
        yield _row("(exact flow)", score(case, case.flows), "", "")
        _, unit = timed(Dis(refinements=0), case)
        for name in options.engines:
            _forget_peak()
            flows, seconds = timed(name, case)
            yield _row(name, score(case, flows), f"{seconds / unit:.0f}", _peak())
    if options.reference:
        yield from reference_table(options)


def _setting(text: str) -> tuple[str, float, float]:
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


def reference_table(options: BenchmarkOptions) -> Iterator[str]:
    """Compare with published fields: ``FOLDER/deepflow/backward_2_1.flo`` and so on."""
    folder = Path(options.reference)
    frames = list(read_frames(folder))
    files = FlowFiles(str(folder / "deepflow" / "backward_[%d]_{%d}.flo"))
    pairs = [i for i in range(len(frames) - 1) if files.path(i, i + 1).is_file()]
    yield "\n**Distance to published DeepFlow fields, pixels**\n"
    yield "| engine | mean | median | where trusted | > 3 px |"
    yield "|---|---|---|---|---|"
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
        yield (
            f"| {name} | {error.mean():.3f} | {np.median(error):.3f} | "
            f"{np.average(error, weights=weight):.3f} | {(error > 3).mean():.2%} |"
        )


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the tables and leave with the exit status: 0, or 2 for bad input."""

    def work() -> int:
        words = sys.argv[1:] if arguments is None else arguments
        for line in tables(parsed(BenchmarkOptions, words, prog="benchmark_flow")):
            print(line, flush=True)
        return 0

    if status := status_of("benchmark_flow", work):
        sys.exit(status)


_reasons = jax.jit(mask_reasons)


def _row(name: str, result: Score, seconds: str, memory: str) -> str:
    numbers = " | ".join(f"{value:.3f}" for value in result[:2])
    shares = " | ".join(f"{value:.2f}" for value in result[2:])
    return f"| {name} | {numbers} | {shares} | {seconds} | {memory} |"


def _forget_peak() -> None:
    """Let Linux count the peak of this process's memory anew."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def _peak() -> str:
    """Peak memory of the whole process since then, MB; nothing where Linux doesn't tell."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return f"{int(line.split()[1]) / 1024:.0f}"
    return ""
