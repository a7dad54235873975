"""Paint contents in styles with Gaussian, smooth and trained kernels, as one contact sheet."""

import dataclasses
import time
from pathlib import Path

import imageio.v3 as iio
import jax.numpy as jnp
import tyro

from jvst._types import Frame
from jvst.core.image import to_float
from jvst.lab.training.calibrate import (
    CONTENT_LAYER,
    SMOOTHNESS,
    STYLE_STRENGTH,
    fitted_weights,
    procedural_contents,
    procedural_styles,
)
from jvst.lab.training.compare import (
    contact_sheet,
    paint,
    random_networks,
    read_picture,
    write_sheet,
)
from jvst.network.weights import EMBEDDED, load_vgg19
from jvst.synthetic import make_scene, render

#: In the order of the sheet.
NETWORKS = ("gaussian", "smooth", "trained")


@dataclasses.dataclass(frozen=True)
class Options:
    """What to compare.

    Attributes:
        contents: pictures to paint; a procedural scene is added.
        styles: paintings.
        output: the sheet, a PNG.
        tiles: folder that keeps every picture.
        trained: file of the trained network.
        networks: which ones to solve, files of further ones among them; of the three with a name,
            what an earlier run kept is shown.
        width: of a tile in pixels.
        height: of a tile in pixels.
        iterations: of the solver.
        style: strength of the style, see ``fitted_weights``.
        smoothness: weight of total variation.
        content_layer: layer of the content term.
    """

    contents: tuple[Path, ...]
    styles: tuple[Path, ...]
    output: Path
    tiles: Path
    trained: Path = EMBEDDED
    networks: tuple[str, ...] = NETWORKS
    width: int = 160
    height: int = 120
    iterations: int = 120
    style: float = STYLE_STRENGTH
    smoothness: float = SMOOTHNESS
    content_layer: str = CONTENT_LAYER


def main(options: Options) -> None:
    size = {"width": options.width, "height": options.height}
    contents = [read_picture(path, **size) for path in options.contents]
    contents.append(render(make_scene("demo", seed=0, **size), 0.0))
    styles = [read_picture(path, **size) for path in options.styles]
    for name in options.networks:
        solve(name, contents, styles, options)
    painted = {}
    for name in dict.fromkeys((*NETWORKS, *map(label, options.networks))):
        paths = [
            [options.tiles / f"{name}-{row}-{column}.png" for column in range(len(styles))]
            for row in range(len(contents))
        ]
        if all(path.exists() for row in paths for path in row):
            painted[name] = [[read_picture(path, **size) for path in row] for row in paths]
    write_sheet(options.output, contact_sheet(contents, styles, painted))


def label(network: str) -> str:
    """Name a network that may be a file."""
    return network if network in NETWORKS else Path(network).stem


def solve(name: str, contents: list[Frame], styles: list[Frame], options: Options) -> None:
    file = options.trained if name == "trained" else Path(name)
    if name in NETWORKS and name != "trained":
        vgg = random_networks(0, width=0.5)[name]
    else:
        vgg = load_vgg19(file, pooling="average", first_padding="replicate")
    width, height = options.width, options.height
    weights = fitted_weights(
        vgg,
        procedural_contents(width, height),
        procedural_styles(width, height),
        style=options.style,
        smoothness=options.smoothness,
        content_layer=options.content_layer,
    )
    print(name, weights, flush=True)
    options.tiles.mkdir(parents=True, exist_ok=True)
    for row, content in enumerate(contents):
        for column, style in enumerate(styles):
            begun = time.monotonic()
            target, hand = (to_float(jnp.asarray(tile)) for tile in (content, style))
            tile = paint(
                vgg,
                target,
                hand,
                weights,
                iterations=options.iterations,
                content_layer=options.content_layer,
            )
            iio.imwrite(options.tiles / f"{label(name)}-{row}-{column}.png", tile)
            print(f"{label(name)} {row} {column}: {time.monotonic() - begun:.0f} s", flush=True)


if __name__ == "__main__":
    main(tyro.cli(Options, description=__doc__))
