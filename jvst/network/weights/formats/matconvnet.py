"""MatConvNet's ``imagenet-vgg-verydeep-19.mat``: a cell of layers, kernels HWIO, RGB levels.

Some ports swap the first two axes of the kernels ("width, height"). MatConvNet's importer turns
Caffe's kernels so that the first axis runs down the picture, as it does in MATLAB, and so does
this reader.
"""

import dataclasses

import numpy as np

from jvst.network.vgg import OXFORD
from jvst.network.weights.formats.imported import (
    CONVOLUTIONS,
    ForeignFileError,
    Imported,
    Kernels,
    from_oxford,
)
from jvst.network.weights.formats.matlab import Value, read_variables
from jvst.network.weights.formats.source import Source

#: The Oxford weights with the channels of conv1_1 turned round.
OXFORD_RGB = dataclasses.replace(
    OXFORD, channels="RGB", mean=OXFORD.mean[::-1], std=OXFORD.std[::-1]
)


def read_matconvnet(source: Source) -> Imported:
    """Read a VGG from ``layers``, or from ``layers`` within ``net``.

    Raises:
        DamagedFileError: it contradicts itself.
        ForeignFileError: it is a MAT-file of something else.
    """
    variables = read_variables(source, ("layers", "net"))
    layers = variables.get("layers")
    if layers is None:
        layers = _only(variables.get("net")).get("layers")
    if not isinstance(layers, list):
        raise ForeignFileError("a MAT-file, but no network of MatConvNet")
    kernels: Kernels = {}
    for layer in map(_only, layers):
        name = _text(layer.get("name"))
        if name in CONVOLUTIONS and name not in kernels:
            kernels[name] = _kernel_and_bias(layer)
    if not kernels:
        raise ForeignFileError("a network of MatConvNet, but no VGG")
    return from_oxford("MatConvNet", kernels, OXFORD_RGB, "as converted by MatConvNet")


def _kernel_and_bias(layer: dict[str, Value]) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Return the arrays of ``weights``, or of ``filters`` and ``biases`` as before 2015."""
    weights = layer.get("weights")
    if isinstance(weights, list) and len(weights) >= 2:
        kernel, bias = weights[:2]
    else:
        kernel, bias = layer.get("filters"), layer.get("biases")
    return (
        kernel if isinstance(kernel, np.ndarray) else None,
        bias.reshape(-1) if isinstance(bias, np.ndarray) else None,
    )


def _only(value: Value) -> dict[str, Value]:
    """Return a struct that is alone in its array."""
    return value[0] if isinstance(value, tuple) and len(value) == 1 else {}


def _text(value: Value) -> str:
    """Read a text; MATLAB stores it as codes, and names of layers are ASCII."""
    if not isinstance(value, np.ndarray) or value.size > 100:
        return ""
    codes = value.reshape(-1, order="F")
    return "".join(chr(int(code)) for code in codes if 0 < code < 128)
