"""The student: a VGG-19 of the teacher's width, and the scales that its channels learn at."""

import functools
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, Float, PRNGKeyArray

from jvst._files import replacing, writing_to
from jvst.errors import InputError
from jvst.lab.training.teacher import read_arrays, table_of
from jvst.network.layers import LayerTable
from jvst.network.vgg import TORCHVISION, VGG
from jvst.network.weights.native import build_network

#: ReLU -> what the teacher's channels are divided by.
Scales = dict[str, Float[Array, " _"]]


class Student(NamedTuple):
    """A network that answers as the teacher does, each channel divided by its scale."""

    network: VGG
    scales: Scales


def untrained_student(layers: LayerTable, key: PRNGKeyArray) -> VGG:
    """Draw kernels that keep the variance of what goes through ReLUs; biases are 0.

    Average pooling and a continued picture at the first convolution are what a solve from a
    content looks best with.

    Args:
        layers: its table.
        key: draws the kernels.

    Source: He et al. 2015, arXiv:1502.01852, equation 10.
    """
    kernels = {name: np.asarray(kernel) for name, kernel in _first_kernels(layers, key).items()}
    biases = {layer.name: np.zeros(layer.channels, np.float32) for layer in layers.convolutions}
    return build_network(
        "an untrained student",
        {name: (kernel, biases[name]) for name, kernel in kernels.items()},
        layers=layers,
        preprocessing=TORCHVISION,
        pooling="average",
        first_padding="replicate",
    )


def at_teachers_scale(student: Student) -> VGG:
    """Fold the scales into kernels and biases: the network then answers as the teacher itself.

    A layer's kernels and biases are multiplied by its own scale, and its kernels divided by the
    scale of the layer that it is given.
    """
    graph, parameters = nnx.split(student.network)
    folded = nnx.merge(graph, parameters)
    earlier = jnp.ones(3)
    for convolution, relu in zip(folded.layers.convolutions, folded.layers.relus, strict=True):
        kernel, bias = folded.parameters(convolution.name)
        scale = student.scales[relu.name]
        layer = folded.convolutions[convolution.name]
        layer.kernel = nnx.Param(kernel * scale / earlier[:, None])
        layer.bias = nnx.Param(bias * scale)
        earlier = scale
    return folded


def write_student(path: str | Path, student: Student) -> None:
    """Write kernels, biases and scales as an ``.npz``.

    Raises:
        InputError: the folder can't be written.
    """
    arrays = {f"scale.{layer}": np.asarray(scale) for layer, scale in student.scales.items()}
    for layer in student.network.layers.convolutions:
        kernel, bias = student.network.parameters(layer.name)
        arrays[f"{layer.name}.kernel"] = np.asarray(kernel)
        arrays[f"{layer.name}.bias"] = np.asarray(bias)
    path = Path(path)
    with replacing(path) as partial, writing_to(path), partial.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)


def read_student(path: str | Path) -> Student:
    """Read what ``write_student`` wrote.

    Raises:
        InputError: no such file, or an array is missing, of another shape or not finite.
    """
    arrays = read_arrays(path)
    layers = table_of(path, arrays, "conv1_1.bias")
    network = build_network(
        path,
        {
            layer.name: (arrays.get(f"{layer.name}.kernel"), arrays.get(f"{layer.name}.bias"))
            for layer in layers.convolutions
        },
        layers=layers,
        preprocessing=TORCHVISION,
        pooling="average",
        first_padding="replicate",
    )
    return Student(network, read_scales(path, {x.name: x.channels for x in layers.relus}))


def read_scales(path: str | Path, channels: dict[str, int]) -> Scales:
    """Read the scales of a student's file.

    Args:
        path: of the file.
        channels: of each ReLU.

    Raises:
        InputError: one is missing, of another length, or not a positive number.
    """
    arrays, scales = read_arrays(path), {}
    for layer, count in channels.items():
        scale = arrays.get(f"scale.{layer}")
        if scale is None or scale.shape != (count,) or not np.all((scale > 0) & np.isfinite(scale)):
            raise InputError(
                f"{path} has no usable scale.{layer}; expected {count} positive numbers"
            )
        scales[layer] = jnp.asarray(scale, jnp.float32)
    return scales


@functools.partial(jax.jit, static_argnames="layers")
def _first_kernels(layers: LayerTable, key: PRNGKeyArray) -> dict[str, Float[Array, "k k _ _"]]:
    """Draw Gaussian kernels of variance 2 over the number of inputs of a position."""
    keys, kernels = jax.random.split(key, 2 * len(layers.convolutions)), {}
    # Kernels take every second key, in the order of a tree's leaves: by name, biases first.
    for layer, kernel_key in zip(
        sorted(layers.convolutions, key=lambda layer: layer.name), keys[1::2], strict=True
    ):
        shape = (layer.kernel, layer.kernel, layer.inputs, layer.channels)
        spread = (2.0 / (layer.kernel**2 * layer.inputs)) ** 0.5
        kernels[layer.name] = spread * jax.random.normal(kernel_key, shape)
    return kernels
