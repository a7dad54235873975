"""How well a student answers as the teacher does, on pictures that it was not trained on."""

from collections.abc import Sequence
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from jvst._types import Frame
from jvst.core.image import to_float
from jvst.core.losses import gram_matrix
from jvst.errors import InputError
from jvst.lab.training.pictures import read_tile
from jvst.lab.training.student import Scales, at_teachers_scale, read_scales, read_student
from jvst.lab.training.teacher import read_teacher
from jvst.network.vgg import VGG, features
from jvst.network.weights.native import load_vgg19
from jvst.solver.objective import STYLE_LAYERS

# Side of the pictures that are compared, in pixels.
_SIDE = 256


def check_student(network: Path, teacher: Path, scales: Path, pictures: Sequence[Path]) -> str:
    """Compare a network with its teacher.

    Args:
        network: a file of weights, or a student of the training (.npz).
        teacher: .npz of the relu5_1 encoder of Wang et al. 2020.
        scales: student (.npz) whose channel scales weigh the channels.
        pictures: scaled to 256 pixels at the shorter side and cut to 256×256.

    Returns:
        A line for each picture and one for their mean: each ReLU's squared error over its own
        mean square, and that of the style layers' Gram matrices.

    Raises:
        InputError: unusable input, or networks of different widths.
    """
    wanted = read_teacher(teacher)
    relus = {layer.name: layer.channels for layer in wanted.layers.relus}
    factors = read_scales(scales, relus)
    found = (
        at_teachers_scale(read_student(network))
        if network.suffix == ".npz"
        else load_vgg19(network, pooling="average", first_padding="replicate")
    )
    if {layer.name: layer.channels for layer in found.layers.relus} != relus:
        raise InputError(f"{network} has other layers than {teacher}; expected the same width")
    if not pictures:
        raise InputError("no pictures; expected at least one to compare on")
    rows = [
        layer_errors(found, wanted, factors, read_tile(path, width=_SIDE, height=_SIDE))
        for path in pictures
    ]
    mean = {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}
    labels = [*(path.name for path in pictures), "mean"]
    return "\n".join(
        " ".join([label, *(f"{name} {error:.4f}" for name, error in row.items())])
        for label, row in zip(labels, [*rows, mean], strict=True)
    )


def layer_errors(network: VGG, teacher: VGG, scales: Scales, picture: Frame) -> dict[str, float]:
    """Compare two networks on one picture, each channel divided by its scale.

    Args:
        network: answers at the teacher's own scale.
        teacher: what it should answer as.
        scales: of the teacher's channels.
        picture: 8-bit RGB.

    Returns:
        Each ReLU's squared error over its own mean square, and under ``gram_relu1_1``, … the same
        of the style layers' Gram matrices.
    """
    names = tuple(scales)
    image = to_float(jnp.asarray(picture))
    found, wanted = (
        {layer: x / scales[layer] for layer, x in _run(each, image, layers=names).items()}
        for each in (network, teacher)
    )
    grams = {f"gram_{layer}": layer for layer in STYLE_LAYERS}
    errors = {layer: _relative(found[layer], wanted[layer]) for layer in names}
    return errors | {
        name: _relative(gram_matrix(found[layer]), gram_matrix(wanted[layer]))
        for name, layer in grams.items()
    }


_run = jax.jit(features, static_argnames="layers")


def _relative(found: Array, wanted: Array) -> float:
    return float(jnp.sum(jnp.square(found - wanted)) / jnp.sum(jnp.square(wanted)))
