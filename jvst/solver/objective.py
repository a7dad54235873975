"""The energy of one frame: weights, targets and their sum."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jvst._types import Activation, Activations, Gram, Image, Scalar, StyleTargets
from jvst.core.losses import content_loss, temporal_loss, total_variation
from jvst.core.statistics import STATISTICS, StyleStatistic, StyleTarget, statistic_of, target_of
from jvst.network.vgg import VGG19, features

# Ruder et al. 2016, section 3.
CONTENT_LAYERS = ("relu4_2",)
STYLE_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")

#: The style statistic of the paper.
GRAM = STATISTICS["gram"]

# The published weights of the terms on pixels were tuned on levels of 255.
LEVELS = 255.0


class LossWeights(NamedTuple):
    """Weights of the terms; numbers, so that changing them never recompiles.

    The defaults are the paper's for 350×450 pixels and the Torch code's TV weight (1e-3 at a
    content weight of 5) in the same proportion.
    """

    content: Scalar | float = 1.0  # α
    style: Scalar | float = 20.0  # β
    temporal: Scalar | float = 200.0  # γ
    total_variation: Scalar | float = 2e-4
    style_layers: Mapping[str, Scalar | float] = {}  # factors on single layers; 1 when left out


class FrameTargets(NamedTuple):
    """What one frame is drawn to. Its keys fix the layers, its lag axis never changes length."""

    content: Activations  # layer -> [h w c]
    style: StyleTargets  # layer -> [c c], or ``StyleTarget``
    warped: Float[Array, "j h w 3"]  # earlier stylized frames, warped to this one
    trust: Float[Array, "j h w"]  # weight of each pixel of each; 0 for a lag that is missing


class LossTerms(NamedTuple):
    """The weighted terms; their sum is the loss."""

    content: Scalar | float
    style: Scalar | float
    temporal: Scalar | float
    total_variation: Scalar | float

    def total(self) -> Scalar | float:
        """Add the terms."""
        return self.content + self.style + self.temporal + self.total_variation


def content_targets(
    vgg: VGG19, image: Image, *, layers: tuple[str, ...] = CONTENT_LAYERS
) -> Activations:
    """Return the activations of a content frame, RGB in [0, 1]."""
    return features(vgg, image, layers)


def style_targets(
    vgg: VGG19,
    images: Sequence[Float[Array, "_h _w 3"]],
    *,
    shares: Sequence[float] | None = None,
    layers: tuple[str, ...] = STYLE_LAYERS,
    statistic: StyleStatistic = GRAM,
) -> StyleTargets:
    """Return the Gram matrices, or another statistic, of one style picture or of several blended.

    Blending the matrices has the same minimum as blending the losses: for shares that add up
    to 1 the two differ by a constant.

    Args:
        vgg: the network.
        images: style pictures, RGB in [0, 1], each of its own size.
        shares: share of each picture, normalised here; equal when left out.
        layers: names of the style layers.
        statistic: what of a layer is compared; yours, or one of ``STATISTICS``.

    Returns:
        Layer name -> ``[c c]``, or ``StyleTarget`` of another statistic.

    Raises:
        ValueError: no picture, another number of shares, negative shares, or none above 0.
    """
    if not images:
        raise ValueError("0 style pictures were given; expected at least 1")
    found = [
        {name: statistic.moments(layer) for name, layer in features(vgg, image, layers).items()}
        for image in images
    ]
    return blended_style(found, shares=shares, statistic=statistic)


def blended_style(
    moments: Sequence[Mapping[str, Any]],
    *,
    shares: Sequence[float] | None = None,
    statistic: StyleStatistic = GRAM,
) -> StyleTargets:
    """Mix the moments of several pictures.

    Args:
        moments: for each picture, layer name -> moments; all of the same layers.
        shares: see ``style_targets``.
        statistic: that made them.

    Raises:
        ValueError: another number of shares, negative shares, or none above 0.
    """
    shares = [1.0] * len(moments) if shares is None else list(shares)
    if len(shares) != len(moments):
        raise ValueError(
            f"{len(shares)} shares for {len(moments)} style pictures; expected as many"
        )
    if not all(0.0 <= share < float("inf") for share in shares) or not sum(shares) > 0.0:
        raise ValueError(f"style shares {shares}; expected finite numbers ≥ 0, one of them above 0")
    parts = [share / sum(shares) for share in shares]

    def mixed(*leaves: Array) -> Array:
        return sum(
            (part * leaf for part, leaf in zip(parts[1:], leaves[1:], strict=True)),
            parts[0] * leaves[0],
        )

    return {
        layer: target_of(statistic, jax.tree.map(mixed, *(own[layer] for own in moments)))
        for layer in moments[0]
    }


def frame_loss(
    image: Image, vgg: VGG19, targets: FrameTargets, weights: LossWeights
) -> tuple[Scalar, LossTerms]:
    r"""Evaluate the energy of one frame.

    .. math:: \alpha \sum_l L_{content} + \beta \sum_l L_{style}
        + 255^2 \Bigl(\gamma \sum_j L_{temporal} + \tau L_{tv}\Bigr)

    The terms on pixels are rescaled from [0, 1] to levels of 255, so that published weights
    keep their meaning.

    Args:
        image: the frame being stylized, RGB in [0, 1].
        vgg: the network.
        targets: what the frame is drawn to; its keys choose the layers.
        weights: weights of the terms.

    Returns:
        The loss and its weighted terms.

    Source: Ruder et al. 2016, equations 7 and 9.
    """
    found = features(vgg, image, {*targets.content, *targets.style})
    content = sum(
        (content_loss(found[k], v) for k, v in targets.content.items()), jnp.zeros((), image.dtype)
    )
    style = sum(
        (
            weights.style_layers.get(k, 1.0) * _style_term(found[k], v)
            for k, v in targets.style.items()
        ),
        jnp.zeros((), image.dtype),
    )
    lags = targets.trust.shape[0]
    temporal = sum(
        (temporal_loss(image, targets.warped[j], targets.trust[j]) for j in range(lags)),
        jnp.zeros((), image.dtype),
    )
    terms = LossTerms(
        content=weights.content * content,
        style=weights.style * style,
        temporal=weights.temporal * LEVELS**2 * temporal,
        total_variation=weights.total_variation * LEVELS**2 * total_variation(image),
    )
    return jnp.asarray(terms.total()), terms


def _style_term(activation: Activation, target: StyleTarget | Gram) -> Scalar:
    statistic, wanted = statistic_of(target)
    return statistic.loss(statistic.moments(activation), wanted)
