"""jvst's own file format of weights.

It is safetensors whose metadata say what the weights are.

Tensors ``conv1_1.kernel`` (height, width, in, out) and ``conv1_1.bias``, … through conv5_1, as
float32 or float16. Metadata, all strings: ``format``, ``layout``, ``width``, ``layers`` (the table,
as ``LayerTable.to_text`` writes it, unless it is VGG-19's at that width), ``channels``, ``scale``,
``mean``, ``std`` (see ``Preprocessing``), ``pooling`` and ``first_padding`` (how the network is
run, see ``VGG19``), ``network`` (which preset of loss weights fits, such as ``vgg19``, ``vgg16``,
``torchvision`` or ``embedded``), ``origin``, ``licence``, ``source_sha256`` of the file that it was
converted from, ``normalised`` (over which pictures, if it is), ``notice`` (what to tell who uses
it), and for ``jvst weights check`` ``statistics`` of every ReLU and ``tensors_sha256`` of the
numbers.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from flax import nnx

from jvst._files import replacing, writing_to
from jvst.core.arguments import check_word
from jvst.errors import InputError
from jvst.network.convolution import FirstPadding, Pooling, Precision
from jvst.network.layers import LayerTable, table_from_text, vgg19_layers
from jvst.network.vgg import VGG, VGG19, Preprocessing
from jvst.network.weights.formats.imported import Kernels, architecture_of
from jvst.network.weights.formats.tensor_file import read_metadata, read_safetensors, to_bytes
from jvst.network.weights.statistics import layer_statistics, to_text

FORMAT = "jvst-vgg19-1"

# How networks are run whose files don't say it: as trained, but for the embedded one, whose files
# of before did not.
_AS_TRAINED: tuple[Pooling, FirstPadding] = ("max", "zeros")
_RUN_AS: Mapping[str, tuple[Pooling, FirstPadding]] = {"embedded": ("average", "replicate")}

_DESCRIPTION = ("network", "origin", "licence", "source_sha256", "normalised", "notice")


def save_vgg19(
    path: str | Path,
    vgg: VGG19,
    *,
    network: str = "",
    origin: str = "",
    licence: str = "",
    source_sha256: str = "",
    normalised: str = "",
    notice: str = "",
    dtype: Any = np.float32,
) -> None:
    """Write a network's weights, atomically.

    Args:
        path: the file to write, by custom ``.safetensors``.
        vgg: the network.
        network: name of the preset of loss weights that fits; ``vgg19`` or ``vgg16``, by its
            layers, when left out.
        origin: where the weights come from, in words.
        licence: under what terms they may be used.
        source_sha256: checksum of the file they were converted from.
        normalised: over which pictures the activations are normalised, if they are.
        notice: one line to show whoever uses the file.
        dtype: type of the stored numbers, ``float32`` or ``float16``.

    Raises:
        InputError: the folder can't be written.
    """
    tensors = {}
    for name, convolution in vgg.convolutions.items():
        for part in ("kernel", "bias"):
            tensors[f"{name}.{part}"] = np.asarray(getattr(convolution, part)[...], dtype)
    preprocessing = vgg.preprocessing
    kernels: Kernels = {
        name: (tensors[f"{name}.kernel"], tensors[f"{name}.bias"]) for name in vgg.convolutions
    }
    # Of the numbers as they are stored, rounded to float16 where they are.
    stored = build_network(path, kernels, layers=vgg.layers, preprocessing=preprocessing)
    metadata = {
        "format": FORMAT,
        "layout": "HWIO",
        "width": repr(float(vgg.width)),
        "channels": preprocessing.channels,
        "scale": repr(float(preprocessing.scale)),
        "mean": json.dumps(preprocessing.mean),
        "std": json.dumps(preprocessing.std),
        "pooling": vgg.pooling,
        "first_padding": vgg.first_padding,
        "network": network or architecture_of(vgg.layers.names).oxford,
        "origin": origin,
        "licence": licence,
        "source_sha256": source_sha256,
        "normalised": normalised,
        "notice": notice,
        "statistics": to_text(layer_statistics(stored)),
        "tensors_sha256": tensors_sha256(tensors),
    }
    if vgg.layers != vgg19_layers(vgg.width):
        metadata["layers"] = vgg.layers.to_text()
    path = Path(path)
    with replacing(path) as partial, writing_to(path):
        partial.write_bytes(to_bytes(tensors, metadata))


def load_vgg19(
    path: str | Path,
    *,
    pooling: Pooling | None = None,
    first_padding: FirstPadding | None = None,
    precision: Precision = "float32",
) -> VGG19:
    """Read a network from a file that ``save_vgg19`` wrote.

    Args:
        path: the file.
        pooling: see ``VGG19``; what the file says when left out.
        first_padding: likewise.
        precision: see ``VGG19``.

    Raises:
        InputError: a file that is missing, damaged, of another format, or lacks layers.
    """
    read = read_native(path)
    return build_network(
        path,
        read.kernels,
        layers=read.layers,
        preprocessing=read.preprocessing,
        pooling=read.pooling if pooling is None else pooling,
        first_padding=read.first_padding if first_padding is None else first_padding,
        precision=precision,
    )


class NativeFile(NamedTuple):
    """What a file of jvst's own holds."""

    kernels: Kernels
    layers: LayerTable
    preprocessing: Preprocessing
    pooling: Pooling
    first_padding: FirstPadding


