"""Print how often a crop's nearest neighbour by Gram matrix is from the same painting."""

from pathlib import Path

import jax.numpy as jnp
import tyro

from jvst.core.image import to_float
from jvst.lab.training.compare import random_networks, read_picture
from jvst.lab.training.retrieval import retrieval_accuracy
from jvst.network.weights import EMBEDDED, load_vgg19
from jvst.solver.objective import STYLE_LAYERS


def main(paintings: tuple[Path, ...], trained: Path = EMBEDDED) -> None:
    """Compare Gaussian, smooth and trained kernels.

    Args:
        paintings: pictures, each cut to 320×240.
        trained: file of the trained network.
    """
    pictures = [
        to_float(jnp.asarray(read_picture(path, width=320, height=240))) for path in paintings
    ]
    networks = random_networks(0, width=0.5)
    networks["trained"] = load_vgg19(trained, pooling="average", first_padding="replicate")
    print("| network | crops |", " | ".join(STYLE_LAYERS), "|")
    print("|---" * (2 + len(STYLE_LAYERS)) + "|")
    for name, vgg in networks.items():
        for grey in (False, True):
            found = retrieval_accuracy(vgg, pictures, grey=grey)
            figures = " | ".join(f"{100 * found[layer]:.0f} %" for layer in STYLE_LAYERS)
            print(f"| {name} | {'grey' if grey else 'colour'} | {figures} |")


if __name__ == "__main__":
    tyro.cli(main, description=__doc__)
