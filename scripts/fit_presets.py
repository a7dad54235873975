"""Print loss weights that fit a network: the factors of ``jvst.solver.presets.NETWORKS``.

python scripts/fit_presets.py --weights embedded
python scripts/fit_presets.py --weights torchvision --like vgg19
python scripts/fit_presets.py --weights embedded --style-statistic wasserstein
python scripts/fit_presets.py --weights embedded --contents photo.jpg --styles painting.jpg

The first brings each term to its own size; the second also measures another network on the same
pictures and gives the factors that make the weighted terms start in the same proportion as there;
the last measures on pictures of the user's instead of drawn ones.
"""

import sys
from pathlib import Path
from typing import Literal

import jax.numpy as jnp
import tyro

from jvst._types import Image
from jvst.app.cli.command import status_of
from jvst.app.options import NetworkOptions, StylizeConfig, size_of
from jvst.app.task import chosen_network
from jvst.core.image import to_float
from jvst.core.statistics import STATISTICS
from jvst.lab.training.calibrate import fitted_weights, procedural_contents, procedural_styles
from jvst.lab.training.pictures import read_tile
from jvst.solver.networks import load_network
from jvst.solver.objective import LossWeights
from jvst.solver.presets import NETWORKS


def print_weights(
    weights: str = "embedded",
    like: str = "",
    size: str = "224x168",
    style_statistic: Literal["gram", "wasserstein"] = "gram",
    contents: tuple[Path, ...] = (),
    styles: tuple[Path, ...] = (),
) -> None:
    """Print the factors.

    Args:
        weights: as for jvst --weights.
        like: network whose proportions to meet, usually vgg19.
        size: of the pictures, WIDTHxHEIGHT.
        style_statistic: what of the style layers is compared.
        contents: photographs to measure on; scenes that jvst draws when left out.
        styles: paintings to measure on; some that jvst paints when left out.
    """
    width, height = size_of(size)
    scenes = _read(contents, width, height) or procedural_contents(width, height)
    paintings = _read(styles, width, height) or procedural_styles(width, height)

    def fit(weights: str) -> LossWeights:
        found = chosen_network(StylizeConfig(network=NetworkOptions(weights=weights)))
        return fitted_weights(
            load_network(found).weights,
            scenes,
            paintings,
            content_layer=NETWORKS[found.network].content_layers[0],
            statistic=STATISTICS[style_statistic],
        )

    fitted = fit(weights)
    if like:
        other = fit(like)
        print(f"content={float(fitted.content / other.content):.3g}")
        print(f"style={float(fitted.style / other.style):.3g}")
        for layer, factor in fitted.style_layers.items():
            print(f"{layer}={float(factor / other.style_layers[layer]):.3g}")
        return
    print(f"content={float(fitted.content):.3g}")
    print(f"style={float(fitted.style):.3g} (divided by β, 20 at 450x350)")
    print(f"total_variation={float(fitted.total_variation):.3g} at {width}x{height}")
    for layer, factor in fitted.style_layers.items():
        print(f"{layer}={float(factor):.3g}")


def _read(paths: tuple[Path, ...], width: int, height: int) -> list[Image]:
    tiles = [read_tile(path, width=width, height=height) for path in paths]
    return [to_float(jnp.asarray(tile)) for tile in tiles]


def main() -> int:
    tyro.cli(print_weights, description=__doc__)
    return 0


if __name__ == "__main__":
    sys.exit(status_of("fit_presets.py", main))
