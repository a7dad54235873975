"""jvst's own file of weights: safetensors that say in their metadata what they are.

Tensors ``conv1_1.kernel`` (height, width, in, out) and ``conv1_1.bias``, … through conv5_1, as
float32 or float16. Metadata, all strings: ``format``, ``layout``, ``width``, ``channels``,
``scale``, ``mean``, ``std`` (see ``Preprocessing``), ``network`` (which preset of loss weights
fits: ``vgg19``, ``torchvision`` or ``embedded``), ``origin``, ``licence``, and ``source_sha256``
where the file was converted from another.
"""

import json
import os
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
import safetensors
import safetensors.numpy
from flax import nnx

from jvst.errors import InputError
from jvst.vgg import VGG19, FirstPadding, Pooling, Precision, Preprocessing, channels_of

FORMAT = "jvst-vgg19-1"


def save_vgg19(
    path: str | Path,
    vgg: VGG19,
    *,
    network: str = "vgg19",
    origin: str = "",
    licence: str = "",
    source_sha256: str = "",
    dtype: Any = np.float32,
) -> None:
    """Write a network's weights, atomically.

    Args:
        path: the file to write, by custom ``.safetensors``.
        vgg: the network.
        network: name of the preset of loss weights that fits.
        origin: where the weights come from, in words.
        licence: under what terms they may be used.
        source_sha256: checksum of the file they were converted from.
        dtype: type of the stored numbers, ``float32`` or ``float16``.

    Raises:
        InputError: the folder can't be written.
    """
    tensors = {}
    for name, convolution in vgg.convolutions.items():
        tensors[f"{name}.kernel"] = np.asarray(convolution.kernel[...], dtype)
        tensors[f"{name}.bias"] = np.asarray(convolution.bias[...], dtype)
    preprocessing = vgg.preprocessing
    metadata = {
        "format": FORMAT,
        "layout": "HWIO",
        "width": repr(float(vgg.width)),
        "channels": preprocessing.channels,
        "scale": repr(float(preprocessing.scale)),
        "mean": json.dumps(preprocessing.mean),
        "std": json.dumps(preprocessing.std),
        "network": network,
        "origin": origin,
        "licence": licence,
        "source_sha256": source_sha256,
    }
    path = Path(path)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(safetensors.numpy.save(tensors, metadata))
        partial.replace(path)
    except OSError as error:
        raise InputError(f"{path} can't be written: {error.strerror}") from error
    finally:
        partial.unlink(missing_ok=True)


def load_vgg19(
    path: str | Path,
    *,
    pooling: Pooling = "max",
    first_padding: FirstPadding = "zeros",
    precision: Precision = "float32",
) -> VGG19:
    """Read a network from a file that ``save_vgg19`` wrote.

    Args:
        path: the file.
        pooling: see ``VGG19``.
        first_padding: see ``VGG19``.
        precision: see ``VGG19``.

    Raises:
        InputError: a file that is missing, damaged, of another format, or lacks layers.
    """
    tensors, metadata = read_safetensors(path)
    if metadata.get("format") != FORMAT:
        raise InputError(
            f"{path} is a safetensors file but not one of jvst's ({FORMAT}); convert it with "
            "scripts/convert_vgg19.py"
        )
    try:
        width = float(metadata["width"])
        preprocessing = Preprocessing(
            channels={"BGR": "BGR", "RGB": "RGB"}[metadata["channels"]],  # type: ignore[arg-type]
            scale=float(metadata["scale"]),
            mean=_triple(metadata["mean"]),
            std=_triple(metadata["std"]),
        )
    except (KeyError, ValueError, TypeError) as error:
        raise InputError(f"{path} has no usable metadata ({error}); convert it again") from error
    kernels = {
        name: (tensors.get(f"{name}.kernel"), tensors.get(f"{name}.bias"))
        for name in channels_of(width)
    }
    return build_vgg19(
        path,
        kernels,
        width=width,
        preprocessing=preprocessing,
        pooling=pooling,
        first_padding=first_padding,
        precision=precision,
    )


def build_vgg19(
    path: str | Path,
    kernels: dict[str, tuple[np.ndarray | None, np.ndarray | None]],
    *,
    width: float = 1.0,
    preprocessing: Preprocessing,
    pooling: Pooling = "max",
    first_padding: FirstPadding = "zeros",
    precision: Precision = "float32",
) -> VGG19:
    """Put kernels (HWIO) and biases into a network, checking that each is there and fits.

    Args:
        path: where they were read, for the messages.
        kernels: convolution -> (kernel ``[3 3 in out]``, bias ``[out]``).
        width: see ``VGG19``.
        preprocessing: what the weights expect as input.
        pooling: see ``VGG19``.
        first_padding: see ``VGG19``.
        precision: see ``VGG19``.

    Raises:
        InputError: a layer is missing, has another shape, or holds a number that isn't finite.
    """
    if not 0.0 < width <= 4.0:
        raise InputError(f"{path} states the width {width}; expected a factor from 0 to 4")
    vgg = nnx.eval_shape(
        lambda: VGG19(
            width=width,
            pooling=pooling,
            first_padding=first_padding,
            precision=precision,
            preprocessing=preprocessing,
            rngs=nnx.Rngs(0),
        )
    )
    for name, (channels, filters) in channels_of(width).items():
        parts = (("kernel", (3, 3, channels, filters)), ("bias", (filters,)))
        for (part, shape), array in zip(parts, kernels.get(name, (None, None)), strict=True):
            if array is None:
                raise InputError(f"{path} has no {name} {part}; expected VGG-19 through conv5_1")
            if array.shape != shape:
                raise InputError(f"{path}: {name} {part} is {array.shape}; expected {shape}")
            if not np.all(np.isfinite(array)):
                raise InputError(f"{path}: {name} {part} holds numbers that are not finite")
            setattr(vgg.convolutions[name], part, nnx.Param(jnp.asarray(array, jnp.float32)))
    return vgg


def read_safetensors(
    path: str | Path, *, prefix: str = ""
) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Return the tensors whose names begin with ``prefix``, and the metadata.

    Raises:
        InputError: a file that is missing or damaged.
    """
    try:
        with safetensors.safe_open(path, framework="np") as file:
            names = [name for name in file.keys() if name.startswith(prefix)]  # noqa: SIM118
            return {name: file.get_tensor(name) for name in names}, file.metadata() or {}
    except FileNotFoundError as error:
        raise InputError(f"{path} does not exist; expected a file of VGG-19 weights") from error
    except (safetensors.SafetensorError, OSError, TypeError, ValueError) as error:
        raise InputError(f"{path} is truncated or damaged ({error}); get it again") from error


def _triple(text: str) -> tuple[float, float, float]:
    first, second, third = json.loads(text)
    return float(first), float(second), float(third)
