"""Print weights of the loss that fit a network, measured on procedural scenes and paintings."""

from pathlib import Path

import tyro

from jvst.training.calibrate import fitted_weights, procedural_contents, procedural_styles
from jvst.weights import EMBEDDED, load_vgg19


def main(file: Path = EMBEDDED, width: int = 225, height: int = 175) -> None:
    """Measure a file of weights, run as the embedded network is.

    Args:
        file: in jvst's own format.
        width: of the pictures it is measured on.
        height: of them.
    """
    vgg = load_vgg19(file, pooling="average", first_padding="replicate")
    weights = fitted_weights(
        vgg, procedural_contents(width, height), procedural_styles(width, height)
    )
    print(f"content {weights.content:.4g}")
    print(f"style {weights.style:.4g}")
    print(f"total variation {weights.total_variation:.3g} at {width}x{height}")
    for layer, factor in weights.style_layers.items():
        print(f"{layer} {factor:.3g}")


if __name__ == "__main__":
    tyro.cli(main, description=__doc__)
