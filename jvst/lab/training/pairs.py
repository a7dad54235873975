"""The encoders and decoders of one pass, from the published numbers to jvst's file."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jvst._types import Image
from jvst.core.transport import carried, carrier, gaussian_of, transport_goal
from jvst.errors import InputError
from jvst.lab.training.pictures import read_pictures
from jvst.lab.training.teacher import read_arrays
from jvst.network.convolution import convolution_layer, double, largest_of_blocks
from jvst.network.layers import Layer, Step, layer_table, vgg19_layers
from jvst.network.pairs import Layered, Pair, Pairs
from jvst.network.vgg import PLAIN, VGG
from jvst.network.weights import save_pairs
from jvst.network.weights.formats.detect import file_sha256
from jvst.network.weights.formats.imported import from_torch_layout
from jvst.network.weights.native import build_network

LEVELS = (5, 4, 3, 2, 1)
#: Level, ``encoder`` or ``decoder``, and name of a layer.
Place = tuple[int, str, str]

_EIGHT = 8  # numbers that a processor multiplies at once
LICENCE = "MIT"
NOTICE = (
    "Encoders and decoders of Wang et al. 2020, Collaborative Distillation for Ultra-Resolution "
    "Universal Style Transfer (MIT License, Copyright (c) 2020 Huan Wang), distilled from VGG-19 "
    "of the Visual Geometry Group, University of Oxford (CC BY 4.0); channels that never answer "
    "left out."
)
LICENCE_TEXT = """MIT License

