"""The file of the encoders and decoders of one pass.

It is safetensors. Tensors ``encoder5.conv1_1.kernel`` (height, width, in, out) and
``encoder5.conv1_1.bias``, … ``decoder5.conv5_1.kernel``, … for every level, as float32 or float16.
Metadata, all strings: ``format``, ``layout``, ``network``, ``levels`` (such as ``5 4 3 2 1``), for
each level ``encoder5`` and ``decoder5`` (tables, as ``LayerTable.to_text`` writes them),
``origin``, ``licence``, ``licence_text``, ``notice``, ``source_sha256`` of the file that the
numbers come from, and for ``jvst weights check`` ``statistics`` of every encoder and decoder and
``tensors_sha256``.
"""

import re
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np

from jvst._files import replacing, writing_to
from jvst.errors import InputError
from jvst.network.layers import LayerTable, table_from_text
from jvst.network.pairs import Pair, Pairs, decode, encode
from jvst.network.vgg import PLAIN, VGG
from jvst.network.weights.formats.tensor_file import read_metadata, read_safetensors, to_bytes
from jvst.network.weights.native import build_network, tensors_sha256
from jvst.network.weights.statistics import Statistics, check_picture, to_text

FORMAT = "jvst-pairs-1"


def save_pairs(
    path: str | Path,
    pairs: Pairs,
    *,
    origin: str = "",
    licence: str = "",
    licence_text: str = "",
    notice: str = "",
    source_sha256: str = "",
    dtype: Any = np.float32,
) -> None:
    """Write encoders and decoders, atomically.

    Args:
        path: the file to write, by custom ``.safetensors``.
        pairs: level -> encoder and decoder.
        origin: where the numbers come from, in words.
        licence: under what terms they may be used, its name.
        licence_text: what the licence asks to be handed on.
        notice: whose work they are.
        source_sha256: checksum of the file they were taken from.
        dtype: type of the stored numbers, ``float32`` or ``float16``.

    Raises:
        InputError: the folder can't be written.
    """
    tensors: dict[str, np.ndarray] = {}
    tables: dict[str, str] = {}
    for level, pair in pairs.items():
        for kind, network in zip(Pair._fields, pair, strict=True):
            tables[f"{kind}{level}"] = network.layers.to_text()
            for layer in network.layers.convolutions:
                arrays = zip(("kernel", "bias"), network.parameters(layer.name), strict=True)
                for part, array in arrays:
                    tensors[f"{kind}{level}.{layer.name}.{part}"] = np.asarray(array, dtype)
    # Of the numbers as they are stored, rounded to float16 where they are.
    stored = {level: _pair(path, level, tensors, tables) for level in pairs}
    metadata = {
        "format": FORMAT,
        "layout": "HWIO",
        "network": "onepass",
        "levels": " ".join(map(str, sorted(pairs, reverse=True))),
        "origin": origin,
        "licence": licence,
        "licence_text": licence_text,
        "notice": notice,
        "source_sha256": source_sha256,
        "statistics": to_text(pair_statistics(stored)),
        "tensors_sha256": tensors_sha256(tensors),
        **tables,
    }
    path = Path(path)
    with replacing(path) as partial, writing_to(path):
        partial.write_bytes(to_bytes(tensors, metadata))


def load_pairs(path: str | Path) -> Pairs:
    """Read what ``save_pairs`` wrote.

    Args:
        path: the file.

    Raises:
        InputError: a file that is missing, damaged, of another format, or lacks layers.
    """
    tensors, metadata = read_safetensors(path)
    if metadata.get("format") != FORMAT:
        raise InputError(
            f"{path} holds no encoders and decoders for one pass ({FORMAT}); expected the file "
            "onepass.safetensors that comes with jvst; get it again"
        )
    levels = metadata.get("levels", "")
    if not re.fullmatch(r"[1-9]( [1-9])*", levels):
        raise InputError(f"{path} states no usable levels; get it again")
    return {level: _pair(path, level, tensors, metadata) for level in map(int, levels.split())}


def pairs_metadata(path: str | Path) -> dict[str, str] | None:
    """Return the metadata of a file of pairs; None for any other file.

    Raises:
        InputError: a file that is missing.
    """
    try:
        metadata = read_metadata(path)
    except InputError:
        if not Path(path).exists():
            raise
        return None
    return metadata if metadata.get("format") == FORMAT else None


def pair_statistics(pairs: Pairs) -> Statistics:
    """Return mean and deviation of what encoders and decoders make of a fixed picture."""
    found: Statistics = {}
    for level, pair in pairs.items():
        features = encode(pair, check_picture())
        for name, x in (("encoder", features), ("decoder", decode(pair, features))):
            found[f"{name}{level}"] = float(jnp.mean(x)), float(jnp.std(x))
    return found


def _pair(
    path: str | Path, level: int, tensors: dict[str, np.ndarray], tables: dict[str, str]
) -> Pair:
    """Put what a file holds of a level together."""
    try:
        encoder = table_from_text(tables[f"encoder{level}"])
        deepest = encoder.layers[-1]
        decoder = table_from_text(tables[f"decoder{level}"], after=deepest)
        last = decoder.layers[-1]
        if deepest.kind != "relu" or (last.kind, last.channels, last.stride) != ("conv", 3, 1):
            raise ValueError("they are no encoder and decoder")
    except (KeyError, ValueError) as error:
        raise InputError(
            f"{path} states no usable layers of level {level}; get it again"
        ) from error
    return Pair(
        _network(path, f"encoder{level}", tensors, encoder),
        _network(path, f"decoder{level}", tensors, decoder),
    )


def _network(
    path: str | Path, name: str, tensors: dict[str, np.ndarray], layers: LayerTable
) -> VGG:
    kernels = {
        layer.name: (
            tensors.get(f"{name}.{layer.name}.kernel"),
            tensors.get(f"{name}.{layer.name}.bias"),
        )
        for layer in layers.convolutions
    }
    return build_network(f"{path}, {name}", kernels, layers=layers, preprocessing=PLAIN)
