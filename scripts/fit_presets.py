"""Print loss weights that fit a network: the factors of ``jvst.solver.presets.NETWORKS``.

python scripts/fit_presets.py --weights embedded
python scripts/fit_presets.py --weights torchvision --like vgg19
python scripts/fit_presets.py --weights embedded --style-statistic wasserstein

The first brings each term to its own size; the second also measures another network on the same
pictures and gives the factors that make the weighted terms start in the same proportion as there.
"""

from typing import Literal

import tyro

from jvst.app.options import NetworkOptions, StylizeConfig, size_of
from jvst.app.task import chosen_network, load_network
from jvst.core.statistics import STATISTICS
from jvst.lab.training.calibrate import fitted_weights, procedural_contents, procedural_styles
from jvst.solver.objective import LossWeights
from jvst.solver.presets import NETWORKS


def main(
    weights: str = "embedded",
    like: str = "",
    size: str = "224x168",
    style_statistic: Literal["gram", "wasserstein"] = "gram",
) -> None:
    """Print the factors.

    Args:
        weights: as for jvst --weights.
        like: network whose proportions to meet, usually vgg19.
        size: of the pictures, WIDTHxHEIGHT.
        style_statistic: what of the style layers is compared.
    """
    width, height = size_of(size)
    contents, styles = procedural_contents(width, height), procedural_styles(width, height)

    def fit(weights: str) -> LossWeights:
        found = chosen_network(StylizeConfig(network=NetworkOptions(weights=weights)))
        return fitted_weights(
            load_network(StylizeConfig(), found),
            contents,
            styles,
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


if __name__ == "__main__":
    tyro.cli(main, description=__doc__)
