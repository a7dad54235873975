"""Weights of the loss that fit a network: measured on pictures, not guessed.

The published weights fit the Oxford network alone. For any other, each term is divided by its own
size, and the whole is scaled so that the temporal term keeps its published proportion.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import jax
import jax.numpy as jnp
import numpy as np

from jvst._types import Image
from jvst.core.image import to_float
from jvst.core.losses import content_loss
from jvst.core.statistics import StyleStatistic
from jvst.film.starts import noise_image
from jvst.network.vgg import VGG19, features
from jvst.solver.objective import CONTENT_LAYERS, GRAM, LEVELS, STYLE_LAYERS, LossWeights
from jvst.synthetic import make_scene, painting, render

#: The content term of the Oxford network, weighted as published, at a start from noise.
CONTENT_AT_NOISE = 4e5
#: Style over content, each divided by its own size.
STYLE_STRENGTH = 200.0
#: How much more a layer counts than its own size gives it: those that hold the colours.
EMPHASIS: Mapping[str, float] = MappingProxyType({"relu1_1": 5.0, "relu2_1": 3.0})
#: Total variation over content: mean squared difference of neighbours on [−1, 1].
SMOOTHNESS = 0.6

_PAINTINGS = ("swirls", "strokes", "mosaic", "facets", "wash", "woodcut")
_SCENES = ("demo", "alley", "market")


def procedural_contents(width: int, height: int) -> list[Image]:
    """Render the scenes that weights are fitted on."""
    scenes = [make_scene(name, seed=3, width=width, height=height) for name in _SCENES]
    return [to_float(jnp.asarray(render(scene, 0.0))) for scene in scenes]


def procedural_styles(width: int, height: int) -> list[Image]:
    """Paint the styles that weights are fitted on."""
    return [to_float(jnp.asarray(painting(name, width, height))) for name in _PAINTINGS]


def fitted_weights(
    vgg: VGG19,
    contents: Sequence[Image],
    styles: Sequence[Image],
    *,
    style: float = STYLE_STRENGTH,
    smoothness: float = SMOOTHNESS,
    content_layer: str = CONTENT_LAYERS[0],
    emphasis: Mapping[str, float] = EMPHASIS,
    statistic: StyleStatistic = GRAM,
) -> LossWeights:
    r"""Divide every term by its size over pairs of contents and styles.

    .. math:: S \Bigl(\frac{L_{content}}{\sigma^2} + \frac{s}{5} \sum_l e_l \frac{L_l}{\bar L_l}
        + v \, \overline{|\nabla (2I-1)|^2} \Bigr)

    with the variance of the content layer, each style layer's loss at the content (a geometric
    mean over all pairs), and S such that the first term is 4e5 at noise.

    Args:
        vgg: the network.
        contents: frames, RGB in [0, 1].
        styles: paintings, RGB in [0, 1].
        style: s.
        content_layer: layer of the content term.
        emphasis: e, 1 where a layer is not named.
        smoothness: v, at the size of the first content: total variation is a sum over pixels.
        statistic: what of the style layers is compared.

    Returns:
        Weights; the temporal one is the published 200, as the rest is brought to its scale.
    """
    run = jax.jit(features, static_argnames="layers")
    layers = (*STYLE_LAYERS, content_layer)
    at_content = [run(vgg, image, layers=layers) for image in contents]
    moments = jax.jit(statistic.moments)
    wanted = [
        {layer: moments(x) for layer, x in run(vgg, image, layers=STYLE_LAYERS).items()}
        for image in styles
    ]
    distance = jax.jit(lambda found, target: statistic.loss(statistic.moments(found), target))
    factors = {}
    for layer in STYLE_LAYERS:
        sizes = [
            float(distance(found[layer], target[layer]))
            for found in at_content
            for target in wanted
        ]
        factors[layer] = emphasis.get(layer, 1.0) / float(np.exp(np.mean(np.log(sizes))))
    variance = np.mean([float(jnp.var(found[content_layer])) for found in at_content])
    distances = []
    for image, found in zip(contents, at_content, strict=True):
        noise = noise_image(jax.random.key(0), image.shape)
        at_noise = run(vgg, noise, layers=(content_layer,))[content_layer]
        distances.append(float(content_loss(at_noise, found[content_layer])))
    scale = CONTENT_AT_NOISE / (float(np.mean(distances)) / float(variance))
    height, width, _ = contents[0].shape
    # From a mean over values on [−1, 1] to half a sum over values on levels of 255.
    smooth = scale * smoothness * 8.0 / (3.0 * height * width * LEVELS**2)
    # The factors of layers become about 1, their common size goes into the style weight.
    level = float(np.exp(np.mean(np.log(list(factors.values())))))
    return LossWeights(
        content=scale / float(variance),
        style=scale * style * level / len(STYLE_LAYERS),
        total_variation=smooth,
        style_layers={layer: factor / level for layer, factor in factors.items()},
    )
