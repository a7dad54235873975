"""Networks side by side: the same contents in the same styles, solved by each network."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import cv2
import jax
import jax.numpy as jnp
import numpy as np
from PIL import Image as PillowImage

from jvst._types import Frame, Image
from jvst.core.image import to_uint8
from jvst.film.starts import noise_image
from jvst.network.vgg import VGG
from jvst.solver.objective import FrameTargets, LossWeights, content_targets, style_targets
from jvst.solver.solve import solve_frame

_GAP = 3


def paint(
    network: VGG,
    content: Image,
    style: Image,
    weights: LossWeights,
    *,
    iterations: int,
    content_layer: str,
    start: Literal["noise", "content"],
) -> Frame:
    """Solve one picture."""
    targets = FrameTargets(
        content=content_targets(network, content, layers=(content_layer,)),
        style=style_targets(network, [style]),
        warped=jnp.zeros((0, *content.shape)),
        trust=jnp.zeros((0, *content.shape[:2])),
    )
    noise = noise_image(jax.random.key(0), content.shape)
    begin = noise if start == "noise" else content
    image, _ = solve_frame(begin, network, targets, weights, iterations)
    return np.asarray(to_uint8(image))


def networks_sheet(
    contents: Sequence[Frame],
    styles: Sequence[Frame],
    painted: Mapping[str, Sequence[Sequence[Frame]]],
) -> Frame:
    """Lay out styles above, contents at the left, and a row for each network.

    Args:
        contents: tiles, all of one size.
        styles: tiles.
        painted: name of a network -> a tile for each content and style.
    """
    height, width, _ = contents[0].shape
    blank = np.full((height, width, 3), 255, np.uint8)
    rows = [[blank, *styles]]
    for number, content in enumerate(contents):
        for name, tiles in painted.items():
            rows.append([_labelled(content, name), *tiles[number]])
    return np.concatenate([_strip(row, 1) for row in map(_spaced, rows)], axis=0)


def write_sheet(path: str | Path, sheet: Frame, *, colours: int = 256) -> None:
    """Write a PNG with a palette: a third of the size, and no difference at a glance."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    picture = PillowImage.fromarray(sheet).quantize(colours, dither=PillowImage.Dither.NONE)
    picture.save(path, optimize=True)


def _labelled(tile: Frame, text: str) -> Frame:
    """Write a name into the lower left corner."""
    labelled = tile.copy()
    where = (4, tile.shape[0] - 6)
    for colour, thickness in (((0, 0, 0), 3), ((255, 255, 255), 1)):
        cv2.putText(labelled, text, where, cv2.FONT_HERSHEY_SIMPLEX, 0.5, colour, thickness)
    return labelled


def _spaced(row: Sequence[Frame]) -> list[Frame]:
    return [np.pad(tile, ((0, _GAP), (0, _GAP), (0, 0)), constant_values=255) for tile in row]


def _strip(tiles: Sequence[Frame], axis: int) -> Frame:
    return np.concatenate(list(tiles), axis=axis)
