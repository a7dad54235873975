"""How a frame is solved on a device that has only so much memory: history, tiles, frames at once.

What does not fit gives way in the order of what it costs in time: first the history of L-BFGS,
then the untiled picture. On a CPU, at 1920×1080 with a network of quarter width, an evaluation took
about 1.4 times as long as untiled with tiles of 1024, 1.7 with 512, 2.8 with 256 and 5 with 128
(``scripts/measure_memory.py --time``).
Rematerialization is not among the steps: recomputing each block of the network on the way back
(``jax.checkpoint``) took 30 % longer and saved nothing in XLA's buffer assignment on a CPU.
"""

import dataclasses
from collections.abc import Iterator
from typing import NamedTuple

from jvst.errors import InputError
from jvst.memory import FrameShape, MemoryEstimate, clip_bytes, compiled_estimate, quick_estimate
from jvst.objective import LossWeights
from jvst.solver import SolverConfig
from jvst.vgg import VGG19

HISTORIES = (30, 10, 5, 3)
# Below 512 the margins are most of the work: the history gives way first.
LARGE_TILES = (2048, 1536, 1024, 768, 512)
SMALL_TILES = (384, 256, 128)

_WEIGHTS = LossWeights()
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
        limit: bytes to keep within; leave a tenth of the device free for what no estimate knows.
        tile: a tile that a person chose; then only the history gives way.
        reach: the longest lag, in frames.
        compiled: confirm the choice by the compiler's count, see ``compiled_estimate``.
        weights: see ``compiled_estimate``.

    Raises:
        InputError: no way of solving fits; says what size would.
    """
    beside, error = clip_bytes(shape, reach=reach), 1.0
    for chosen, history in _choices(shape, config, tile):
        solver = dataclasses.replace(config, history=history)
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
    return clip_bytes(shape, reach=reach) + min(
        quick_estimate(
            shape, vgg, config=dataclasses.replace(config, history=history), tile=chosen
        ).total
        for chosen, history in _choices(shape, config, tile)
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
                f"such as --size {width}x{height}"
            )
    return f"{given}; expected at most {limit / 1e9:.2f} GB: take a device with more memory"
