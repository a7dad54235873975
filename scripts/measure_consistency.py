"""Print the table of docs/quality.md: warping error with and without each part of the method.

python scripts/measure_consistency.py --frames 'marple8/*.ppm' --style painting.jpg --truth DIR
"""

import dataclasses
from pathlib import Path

import cv2
import jax
import jax.numpy as jnp
import numpy as np
import tyro

from jvst import ClipConfig, Motion, SolverConfig, style_targets
from jvst.app.inputs import read_styles
from jvst.app.options import InputOptions, StylizeConfig
from jvst.app.task import chosen_weights
from jvst.core.image import to_float, to_uint8
from jvst.flow import estimate_pair, read_flow
from jvst.lab.evaluation.ablation import Truth, floor, markdown, measure, run_variants
from jvst.network.weights import find_weights
from jvst.solver.networks import load_network
from jvst.solver.presets import NETWORKS
from jvst.video import read_frames, write_picture


@dataclasses.dataclass(frozen=True)
class Options:
    """What is measured."""

    frames: str
    """Pattern of the clip's frames."""
    style: tuple[str, ...]
    """Paintings, a table each."""
    truth: Path
    """Folder of backward_j_i.flo and reliable_j_i.pgm."""
    pairs: int = 2
    """Pairs of frames with stored fields."""
    iterations: int = 200
    """For every frame."""
    flow: str = "dis"
    """Engine that the runs use."""
    weights: str = "auto"
    """As for jvst --weights."""
    pictures: Path | None = None
    """Folder for the stylized frames."""


def main(options: Options) -> None:

    pictures = list(read_frames(options.frames, stop=options.pairs + 1))
    frames = [to_float(jnp.asarray(picture)) for picture in pictures]
    height, width, _ = pictures[0].shape
    motions: list[dict[int, Motion]] = [{}]
    for here, before in zip(pictures[1:], pictures, strict=False):
        fields = estimate_pair(options.flow, here, before)
        motions.append({1: Motion(*map(jnp.asarray, fields))})
    truths = [read_truth(options.truth, i + 2, i + 1) for i in range(options.pairs)]
    found = find_weights(options.weights)
    vgg = load_network(found).weights
    weights = chosen_weights(StylizeConfig(), found.network, (width, height))
    config = ClipConfig(
        first_iterations=options.iterations,
        content_layers=NETWORKS[found.network].content_layers,
        solver=SolverConfig(tolerance=0.0),
        chunk=25,
    )
    for painting in options.style:
        chosen = StylizeConfig(input=InputOptions(style=(painting,)))
        styles, _ = read_styles(chosen, (width, height))
        style = style_targets(vgg, styles)
        clips = run_variants(
            frames, motions, vgg, style, weights, config=config, key=jax.random.key(0)
        )
        rows = [
            measure(name, images, frames, truths, vgg, style, weights, layers=config.content_layers)
            for name, images in clips.items()
        ]
        print(
            f"{Path(painting).stem}, {width}x{height}, {len(frames)} frames, "
            f"{options.iterations} iterations each, {found.network} network, flow {options.flow}\n"
        )
        print(markdown([*rows, floor(frames, truths)]), flush=True)
        print()
        if options.pictures:
            for name, images in clips.items():
                for number, image in enumerate(images, start=1):
                    path = f"{Path(painting).stem}-{name.replace(' ', '_')}-{number}.png"
                    write_picture(options.pictures / path, np.asarray(to_uint8(image)))


def read_truth(folder: Path, here: int, before: int) -> Truth:
    mask = cv2.imread(str(folder / f"reliable_{here}_{before}.pgm"), cv2.IMREAD_GRAYSCALE)
    if mask is None:
        raise SystemExit(f"{folder} has no reliable_{here}_{before}.pgm")
    flow = read_flow(folder / f"backward_{here}_{before}.flo")
    return Truth(jnp.asarray(flow), jnp.asarray(mask, jnp.float32) / 255.0)


if __name__ == "__main__":
    main(tyro.cli(Options, description=__doc__))
