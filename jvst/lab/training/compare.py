"""Networks side by side: the same contents in the same styles, solved by each network."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import jax
import jax.numpy as jnp
import numpy as np
from PIL import Image as PillowImage

from jvst._types import Frame, Image
from jvst.core.image import to_float, to_uint8
from jvst.errors import InputError
from jvst.film.clip import noise_image
from jvst.lab.training.calibrate import CONTENT_LAYER
from jvst.lab.training.network import Parameters, fold, initial_parameters
from jvst.network.vgg import VGG19
from jvst.solver.objective import FrameTargets, LossWeights, content_targets, style_targets
from jvst.solver.solve import solve_frame
from jvst.synthetic import training_picture

_PICTURES, _SIZE = 12, 128
_GAP = 3


def random_networks(seed: int, *, width: float) -> dict[str, VGG19]:
    """Build networks without training: independent Gaussian kernels, and smooth ones.

    Both are normalised like the trained one: mean 0 and variance 1 before the ReLU, mean 1
    after it, over procedural pictures.
    """
    drawn = [
        to_float(jnp.asarray(training_picture(number, _SIZE, _SIZE))) for number in range(_PICTURES)
    ]
    pictures = jnp.stack(drawn)
    smooth = initial_parameters(jax.random.key(seed), width=width)
    gaussian = _gaussian(seed, smooth)
    return {
        "gaussian": fold(gaussian, pictures, width=width),
        "smooth": fold(smooth, pictures, width=width),
    }


def paint(
    vgg: VGG19,
    content: Image,
    style: Image,
    weights: LossWeights,
    *,
    iterations: int,
    content_layer: str = CONTENT_LAYER,
) -> Frame:
    """Solve one picture from noise."""
    targets = FrameTargets(
        content=content_targets(vgg, content, layers=(content_layer,)),
        style=style_targets(vgg, [style]),
        warped=jnp.zeros((0, *content.shape)),
        trust=jnp.zeros((0, *content.shape[:2])),
    )
    start = noise_image(jax.random.key(0), content.shape)
    image, _ = solve_frame(start, vgg, targets, weights, iterations)
    return np.asarray(to_uint8(image))


def read_picture(path: str | Path, *, width: int, height: int) -> Frame:
    """Read a picture and fill a tile with it: shrunk, then cut to the tile's shape.

    Raises:
        InputError: not a picture.
    """
    picture = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if picture is None:
        raise InputError(f"{path} is not a picture that can be read; expected a JPEG, PNG or PPM")
    rows, columns, _ = picture.shape
    scale = max(width / columns, height / rows)
    size = (max(width, round(columns * scale)), max(height, round(rows * scale)))
    picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    top, left = (size[1] - height) // 2, (size[0] - width) // 2
    return np.ascontiguousarray(picture[top : top + height, left : left + width, ::-1])


def contact_sheet(
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


def _gaussian(seed: int, like: Parameters) -> Parameters:
    keys = jax.random.split(jax.random.key(seed), len(like))
    drawn = {}
    for (name, part), key in zip(like.items(), keys, strict=True):
        kernel = jax.random.normal(key, part["kernel"].shape)
        drawn[name] = {**part, "kernel": kernel / part["kernel"][..., 0].size ** 0.5}
    return drawn


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
