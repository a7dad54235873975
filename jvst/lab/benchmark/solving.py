"""Solves in a process of their own.

So their memory is measured alone. The command is ``python -m … JSON``.

``scaling`` starts it and reads a line of JSON for each case.
"""

import contextlib
import ctypes
import dataclasses
import gc
import json
import sys
import time
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from jvst.app.frames import compiling
from jvst.lab.benchmark.process_memory import forget_peak, resident
from jvst.lab.benchmark.timing import device_peak
from jvst.network.convolution import Precision
from jvst.network.vgg import VGG19
from jvst.solver.batch import solve_frames, stack_targets
from jvst.solver.memory import FrameShape, abstract_problem, compiled_estimate, quick_estimate
from jvst.solver.objective import FrameTargets, LossWeights
from jvst.solver.solve import SolveInfo, SolverConfig, solve_frame


@dataclasses.dataclass(frozen=True)
class Case:
    """One solve to measure.

    Attributes:
        width: of a frame, pixels.
        height: of a frame, pixels.
        channels: of the network, as a part of VGG-19's.
        precision: of the convolutions.
        iterations: of the solve that is timed.
        tile: side in pixels; 0: the whole picture.
        frames: solved at once; 0: one, by the solver for one.
        devices: that share them.
    """

    width: int
    height: int
    channels: float = 0.5
    precision: Precision = "float32"
    iterations: int = 3
    tile: int = 0
    frames: int = 0
    devices: int = 1


def measure(case: Case) -> dict[str, Any]:
    """Solve a frame, or several at once, of noise; return the case and what it took."""
    vgg = VGG19(width=case.channels, precision=case.precision, rngs=nnx.Rngs(0))
    shape = FrameShape(case.height, case.width)
    tile = (case.tile, case.tile) if case.tile else None
    config = SolverConfig(tolerance=0.0, tile=tile)
    weights = LossWeights()
    targets = noise_targets(shape, vgg, config, weights)

    def solve(iterations: int) -> list[SolveInfo]:
        start = 0.5 + 0.1 * jax.random.normal(jax.random.key(1), (case.height, case.width, 3))
        if not case.frames:
            image, info = solve_frame(start, vgg, targets, weights, iterations, config=config)
            jax.block_until_ready(image)
            return [info]
        images, infos = solve_frames(
            jnp.stack([start] * case.frames),
            vgg,
            stack_targets([targets] * case.frames),
            weights,
            iterations,
            config=config,
            devices=jax.local_devices()[: case.devices],
        )
        jax.block_until_ready(images)
        return infos

    with compiling() as compiled:
        solve(1)
    before = without_arrays()
    forget_peak()
    begun = time.perf_counter()
    infos = solve(case.iterations)
    seconds = time.perf_counter() - begun
    evaluations = sum(info.evaluations for info in infos)
    row = {
        **dataclasses.asdict(case),
        "platform": jax.default_backend(),
        "megapixels": case.width * case.height / 1e6,
        "compile_s": compiled.seconds,
        "seconds": seconds,
        "evaluations": evaluations,
        "evaluation_s": seconds / evaluations,
        "frames_s": len(infos) / seconds,
    }
    return row | memory(case, vgg, config, before)


def noise_targets(
    shape: FrameShape, vgg: VGG19, config: SolverConfig, weights: LossWeights
) -> FrameTargets:
    """Make targets of the right shapes: what they hold changes neither time nor memory."""
    _, targets = abstract_problem(shape, vgg, config=config)
    return jax.tree.map(lambda leaf: jnp.full(leaf.shape, 0.1, leaf.dtype), targets)


def memory(case: Case, vgg: VGG19, config: SolverConfig, before: int) -> dict[str, Any]:
    """Return estimates and peaks in bytes; ``before`` is what the process held without arrays."""
    shape = FrameShape(case.height, case.width)
    found: dict[str, Any] = {
        "formula": quick_estimate(shape, vgg, config=config, tile=config.tile).total,
        "device_peak": device_peak(jax.local_devices()[0]),
        "process_peak": resident()[1],
        "process_before": before,
    }
    if not case.frames:
        counted = compiled_estimate(shape, vgg, config=config)
        found["assigned"] = None if counted is None else counted.total
    # Of the device where it tells, else of this process; nothing where neither does.
    grown = found["process_peak"] - before if found["process_peak"] else None
    found["peak"] = found["device_peak"] or grown
    if found["peak"] and not case.frames:
        found["formula_ratio"] = found["formula"] / found["peak"]
    return found


def without_arrays() -> int:
    """Return the bytes that this process holds beside the arrays that are alive: programs, JAX."""
    gc.collect()
    # What the C library keeps of freed memory would be taken again, and hide as much of the peak.
    with contextlib.suppress(OSError, AttributeError):  # not everywhere glibc
        ctypes.CDLL(None).malloc_trim(0)
    return resident()[0] - sum(array.nbytes for array in jax.live_arrays())


if __name__ == "__main__":
    for given in json.loads(sys.argv[1]):
        print(json.dumps(measure(Case(**given))), flush=True)
