"""What a reader of published files returns, and the sizes that no reader may pass."""

from typing import NamedTuple

import numpy as np

from jvst.network.vgg import BLOCKS, CONVOLUTIONS, Preprocessing

#: Convolution -> (kernel ``[3 3 in out]``, bias ``[out]``); None where the file lacks it.
Kernels = dict[str, tuple[np.ndarray | None, np.ndarray | None]]

#: Numbers in the largest kernel of VGG-19; a file that states more for one is not believed.
LARGEST_KERNEL = 3 * 3 * 512 * 512


class DamagedFileError(Exception):
    """A file contradicts itself; the message is a reason, to be put into an ``InputError``."""


class ForeignFileError(Exception):
    """A sound file, as far as was read, of something else; the message says of what."""


class Imported(NamedTuple):
    """What a reader found."""

    format: str  # in words, such as "Keras HDF5"
    kernels: Kernels
    preprocessing: Preprocessing
    network: str  # name of the preset of loss weights
    origin: str
    licence: str
    notice: str = ""  # what the person should know about how the file was taken


def check_count(count: int, what: str) -> None:
    """Refuse a stated number of numbers that no layer of VGG-19 has.

    Raises:
        DamagedFileError: negative, or more than the largest kernel holds.
    """
    if not 0 <= count <= LARGEST_KERNEL:
        raise DamagedFileError(f"{what} states {_short(count)} numbers")


def torchvision_places() -> dict[str, int]:
    """Place of every convolution in torchvision's ``features``, ReLUs and pools counted."""
    places, place = {}, 0
    for block, (count, _) in enumerate(BLOCKS, start=1):
        for index in range(1, count + 1):
            places[f"conv{block}_{index}"] = place
            place += 2
        place += 1
    return places


def from_torch_layout(kernel: np.ndarray | None) -> np.ndarray | None:
    """Turn a kernel ``[out in 3 3]`` into ``[3 3 in out]``; leave what is no kernel."""
    return kernel.transpose(2, 3, 1, 0) if kernel is not None and kernel.ndim == 4 else kernel


def width_of(kernels: Kernels) -> float:
    """Return the width factor that the number of filters of conv1_1 implies; 1 if unclear."""
    kernel, _ = kernels.get(CONVOLUTIONS[0], (None, None))
    filters = kernel.shape[-1] if kernel is not None and kernel.ndim == 4 else 0
    full = BLOCKS[0][1]
    return filters / full if 0 < filters <= full else 1.0


def _short(count: int) -> str:
    return str(count) if abs(count) < 10**15 else "over 10^15"