Copyright (c) 2020 Huan Wang

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and \
associated documentation files (the "Software"), to deal in the Software without restriction, \
including without limitation the rights to use, copy, modify, merge, publish, distribute, \
sublicense, and/or sell copies of the Software, and to permit persons to whom the Software is \
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or \
substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT \
NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND \
NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, \
DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT \
OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
"""


def export_pairs(
    pairs: Path, pictures: Path, output: Path, *, origin: str, every: int = 40
) -> None:
    """Write the published encoders and decoders in jvst's format, rounded to float16.

    A channel that answers none of the pictures, each painted with the next as the painting, is
    left out: what remains computes the same with about half of the numbers.

    Args:
        pairs: .npz of the published numbers.
        pictures: folder of photographs and paintings of one size.
        output: file of weights to write.
        origin: where the numbers come from, in words.
        every: take one picture of this number.

    Raises:
        InputError: the pairs or a picture are unusable, or the output can't be written.
    """
    published = read_pairs(pairs)
    answers = strongest_answers(published, _chosen(pictures, every))
    save_pairs(
        output,
        without_silent_channels(published, answers),
        origin=origin,
        licence=LICENCE,
        licence_text=LICENCE_TEXT,
        notice=NOTICE,
        source_sha256=file_sha256(pairs),
        dtype=np.float16,
    )


def read_pairs(path: str | Path) -> Pairs:
    """Read the encoders and decoders of Wang et al. from an ``.npz``.

    It has ``encoder5.conv0`` (1×1, from RGB to the levels of BGR less their mean),
    ``encoder5.conv11`` to ``conv51`` and ``decoder5.conv51`` to ``conv11``, and as much for the
    other levels, each with ``.weight`` (out, in, height, width) and ``.bias``. All pad by
    reflection, pool by maximum and double by repetition; a ReLU follows every convolution. The
    first convolution of an encoder is folded into the second.

    Raises:
        InputError: no such file, or a layer is missing, of another shape or not finite.

    Source: Wang, Li, Wang, Hu, Yang 2020, arXiv:2003.08436.
    """
    arrays = read_arrays(path)
    return {level: _published_pair(path, arrays, level) for level in LEVELS}


def strongest_answers(
    pairs: Pairs, pictures: Sequence[Image]
) -> dict[Place, Float[np.ndarray, " _"]]:
    """Return the largest answer of every channel: of pictures, of paintings, and on the way back.

    Each picture goes through all levels, with the next as its painting, at two strengths.

    Args:
        pairs: encoders and decoders.
        pictures: RGB in [0, 1], all of one size, with sides that are multiples of 16.

    Returns:
        The largest number of each channel.
    """
    found: dict[Place, np.ndarray] = {}
    for place, picture in enumerate(pictures):
        strength = (0.6, 1.0)[place % 2]
        painting = pictures[(place + 1) % len(pictures)]
        for key, answer in _answers(pairs, picture, painting, jnp.float32(strength)).items():
            named = (int(key[0]), *key[1:].split(" "))
            found[named] = np.maximum(found.get(named, 0.0), np.asarray(answer))
    return found


def without_silent_channels(
    pairs: Pairs, answers: Mapping[Place, Float[np.ndarray, " _"]]
) -> Pairs:
    """Leave out channels whose largest answer is 0; the pictures stay as they are.

    A layer keeps a multiple of eight channels, and as many at every level that goes through it:
    so one program does for all, and arithmetic that is done in eights has no rest.

    Args:
        pairs: encoders and decoders.
        answers: see ``strongest_answers``.
    """
    widths: dict[tuple[str, str], int] = {}
    for (level, kind, name), answer in answers.items():
        group = _group(level, kind, name)
        needed = -(-int(np.sum(answer > 0.0)) // _EIGHT) * _EIGHT
        widths[group] = max(widths.get(group, _EIGHT), needed)
    smaller: dict[int, Pair] = {}
    for level, pair in pairs.items():
        kept, after, made = np.arange(3), None, []
        for kind, network in zip(Pair._fields, pair, strict=True):
            kernels, channels = {}, {}
            for layer in network.layers.convolutions:
                kernel, bias = map(np.asarray, network.parameters(layer.name))
                width = min(widths[_group(level, kind, layer.name)], layer.channels)
                # The strongest, in their order; of silent ones the first.
                order = np.argsort(-answers[level, kind, layer.name], kind="stable")
                before, kept = kept, np.sort(order[:width])
                kernels[layer.name] = kernel[:, :, before][..., kept], bias[kept]
                channels[layer.name] = width
            steps = [
                Step(x.name, x.kind, channels.get(x.name, 0), x.kernel, x.padding)
                for x in network.layers
            ]
            table = layer_table(steps, after=after)
            made.append(build_network(kind, kernels, layers=table, preprocessing=PLAIN))
            after = table.layers[-1]
        smaller[level] = Pair(*made)
    return smaller


def _group(level: int, kind: str, name: str) -> tuple[str, str]:
    """Return what layers have a width in common: those of a name, but an encoder's last alone."""
    last = kind == "encoder" and name == f"conv{level}_1"
    return (f"{kind}{level}" if last else kind), name


def _published_pair(path: str | Path, arrays: Mapping[str, np.ndarray], level: int) -> Pair:
    plan = vgg19_layers().through([f"relu{level}_1"])
    forward, back = f"encoder{level}", f"decoder{level}"
    encoder = layer_table(
        Step(x.name, x.kind, _outputs(path, arrays, forward, x), x.kernel, "reflect") for x in plan
    )
    steps: list[Step] = []
    for x in reversed(plan):
        if x.kind == "pool":
            steps.append(Step(x.name.replace("pool", "double"), "double"))
        elif x.kind == "conv":
            outputs = _outputs(path, arrays, back, x)
            steps.append(Step(x.name, "conv", outputs, x.kernel, "reflect"))
            steps.append(Step(x.name.replace("conv", "relu"), "relu"))
    # The last ReLU is part of the limits of a picture.
    decoder = layer_table(steps[:-1], after=encoder.layers[-1])
    kernels = {x.name: _kernel(arrays, forward, x.name) for x in encoder.convolutions}
    kernels["conv1_1"] = _folded(path, _kernel(arrays, forward, "conv0"), kernels["conv1_1"])
    returning = {x.name: _kernel(arrays, back, x.name) for x in decoder.convolutions}
    return Pair(
        build_network(f"{path}, {forward}", kernels, layers=encoder, preprocessing=PLAIN),
        build_network(f"{path}, {back}", returning, layers=decoder, preprocessing=PLAIN),
    )


