"""Memory of a solve, and its fit to a device.

The formula takes no time and says which way of solving can fit; the compiler then confirms it for
the device at hand. Memory that a convolution library takes for itself is in neither.

What does not fit gives way in the order of what it costs in time: first the history of L-BFGS,
then the untiled picture. On a CPU, at 1920×1080 with a network of quarter width, an evaluation took
about 1.4 times as long as untiled with tiles of 1024, 1.7 with 512, 2.8 with 256 and 5 with 128
(``scripts/measure_memory.py --time``). Rematerialization is not among the steps: recomputing each
block of the network on the way back (``jax.checkpoint``) took 30 % longer and saved nothing in
XLA's buffer assignment on a CPU.
"""

import dataclasses
import functools
from collections.abc import Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jvst.core.statistics import StyleStatistic
from jvst.errors import InputError
from jvst.network import winograd
from jvst.network.layers import Layer
from jvst.network.vgg import VGG19
from jvst.solver.objective import (
    CONTENT_LAYERS,
    GRAM,
    STYLE_LAYERS,
    FrameTargets,
    LossWeights,
    content_targets,
    settled,
    style_targets,
)
from jvst.solver.solve import SolverConfig, SolveState, advance, begin
from jvst.solver.tiles import cut_picture

_WEIGHTS = LossWeights()
_FLOAT, _HALF = 4, 2  # bytes; images are float32 whatever the network computes in

# Counted in XLA's buffer assignment on a CPU (jax 0.10), see scripts/measure_memory.py: at the
# peak, when the gradient sets out from the deepest layer, each layer is there once, and so are ...
_STYLE_SLOPES = 1  # ... for each style layer, the product that is its gradient,
_CONTENT_SLOPES = 2  # for each content layer, the difference and its gradient,
# and images: direction, trial, gradients; without tiles also
_LBFGS_IMAGES, _OTHER_IMAGES = 3, 1
_WHOLE_IMAGES = 1  # those of the terms on pixels: one, and one for each lag.

# Floats a pixel that the single pass keeps on the device beside the solver: for each lag, flow
# both ways, the other frame, and all of ``Neighbours``; ...
_LAG_FLOATS = 7 + 11
# ... the frame and the start; and every stylized frame that the lags reach back to.
_FRAME_FLOATS, _EARLIER_FLOATS = 6, 3
# Two vectors for each step that frames hand on: those that the solve began with, and those of the
# frame before as long as the caller has that.
_CARRIED_FLOATS = 2 * 2 * 3


@dataclasses.dataclass(frozen=True)
class FrameShape:
    """All that the size of a solve depends on, beside the network and the solver.

    Attributes:
        height: of the frame, pixels.
        width: of the frame, pixels.
        lags: slots for earlier frames, see ``FrameTargets``.
        content_layers: names of the content layers.
        style_layers: names of the style layers.
        statistic: what of them is compared.
    """

    height: int
    width: int
    lags: int = 1
    content_layers: tuple[str, ...] = CONTENT_LAYERS
    style_layers: tuple[str, ...] = STYLE_LAYERS
    statistic: StyleStatistic = GRAM

    @property
    def image(self) -> int:
        """Bytes of one image."""
        return self.height * self.width * 3 * _FLOAT


class MemoryEstimate(NamedTuple):
    """Bytes on the device while a frame is solved."""

    parameters: int  # of the network
    targets: int  # what the frame is drawn to
    state: int  # of the solver, before and after a chunk of iterations
    working: int  # activations and gradients
    beside: int = 0  # what the clip keeps there, see ``clip_bytes``

    @property
    def total(self) -> int:
        """Add the parts."""
        return sum(self)


def quick_estimate(
    shape: FrameShape,
    vgg: VGG19,
    *,
    config: SolverConfig,
    tile: tuple[int, int] | None = None,
) -> MemoryEstimate:
    """Estimate by formula what ``solver.advance`` needs.

    Args:
        shape: of the problem.
        vgg: the network.
        config: the solver.
        tile: see ``tiled_loss_and_gradient``; None: the picture is not tiled.

    Raises:
        InputError: a tile without pixels.
    """
    parameters = sum(leaf.size * _FLOAT for leaf in jax.tree.leaves(vgg))
    content = sum(
        _layer_bytes(vgg.layers[layer], shape.height, shape.width) for layer in shape.content_layers
    )
    style = sum(
        _moment_bytes(shape.statistic, vgg.layers[layer].channels) for layer in shape.style_layers
    )
    # A lag is an image and a weight a pixel.
    targets = content + style + shape.lags * shape.image * 4 // 3
    # L-BFGS: image, point, gradient, and two histories; Adam: image, gradient, and two moments.
    images = 3 + 2 * config.history if config.optimizer == "lbfgs" else 4
    state = 2 * images * shape.image
    height, width = shape.height, shape.width
    images = _evaluated_images(config) + _WHOLE_IMAGES + shape.lags
    if tile is not None:
        layers = frozenset({*shape.content_layers, *shape.style_layers})
        windows = cut_picture(shape.height, shape.width, vgg.layers, layers, tile)
        if windows.count > 1:
            height, width, _ = windows.shape
            images = _evaluated_images(config)
    working = _kernel_bytes(shape, vgg, height, width) + images * shape.image
    working += _activation_bytes(shape, vgg, height, width)
    return MemoryEstimate(parameters, targets, state, working)


