"""Which painting is a crop from? Nearest neighbours by Gram matrix, as a figure to report.

The answer is mostly colour, so it is also asked of grey crops. It does not rank networks as the
eye does.
"""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from jvst._types import Image
from jvst.core.image import luminance
from jvst.core.losses import gram_matrix
from jvst.network.vgg import VGG19, features
from jvst.solver.objective import STYLE_LAYERS


def retrieval_accuracy(
    vgg: VGG19, paintings: Sequence[Image], *, size: int = 96, crops: int = 8, grey: bool = False
) -> dict[str, float]:
    """Find each crop's nearest neighbour among all the others, layer by layer.

    Args:
        vgg: the network.
        paintings: RGB in [0, 1], at least ``size`` pixels a side.
        size: side of a crop.
        crops: number of crops of each painting, at random places.
        grey: take the colours away.

    Returns:
        Style layer -> part of the crops whose neighbour is from the same painting.
    """
    rng = np.random.default_rng(0)
    run = jax.jit(_grams)
    found: list[dict[str, np.ndarray]] = []
    for painting in paintings:
        h, w, _ = painting.shape
        for _ in range(crops):
            top, left = int(rng.integers(h - size + 1)), int(rng.integers(w - size + 1))
            crop = painting[top : top + size, left : left + size]
            if grey:
                crop = jnp.broadcast_to(luminance(crop)[..., None], crop.shape)
            found.append(jax.device_get(run(vgg, crop)))
    owner = np.repeat(np.arange(len(paintings)), crops)
    accuracy = {}
    for layer in STYLE_LAYERS:
        grams = np.stack([each[layer].ravel() for each in found]).astype(np.float64)
        square = np.sum(np.square(grams), axis=1)
        distance = square[:, None] + square - 2 * grams @ grams.T
        np.fill_diagonal(distance, np.inf)
        accuracy[layer] = float(np.mean(owner[np.argmin(distance, axis=1)] == owner))
    return accuracy


def _grams(vgg: VGG19, image: Image) -> dict[str, jax.Array]:
    return {layer: gram_matrix(x) for layer, x in features(vgg, image, STYLE_LAYERS).items()}
