"""Keras Applications' ``.h5`` files, with and without the classifier.

They hold the Oxford weights: kernels HWIO, input BGR.
"""

from pathlib import Path

import h5py
import numpy as np

from jvst.network.vgg import OXFORD
from jvst.network.weights.formats.imported import (
    ARCHITECTURES,
    LARGEST_KERNEL,
    DamagedFileError,
    ForeignFileError,
    Imported,
    Kernels,
    check_count,
    convolution_names,
    from_oxford,
)

# Spellings of Keras 1, 2 and 3, where weights stand alone and where a whole model was saved.
_FOLDERS = ("", "model_weights/", "layers/")
_SPELLINGS = (
    ("{0}/{0}_W_1:0", "{0}/{0}_b_1:0"),
    ("{0}/{0}/kernel:0", "{0}/{0}/bias:0"),
    ("{0}/kernel:0", "{0}/bias:0"),
    ("{0}/{0}/kernel", "{0}/{0}/bias"),
    ("{0}/vars/0", "{0}/vars/1"),
)
# Our names of the convolutions -> Keras'.
_LAYERS = {
    name: "block{}_conv{}".format(*name.removeprefix("conv").split("_"))
    for kind in ARCHITECTURES
    for name in convolution_names(kind.layers(1.0))
}
# HDF5's own filters: deflate, shuffle, checksum. Others would be looked for as plug-ins.
_FILTERS = {1, 2, 3}


def read_keras(path: str | Path) -> Imported:
    """Read a VGG from the groups ``block{b}_conv{i}``.

    Raises:
        DamagedFileError: it contradicts itself.
        ForeignFileError: it is an HDF5 file of something else.
    """
    kernels: Kernels = {}
    try:
        with h5py.File(path, "r") as file:
            spelling = _spelling(file)
            for name, layer in _LAYERS.items():
                kernel, bias = (_read(file, part.format(layer)) for part in spelling)
                if kernel is not None or bias is not None:
                    kernels[name] = (kernel, bias)
    # h5py turns what libhdf5 finds wrong into one of these, without a rule.
    except (OSError, RuntimeError, ValueError, KeyError, TypeError, OverflowError) as error:
        raise DamagedFileError("libhdf5 can't read it") from error
    except MemoryError as error:
        raise DamagedFileError("it states sizes that no memory holds") from error
    return from_oxford("Keras HDF5", kernels, OXFORD, "as converted by Keras Applications")


def _spelling(file: h5py.File) -> tuple[str, str]:
    """Return the spelling of (kernel, bias) that the file uses."""
    for folder in _FOLDERS:
        for kernel, bias in _SPELLINGS:
            if _find(file, folder + kernel.format("block1_conv1")) is not None:
                return folder + kernel, folder + bias
    raise ForeignFileError("an HDF5 file, but not of Keras' VGG-19 or VGG-16")


def _find(file: h5py.File, name: str) -> h5py.Dataset | None:
    """Follow a path through the file itself; links elsewhere are not followed."""
    node: h5py.Group = file
    parts = name.split("/")
    for part in parts[:-1]:
        if not isinstance(node.get(part, getlink=True), h5py.HardLink):
            return None
        found = node[part]
        if not isinstance(found, h5py.Group):
            return None
        node = found
    if not isinstance(node.get(parts[-1], getlink=True), h5py.HardLink):
        return None
    dataset = node[parts[-1]]
    return dataset if isinstance(dataset, h5py.Dataset) else None


def _read(file: h5py.File, name: str) -> np.ndarray | None:
    """Read a dataset after checking all that it states of its size."""
    dataset = _find(file, name)
    if dataset is None:
        return None
    if dataset.dtype.kind != "f" or dataset.dtype.itemsize > 8 or dataset.shape is None:
        raise DamagedFileError("a layer is not made of floating-point numbers")
    check_count(int(np.prod(dataset.shape, dtype=object)), "a layer")
    if dataset.chunks is not None:
        # A chunk is held whole, however little of it is asked for.
        check_count(int(np.prod(dataset.chunks, dtype=object)), "a chunk")
    if dataset.is_virtual or dataset.external:
        raise DamagedFileError("a layer lies in another file")
    properties = dataset.id.get_create_plist()
    filters = {properties.get_filter(i)[0] for i in range(properties.get_nfilters())}
    if not filters <= _FILTERS:
        raise DamagedFileError("a layer is compressed in an unknown way")
    if dataset.id.get_storage_size() > 8 * LARGEST_KERNEL + (1 << 20):
        raise DamagedFileError("a layer is too long")
    return np.asarray(dataset[...], np.float32)
