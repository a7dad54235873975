"""Time of one loss and gradient, beside PyTorch's."""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from jvst.app.options import size_of
from jvst.lab.benchmark.records import Column, Journal, check_at_least, check_choice, say
from jvst.lab.benchmark.timing import alternate, evaluation_flop, matrix_peak, ratios, spread
from jvst.lab.benchmark.torch_network import Problem, installed, torch_evaluations
from jvst.network.convolution import Precision
from jvst.network.vgg import VGG19
from jvst.solver.objective import (
    FrameTargets,
    LossWeights,
    content_targets,
    frame_loss,
    style_targets,
)

PRECISIONS = ("float32", "tf32", "bfloat16")
_OURS, _LOOP = "jvst", "jvst, in a loop on the device"
_LOOPS = 5  # evaluations of the loop

COLUMNS = (
    Column("loss and gradient", "name"),
    Column("median ms", "median_s", ".2f", 1e3),
    Column("quartiles", "quartiles_ms"),
    Column("fastest", "fastest_s", ".2f", 1e3),
    Column("TFLOP/s", "flop_s", ".3f", 1e-12),
    Column("of the matrix product", "share_of_peak", ".0%"),
    Column("jvst takes of its time", "ratio", ".2f"),
    Column("quartiles", "ratio_quartiles"),
    Column("by the fastest", "ratio_of_fastest", ".2f"),
    Column("jvst's loop takes of its time", "loop_ratio", ".2f"),
)


@dataclasses.dataclass(frozen=True)
class GradientOptions:
    """Time one loss and its gradient, jvst and PyTorch in turn; the same network, the same losses.

    The network is random: for the time that is the same.
    """

    size: str = ""
    """WIDTHxHEIGHT; 1024x436 on a GPU and 256x192 on a CPU when left out."""
    width: float = 0.0
    """Channels, as a part of VGG-19's; 1 on a GPU and 0.5 on a CPU when left out."""
    against: float = 0.0
    """Channels of a second network that is timed in turn with the first; 0: none."""
    precision: tuple[str, ...] = ("float32",)
    """Of the convolutions: float32, tf32, bfloat16, or several."""
    repeats: int = 9
    """Times of each."""
    calls: int = 0
    """Evaluations before the device is waited for; 10 on a GPU and 1 on a CPU when left out."""
    no_compile: bool = False
    """Leave torch.compile out, which takes a minute to compile."""
    no_torch: bool = False
    """Leave PyTorch out."""
    json: str = ""
    """File for the figures."""


def run(options: GradientOptions, journal: Journal) -> None:
    """Measure at each precision and report.

    Raises:
        InputError: an option that can't be used.
    """
    for precision in options.precision:
        check_choice(precision, PRECISIONS, "--precision")
    check_at_least(options.repeats, 1, "--repeats")
    check_at_least(options.calls, 0, "--calls")
    for name, width in (("--width", options.width), ("--against", options.against)):
        if width:
            check_at_least(width, 1 / 64, name)
    if options.size:
        size_of(options.size)
    journal.begin()
    accelerated = jax.default_backend() != "cpu"
    size = size_of(options.size or ("1024x436" if accelerated else "256x192"))
    channels = options.width or (1.0 if accelerated else 0.5)
    calls = options.calls or (10 if accelerated else 1)
    torch = None if options.no_torch else installed()
    if torch is None and not options.no_torch:
        journal.note('PyTorch is not installed (`pip install "jvst[benchmark]"`): no comparison.')
    for precision in options.precision:
        say(f"evaluation in {precision}")
        rows = measure(
            size,
            channels,
            precision,  # type: ignore[arg-type]
            options=dataclasses.replace(options, calls=calls),
            torch=torch,
            tell=journal.note,
        )
        title = (
            f"{size[0]}×{size[1]}, {channels:g} of VGG-19's channels, {precision}: "
            f"{evaluation_flop(*size, channels) / 1e12:.3g} TFLOP; the product of two large "
            f"matrices reaches {rows[0]['peak_flop_s'] / 1e12:.3g} TFLOP/s"
        )
        journal.table(f"evaluation_{precision}", title, COLUMNS, rows)


