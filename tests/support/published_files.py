"""Writes VGGs in the true layout of every published format, without the libraries that do so.

``kernels`` is always what conv1_1 … conv5_1 of the Oxford network would be: HWIO, BGR. Each
writer turns them as its format has them.
"""

import pickle
import struct
import zipfile
from collections import OrderedDict
from pathlib import Path

import h5py
import numpy as np
import safetensors.numpy
import scipy.io

from jvst.network.layers import vgg19_layers
from jvst.network.vgg import OXFORD

__all__ = ["OXFORD"]

# Written down from torchvision's cfg "E" and "D", by the number of convolutions through conv5_1.
PLACES = {
    13: (0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28),
    11: (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24),
}


def random_kernels(
    width: float, seed: int = 0, layers=vgg19_layers
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Draw kernels that keep activations of about the size of the input."""
    rng = np.random.default_rng(seed)
    kernels = {}
    for layer in layers(width).convolutions:
        kernel = rng.standard_normal((3, 3, layer.inputs, layer.channels), np.float32)
        kernel *= np.float32(np.sqrt(2 / (9 * layer.inputs)))
        kernels[layer.name] = (kernel, rng.standard_normal(layer.channels, np.float32))
    return kernels


def oihw(kernel):
    return np.ascontiguousarray(kernel.transpose(3, 2, 0, 1))


def keras(path, kernels, *, top=False, spelling="{0}/{0}_{1}_1:0", folder="", **options):
    names = ("W", "b") if "_{1}_1" in spelling else ("kernel", "bias")
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [b"input_1", b"block1_conv1"]
        file.attrs["backend"] = b"tensorflow"
        for name, arrays in kernels.items():
            layer = f"block{name[4]}_conv{name[6]}"
            for part, array in zip(names, arrays, strict=True):
                file.create_dataset(folder + spelling.format(layer, part), data=array, **options)
        if top:
            file["fc1/fc1_W_1:0"] = np.ones((50, 40), np.float32)


def torch_names(kernels, *, rgb=False, prefix="features."):
    """OIHW tensors under torchvision's names; turned to RGB for torchvision's own training."""
    tensors = OrderedDict()
    for place, (kernel, bias) in zip(PLACES[len(kernels)], kernels.values(), strict=True):
        turned = kernel[:, :, ::-1] if rgb and place == 0 else kernel
        tensors[f"{prefix}{place}.weight"] = oihw(turned)
        tensors[f"{prefix}{place}.bias"] = bias
    return tensors


def gatys_names(kernels):
    tensors = OrderedDict()
    for name, (kernel, bias) in kernels.items():
        tensors[f"{name}.weight"] = oihw(kernel)
        tensors[f"{name}.bias"] = bias
    return tensors


def tensor_file(path, tensors):
    safetensors.numpy.save_file(dict(tensors), path, {"format": "pt"})


class _Storage:
    def __init__(self, key, array):
        self.key, self.array = key, array


class _Named:
    """Stands for a global of another package: pickled by name only."""

    def __init__(self, module, name):
        self.module, self.name = module, name


class _Tensor:
    def __init__(self, storage, shape, strides, version):
        self.parts = (storage, 0, shape, strides, False, OrderedDict())
        self.version = version


class _Pickler(pickle._Pickler):
    """The pure Python pickler, taught the few things that torch.save writes."""

    def __init__(self, file, protocol, legacy):
        super().__init__(file, protocol)
        self.legacy = legacy

    def persistent_id(self, obj):
        if not isinstance(obj, _Storage):
            return None
        kind = {"f4": "FloatStorage", "f2": "HalfStorage", "f8": "DoubleStorage"}
        named = _Named("torch", kind[obj.array.dtype.str[1:]])
        stated = ("storage", named, obj.key, "cpu", obj.array.size)
        return (*stated, None) if self.legacy else stated

    def save(self, obj, save_persistent_id=True):
        if isinstance(obj, _Named):
            self.write(b"c" + f"{obj.module}\n{obj.name}\n".encode())
            return
        if isinstance(obj, _Tensor):
            names = {1: "_rebuild_tensor", 2: "_rebuild_tensor_v2"}
            parts = obj.parts if obj.version == 2 else obj.parts[:4]
            self.save(_Named("torch._utils", names[obj.version]))
            self.save(parts)
            self.write(b"R")
            return
        super().save(obj, save_persistent_id)


def memory(array):
    """The bytes of a dense array as they lie in memory, whatever the order of its axes."""
    return array.transpose(np.argsort(array.strides)[::-1]).tobytes()


def _torch_pickle(file, tensors, *, protocol, legacy, version, extra):
    storages = []
    state = OrderedDict()
    for index, (name, array) in enumerate(tensors.items()):
        storage = _Storage(str(94000000 + index) if legacy else str(index), array)
        strides = tuple(stride // array.itemsize for stride in array.strides)
        storages.append(storage)
        state[name] = _Tensor(storage, array.shape, strides, version)
    state._metadata = OrderedDict({"": {"version": 1}})
    _Pickler(file, protocol, legacy).dump({"state_dict": state, **extra} if extra else state)
    return storages


def legacy_pth(path, tensors, *, version=2, protocol=2, extra=None):
    with Path(path).open("wb") as file:
        pickle.dump(0x1950A86A20F9469CFC6C, file, 2)
        pickle.dump(1001, file, 2)
        sizes = {"short": 2, "int": 4, "long": 4}
        pickle.dump({"protocol_version": 1001, "little_endian": True, "type_sizes": sizes}, file, 2)
        storages = _torch_pickle(
            file, tensors, protocol=protocol, legacy=True, version=version, extra=extra
        )
        storages.sort(key=lambda storage: storage.key)
        pickle.dump([storage.key for storage in storages], file, 2)
        for storage in storages:
            file.write(struct.pack("<q", storage.array.size) + memory(storage.array))


def zip_pth(path, tensors, *, protocol=2, extra=None):
    stem = Path(path).stem
    with zipfile.ZipFile(path, "w") as archive:
        with archive.open(f"{stem}/data.pkl", "w") as file:
            storages = _torch_pickle(
                file, tensors, protocol=protocol, legacy=False, version=2, extra=extra
            )
        archive.writestr(f"{stem}/byteorder", "little")
        for storage in storages:
            archive.writestr(f"{stem}/data/{storage.key}", memory(storage.array))
        archive.writestr(f"{stem}/version", "3\n")


def varint(value):
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(out) + bytes([value])


def field(number, content):
    """A field of bytes."""
    return varint(number << 3 | 2) + varint(len(content)) + content


def number_field(number, value):
    return varint(number << 3) + varint(value)


def blob(array, *, new_shape, packed=True):
    out = b""
    if new_shape:
        out += field(7, field(1, b"".join(varint(size) for size in array.shape)))
    else:
        shape = (1,) * (4 - array.ndim) + array.shape
        out += b"".join(number_field(i, size) for i, size in enumerate(shape, start=1))
    if packed:
        return out + field(5, array.astype("<f4").tobytes())
    return out + b"".join(b"\x2d" + struct.pack("<f", x) for x in array.ravel())


def caffemodel(path, kernels, *, encoding="V1", packed=True):
    """encoding: V0, V1 (``layers``) or V2 (``layer``)."""
    with Path(path).open("wb") as file:
        file.write(field(1, b"VGG_ILSVRC_19_layer"))
        file.write(field(3, b"data") + number_field(4, 1))
        for name, (kernel, bias) in kernels.items():
            new = encoding == "V2"
            blobs = [blob(array, new_shape=new, packed=packed) for array in (oihw(kernel), bias)]
            if encoding == "V2":
                layer = field(1, name.encode()) + field(2, b"Convolution")
                layer += b"".join(field(7, one) for one in blobs)
                file.write(field(100, layer))
            elif encoding == "V1":
                layer = field(2, b"data") + field(3, name.encode()) + field(4, name.encode())
                layer += number_field(5, 4) + b"".join(field(6, one) for one in blobs)
                file.write(field(2, layer))
            else:
                layer = field(1, name.encode()) + field(2, b"conv")
                layer += b"".join(field(50, one) for one in blobs)
                file.write(field(2, field(1, layer) + field(2, b"data")))
            relu = name.replace("conv", "relu").encode()
            file.write(field(100, field(1, relu)) if new else field(2, field(4, relu)))


def matconvnet(path, kernels, *, compressed=True, old=False, top=None):
    layers = np.empty((1, 2 * len(kernels)), object)
    for index, (name, (kernel, bias)) in enumerate(kernels.items()):
        turned = kernel[:, :, ::-1] if name == "conv1_1" else kernel
        if old:
            layer = {"filters": turned, "biases": bias[None]}
        else:
            weights = np.empty((1, 2), object)
            weights[0, 0], weights[0, 1] = turned, bias[None]
            layer = {"weights": weights}
        layer |= {"pad": np.ones((1, 4)), "type": "conv", "name": name, "stride": np.ones((1, 2))}
        layers[0, 2 * index] = layer
        layers[0, 2 * index + 1] = {"type": "relu", "name": name.replace("conv", "relu")}
    if top is not None:
        weights = np.empty((1, 2), object)
        weights[0, 0], weights[0, 1] = top, np.ones((1, 3), np.float32)
        layers[0, -1] = {"weights": weights, "type": "conv", "name": "fc6"}
    description = np.array(["tench, Tinca tinca", "goldfish"], object)[None]
    meta = {"classes": {"description": description}, "normalization": {"averageImage": np.ones(3)}}
    scipy.io.savemat(path, {"layers": layers, "meta": meta}, do_compression=compressed)


WRITERS = {
    "keras": lambda path, kernels: keras(path, kernels, top=True),
    "safetensors": lambda path, kernels: tensor_file(
        path, torch_names(kernels) | {"classifier.1.weight": np.ones((4, 4), np.float32)}
    ),
    "legacy pth": lambda path, kernels: legacy_pth(
        path, torch_names(kernels) | {"classifier.1.weight": np.ones((4, 4), np.float32)}
    ),
    "zip pth": lambda path, kernels: zip_pth(
        path, torch_names(kernels) | {"classifier.4.weight": np.ones((4, 4), np.float32)}
    ),
    "gatys pth": lambda path, kernels: legacy_pth(path, gatys_names(kernels), version=1),
    "caffe V0": lambda path, kernels: caffemodel(path, kernels, encoding="V0"),
    "caffe V1": lambda path, kernels: caffemodel(path, kernels, encoding="V1"),
    "caffe V2": lambda path, kernels: caffemodel(path, kernels, encoding="V2"),
    "caffe unpacked": lambda path, kernels: caffemodel(path, kernels, packed=False),
    "matconvnet": matconvnet,
    "matconvnet plain": lambda path, kernels: matconvnet(path, kernels, compressed=False),
    "matconvnet old": lambda path, kernels: matconvnet(path, kernels, old=True),
}
