"""Time of an evaluation by layer and by part.

Everything runs inside a loop on the device, as evaluations do, and in turn with what it is compared
with.
"""

import dataclasses
import functools
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array

from jvst._types import Activations, Image, Scalar, StyleTargets
from jvst.app.options import size_of
from jvst.core.losses import content_loss, temporal_loss, total_variation
from jvst.lab.benchmark.gradient import random_problem
from jvst.lab.benchmark.records import Column, Journal, check_at_least, check_choice, say
from jvst.lab.benchmark.timing import alternate, ratios, spread
from jvst.lab.benchmark.torch_network import Problem
from jvst.network import convolution, winograd
from jvst.network.convolution import Pooling, Precision
from jvst.network.layers import vgg19_layers
from jvst.network.vgg import VGG19, features
from jvst.solver.objective import (
    GRAM,
    FrameTargets,
    LossWeights,
    frame_loss,
)
from jvst.solver.solve import SolverConfig, advance, begin

Convolution = Callable[[Array, Array], Array]

_TURNS = 4  # evaluations of a timed loop
# Of a layer's loop: so long that combining its kernel, done once before the turns, hardly counts.
_LAYER_FLOP, _LEAST_TURNS = 1.5e10, 4
_ITERATIONS = 20
_TABLES = ("layers", "evaluation", "iteration")


LAYER_COLUMNS = (
    Column("layers", "layers"),
    Column("channels", "channels"),
    Column("size", "size"),
    Column("plain ms", "plain_s", ".2f", 1e3),
    Column("fewer products ms", "fewer_s", ".2f", 1e3),
    Column("ratio", "ratio", ".2f"),
    Column("quartiles", "ratio_quartiles"),
    Column("chosen", "chosen"),
)
PART_COLUMNS = (
    Column("part, alone in a loop", "part"),
    Column("ms", "seconds", ".1f", 1e3),
    Column("share", "share", ".2f"),
    Column("quartiles", "share_quartiles"),
)
ITERATION_COLUMNS = (
    Column("history", "history"),
    Column("iterations", "iterations"),
    Column("evaluations", "evaluations"),
    Column("iterations take ms", "iterations_s", ".0f", 1e3),
    Column("as many evaluations in a loop", "evaluations_s", ".0f", 1e3),
    Column("ratio", "ratio", ".2f"),
    Column("quartiles", "ratio_quartiles"),
)


@dataclasses.dataclass(frozen=True)
class ProfileOptions:
    """Say where an evaluation's time goes: layer by layer, part by part, and in an iteration.

    The network is random: for the time that is the same.
    """

    size: str = "256x192"
    """WIDTHxHEIGHT."""
    width: float = 0.5
    """Channels, as a part of VGG-19's."""
    precision: Precision = "float32"
    """Of the network's convolutions, but in the table of layers."""
    repeats: int = 9
    """Times of each."""
    parts: tuple[str, ...] = _TABLES
    """Which tables."""
    history: tuple[int, ...] = (SolverConfig.history,)
    """Corrections that L-BFGS keeps, several if you like."""
    json: str = ""
    """File for the figures."""


def run(options: ProfileOptions, journal: Journal) -> None:
    """Measure and report, table by table.

    Raises:
        InputError: an option that can't be used.
    """
    columns, rows = size_of(options.size)
    check_at_least(options.width, 1 / 64, "--width")
    check_at_least(options.repeats, 1, "--repeats")
    for part in options.parts:
        check_choice(part, _TABLES, "--parts")
    for history in options.history:
        check_at_least(history, 1, "--history")
    journal.begin()
    what = f"{columns}×{rows}, {options.width:g} of VGG-19's channels"
    if "layers" in options.parts:
        found = layers(rows, columns, options.width, options.repeats)
        title = f"A convolution and its gradient in the input, {what}"
        journal.table("layers", title, LAYER_COLUMNS, found)
    problem = random_problem(
        VGG19(width=options.width, precision=options.precision, rngs=nnx.Rngs(0)), (columns, rows)
    )
    if "evaluation" in options.parts:
        say("the parts of an evaluation")
        found = shares(problem, options.repeats)
        journal.table("evaluation", f"An evaluation, {what}", PART_COLUMNS, found)
    if "iteration" in options.parts:
        found = [iteration(problem, options.repeats, history) for history in options.history]
        title = f"Iterations of L-BFGS, {what}"
        journal.table("iteration", title, ITERATION_COLUMNS, found)


