"""Paint contents in styles with Gaussian, smooth and trained kernels, as one contact sheet."""

import dataclasses
import time
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import tyro

from jvst.image import to_float
from jvst.synthetic import make_scene, render
from jvst.training.calibrate import (
    SMOOTHNESS,
    STYLE_STRENGTH,
    fitted_weights,
    procedural_contents,
    procedural_styles,
)
from jvst.training.compare import (
    contact_sheet,
    paint,
    random_networks,
    read_picture,
    write_sheet,
)
from jvst.weights import EMBEDDED, load_vgg19


@dataclasses.dataclass(frozen=True)
class Options:
    """What to compare.

    Attributes:
        contents: pictures to paint; a procedural scene is added.
        styles: paintings.
        output: the sheet, a PNG; every picture is kept beside it in a folder of its name.
        trained: file of the trained network.
        networks: which ones.
        width: of a tile in pixels.
        height: of a tile in pixels.
        iterations: of the solver.
        style: strength of the style, see ``fitted_weights``.
        smoothness: weight of total variation.
    """

    contents: tuple[Path, ...]
    styles: tuple[Path, ...]
    output: Path
    trained: Path = EMBEDDED
    networks: tuple[str, ...] = ("gaussian", "smooth", "trained")
    width: int = 192
    height: int = 144
    iterations: int = 150
    style: float = STYLE_STRENGTH
    smoothness: float = SMOOTHNESS


def main(options: Options) -> None:
    size = {"width": options.width, "height": options.height}
    contents = [read_picture(path, **size) for path in options.contents]
    contents.append(render(make_scene("demo", seed=0, **size), 0.0))
    styles = [read_picture(path, **size) for path in options.styles]
    networks = random_networks(0, width=0.5)
    networks["trained"] = load_vgg19(
        options.trained, pooling="average", first_padding="replicate"
    )
    fit_contents, fit_styles = procedural_contents(**size), procedural_styles(**size)
    painted: dict[str, list[list[np.ndarray]]] = {}
    for name in options.networks:
        vgg = networks[name]
        weights = fitted_weights(
            vgg, fit_contents, fit_styles, style=options.style, smoothness=options.smoothness
        )
        print(name, weights, flush=True)
        painted[name] = []
        for content in contents:
            tiles = []
            for style in styles:
                begun = time.monotonic()
                pair = (to_float(jnp.asarray(picture)) for picture in (content, style))
                tiles.append(paint(vgg, *pair, weights, iterations=options.iterations))
                print(f"{name}: {time.monotonic() - begun:.0f} s", flush=True)
            painted[name].append(tiles)
            write_sheet(options.output, contact_sheet(contents[: len(painted[name])], styles, {name: painted[name]}))
    write_sheet(options.output, contact_sheet(contents, styles, painted))


if __name__ == "__main__":
    main(tyro.cli(Options, description=__doc__))