def measure(
    size: tuple[int, int],
    channels: float,
    precision: Precision,
    *,
    options: GradientOptions,
    torch: Any,
    tell: Callable[[str], None],
) -> list[dict[str, Any]]:
    """Time all candidates in turn; return a row each, jvst's first; tell what is left out."""
    vgg = VGG19(width=channels, precision=precision, rngs=nnx.Rngs(0))
    problem = random_problem(vgg, size)
    candidates: dict[str, Callable[[], object]] = {_OURS: jvst_evaluation(problem, options.calls)}
    candidates[_LOOP] = loop_evaluation(problem)
    flop = dict.fromkeys([_OURS, _LOOP], evaluation_flop(*size, channels))
    if options.against:
        other = f"jvst, {options.against:g} of VGG-19's channels"
        wider = VGG19(width=options.against, precision=precision, rngs=nnx.Rngs(0))
        candidates[other] = jvst_evaluation(random_problem(wider, size), options.calls)
        flop[other] = evaluation_flop(*size, options.against)
    if torch is not None:
        expected = float(jax.jit(frame_loss)(*problem)[0])
        candidates |= torch_evaluations(
            torch,
            problem,
            precision,
            expected=expected,
            calls=options.calls,
            compiled=not options.no_compile,
            tell=tell,
        )
    peak = matrix_peak(precision)
    seconds = alternate(candidates, options.repeats)
    counts = {name: _LOOPS if name == _LOOP else options.calls for name in candidates}
    each = {name: [s / counts[name] for s in values] for name, values in seconds.items()}
    what = (size, channels, precision)
    return [_row(name, each, flop.get(name, flop[_OURS]), peak, what) for name in each]


def random_problem(vgg: VGG19, size: tuple[int, int]) -> Problem:
    """Make start, network, targets and weights of noise; (width, height) in pixels."""
    width, height = size

    def draw(seed: int) -> jax.Array:
        return jax.random.uniform(jax.random.key(seed), (height, width, 3))

    targets = FrameTargets(
        jax.jit(content_targets)(vgg, draw(1)),
        jax.jit(style_targets)(vgg, [draw(2)]),
        draw(3)[None],
        jnp.ones((1, height, width)),
    )
    return draw(0), vgg, targets, LossWeights()


def jvst_evaluation(problem: Problem, calls: int) -> Callable[[], object]:
    """Return a function that evaluates ``calls`` times and waits for the last."""
    evaluate = jax.jit(jax.value_and_grad(frame_loss, has_aux=True))

    def several() -> object:
        for _ in range(calls):
            done = evaluate(*problem)
        return jax.block_until_ready(done)

    return several


def loop_evaluation(problem: Problem, loops: int = _LOOPS) -> Callable[[], object]:
    """Return what evaluates inside a loop on the device, as the solver does."""
    gradient = jax.grad(frame_loss, has_aux=True)

    @jax.jit
    def loop(image: Any, *rest: Any) -> Any:
        def body(_: Any, x: Any) -> Any:
            # A step too short to matter, for an evaluation that changes nothing is left out.
            return x - 1e-9 * gradient(x, *rest)[0]

        return jax.lax.fori_loop(0, loops, body, image)

    return lambda: jax.block_until_ready(loop(*problem))


def loop_seconds(problem: Problem, repeats: int = 3) -> list[float]:
    """Time an evaluation inside a loop on the device."""
    seconds = alternate({_LOOP: loop_evaluation(problem)}, repeats)[_LOOP]
    return [value / _LOOPS for value in seconds]


def _row(
    name: str, each: dict[str, list[float]], flop: float, peak: float, what: tuple
) -> dict[str, Any]:
    times, against = spread(each[name]), ratios(each[_OURS], each[name])
    return {
        "name": name,
        "size": f"{what[0][0]}x{what[0][1]}",
        "width": what[1],
        "precision": what[2],
        "seconds": each[name],
        "median_s": times.median,
        "quartiles_ms": f"{times.low * 1e3:.2f}–{times.high * 1e3:.2f}",
        "flop_s": flop / times.median,
        "peak_flop_s": peak,
        "share_of_peak": flop / times.median / peak,
        "ratio": against.median,
        "ratio_low": against.low,
        "ratio_high": against.high,
        "ratio_quartiles": f"{against.low:.2f}–{against.high:.2f}",
        "fastest_s": min(each[name]),
        "loop_ratio": ratios(each[_LOOP], each[name]).median,
        "ratio_of_fastest": min(each[_OURS]) / min(each[name]),
    }
