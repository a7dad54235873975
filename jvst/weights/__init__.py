"""Files of VGG-19 weights: our own format, the published ones, and where they come from."""

from jvst.weights.importers import import_vgg19
from jvst.weights.locate import EMBEDDED, find_weights
from jvst.weights.native import load_vgg19, save_vgg19

__all__ = ["EMBEDDED", "find_weights", "import_vgg19", "load_vgg19", "save_vgg19"]
