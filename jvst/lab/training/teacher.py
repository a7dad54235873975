"""The teacher: a published VGG-19 with a sixteenth of its numbers."""

import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from jvst.errors import InputError
from jvst.network.layers import LayerTable, Step, layer_table, vgg19_layers
from jvst.network.vgg import PLAIN, VGG
from jvst.network.weights.native import build_network

# The file turns RGB in [0, 1] itself, by this convolution, into what the next expects.
_INPUT = "conv0"


def read_teacher(path: str | Path) -> VGG:
    """Read the relu5_1 encoder of Wang et al. from an ``.npz``.

    It has ``conv0`` (1×1, from RGB to the levels of BGR less their mean) and ``conv11`` to
    ``conv51``, each with ``.weight`` (out, in, height, width) and ``.bias``. It pads by reflection
    and pools by maximum. Its layers are called as VGG-19's.

    Args:
        path: the file.

    Raises:
        InputError: no such file, or a layer is missing, of another shape or not finite.

    Source: Wang, Li, Wang, Hu, Yang 2020, arXiv:2003.08436.
    """
    arrays = read_arrays(path)
    table = _reflecting(table_of(path, arrays, "conv11.bias"))
    # The file writes conv11 for conv1_1.
    names = {layer.name: layer.name.replace("_", "") for layer in table.convolutions}
    kernels = {
        name: (_turned(arrays.get(f"{here}.weight")), arrays.get(f"{here}.bias"))
        for name, here in names.items()
    }
    return build_network(path, kernels, layers=table, preprocessing=PLAIN, pooling="max")


def read_arrays(path: str | Path) -> Mapping[str, np.ndarray]:
    """Read all arrays of an ``.npz``.

    Raises:
        InputError: it is missing, or no such file.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    # A lone .npy comes as an array, which is no context.
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, TypeError, AttributeError) as error:
        raise InputError(f"{path} can't be read ({error}); expected an .npz of arrays") from error


def table_of(path: str | Path, arrays: Mapping[str, np.ndarray], first: str) -> LayerTable:
    """Return the layers of VGG-19 at the width that the first bias of a file tells.

    Args:
        path: of the file, for the message.
        arrays: of the file.
        first: name of the bias of conv1_1.

    Raises:
        InputError: there is no such bias.
    """
    bias = arrays.get(first, np.zeros(()))
    if bias.ndim != 1 or not bias.size:
        raise InputError(f"{path} has no {first}; expected the convolutions of a VGG-19")
    return vgg19_layers(len(bias) / vgg19_layers()["conv1_1"].channels)


def _reflecting(layers: LayerTable) -> LayerTable:
    """Put the 1×1 convolution before a table, and let all convolutions reflect."""
    steps = [
        Step(layer.name, layer.kind, layer.channels, layer.kernel, "reflect") for layer in layers
    ]
    return layer_table([Step(_INPUT, "conv", 3, 1), *steps])


def _turned(kernel: np.ndarray | None) -> np.ndarray | None:
    """Turn (out, in, height, width) into (height, width, in, out)."""
    return kernel.transpose(2, 3, 1, 0) if kernel is not None and kernel.ndim == 4 else kernel
