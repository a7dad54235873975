"""Names of well-known networks that jvst can't use."""

import re
from collections.abc import Collection

# Numbers of the convolutions in torchvision's ``features``.
# Source: torchvision/models/vgg.py and alexnet.py, whose lists of layers these count.
_PLAIN = {
    (0, 3, 6, 8, 11, 13, 16, 18): "VGG-11",
    (0, 2, 5, 7, 10, 12, 15, 17, 20, 22): "VGG-13",
    (0, 3, 6, 8, 10): "AlexNet",
}
#: VGGs with batch normalisation, by the number of their convolutions.
_NORMALISED = {8: "VGG-11-BN", 10: "VGG-13-BN", 13: "VGG-16-BN", 16: "VGG-19-BN"}
_PARTS = (
    ("layer1.0.conv1.weight", "a ResNet"),
    (".squeeze.weight", "a SqueezeNet"),
    ("denseblock1.", "a DenseNet"),
    ("Mixed_5b.", "an Inception"),
    ("inception3a.", "a GoogLeNet"),
    ("cls_token", "a vision transformer"),
    ("class_token", "a vision transformer"),
    ("features.0.0.weight", "a network of the MobileNet or EfficientNet family"),
)


def other_network(names: Collection[str]) -> str:
    """Say which well-known network a file's tensors are of, if it is none that jvst can use.

    Args:
        names: of the tensors.

    Returns:
        Such as ``VGG-19-BN``; empty where it is not known.
    """
    groups: dict[str, dict[str, set[int]]] = {}
    for name in names:
        if found := re.fullmatch(r"(.*?)(\d+)\.(weight|running_mean)", name):
            prefix, number, kind = found.groups()
            groups.setdefault(prefix, {}).setdefault(kind, set()).add(int(number))
    for numbers in groups.values():
        if means := numbers.get("running_mean"):
            if title := _NORMALISED.get(len(means)):
                return f"{title}, which has batch normalisation"
        elif title := _PLAIN.get(tuple(sorted(numbers.get("weight", ())))):
            return title
    for part, title in _PARTS:
        if any(part in name for name in names):
            return title
    return ""