def read_native(path: str | Path) -> NativeFile:
    """Read a file that ``save_vgg19`` wrote.

    Raises:
        InputError: a file that is missing, damaged or of another format.
    """
    tensors, metadata = read_safetensors(path)
    if metadata.get("format") != FORMAT:
        raise InputError(
            f"{path} is a safetensors file but not one of jvst's ({FORMAT}); convert it with "
            "scripts/convert_vgg19.py"
        )
    layers = _table(path, metadata)
    try:
        preprocessing = Preprocessing(
            channels={"BGR": "BGR", "RGB": "RGB"}[metadata["channels"]],  # type: ignore[arg-type]
            scale=_finite(metadata["scale"]),
            mean=_triple(metadata["mean"]),
            std=_triple(metadata["std"]),
        )
        if preprocessing.scale <= 0 or min(preprocessing.std) <= 0:
            raise ValueError("the scale of its input is not positive")
        pooling, first_padding = _run_as(metadata)
    except (KeyError, ValueError, TypeError, RecursionError) as error:
        raise InputError(f"{path} has no usable metadata; convert or get it again") from error
    kernels: Kernels = {
        layer.name: (tensors.get(f"{layer.name}.kernel"), tensors.get(f"{layer.name}.bias"))
        for layer in layers.convolutions
    }
    return NativeFile(kernels, layers, preprocessing, pooling, first_padding)


def read_layers(path: str | Path) -> LayerTable:
    """Return the table of layers of a file, without its numbers.

    Raises:
        InputError: a file that is missing, damaged or not jvst's.
    """
    return _table(path, read_metadata(path))


def describe(path: str | Path) -> dict[str, str]:
    """Return what a file's metadata say of its origin, as arguments of ``save_vgg19``.

    Raises:
        InputError: a file that is missing, damaged or not jvst's.
    """
    metadata = read_metadata(path)
    return {key: metadata.get(key, "") for key in _DESCRIPTION} | {
        "network": metadata.get("network") or "vgg19"
    }


def build_network(
    path: str | Path,
    kernels: Kernels,
    *,
    layers: LayerTable,
    preprocessing: Preprocessing,
    pooling: Pooling = "max",
    first_padding: FirstPadding = "zeros",
    precision: Precision = "float32",
) -> VGG:
    """Put kernels (HWIO) and biases into a network, checking that each is there and fits.

    Args:
        path: where they were read, for the messages.
        kernels: convolution -> (kernel ``[k k in out]``, bias ``[out]``).
        layers: the table.
        preprocessing: what the weights expect as input.
        pooling: see ``VGG19``.
        first_padding: see ``VGG19``.
        precision: see ``VGG19``.

    Raises:
        InputError: a layer is missing, has another shape, or holds a number that isn't finite.
    """
    check_kernels(path, kernels, layers=layers)
    vgg = nnx.eval_shape(
        lambda: VGG(
            layers,
            pooling=pooling,
            first_padding=first_padding,
            precision=precision,
            preprocessing=preprocessing,
            rngs=nnx.Rngs(0),
        )
    )
    for layer in layers.convolutions:
        for part, array in zip(("kernel", "bias"), kernels[layer.name], strict=True):
            # Widened by NumPy: by JAX every shape would be a program.
            parameter = nnx.Param(jax.device_put(np.asarray(array, np.float32)))
            setattr(vgg.convolutions[layer.name], part, parameter)
    return vgg


def check_kernels(path: str | Path, kernels: Kernels, *, layers: LayerTable) -> None:
    """Check that every kernel and bias is there, fits, and is finite as float32.

    Raises:
        InputError: see ``build_vgg19``.
    """
    for layer in layers.convolutions:
        name, side = layer.name, layer.kernel
        shapes = (side, side, layer.inputs, layer.channels), (layer.channels,)
        parts = zip(("kernel", "bias"), shapes, strict=True)
        for (part, shape), array in zip(parts, kernels.get(name, (None, None)), strict=True):
            if array is None:
                raise InputError(
                    f"{path} has no {name} {part}; expected all through "
                    f"{layers.convolutions[-1].name}; get it again"
                )
            if array.shape != shape:
                raise InputError(
                    f"{path}: {name} {part} is {array.shape}; expected {shape}; get it again"
                )
            # Numbers that overflow float32 are not finite there.
            if not np.all(np.abs(array) <= np.finfo(np.float32).max):
                raise InputError(
                    f"{path}: {name} {part} holds numbers that are not finite; get it again"
                )


def tensors_sha256(tensors: dict[str, np.ndarray]) -> str:
    """Return a checksum of names and numbers, whatever their order in the file."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(name.encode())
        digest.update(np.ascontiguousarray(tensors[name]).tobytes())
    return digest.hexdigest()


def _table(path: str | Path, metadata: dict[str, str]) -> LayerTable:
    """Return the layers that a file's metadata state."""
    try:
        if "layers" in metadata:
            return table_from_text(metadata["layers"])
        width = float(metadata["width"])
        if not 0.0 < width <= 4.0:
            raise ValueError("the width is no factor from 0 to 4")
        return vgg19_layers(width)
    except (KeyError, ValueError) as error:
        raise InputError(f"{path} states no usable layers; convert or get it again") from error


def _run_as(metadata: dict[str, str]) -> tuple[Pooling, FirstPadding]:
    """Return pooling and padding that a file's metadata state.

    Raises:
        ValueError: words that aren't known.
    """
    pooling, padding = _RUN_AS.get(metadata.get("network", ""), _AS_TRAINED)
    check_word("pooling", pooling := metadata.get("pooling", pooling), Pooling)
    check_word("first_padding", padding := metadata.get("first_padding", padding), FirstPadding)
    return pooling, padding  # type: ignore[return-value]


def _finite(value: Any) -> float:
    number = float(value)
    if not np.isfinite(number):
        raise ValueError("a number is not finite")
    return number


def _triple(text: str) -> tuple[float, float, float]:
    first, second, third = json.loads(text)
    return _finite(first), _finite(second), _finite(third)
