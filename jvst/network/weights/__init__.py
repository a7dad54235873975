"""Files of VGG weights, jvst's own and published."""

from jvst.network.weights.find import EMBEDDED, ONE_PASS, Found, find_weights, normalised
from jvst.network.weights.formats.detect import import_vgg19
from jvst.network.weights.native import load_vgg19, save_vgg19
from jvst.network.weights.normalise import PictureSet, normalise_activations
from jvst.network.weights.pair_file import load_pairs, save_pairs

__all__ = [
    "EMBEDDED",
    "ONE_PASS",
    "Found",
    "PictureSet",
    "find_weights",
    "import_vgg19",
    "load_pairs",
    "load_vgg19",
    "normalise_activations",
    "normalised",
    "save_pairs",
    "save_vgg19",
]