def _evaluated_images(config: SolverConfig) -> int:
    return _LBFGS_IMAGES if config.optimizer == "lbfgs" else _OTHER_IMAGES


def compiled_estimate(
    shape: FrameShape,
    vgg: VGG19,
    *,
    config: SolverConfig,
    weights: LossWeights = _WEIGHTS,
) -> MemoryEstimate | None:
    """Compile ``solver.advance`` for the default device and count its buffers; runs nothing.

    The program is that of the solve itself: where JAX keeps compiled programs on disk, it is not
    compiled again.

    Args:
        shape: of the problem.
        vgg: the network; shapes (``nnx.eval_shape``) suffice.
        config: the solver.
        weights: weights of the terms.

    Returns:
        None where the device's compiler doesn't tell.
    """
    weights = settled(weights, vgg, shape.style_layers, jnp.dtype(jnp.float32))
    state, targets = abstract_problem(shape, vgg, config=config)
    lowered = advance.lower(state, vgg, targets, weights, np.int32(1), np.int32(1), config)
    counted = lowered.compile().memory_analysis()
    if counted is None:
        return None
    parameters, of_targets = _bytes(vgg), _bytes(targets)
    moved = counted.argument_size_in_bytes + counted.output_size_in_bytes
    return MemoryEstimate(
        parameters,
        of_targets,
        moved - counted.alias_size_in_bytes - parameters - of_targets,
        counted.temp_size_in_bytes,
    )


def abstract_problem(
    shape: FrameShape, vgg: VGG19, *, config: SolverConfig
) -> tuple[SolveState, FrameTargets]:
    """Return the shapes of a solver's state and of the targets; computes nothing."""
    image = jax.ShapeDtypeStruct((shape.height, shape.width, 3), jnp.float32)
    small: Any = jax.ShapeDtypeStruct((16, 16, 3), jnp.float32)  # of a style: any size will do
    targets = FrameTargets(
        content=jax.eval_shape(
            functools.partial(content_targets, layers=shape.content_layers), vgg, image
        ),
        style=jax.eval_shape(
            functools.partial(style_targets, layers=shape.style_layers, statistic=shape.statistic),
            vgg,
            [small],
        ),
        warped=jax.ShapeDtypeStruct((shape.lags, *image.shape), jnp.float32),  # type: ignore[arg-type]
        trust=jax.ShapeDtypeStruct((shape.lags, *image.shape[:2]), jnp.float32),  # type: ignore[arg-type]
    )
    return jax.eval_shape(functools.partial(begin, config=config), image), targets


def clip_bytes(shape: FrameShape, *, reach: int = 1, carry: int = 0) -> int:
    """Return what ``stylize_clip`` keeps on the device beside the solver.

    Args:
        shape: of a frame.
        reach: the longest lag, in frames.
        carry: steps that a frame hands on, see ``SolverConfig``.
    """
    floats = _LAG_FLOATS * shape.lags + _FRAME_FLOATS + _EARLIER_FLOATS * reach
    floats += _CARRIED_FLOATS * carry
    return floats * _FLOAT * shape.height * shape.width


def _activation_bytes(shape: FrameShape, vgg: VGG19, height: int, width: int) -> int:
    """Return the bytes of all that the network keeps of a picture at the peak."""
    # A CPU makes float32 of half precision.
    half = vgg.precision == "bfloat16" and jax.default_backend() != "cpu"
    wanted = {*shape.content_layers, *shape.style_layers}
    total = 0
    for layer in vgg.layers.through(wanted):
        copies = (layer.kind != "relu") + _STYLE_SLOPES * (layer.name in shape.style_layers)
        copies += _CONTENT_SLOPES * (layer.name in shape.content_layers)
        total += copies * _layer_bytes(layer, height, width) // _FLOAT
    return total * (_HALF if half else _FLOAT)


