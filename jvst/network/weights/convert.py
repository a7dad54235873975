"""Conversion and checks of files of weights."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from jvst.errors import InputError
from jvst.network.weights.formats.detect import build_imported, file_sha256, read_published
from jvst.network.weights.formats.source import is_remote
from jvst.network.weights.formats.tensor_file import read_metadata, read_safetensors
from jvst.network.weights.formats.torchvision import Channels
from jvst.network.weights.native import (
    FORMAT,
    build_network,
    describe,
    load_vgg19,
    read_native,
    save_vgg19,
)
from jvst.network.weights.native import tensors_sha256 as _tensors_sha256
from jvst.network.weights.pair_file import FORMAT as PAIRS_FORMAT
from jvst.network.weights.pair_file import load_pairs, pair_statistics
from jvst.network.weights.statistics import (
    TOLERANCE,
    Statistics,
    from_text,
    layer_statistics,
    worst_deviation,
)


class Checked(NamedTuple):
    """The outcome of a self-test that was passed."""

    layer: str  # the one that deviates most
    deviation: float  # in standard deviations of that layer


def convert_vgg19(
    source: str | Path, target: str | Path, *, channels: Channels | None = None
) -> None:
    """Turn a published file into one of jvst's own, with its origin in the metadata.

    One of jvst's own is checked, where it can be, and written anew.

    Args:
        source: see ``import_vgg19``.
        target: the file to write; it appears whole or not at all.
        channels: see ``import_vgg19``.

    Raises:
        InputError: a file that is missing, damaged, hostile or of no known format.
    """
    found = read_published(source, channels=channels)
    if found is None:
        if read_metadata(source).get("statistics"):
            check_file(source)
        vgg = load_vgg19(source)
        first = f"{vgg.layers.convolutions[0].name}.kernel"
        stored = read_safetensors(source, prefix=first)[0][first]
        save_vgg19(target, vgg, **describe(source), dtype=stored.dtype)
        return
    save_vgg19(
        target,
        build_imported(source, found),
        network=found.network,
        origin=f"{found.origin} ({found.format})",
        licence=found.licence,
        source_sha256="" if is_remote(source) else file_sha256(source),
        notice=found.notice,
    )


def check_file(path: str | Path) -> Checked:
    """Hold a file's numbers and what the network makes of them against its metadata.

    The numbers by their checksum; the network by mean and standard deviation of every ReLU on a
    fixed picture, which also tells a mistake in the code, or a device that computes wrongly.

    Raises:
        InputError: the file is unusable, says nothing to be held against, or deviates.
    """
    tensors, metadata = read_safetensors(path)
    if metadata.get("format") == PAIRS_FORMAT:
        return _held_against(path, tensors, metadata, pair_statistics(load_pairs(path)))
    if metadata.get("format") != FORMAT:
        raise InputError(
            f"{path} is not one of jvst's own files ({FORMAT}); convert it first, with "
            "jvst weights convert"
        )
    read = read_native(path)
    vgg = build_network(path, read.kernels, layers=read.layers, preprocessing=read.preprocessing)
    return _held_against(path, tensors, metadata, layer_statistics(vgg))


def _held_against(
    path: str | Path, tensors: dict[str, np.ndarray], metadata: dict[str, str], found: Statistics
) -> Checked:
    """Compare a file's numbers, and what they answer, with what its metadata state."""
    try:
        stored = from_text(metadata["statistics"])
    except (KeyError, ValueError) as error:
        raise InputError(
            f"{path} has no usable statistics to check it against; convert it again"
        ) from error
    if metadata.get("tensors_sha256") != _tensors_sha256(tensors):
        raise InputError(f"{path} is damaged: its numbers are not those written; get it again")
    layer, deviation = worst_deviation(found, stored)
    if not deviation <= TOLERANCE:
        raise InputError(
            f"{path}: {layer} answers the test picture {deviation:.2g} standard deviations away "
            f"from what its metadata state; expected at most {TOLERANCE}; convert it again"
        )
    return Checked(layer, deviation)
