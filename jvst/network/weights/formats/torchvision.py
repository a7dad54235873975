"""Weights under torchvision's names, and their origin.

The names are ``features.N.weight``, the kernels OIHW.

Which network it is shows in the numbers N, which count ReLUs and pools too. Two trainings go by
these names: torchvision's own (RGB in [0, 1], normalised) and the Oxford weights as Justin
Johnson converted them (BGR levels minus a mean). What tells them apart, in this order: what the
user says; names of the layers on top, which Johnson's and timm's files have of their own; the
first numbers of conv1_1; the checksum of the whole file. Else the file is taken as torchvision's,
with a notice. The size of the kernels does not tell: both trainings have first kernels of the same
size, and the larger input of one only shows in its activations.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Literal

import numpy as np

from jvst.network.layers import LayerTable
from jvst.network.vgg import OXFORD, TORCHVISION
from jvst.network.weights.formats.imported import (
    ARCHITECTURES,
    ForeignFileError,
    Imported,
    Kernels,
    architecture_of,
    from_oxford,
    from_torch_layout,
    width_of,
)
from jvst.network.weights.formats.others import other_network

Channels = Literal["RGB", "BGR"]

_UNCLEAR = (
    "it is taken as torchvision's own training (RGB); if it holds the Oxford weights under "
    "torchvision's names, convert it with --channels BGR"
)

# Johnson's network reshapes in its classifier, so that its first two linear layers have other
# numbers than torchvision's 0 and 3; timm names its own.
_JOHNSON_NAMES = ("classifier.1.weight", "classifier.4.weight")
_TIMM_NAMES = ("pre_logits.fc1.weight", "head.fc.weight")
# First row of the first kernel of torchvision's vgg19, as printed by those who loaded it. Half
# precision and bfloat16 change it by less than the tolerance, another training by far more.
_TORCHVISION_ROW, _ROW_TOLERANCE = (-0.05347426, -0.04925704, -0.06794177), 5e-4


def find_prefix(names: Collection[str]) -> str | None:
    """Return what stands before ``0.weight`` of conv1_1 under torchvision's names.

    Wrappers put names of their own there, such as ``model.features.module.``: whatever it is is
    taken off where the rest is a whole VGG.

    Raises:
        ForeignFileError: it is another well-known network.
    """
    if other := other_network(names):
        raise ForeignFileError(f"{other}, which can't be used")
    known, first = set(names), "0.weight"
    for prefix in ("features.", "module.features.", ""):
        if f"{prefix}{first}" in known:
            return prefix
    found = {name.removesuffix(first) for name in known if name.endswith(f".{first}")}
    return next((prefix for prefix in sorted(found) if _is_whole(prefix, known)), None)


def _is_whole(prefix: str, names: set[str]) -> bool:
    """Tell whether every convolution of a network is there behind a prefix."""
    return any(
        names.issuperset(
            name for pair in _spelled(prefix, kind.layers(1.0)).values() for name in pair
        )
        for kind in ARCHITECTURES
    )


def wanted_names(prefix: str, names: Collection[str]) -> dict[str, tuple[str, str]]:
    """Return (kernel's name, bias's name) of every convolution of the network that is there.

    Args:
        prefix: see ``find_prefix``.
        names: all names in the file.
    """
    kind = architecture_of(names, lambda layers: [w for w, _ in _spelled(prefix, layers).values()])
    return _spelled(prefix, kind.layers(1.0))


def from_torchvision(
    format: str,
    tensors: Mapping[str, np.ndarray],
    prefix: str,
    names: Collection[str],
    *,
    channels: Channels | None,
    known_channels: Callable[[], Channels | None],
) -> Imported:
    """Arrange tensors under torchvision's names.

    Args:
        format: what the file is, in words.
        tensors: those that ``wanted_names`` asks for, as far as they are there.
        prefix: see ``find_prefix``.
        names: all names in the file, also of tensors that weren't read.
        channels: what the user says.
        known_channels: looks the file's checksum up; asked last, for it reads the whole file.
    """
    wanted = wanted_names(prefix, names)
    kernels: Kernels = {
        name: (from_torch_layout(tensors.get(kernel)), tensors.get(bias))
        for name, (kernel, bias) in wanted.items()
    }
    notice = ""
    if channels is None and any(name in names for name in _JOHNSON_NAMES):
        channels = "BGR"
    if channels is None and any(name in names for name in _TIMM_NAMES):
        channels = "RGB"
    if channels is None and _is_torchvisions(tensors.get(f"{prefix}0.weight")):
        channels = "RGB"
    if channels is None:
        channels = known_channels()
    if channels is None:
        channels, notice = "RGB", _UNCLEAR
    if channels == "BGR":
        return from_oxford(format, kernels, OXFORD, "as converted to PyTorch by J. Johnson")
    kind = architecture_of(kernels)
    return Imported(
        format,
        kernels,
        kind.layers(width_of(kernels)),
        TORCHVISION,
        kind.torchvision,
        f"{kind.title} of torchvision, trained on ImageNet-1k",
        "BSD-3-Clause",
        notice,
    )


def _spelled(prefix: str, layers: LayerTable) -> dict[str, tuple[str, str]]:
    """Return (kernel's name, bias's name) of every convolution of a table."""
    return {
        layer.name: (f"{prefix}{place}.weight", f"{prefix}{place}.bias")
        for place, layer in enumerate(layers)
        if layer.kind == "conv"
    }


def _is_torchvisions(kernel: np.ndarray | None) -> bool:
    """Whether conv1_1 ``[out in 3 3]`` begins as in torchvision's own training."""
    if kernel is None or kernel.ndim != 4 or kernel.shape[1:] != (3, 3, 3) or not len(kernel):
        return False
    return bool(np.allclose(kernel[0, 0, 0], _TORCHVISION_ROW, rtol=0, atol=_ROW_TOLERANCE))
