"""Activation statistics of every layer on one fixed picture.

They identify a network.
"""

import functools
import json

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, Float

from jvst._types import Image
from jvst.network.vgg import VGG19, features

#: ReLU -> (mean, standard deviation) of its activations.
Statistics = dict[str, tuple[float, float]]

# Measured at full width: float32 is 7e-8 of a layer's standard deviation from float64, TF32
# 1.2e-4. Exchanged channels move a layer by 6e-2, transposed kernels by 3e-2, another published
# mean (104, 117, 123) by 4e-3.
TOLERANCE = 1e-3


def check_picture() -> Image:
    """Draw the picture: gradients, waves, an edge and grain; nothing in it is symmetric.

    It is a formula here, not one of ``jvst.synthetic``'s pictures: it must never change, or the
    numbers stored in files would mean nothing.
    """
    y, x, c = np.meshgrid(np.arange(64), np.arange(64), np.arange(3), indexing="ij")
    waves = np.sin(2 * np.pi * (3 * x + 2 * y) / 64 + 2 * c) + np.sin(x * y / 90 + 1 - c)
    edge = np.where(5 * x - 3 * y > 70 + 20 * c, 0.2, -0.1)
    grain = (x * 73 + y * 151 + c * 199) * 40503 % 65536 / 65536 - 0.5
    picture = 0.45 + 0.15 * waves + edge + 0.2 * grain + 0.002 * (x - y)
    return jnp.asarray(np.clip(picture, 0, 1), jnp.float32)


def layer_statistics(vgg: VGG19) -> Statistics:
    """Return mean and standard deviation of every ReLU on ``check_picture``.

    The network is run as trained, with max pooling and zeros around the picture, in float32,
    whatever it is set to.
    """
    plain = nnx.clone(vgg)
    plain.pooling, plain.first_padding, plain.precision = "max", "zeros", "float32"
    found = jax.device_get(_run(plain, check_picture()))
    return {name: (float(mean), float(deviation)) for name, (mean, deviation) in found.items()}


def worst_deviation(found: Statistics, stored: Statistics) -> tuple[str, float]:
    """Return the layer that differs most, and by how much of its standard deviation.

    Args:
        found: what the network answers now.
        stored: what it answered when its file was written.
    """
    worst, largest = next(iter(found)), 0.0
    for name in found:
        if name not in stored or not np.all(np.isfinite(stored[name])):
            return name, float("inf")
        scale = max(abs(stored[name][1]), 1e-6)
        difference = max(abs(a - b) for a, b in zip(found[name], stored[name], strict=True))
        if not difference / scale <= largest:
            worst, largest = name, difference / scale
    return worst, largest


def to_text(statistics: Statistics) -> str:
    """Write statistics as JSON for the metadata of a file."""
    rounded = {name: [float(f"{x:.7g}") for x in pair] for name, pair in statistics.items()}
    return json.dumps(rounded)


def from_text(text: str) -> Statistics:
    """Read what ``to_text`` wrote.

    Raises:
        ValueError: it is something else.
    """
    parsed = json.loads(text)
    try:
        return {str(name): (float(mean), float(std)) for name, (mean, std) in parsed.items()}
    except (AttributeError, TypeError, RecursionError) as error:
        raise ValueError("the statistics are damaged") from error


@functools.partial(jax.jit)
def _run(vgg: VGG19, picture: Image) -> dict[str, tuple[Float[Array, ""], Float[Array, ""]]]:
    found = features(vgg, picture, [layer.name for layer in vgg.layers.relus])
    return {name: (jnp.mean(x), jnp.std(x)) for name, x in found.items()}
