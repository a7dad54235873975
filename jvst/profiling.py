"""Where the time of an evaluation goes, on the device at hand: layer by layer, and part by part.

Everything runs inside a loop on the device, as evaluations do, and in turn with what it is compared
with.
"""

import argparse
import functools
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array

from jvst import vgg as network
from jvst import winograd
from jvst._types import Activations, Grams, Image, Scalar
from jvst.benchmark.timing import Spread, alternate, ratios, spread
from jvst.losses import content_loss, temporal_loss, total_variation
from jvst.objective import (
    FrameTargets,
    LossWeights,
    content_targets,
    frame_loss,
    style_targets,
)
from jvst.objective import _style_loss as frame_style_loss
from jvst.optimizers import SolverConfig
from jvst.solver import advance, begin
from jvst.vgg import CONVOLUTIONS, LAYERS, VGG19, Pooling, channels_of
from jvst.windows import stride

Convolution = Callable[[Array, Array], Array]
Problem = tuple[VGG19, FrameTargets, LossWeights]

_TURNS = 4  # evaluations of a timed loop
# Of a layer's loop: so long that combining its kernel, done once before the turns, hardly counts.
_LAYER_FLOP, _LEAST_TURNS = 1.5e10, 4
_ITERATIONS = 20


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", default="256x192", help="WIDTHxHEIGHT")
    parser.add_argument("--width", type=float, default=0.5, help="channels, as a part of VGG-19's")
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument(
        "--only", choices=("layers", "parts", "iteration"), help="one of the tables"
    )
    options = parser.parse_args()
    columns, rows = (int(side) for side in options.size.split("x"))
    device = jax.devices()[0].device_kind
    print(
        f"jax {jax.__version__} on {device}; {options.size}, network width {options.width:g}; "
        f"medians of {options.repeats}, quartiles in brackets"
    )
    if options.only in (None, "layers"):
        print_layers(rows, columns, options.width, options.repeats)
    vgg = VGG19(width=options.width, rngs=nnx.Rngs(0))
    image, problem = example_problem(vgg, rows, columns)
    if options.only in (None, "parts"):
        print_parts(image, problem, options.repeats)
    if options.only in (None, "iteration"):
        print_iteration(image, problem, options.repeats)


def print_layers(height: int, width: int, channels: float, repeats: int) -> None:
    """Print each convolution with its gradient in the input, both ways in turn."""
    print("\n| layers | channels | size | plain ms | fewer products ms | ratio | chosen |")
    print(f"|{'---|' * 7}")
    for names, (h, w, c, d) in layer_shapes(height, width, channels).items():
        x = jax.random.normal(jax.random.key(0), (h, w, c))
        kernel = jax.random.normal(jax.random.key(1), (3, 3, c, d)) / (9 * c) ** 0.5
        turns = max(_LEAST_TURNS, round(_LAYER_FLOP / (36 * h * w * c * d)))
        seconds = alternate(
            {
                name: functools.partial(_wait, forth_and_back(way, turns), x, kernel)
                for name, way in (("plain", plain), ("fewer", winograd.convolve))
            },
            repeats,
        )
        ms = [f"{spread(times).median / turns * 1e3:.2f}" for times in seconds.values()]
        ratio = _text(ratios(seconds["fewer"], seconds["plain"]))
        chosen = "fewer products" if winograd.pays(h, w, c, d) else "plain"
        cells = (names, f"{c} → {d}", f"{w}×{h}", *ms, ratio, chosen)
        print(f"| {' | '.join(cells)} |", flush=True)


