r"""Print how fast the loss of a first frame falls from each start, and draw the pass.

python scripts/compare_starts.py --contents frame.png --paintings starry_night.jpg --sheet sheet.png

Without files it draws a frame of the demo and the six kinds of paintings.
"""

import dataclasses
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import tyro

from jvst._types import Frame
from jvst.app.cli.command import status_of
from jvst.core.image import to_float, to_uint8
from jvst.film.one_pass import one_pass, painting_statistics
from jvst.lab.evaluation.first_frames import STARTS, loss_courses, markdown
from jvst.lab.training.compare import networks_sheet, write_sheet
from jvst.lab.training.pictures import read_tile
from jvst.solver.networks import load_network
from jvst.solver.presets import Start
from jvst.synthetic import make_scene, painting
from jvst.synthetic.paintings import PAINTINGS
from jvst.synthetic.render import render


@dataclasses.dataclass(frozen=True)
class Options:
    """What to compare.

    Attributes:
        contents: pictures to paint; a drawn one when left out.
        paintings: drawn ones of every kind when left out.
        drawn: draw those beside the files, too.
        size: width and height in pixels of pictures and paintings.
        iterations: at which losses are printed, multiples of 4; none to draw the sheet alone.
        starts: where solves start.
        weights: network of the losses, as on jvst's command line.
        sheet: PNG to write: every picture in every painting, in one pass.
        strength: of the pass on the sheet.
    """

    contents: tuple[Path, ...] = ()
    paintings: tuple[Path, ...] = ()
    drawn: bool = False
    size: tuple[int, int] = (256, 192)
    iterations: tuple[int, ...] = (0, 4, 8, 12, 20, 32, 60)
    starts: tuple[Start, ...] = tuple(STARTS)
    weights: str = "embedded"
    sheet: Path | None = None
    strength: float = 0.6


def main() -> int:
    options = tyro.cli(Options, description=__doc__, config=(tyro.conf.OmitArgPrefixes,))
    width, height = options.size
    contents = [read_tile(path, width=width, height=height) for path in options.contents]
    contents = contents or [render(make_scene("demo", width=width, height=height), 20)]
    styles = [read_tile(path, width=width, height=height) for path in options.paintings]
    if options.drawn or not styles:
        styles += [painting(kind, width, height) for kind in PAINTINGS]
    if options.sheet is not None:
        tiles = [
            [painted(frame, style, options.strength) for style in styles] for frame in contents
        ]
        write_sheet(options.sheet, networks_sheet(contents, styles, {"one pass": tiles}))
        print(options.sheet)
    if options.iterations:
        network = load_network(options.weights)
        for content in contents:
            for style in styles:
                courses = loss_courses(
                    to_float(jnp.asarray(content)),
                    to_float(jnp.asarray(style)),
                    network.weights,
                    network.loss_weights(options.size),
                    layers=network.preset.content_layers,
                    iterations=options.iterations,
                    starts=options.starts,
                    key=jax.random.key(0),
                )
                print(markdown(courses, options.iterations), end="\n\n")
    return 0


def painted(frame: Frame, style: Frame, strength: float) -> Frame:
    statistics = painting_statistics([to_float(jnp.asarray(style))])
    image = one_pass(to_float(jnp.asarray(frame)), statistics, strength=strength)
    return np.asarray(to_uint8(image))


if __name__ == "__main__":
    sys.exit(status_of("compare_starts.py", main))