def _kernel_bytes(shape: FrameShape, vgg: VGG19, height: int, width: int) -> int:
    """Return the bytes of the kernels that the solver's loop keeps beside the network's own."""
    wanted = {*shape.content_layers, *shape.style_layers}
    total = 0
    for layer in vgg.layers.through(wanted):
        if layer.kind != "conv":
            continue
        step, side, channels = layer.stride, layer.kernel, (layer.inputs, layer.channels)
        kernel = side**2 * layer.inputs * layer.channels * _FLOAT
        fewer = vgg.precision == "float32" and jax.default_backend() == "cpu"
        if fewer and winograd.pays(height // step, width // step, *channels, kernel=side):
            # Forward and back, eight rows for three.
            total += 2 * kernel * (winograd.ROWS + 2) // side
        else:
            total += kernel  # turned round, see ``network.convolution``
    return total


def _layer_bytes(layer: Layer, height: int, width: int) -> int:
    return (height // layer.stride) * (width // layer.stride) * layer.channels * _FLOAT


def _moment_bytes(statistic: StyleStatistic, channels: int) -> int:
    """Return the bytes of a layer's style, whose size does not go with the picture's."""
    layer: Any = jax.ShapeDtypeStruct((2, 2, channels), jnp.float32)
    return _bytes(jax.eval_shape(statistic.moments, layer))


def _bytes(tree: Any) -> int:
    return sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(tree))


HISTORIES = (30, 10, 5, 3)
# Below 512 the margins are most of the work: the history gives way first.
LARGE_TILES = (2048, 1536, 1024, 768, 512)
SMALL_TILES = (384, 256, 128)

_SMALLEST_SIDE = 32  # pixels, as on the command line


class Plan(NamedTuple):
    """How to solve so that it fits, and what that needs."""

    tile: tuple[int, int] | None
    history: int
    frames: int  # that fit at once
    estimate: MemoryEstimate  # of one frame


def plan(
    shape: FrameShape,
    vgg: VGG19,
    *,
    config: SolverConfig,
    limit: int,
    tile: tuple[int, int] | None = None,
    reach: int = 1,
    compiled: bool = False,
    weights: LossWeights = _WEIGHTS,
) -> Plan:
    """Choose history and tiles so that a frame fits.

    Args:
        shape: of the problem.
        vgg: the network.
        config: the solver as it would be with enough memory; its history is never exceeded.
        limit: bytes to keep within; leave a tenth of the device free for what no estimate covers.
        tile: a tile that the user chose; then only the history gives way.
        reach: the longest lag, in frames.
        compiled: confirm the choice by the compiler's count, see ``compiled_estimate``.
        weights: see ``compiled_estimate``.

    Raises:
        InputError: no way of solving fits; says what size would.
    """
    error = 1.0
    for chosen, history in _choices(shape, config, tile):
        solver = config.with_history(history)
        beside = clip_bytes(shape, reach=reach, carry=solver.carry)
        estimate = quick_estimate(shape, vgg, config=solver, tile=chosen)._replace(beside=beside)
        # Where the formula turned out to be too low, it is taken to be so for the next choice.
        if estimate.total * error > limit:
            continue
        counted = None
        if compiled:
            solver = dataclasses.replace(solver, tile=chosen)
            counted = compiled_estimate(shape, vgg, config=solver, weights=weights)
        if counted is not None:
            formula, estimate = estimate.total, counted._replace(beside=beside)
            error = max(error, estimate.total / formula)
            if estimate.total > limit:
                continue
        return Plan(chosen, history, frames_at_once(estimate, limit), estimate)
    raise InputError(_too_large(shape, vgg, config, limit, tile, reach, error))


def frames_at_once(estimate: MemoryEstimate, limit: int) -> int:
    """Return how many frames fit in a batch: they share the network's parameters, no more.

    Args:
        estimate: of one frame.
        limit: bytes to keep within.
    """
    shared = estimate.parameters
    return max((limit - shared) // (estimate.total - shared), 0)


def _choices(
    shape: FrameShape, config: SolverConfig, tile: tuple[int, int] | None
) -> Iterator[tuple[tuple[int, int] | None, int]]:
    """Yield tile and history, the fastest first."""
    histories = (config.history,)
    if config.optimizer == "lbfgs":
        histories += tuple(shorter for shorter in HISTORIES if shorter < config.history)
    for history in histories:
        yield tile, history
    if tile is not None:
        return
    longest = max(shape.height, shape.width)
    for history in histories:
        for side in LARGE_TILES:
            if side < longest:
                yield (side, side), history
    for side in SMALL_TILES:
        if side < longest:
            yield (side, side), histories[-1]


def _least(
    shape: FrameShape,
    vgg: VGG19,
    config: SolverConfig,
    tile: tuple[int, int] | None,
    reach: int,
) -> int:
    """Return the bytes of the least demanding choice."""
    solvers = [(chosen, config.with_history(h)) for chosen, h in _choices(shape, config, tile)]
    return min(
        clip_bytes(shape, reach=reach, carry=solver.carry)
        + quick_estimate(shape, vgg, config=solver, tile=chosen).total
        for chosen, solver in solvers
    )


def _too_large(
    shape: FrameShape,
    vgg: VGG19,
    config: SolverConfig,
    limit: int,
    tile: tuple[int, int] | None,
    reach: int,
    error: float,
) -> str:
    """Say what would fit, by a formula that is too low by a factor."""
    needed = error * _least(shape, vgg, config, tile, reach)
    given = f"{shape.width}x{shape.height} needs about {needed / 1e9:.2f} GB even at the least"
    for percent in range(95, 0, -5):
        height, width = (side * percent // 800 * 8 for side in (shape.height, shape.width))
        smaller = dataclasses.replace(shape, height=height, width=width)
        if min(height, width) < _SMALLEST_SIDE:
            break
        if error * _least(smaller, vgg, config, tile, reach) <= limit:
            return (
                f"{given}; expected at most {limit / 1e9:.2f} GB: give a smaller size, "
                f"such as `size` {width}x{height}"
            )
    return f"{given}; expected at most {limit / 1e9:.2f} GB: take a device with more memory"
