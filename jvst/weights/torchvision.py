"""Weights under torchvision's names ``features.N.weight``, OIHW, and whose training they are.

Two networks go by these names: torchvision's own training (RGB in [0, 1], normalised) and the
Oxford weights as Justin Johnson converted them (BGR levels minus a mean). The sizes of the
kernels don't tell them apart: both have first kernels of about the same size, and what differs,
the scale of the activations, only shows against pictures and labels. What does tell, in this
order: what the person says; names of the layers on top, which Johnson's and timm's files have
of their own; the checksum of the whole file. Else it is taken as torchvision's, with a notice.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Literal

import numpy as np

from jvst.vgg import OXFORD, TORCHVISION
from jvst.weights.imported import Imported, Kernels, from_torch_layout, torchvision_places

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
    if channels is None:
        channels = known_channels()
    if channels is None:
        channels, notice = "RGB", _UNCLEAR
    if channels == "BGR":
        return Imported(format, kernels, OXFORD, "vgg19", _JOHNSON, OXFORD_LICENCE)
    return Imported(
        format, kernels, TORCHVISION, "torchvision", _TORCHVISION, "BSD-3-Clause", notice
    )