def _outputs(path: str | Path, arrays: Mapping[str, np.ndarray], network: str, layer: Layer) -> int:
    """Return the number of channels that a convolution of the file makes; 0 for other layers."""
    if layer.kind != "conv":
        return 0
    bias = _kernel(arrays, network, layer.name)[1]
    if bias is None or bias.ndim != 1 or not bias.size:
        raise InputError(f"{path} has no {network}.{layer.name}; expected encoders and decoders")
    return len(bias)


def _kernel(
    arrays: Mapping[str, np.ndarray], network: str, name: str
) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Return a kernel (height, width, in, out) and bias; the file writes conv11 for conv1_1."""
    here = f"{network}.{name.replace('_', '')}"
    kernel = from_torch_layout(arrays.get(f"{here}.weight"))
    return kernel, arrays.get(f"{here}.bias")


def _folded(
    path: str | Path,
    first: tuple[np.ndarray | None, np.ndarray | None],
    second: tuple[np.ndarray | None, np.ndarray | None],
) -> tuple[np.ndarray, np.ndarray]:
    """Make one convolution of a 1×1 convolution and the one after it.

    A reflected border is as good before as after what is done at each position alone.
    """
    arrays = [x for pair in (first, second) for x in pair if x is not None]
    if [x.shape[:-1] for x in arrays] != [(1, 1, 3), (), (3, 3, 3), ()]:
        raise InputError(f"{path} has no usable conv0 and conv11; expected encoders and decoders")
    matrix, offset, kernel, bias = (x.astype(np.float64) for x in arrays)
    return matrix[0, 0] @ kernel, bias + offset @ kernel.sum((0, 1))


@jax.jit
def _answers(
    pairs: Pairs, picture: Image, painting: Image, strength: Float[Array, ""]
) -> dict[str, Float[Array, " _"]]:
    """Return the largest answers by level, network and layer, such as ``5encoder conv4_2``."""
    found: dict[str, Float[Array, " _"]] = {}
    for level, pair in pairs.items():
        features = _followed(pair.encoder, picture, found, f"{level}encoder")
        seen: dict[str, Float[Array, " _"]] = {}
        wanted = _followed(pair.encoder, painting, seen, f"{level}encoder")
        found |= {key: jnp.maximum(found[key], answer) for key, answer in seen.items()}
        along = carrier(gaussian_of(features), transport_goal(gaussian_of(wanted)), strength)
        features = carried(features, *along)
        picture = _followed(pair.decoder, features, found, f"{level}decoder").clip(0.0, 1.0)
    return found


def _followed(network: VGG, x: Layered, found: dict[str, Float[Array, " _"]], name: str) -> Layered:
    """Run a network, and note the largest answer of every channel."""
    for layer in network.layers:
        if layer.kind == "conv":
            kernel, bias = network.parameters(layer.name)
            x = jax.nn.relu(convolution_layer(x, kernel, bias, layer.padding, "float32"))
            found[f"{name} {layer.name}"] = jnp.max(x, axis=(0, 1))
        elif layer.kind == "pool":
            x = largest_of_blocks(x)
        elif layer.kind == "double":
            x = double(x)
    return x


def _chosen(folder: Path, every: int) -> list[Image]:
    """Read the pictures, and add what no photograph shows."""
    pictures = read_pictures(folder, least=32)[::every]
    height, width = (size // 16 * 16 for size in pictures.shape[1:3])
    grain = np.random.default_rng(0).uniform(size=(height, width, 3))
    drawn = grain, grain.round(), np.zeros_like(grain), np.ones_like(grain)
    found = [jnp.float32(picture[:height, :width]) / 255.0 for picture in pictures]
    return [*found, *map(jnp.float32, drawn)]
