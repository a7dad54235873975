"""Encoders and decoders of a few channels, with random kernels."""

import numpy as np
from support.once import made_once

from jvst.network.layers import Step, layer_table, vgg19_layers
from jvst.network.pairs import Pair
from jvst.network.vgg import PLAIN
from jvst.network.weights.native import build_network

CHANNELS = {1: 5, 2: 6, 3: 8}


@made_once
def small_pair(level):
    """Encoder and decoder of a level, up to 3, whose features answer to the picture."""
    plan = vgg19_layers().through([f"relu{level}_1"])
    width = {x.name: CHANNELS[int(x.name[4])] for x in plan if x.kind == "conv"}
    steps = [Step(x.name, x.kind, width.get(x.name, 0), x.kernel, "reflect") for x in plan]
    encoder = layer_table(steps)
    back = []
    for x in reversed(encoder.layers):
        if x.kind == "conv":
            back += [Step(x.name, "conv", x.inputs, 3, "reflect"), Step(f"r{x.name}", "relu")]
        elif x.kind == "pool":
            back.append(Step(f"up{x.name}", "double"))
    decoder = layer_table(back[:-1], after=encoder.layers[-1])
    rng = np.random.default_rng(level)
    return Pair(_drawn(rng, encoder), _drawn(rng, decoder))


def small_pairs(*levels):
    return {level: small_pair(level) for level in levels}


def _drawn(rng, table):
    kernels = {}
    for x in table.convolutions:
        # Pictures come out around grey: what limits cut off has no slope.
        picture = x.channels == 3
        spread = (2 / (x.kernel**2 * x.inputs)) ** 0.5 * (0.2 if picture else 1.0)
        kernel = spread * rng.normal(size=(x.kernel, x.kernel, x.inputs, x.channels))
        kernels[x.name] = (
            kernel.astype(np.float32),
            np.full(x.channels, 0.5 if picture else 0.2, np.float32),
        )
    return build_network("small pairs", kernels, layers=table, preprocessing=PLAIN)
