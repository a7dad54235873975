"""What readers of published files return, and size limits."""

from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple

import numpy as np

from jvst.network.layers import LayerTable, vgg16_layers, vgg19_layers
from jvst.network.vgg import Preprocessing

#: Convolution -> (kernel ``[3 3 in out]``, bias ``[out]``); None where the file lacks it.
Kernels = dict[str, tuple[np.ndarray | None, np.ndarray | None]]

#: Numbers in the largest kernel of a published network; a file that states more is not believed.
LARGEST_KERNEL = 3 * 3 * 512 * 512

OXFORD_LICENCE = "CC BY 4.0"


class Architecture(NamedTuple):
    """A network that is published."""

    title: str
    oxford: str  # name of the preset of loss weights for the Oxford weights
    torchvision: str  # that for torchvision's own training
    layers: Callable[[float], LayerTable]  # by the width factor


#: The networks that a published file may hold.
ARCHITECTURES = (
    Architecture("VGG-19", "vgg19", "torchvision", vgg19_layers),
    Architecture("VGG-16", "vgg16", "torchvision-vgg16", vgg16_layers),
)


class DamagedFileError(Exception):
    """A file contradicts itself; the message is a reason, to be put into an ``InputError``."""


class ForeignFileError(Exception):
    """A sound file, as far as was read, of something else; the message says of what."""


class Imported(NamedTuple):
    """What a reader found."""

    format: str  # in words, such as "Keras HDF5"
    kernels: Kernels
    layers: LayerTable
    preprocessing: Preprocessing
    network: str  # name of the preset of loss weights
    origin: str
    licence: str
    notice: str = ""  # what the user should know about how the file was taken


def check_count(count: int, what: str) -> None:
    """Refuse a stated number of numbers that no published layer has.

    Raises:
        DamagedFileError: negative, or more than the largest kernel holds.
    """
    if not 0 <= count <= LARGEST_KERNEL:
        raise DamagedFileError(f"{what} states {_short(count)} numbers")


def convolution_names(layers: LayerTable) -> tuple[str, ...]:
    """Return the names of the convolutions of a table."""
    return tuple(layer.name for layer in layers.convolutions)


#: Every convolution of any published network.
CONVOLUTIONS = frozenset(
    name for kind in ARCHITECTURES for name in convolution_names(kind.layers(1.0))
)


def architecture_of(
    present: Collection[str],
    spell: Callable[[LayerTable], Sequence[str]] = convolution_names,
) -> Architecture:
    """Return the network of whose convolutions most are there, and fewest missing.

    Args:
        present: names in a file.
        spell: how the file would name the convolutions of a table.
    """

    def fit(kind: Architecture) -> tuple[int, int]:
        expected = spell(kind.layers(1.0))
        found = sum(name in present for name in expected)
        return found, found - len(expected)

    return max(ARCHITECTURES, key=fit)


def from_oxford(
    format: str, kernels: Kernels, preprocessing: Preprocessing, converted: str
) -> Imported:
    """Return what a file of the Oxford weights holds.

    Args:
        format: what the file is, in words.
        kernels: those that are there.
        preprocessing: what they expect as input.
        converted: in what form they are, in words.
    """
    kind = architecture_of(kernels)
    return Imported(
        format,
        kernels,
        kind.layers(width_of(kernels)),
        preprocessing,
        kind.oxford,
        f"{kind.title} of the Visual Geometry Group, Oxford, {converted}",
        OXFORD_LICENCE,
    )


def from_torch_layout(kernel: np.ndarray | None) -> np.ndarray | None:
    """Turn a kernel ``[out in 3 3]`` into ``[3 3 in out]``; leave what is no kernel."""
    return kernel.transpose(2, 3, 1, 0) if kernel is not None and kernel.ndim == 4 else kernel


def width_of(kernels: Kernels) -> float:
    """Return the width factor that the number of filters of conv1_1 implies; 1 if unclear."""
    first = vgg19_layers().convolutions[0]  # the same in every published network
    kernel, _ = kernels.get(first.name, (None, None))
    filters = kernel.shape[-1] if kernel is not None and kernel.ndim == 4 else 0
    full = first.channels
    return filters / full if 0 < filters <= full else 1.0


def _short(count: int) -> str:
    return str(count) if abs(count) < 10**15 else "over 10^15"
