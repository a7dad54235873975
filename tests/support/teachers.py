"""Small teachers and pictures for the training, as files."""

import cv2
import numpy as np

from jvst.network.layers import vgg19_layers

WIDTH = 1 / 16  # 4 to 32 channels


def teacher_arrays(seed=0):
    """Random kernels under the names of the published encoder."""
    rng = np.random.default_rng(seed)
    arrays = {"conv0.weight": 255.0 * np.eye(3)[::-1].reshape(3, 3, 1, 1)}
    arrays["conv0.bias"] = -np.array([103.939, 116.779, 123.68])
    for layer in vgg19_layers(WIDTH).convolutions:
        name = layer.name.replace("_", "")
        shape = (layer.channels, layer.inputs, 3, 3)
        arrays[f"{name}.weight"] = rng.normal(0.0, (2 / (9 * layer.inputs)) ** 0.5, shape)
        arrays[f"{name}.bias"] = rng.normal(0.0, 0.1, layer.channels)
    return {name: array.astype(np.float32) for name, array in arrays.items()}


def write_teacher(path, **changed):
    """Write a teacher, some of its arrays exchanged; None leaves one out."""
    arrays = teacher_arrays() | {name.replace("__", "."): x for name, x in changed.items()}
    np.savez(path, **{name: x for name, x in arrays.items() if x is not None})
    return path


def write_pictures(folder, sizes=((64, 72),) * 3):
    """Write pictures of some (height, width), coarse enough to have something to learn."""
    rng = np.random.default_rng(1)
    folder.mkdir(parents=True, exist_ok=True)
    for number, (height, width) in enumerate(sizes):
        coarse = rng.integers(0, 256, (height // 8, width // 8, 3), np.uint8)
        picture = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
        cv2.imwrite(str(folder / f"{number}.png"), picture)
    return folder
