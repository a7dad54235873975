"""Times measured in turn, and the peak of a device.

What disturbs one candidate then disturbs all.
"""

import statistics
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jvst._types import Device
from jvst.network.convolution import Precision
from jvst.network.layers import vgg19_layers
from jvst.solver.objective import STYLE_LAYERS

# Side of the matrices whose product counts as the peak: large enough to be bound by arithmetic.
_PEAK_SIDES = {"cpu": 2048, "gpu": 8192, "tpu": 8192}
# After a candidate its threads may still spin for work; they must not take a core from the next.
_REST = 0.01  # seconds


class Spread(NamedTuple):
    """Median and quartiles."""

    median: float
    low: float
    high: float


def spread(values: list[float]) -> Spread:
    """Return the median and the quartiles of one value or more."""
    if len(values) == 1:
        return Spread(values[0], values[0], values[0])
    low, median, high = statistics.quantiles(values, n=4, method="inclusive")
    return Spread(median, low, high)


def ratios(numerators: list[float], denominators: list[float]) -> Spread:
    """Return the spread of ratios of times that were measured in turn."""
    return spread([a / b for a, b in zip(numerators, denominators, strict=True)])


def alternate(
    candidates: Mapping[str, Callable[[], object]], repeats: int
) -> dict[str, list[float]]:
    """Time candidates in turn.

    Args:
        candidates: name -> what to time; it returns when its work is done. Each is called once
            before, for what is made at the first call.
        repeats: times of each.

    Returns:
        Name -> seconds of each call.
    """
    seconds: dict[str, list[float]] = {name: [] for name in candidates}
    for evaluate in candidates.values():
        evaluate()
    for _ in range(repeats):
        for name, evaluate in candidates.items():
            time.sleep(_REST)
            begun = time.perf_counter()
            evaluate()
            seconds[name].append(time.perf_counter() - begun)
    return seconds


def evaluation_flop(width: int, height: int, channels: float) -> float:
    """Count the arithmetic of a loss and its gradient through relu5_1; a product and a sum are two.

    Forward and back, each convolution and each Gram matrix takes the same: the gradient of the
    kernels is not wanted.

    Args:
        width: of the picture, pixels.
        height: of the picture, pixels.
        channels: as a part of VGG-19's.
    """
    total = 0.0
    for layer in vgg19_layers(channels):
        pixels = (height // layer.stride) * (width // layer.stride)
        if layer.kind == "conv":
            total += 2 * 2 * layer.kernel**2 * layer.inputs * layer.channels * pixels
        if layer.name in STYLE_LAYERS:
            total += 2 * 2 * layer.channels**2 * pixels
    return total


def matrix_peak(precision: Precision, *, side: int = 0, repeats: int = 5) -> float:
    """Measure what a product of two large square matrices reaches: FLOP a second, the best of all.

    Args:
        precision: of the product, as of the convolutions.
        side: of the matrices; as suits the device when 0.
        repeats: products measured.
    """
    side = side or _PEAK_SIDES.get(jax.default_backend(), 2048)
    dtype = jnp.bfloat16 if precision == "bfloat16" else jnp.float32
    how = "high" if precision == "tf32" else "highest"
    a, b = jax.random.normal(jax.random.key(0), (2, side, side)).astype(dtype)
    multiply = jax.jit(lambda a, b: jnp.matmul(a, b, precision=how))
    # A start on an accelerator takes as long as a small product: several at once.
    count = 1 if jax.default_backend() == "cpu" else 10

    def product() -> None:
        for _ in range(count):
            c = multiply(a, b)
        c.block_until_ready()

    seconds = alternate({"product": product}, repeats)["product"]
    return count * 2 * side**3 / min(seconds)


def device_peak(device: Device) -> int | None:
    """Return the most bytes that a device has had in use; None where it doesn't tell."""
    try:
        told = device.memory_stats() or {}
    except RuntimeError:  # a plugin that doesn't count
        told = {}
    return int(told["peak_bytes_in_use"]) if "peak_bytes_in_use" in told else None