def layer_shapes(height: int, width: int, channels: float) -> dict[str, tuple[int, int, int, int]]:
    """Return (height, width, channels in, out) of all convolutions but the first, once each."""
    found: dict[tuple[int, int, int, int], list[str]] = {}
    for name, (c, d) in channels_of(channels).items():
        step = stride(name)
        found.setdefault((height // step, width // step, c, d), []).append(name)
    return {", ".join(names): shape for shape, names in found.items() if shape[2] != 3}


def plain(x: Array, kernel: Array) -> Array:
    """Convolve with the back end's own convolution."""
    return network._plain_convolution(x, kernel, 1, "highest")


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


def example_problem(vgg: VGG19, height: int, width: int) -> tuple[Image, Problem]:
    """Return noise, and targets made of noise: for the time any picture will do."""
    noise = [jax.random.uniform(jax.random.key(k), (height, width, 3)) for k in range(4)]
    targets = FrameTargets(
        content_targets(vgg, noise[1]),
        style_targets(vgg, [noise[2]]),
        noise[3][None],
        jnp.ones((1, height, width)),
    )
    return noise[0], (vgg, targets, LossWeights())


def print_parts(image: Image, problem: Problem, repeats: int) -> None:
    """Print the parts of an evaluation, each alone in a loop, as shares of the whole."""
    timed = {name: functools.partial(_wait, *run) for name, run in parts(image, problem)}
    seconds = alternate(timed, repeats)
    whole, *rest = seconds
    print("\n| part of an evaluation, alone | ms | share |\n|---|---|---|")
    for name in (whole, *rest):
        share = _text(ratios(seconds[name], seconds[whole]))
        print(f"| {name} | {spread(seconds[name]).median / _TURNS * 1e3:.1f} | {share} |")


def parts(image: Image, problem: Problem) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """Yield the name of a part, and a loop of it with its arguments; the whole first.

    Bias, relu, preprocessing and what a part waits for another are in none but the whole.
    """
    vgg, targets, weights = problem
    yield "whole", (loop_of(_frame, _TURNS), image, *problem)
    shapes = jax.eval_shape(lambda: network.features(vgg, image, LAYERS))
    layers = {name: jnp.full(shapes[name].shape, 0.5) for name in LAYERS}
    before = dict(zip(LAYERS, (image, *layers.values()), strict=False))  # what a layer is given
    convolved = {name: before[name] for name in CONVOLUTIONS}
    yield "convolutions", (loop_of(_convolutions, _TURNS), convolved, vgg)
    pooled = {name: before[name] for name in LAYERS if name.startswith("pool")}
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
    results = [network._convolution(x, kernels[k], 1, "highest") for k, x in inputs.items()]
    return _squares(results)


def _pools(inputs: Activations, pooling: Pooling) -> Scalar:
    return _squares([network._pool(x, pooling) for x in inputs.values()])


def _squares(arrays: list[Array]) -> Scalar:
    """Return a sum whose gradient in an array is the array: nothing can be left out."""
    return 0.5 * sum((jnp.sum(jnp.square(array)) for array in arrays), jnp.zeros(()))


def _styles(activations: Activations, targets: Grams) -> Scalar:
    return sum((frame_style_loss(x, targets[k]) for k, x in activations.items()), jnp.zeros(()))


def _contents(activations: Activations, targets: Activations) -> Scalar:
    return sum((content_loss(x, targets[k]) for k, x in activations.items()), jnp.zeros(()))


def _pixels(image: Image, targets: FrameTargets, weights: LossWeights) -> Scalar:
    temporal = temporal_loss(image, targets.warped[0], targets.trust[0])
    return weights.temporal * temporal + weights.total_variation * total_variation(image)


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


def print_iteration(image: Image, problem: Problem, repeats: int) -> None:
    """Print an iteration of the solver against as many evaluations in a loop of their own."""
    config = SolverConfig(tolerance=0.0)
    state = begin(image, *problem, 10**6, config)
    # The first steps are short of curvature and search; a solve is mostly what comes after.
    state = advance(state, *problem, 10**6, _ITERATIONS, config)
    after = advance(state, *problem, 10**6, _ITERATIONS, config)
    evaluations = int(after.evaluations - state.evaluations)
    seconds = alternate(
        {
            "iterations": functools.partial(
                _wait, advance, state, *problem, 10**6, _ITERATIONS, config
            ),
            "evaluations": functools.partial(
                _wait, loop_of(_frame, evaluations), state.image, *problem
            ),
        },
        repeats,
    )
    each = [spread(times).median * 1e3 for times in seconds.values()]
    ratio = _text(ratios(seconds["iterations"], seconds["evaluations"]))
    print(
        f"\n{_ITERATIONS} iterations of L-BFGS with {evaluations} evaluations: {each[0]:.0f} ms; "
        f"{evaluations} evaluations in a loop: {each[1]:.0f} ms; ratio {ratio}"
    )


def _wait(function: Callable[..., Any], *arguments: Any) -> None:
    jax.block_until_ready(function(*arguments))


def _text(ratio: Spread) -> str:
    return f"{ratio.median:.2f} ({ratio.low:.2f}–{ratio.high:.2f})"