def layers(height: int, width: int, channels: float, repeats: int) -> list[dict[str, Any]]:
    """Time each convolution with its gradient in the input, both ways in turn."""
    rows = []
    for names, (h, w, k, c, d) in layer_shapes(height, width, channels).items():
        say(names)
        x = jax.random.normal(jax.random.key(0), (h, w, c))
        kernel = jax.random.normal(jax.random.key(1), (k, k, c, d)) / (k * k * c) ** 0.5
        turns = max(_LEAST_TURNS, round(_LAYER_FLOP / (4 * k * k * h * w * c * d)))
        seconds = alternate(
            {
                name: functools.partial(_wait, forth_and_back(way, turns), x, kernel)
                for name, way in (("plain", plain), ("fewer", winograd.convolve))
            },
            repeats,
        )
        rows.append(
            {
                "layers": names,
                "channels": f"{c} → {d}",
                "size": f"{w}×{h}",
                "plain_s": spread(seconds["plain"]).median / turns,
                "fewer_s": spread(seconds["fewer"]).median / turns,
                **_ratio("ratio", seconds["fewer"], seconds["plain"]),
                "chosen": "fewer products" if winograd.pays(h, w, c, d, kernel=k) else "plain",
            }
        )
    return rows


def layer_shapes(height: int, width: int, channels: float) -> dict[str, tuple[int, ...]]:
    """Return (height, width, kernel, channels in, out) of all convolutions but the first, once."""
    found: dict[tuple[int, ...], list[str]] = {}
    for layer in vgg19_layers(channels).convolutions[1:]:
        size = height // layer.stride, width // layer.stride
        shape = (*size, layer.kernel, layer.inputs, layer.channels)
        found.setdefault(shape, []).append(layer.name)
    return {", ".join(names): shape for shape, names in found.items()}


