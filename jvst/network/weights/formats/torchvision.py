"""Weights under torchvision's names ``features.N.weight``, OIHW, and whose training they are.

Two networks go by these names: torchvision's own training (RGB in [0, 1], normalised) and the
Oxford weights as Justin Johnson converted them (BGR levels minus a mean). What tells them apart,
in this order: what the person says; names of the layers on top, which Johnson's and timm's files
have of their own; the first numbers of conv1_1; the checksum of the whole file. Else the file is
taken as torchvision's, with a notice. The size of the kernels does not tell: both networks have
first kernels of the same size, and the larger input of one only shows in its activations.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Literal

import numpy as np

from jvst.network.vgg import OXFORD, TORCHVISION
from jvst.network.weights.formats.imported import (
    Imported,
    Kernels,
    from_torch_layout,
    torchvision_places,
)

Channels = Literal["RGB", "BGR"]

OXFORD_LICENCE = "CC BY 4.0"
_JOHNSON = "VGG-19 of the Visual Geometry Group, Oxford, as converted to PyTorch by J. Johnson"
_TORCHVISION = "VGG-19 of torchvision, trained on ImageNet-1k"
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


def find_prefix(names: Iterable[str]) -> str | None:
    """Return what stands before ``0.weight`` of conv1_1 under torchvision's names."""
    known = set(names)
    prefixes = ("features.", "module.features.", "")
    return next((prefix for prefix in prefixes if f"{prefix}0.weight" in known), None)


def wanted_names(prefix: str) -> dict[str, tuple[str, str]]:
    """Return (kernel's name, bias's name) of every convolution."""
    return {
        name: (f"{prefix}{place}.weight", f"{prefix}{place}.bias")
        for name, place in torchvision_places().items()
    }


def from_torchvision(
    format: str,
    tensors: Mapping[str, np.ndarray],
    prefix: str,
    names: Iterable[str],
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
        channels: what the person says.
        known_channels: looks the file's checksum up; asked last, for it reads the whole file.
    """
    kernels: Kernels = {
        name: (from_torch_layout(tensors.get(kernel)), tensors.get(bias))
        for name, (kernel, bias) in wanted_names(prefix).items()
    }
    names, notice = set(names), ""
    if channels is None and any(name in names for name in _JOHNSON_NAMES):
        channels = "BGR"
    if channels is None and any(name in names for name in _TIMM_NAMES):
        channels = "RGB"
    if channels is None and _is_torchvisions(tensors.get(wanted_names(prefix)["conv1_1"][0])):
        channels = "RGB"
    if channels is None:
        channels = known_channels()
    if channels is None:
        channels, notice = "RGB", _UNCLEAR
    if channels == "BGR":
        return Imported(format, kernels, OXFORD, "vgg19", _JOHNSON, OXFORD_LICENCE)
    return Imported(
        format, kernels, TORCHVISION, "torchvision", _TORCHVISION, "BSD-3-Clause", notice
    )


def _is_torchvisions(kernel: np.ndarray | None) -> bool:
    """Whether conv1_1 ``[out in 3 3]`` begins as in torchvision's own training."""
    if kernel is None or kernel.ndim != 4 or kernel.shape[1:] != (3, 3, 3) or not len(kernel):
        return False
    return bool(np.allclose(kernel[0, 0, 0], _TORCHVISION_ROW, rtol=0, atol=_ROW_TOLERANCE))
