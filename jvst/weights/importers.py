"""Published files of VGG-19 weights, recognised by their content.

To add a format: a reader that returns (kernels as HWIO, preprocessing, origin, licence), and a
line in ``import_vgg19`` that recognises it.
"""

from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np

from jvst.errors import InputError
from jvst.vgg import BLOCKS, CONVOLUTIONS, OXFORD, TORCHVISION, VGG19, Preprocessing
from jvst.weights.native import FORMAT, build_vgg19, load_vgg19, read_safetensors


class Imported(NamedTuple):
    """What a reader found."""

    kernels: dict[str, tuple[np.ndarray | None, np.ndarray | None]]
    preprocessing: Preprocessing
    network: str  # name of the preset of loss weights
    origin: str
    licence: str


def import_vgg19(path: str | Path) -> VGG19:
    """Read VGG-19 from a published file or from one of jvst's own.

    Knows the Keras ``.h5`` without top and safetensors with torchvision's names.

    Args:
        path: the file; what it is is told from its content, not its name.

    Raises:
        InputError: a file that is missing, damaged or of no known format.
    """
    found = read_published(path)
    if found is None:
        return load_vgg19(path)
    return build_vgg19(path, found.kernels, preprocessing=found.preprocessing)


def read_published(path: str | Path) -> Imported | None:
    """Read a published file; None for one that is jvst's own."""
    try:
        with Path(path).open("rb") as file:
            head = file.read(9)
    except OSError as error:
        raise InputError(f"{path} can't be read: {error.strerror}") from error
    if head[:8] == b"\x89HDF\r\n\x1a\n":
        return _read_keras(path)
    if head[8:9] == b"{":
        return _read_safetensors(path)
    raise InputError(
        f"{path} is not a known file of weights; expected Keras .h5 or safetensors with "
        "torchvision's names"
    )


def _read_keras(path: str | Path) -> Imported:
    """Keras Applications: the Oxford weights, HWIO, BGR."""
    kernels: dict[str, tuple[np.ndarray | None, np.ndarray | None]] = {}
    try:
        with h5py.File(path, "r") as file:
            for name in CONVOLUTIONS:
                block, index = name[4], name[6]
                layer = f"block{block}_conv{index}"
                kernels[name] = (
                    _dataset(file, f"{layer}/{layer}_W_1:0", f"{layer}/{layer}/kernel:0"),
                    _dataset(file, f"{layer}/{layer}_b_1:0", f"{layer}/{layer}/bias:0"),
                )
    except (OSError, RuntimeError, ValueError, KeyError) as error:
        raise InputError(f"{path} is truncated or damaged; get it again ({error})") from error
    return Imported(
        kernels,
        OXFORD,
        "vgg19",
        "VGG-19 of the Visual Geometry Group, Oxford, as converted by Keras Applications",
        "CC BY 4.0",
    )


def _dataset(file: h5py.File, *names: str) -> np.ndarray | None:
    """Return the first of several spellings that is there."""
    for name in names:
        node = file.get(name)
        if isinstance(node, h5py.Dataset):
            # No layer of VGG-19 is larger; a hostile header could state any size.
            if node.size > 3 * 3 * 512 * 512:
                raise ValueError(f"{name} states {node.size} numbers")
            return np.asarray(node[...])
    return None


def _read_safetensors(path: str | Path) -> Imported | None:
    """torchvision's names ``features.N.weight``: OIHW, RGB."""
    tensors, metadata = read_safetensors(path, prefix="features.")
    if metadata.get("format") == FORMAT:
        return None
    kernels: dict[str, tuple[np.ndarray | None, np.ndarray | None]] = {}
    for name, position in _torchvision_positions().items():
        kernel = tensors.get(f"features.{position}.weight")
        if kernel is not None and kernel.ndim == 4:
            kernel = kernel.transpose(2, 3, 1, 0)  # OIHW -> HWIO
        kernels[name] = (kernel, tensors.get(f"features.{position}.bias"))
    return Imported(
        kernels,
        TORCHVISION,
        "torchvision",
        "VGG-19 of torchvision, trained on ImageNet-1k",
        "BSD-3-Clause",
    )


def _torchvision_positions() -> dict[str, int]:
    """Place of every convolution in torchvision's ``features``, ReLUs and pools counted."""
    places, position = {}, 0
    for block, (count, _) in enumerate(BLOCKS, start=1):
        for index in range(1, count + 1):
            places[f"conv{block}_{index}"] = position
            position += 2
        position += 1
    return places
