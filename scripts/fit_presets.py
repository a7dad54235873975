"""Print loss weights that fit a network: the factors of ``jvst.solver.presets.NETWORKS``.

python scripts/fit_presets.py --weights embedded
python scripts/fit_presets.py --weights torchvision --like vgg19

The first brings each term to its own size; the second also measures another network on the same
pictures and gives the factors that make the weighted terms start in the same proportion as there.
"""

import argparse

from jvst.app.options import NetworkOptions, StylizeConfig, size_of
from jvst.app.task import chosen_network, load_network
from jvst.lab.training.calibrate import fitted_weights, procedural_contents, procedural_styles
from jvst.solver.presets import NETWORKS


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--weights", default="embedded", help="as for jvst --weights")
    parser.add_argument("--like", help="network whose proportions to meet, usually vgg19")
    parser.add_argument("--size", default="224x168", help="of the pictures, WIDTHxHEIGHT")
    options = parser.parse_args()
    width, height = size_of(options.size)
    contents, styles = procedural_contents(width, height), procedural_styles(width, height)

    def fit(weights: str):
        found = chosen_network(StylizeConfig(network=NetworkOptions(weights=weights)))
        vgg = load_network(StylizeConfig(), found)
        return fitted_weights(
            vgg, contents, styles, content_layer=NETWORKS[found.network].content_layers[0]
        )

    fitted = fit(options.weights)
    if options.like:
        other = fit(options.like)
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
    main()
