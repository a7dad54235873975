"""Compare the memory estimate with the buffers that XLA assigns; runs nothing without --time.

python scripts/measure_memory.py   # the table of docs/benchmarks.md
python scripts/measure_memory.py --size 3840x2160 --width 1 --tile 0 512 1024
python scripts/measure_memory.py --size 1920x1080 --width 0.25 --tile 0 1024 512 256 128 --time

Prints Markdown: for each size and tile (0: untiled) the window, what the compiler counts as working
memory and in total, the formula's total and its ratio to the compiler's, and how many times as much
of the network is evaluated as untiled. With --time also the seconds of one loss and gradient, the
median of three.
"""

import dataclasses
import functools
import statistics
import time

import jax
import jax.numpy as jnp
import tyro
from flax import nnx

from jvst.app.options import size_of
from jvst.network.vgg import VGG19
from jvst.solver.memory import (
    FrameShape,
    abstract_problem,
    clip_bytes,
    compiled_estimate,
    quick_estimate,
)
from jvst.solver.objective import LossWeights
from jvst.solver.solve import SolverConfig
from jvst.solver.tiles import cut_picture, tiled_loss_and_gradient

# Size, width of the network, history, tiles.
DEFAULTS = (
    ("256x192", 0.5, 30, (0,)),
    ("512x384", 0.5, 30, (0, 128)),
    ("1024x436", 1.0, 30, (0, 256)),
    ("1920x1080", 1.0, 30, (0, 512)),
    ("3840x2160", 1.0, 30, (0, 1024)),
    ("3840x2160", 1.0, 10, (1024, 512)),
    ("3840x2160", 1.0, 3, (512, 256)),
)


@dataclasses.dataclass(frozen=True)
class Options:
    """What is compared."""

    size: str = ""
    """WIDTHxHEIGHT; the table of defaults when left out."""
    width: float = 0.5
    """Channels, as a part of VGG-19's."""
    tile: tuple[int, ...] = (0,)
    """Sides; 0: untiled."""
    history: int = 30
    """Corrections that L-BFGS keeps."""
    lags: int = 1
    """Number of earlier frames."""
    time: bool = False
    """Evaluate, too."""


def main(options: Options) -> None:
    given = ((options.size, options.width, options.history, options.tile),)
    device = jax.devices()[0].device_kind
    print(f"jax {jax.__version__} on {device}; MB = 10⁶ bytes; {options.lags} lag(s)\n")
    head = ("size", "width", "history", "tile", "windows", "working", "total", "formula")
    head = (*head, "formula / total", "beside", "work", "seconds to compile", "to evaluate")
    print(f"| {' | '.join(head)} |\n|{'---|' * len(head)}")
    for size, width, history, tiles in given if options.size else DEFAULTS:
        vgg = nnx.eval_shape(lambda width=width: VGG19(width=width, rngs=nnx.Rngs(0)))
        columns, rows = size_of(size)
        shape = FrameShape(rows, columns, options.lags)
        for side in tiles:
            tile = (side, side) if side else None
            cells = measure(shape, vgg, history, tile)
            cells += (f"{seconds_of(shape, width, tile):.2f}" if options.time else "",)
            print(f"| {' | '.join((size, f'{width:g}', str(history), *cells))} |", flush=True)


def measure(
    shape: FrameShape, vgg: VGG19, history: int, tile: tuple[int, int] | None
) -> tuple[str, ...]:
    config = SolverConfig(history=history)
    formula = quick_estimate(shape, vgg, config=config, tile=tile)
    begun = time.perf_counter()
    counted = compiled_estimate(shape, vgg, config=dataclasses.replace(config, tile=tile))
    seconds = time.perf_counter() - begun
    if counted is None:
        raise SystemExit("the compiler of this device does not tell what it assigns")
    seen, work = "whole", 1.0
    if tile is not None:
        layers = frozenset({*shape.content_layers, *shape.style_layers})
        windows = cut_picture(shape.height, shape.width, vgg.layers, layers, tile)
        height, width, _ = windows.shape
        seen = f"{windows.count} of {width}x{height}"
        # Forward for the Gram matrices, then forward and back.
        work = 1.5 * windows.count * height * width / (shape.height * shape.width)
    return (
        "untiled" if tile is None else str(tile[0]),
        seen,
        f"{counted.working / 1e6:.0f}",
        f"{counted.total / 1e6:.0f}",
        f"{formula.total / 1e6:.0f}",
        f"{formula.total / counted.total:.3f}",
        f"{clip_bytes(shape) / 1e6:.0f}",
        f"{work:.2f}",
        f"{seconds:.1f}",
    )


def seconds_of(shape: FrameShape, width: float, tile: tuple[int, int] | None) -> float:
    vgg, weights = VGG19(width=width, rngs=nnx.Rngs(0)), LossWeights()
    _, targets = abstract_problem(shape, vgg, config=SolverConfig())
    targets = jax.tree.map(lambda leaf: jnp.full(leaf.shape, 0.1, leaf.dtype), targets)
    image = jax.random.uniform(jax.random.key(0), (shape.height, shape.width, 3))
    # One tile as large as the picture is the untiled evaluation.
    tile = tile or (shape.height, shape.width)
    evaluate = jax.jit(functools.partial(tiled_loss_and_gradient, tile=tile))
    jax.block_until_ready(evaluate(image, vgg, targets, weights))
    seconds = []
    for _ in range(3):
        begun = time.perf_counter()
        jax.block_until_ready(evaluate(image, vgg, targets, weights))
        seconds.append(time.perf_counter() - begun)
    return statistics.median(seconds)


if __name__ == "__main__":
    main(tyro.cli(Options, description=__doc__))