def plain(x: Array, kernel: Array) -> Array:
    """Convolve with the back end's own convolution."""
    return convolution.plain_convolution(x, kernel, kernel.shape[0] // 2, "highest")


def forth_and_back(convolve: Convolution, turns: int) -> Callable[[Array, Array], Array]:
    """Make a loop that takes a picture through a layer and through its gradient in the input."""

    @jax.jit
    def loop(x: Array, kernel: Array) -> Array:
        turned = jnp.swapaxes(kernel[::-1, ::-1], 2, 3)  # [3 3 d c]

        def turn(_: Any, x: Array) -> Array:
            # The barrier keeps the two apart, as relu and the rest of the network do.
            return convolve(jax.lax.optimization_barrier(convolve(x, kernel)), turned)

        return jax.lax.fori_loop(0, turns, turn, x)

    return loop


def shares(problem: Problem, repeats: int) -> list[dict[str, Any]]:
    """Time the parts of an evaluation, each alone in a loop; the first row is the whole."""
    timed = {name: functools.partial(_wait, *run) for name, run in parts(problem)}
    seconds = alternate(timed, repeats)
    whole = next(iter(seconds))
    return [
        {
            "part": name,
            "seconds": spread(times).median / _TURNS,
            **_ratio("share", times, seconds[whole]),
        }
        for name, times in seconds.items()
    ]


def parts(problem: Problem) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """Yield the name of a part, and a loop of it with its arguments; the whole first.

    Bias, relu, preprocessing and what a part waits for another are in none but the whole.
    """
    image, vgg, targets, weights = problem
    yield "whole", (loop_of(_frame, _TURNS), *problem)
    table = vgg.layers
    shapes = jax.eval_shape(lambda: features(vgg, image, table.names))
    layers = {name: jnp.full(shapes[name].shape, 0.5) for name in table.names}
    # What a layer is given.
    before = dict(zip(table.names, (image, *layers.values()), strict=False))
    convolved = {layer.name: before[layer.name] for layer in table.convolutions}
    yield "convolutions", (loop_of(_convolutions, _TURNS), convolved, vgg)
    pooled = {layer.name: before[layer.name] for layer in table if layer.kind == "pool"}
    pool = functools.partial(_pools, pooling=vgg.pooling)
    yield "pooling", (loop_of(pool, _TURNS), pooled)
    styled = {name: layers[name] for name in targets.style}
    yield "style loss", (loop_of(_styles, _TURNS), styled, targets.style)
    with_content = {name: layers[name] for name in targets.content}
    yield "content loss", (loop_of(_contents, _TURNS), with_content, targets.content)
    yield "terms on pixels", (loop_of(_pixels, _TURNS), image, targets, weights)


def _frame(image: Image, vgg: VGG19, targets: FrameTargets, weights: LossWeights) -> Scalar:
    return frame_loss(image, vgg, targets, weights)[0]


def _convolutions(inputs: Activations, vgg: VGG19) -> Scalar:
    kernels = {name: vgg.parameters(name)[0] for name in inputs}
    return _squares(
        [
            convolution.convolution(x, kernels[k], vgg.layers[k].kernel // 2, "highest")
            for k, x in inputs.items()
        ]
    )


def _pools(inputs: Activations, pooling: Pooling) -> Scalar:
    return _squares([convolution.pool(x, pooling) for x in inputs.values()])


def _squares(arrays: list[Array]) -> Scalar:
    """Return a sum whose gradient in an array is the array: nothing can be left out."""
    return 0.5 * sum((jnp.sum(jnp.square(array)) for array in arrays), jnp.zeros(()))


def _styles(activations: Activations, targets: StyleTargets) -> Scalar:
    parts = (GRAM.loss(GRAM.moments(x), targets[k]) for k, x in activations.items())
    return sum(parts, jnp.zeros(()))


def _contents(activations: Activations, targets: Activations) -> Scalar:
    return sum((content_loss(x, targets[k]) for k, x in activations.items()), jnp.zeros(()))


def _pixels(image: Image, targets: FrameTargets, weights: LossWeights) -> Scalar:
    temporal = temporal_loss(image, targets.warped[0], targets.trust[0])
    return jnp.multiply(weights.temporal, temporal) + jnp.multiply(
        weights.total_variation, total_variation(image)
    )


def loop_of(loss: Callable[..., Any], turns: int) -> Callable[..., Any]:
    """Make a loop of a loss and its gradient in the first argument, which moves it a little."""
    evaluate = jax.value_and_grad(loss)

    @jax.jit
    def loop(x: Any, *others: Any) -> Any:
        def turn(_: Any, state: tuple[Any, Array]) -> tuple[Any, Array]:
            x, total = state
            value, gradient = evaluate(x, *others)
            return jax.tree.map(lambda leaf, slope: leaf - 1e-9 * slope, x, gradient), total + value

        return jax.lax.fori_loop(0, turns, turn, (x, jnp.zeros(())))

    return loop


def iteration(problem: Problem, repeats: int, history: int) -> dict[str, Any]:
    """Time iterations of the solver against as many evaluations in a loop of their own."""
    config = SolverConfig(tolerance=0.0, history=history)
    image, vgg, targets, weights = problem
    rest = vgg, targets, weights
    state = begin(image, config)
    # The first steps are short of curvature and search; a solve is mostly what comes after.
    state = advance(state, *rest, 10**6, _ITERATIONS, config)
    after = advance(state, *rest, 10**6, _ITERATIONS, config)
    count = int(after.evaluations - state.evaluations)
    seconds = alternate(
        {
            "iterations": functools.partial(
                _wait, advance, state, *rest, 10**6, _ITERATIONS, config
            ),
            "evaluations": functools.partial(_wait, loop_of(_frame, count), state.image, *rest),
        },
        repeats,
    )
    return {
        "history": history,
        "iterations": _ITERATIONS,
        "evaluations": count,
        "iterations_s": spread(seconds["iterations"]).median,
        "evaluations_s": spread(seconds["evaluations"]).median,
        **_ratio("ratio", seconds["iterations"], seconds["evaluations"]),
    }


def _ratio(key: str, these: list[float], those: list[float]) -> dict[str, Any]:
    """Return the median of ratios of times that were measured in turn, and their quartiles."""
    found = ratios(these, those)
    return {key: found.median, f"{key}_quartiles": f"{found.low:.2f}–{found.high:.2f}"}


def _wait(function: Callable[..., Any], *arguments: Any) -> None:
    jax.block_until_ready(function(*arguments))
