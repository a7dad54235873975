r"""Paint contents in styles with several networks, as one contact sheet.

python scripts/compare_networks.py --networks old.safetensors weights/embedded.safetensors \
    --contents one.jpg --styles starry_night.jpg the_scream.jpg --output sheet.png --tiles tiles
"""

import dataclasses
import sys
from pathlib import Path
from typing import Literal

import jax.numpy as jnp
import tyro

from jvst._types import Frame
from jvst.app.cli.command import status_of
from jvst.core.image import to_float
from jvst.lab.training.calibrate import (
    SMOOTHNESS,
    STYLE_STRENGTH,
    fitted_weights,
    procedural_contents,
    procedural_styles,
)
from jvst.lab.training.compare import networks_sheet, paint, write_sheet
from jvst.lab.training.pictures import read_tile
from jvst.network.vgg import VGG
from jvst.network.weights import EMBEDDED, load_vgg19
from jvst.solver.objective import LossWeights
from jvst.solver.presets import NETWORKS, loss_weights
from jvst.synthetic import make_scene, painting, render
from jvst.video import read_picture, write_picture


@dataclasses.dataclass(frozen=True)
class Options:
    """What to compare.

    Attributes:
        styles: paintings.
        output: the sheet, a PNG.
        tiles: folder that keeps every picture; one that is there is not painted again.
        contents: pictures to paint.
        networks: files of weights, a row of the sheet for each.
        width: of a tile in pixels.
        height: of a tile in pixels.
        iterations: of the solver.
        start: where the solver starts.
        scenes: drawn scenes to paint after them.
        paintings: drawn paintings, after the others.
        style: strength of the style, see ``fitted_weights``.
        smoothness: weight of total variation.
        content_layer: layer of the content term.

    The network that ships is run with its preset, style, smoothness and content layer apply to
    the others.
    """

    output: Path
    tiles: Path
    styles: tuple[Path, ...] = ()
    contents: tuple[Path, ...] = ()
    networks: tuple[Path, ...] = (EMBEDDED,)
    width: int = 160
    height: int = 120
    iterations: int = 120
    start: Literal["noise", "content"] = "content"
    style: float = STYLE_STRENGTH
    smoothness: float = SMOOTHNESS
    content_layer: str = "relu4_2"
    scenes: tuple[str, ...] = ("demo",)
    paintings: tuple[str, ...] = ()


def draw_sheet(options: Options) -> None:
    size = {"width": options.width, "height": options.height}
    contents = [read_tile(path, **size) for path in options.contents]
    contents += [render(make_scene(name, seed=0, **size), 0.0) for name in options.scenes]
    styles = [read_tile(path, **size) for path in options.styles]
    styles += [painting(name, options.width, options.height) for name in options.paintings]
    painted = {path.stem: solve(path, contents, styles, options) for path in options.networks}
    write_sheet(options.output, networks_sheet(contents, styles, painted))


def preset_for(path: Path, network: VGG, options: Options) -> tuple[LossWeights, str]:
    """Return weights and content layer: the preset, or for another network what is measured."""
    if path.resolve() == EMBEDDED.resolve():
        weights = loss_weights("embedded", (options.width, options.height))
        return weights, NETWORKS["embedded"].content_layers[0]
    weights = fitted_weights(
        network,
        procedural_contents(options.width, options.height),
        procedural_styles(options.width, options.height),
        style=options.style,
        smoothness=options.smoothness,
        content_layer=options.content_layer,
    )
    return weights, options.content_layer


def solve(
    path: Path, contents: list[Frame], styles: list[Frame], options: Options
) -> list[list[Frame]]:
    """Paint every content in every style, or read what an earlier run painted."""
    network = load_vgg19(path, pooling="average", first_padding="replicate")
    weights, content_layer = preset_for(path, network, options)
    options.tiles.mkdir(parents=True, exist_ok=True)
    rows = []
    for row, content in enumerate(contents):
        rows.append([])
        for column, style in enumerate(styles):
            tile = options.tiles / f"{path.stem}-{row}-{column}.png"
            if not tile.exists():
                picture = paint(
                    network,
                    to_float(jnp.asarray(content)),
                    to_float(jnp.asarray(style)),
                    weights,
                    iterations=options.iterations,
                    content_layer=content_layer,
                    start=options.start,
                )
                write_picture(tile, picture)
            rows[-1].append(read_picture(tile))
    return rows


def main() -> int:
    draw_sheet(tyro.cli(Options, description=__doc__))
    return 0


if __name__ == "__main__":
    sys.exit(status_of("compare_networks.py", main))
