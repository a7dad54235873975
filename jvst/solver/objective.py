"""The energy of one frame: weights, targets and their sum."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jvst._types import Activation, Activations, Gram, Grams, Image, Scalar
from jvst.core.losses import content_loss, gram_matrix, style_loss, temporal_loss, total_variation
from jvst.network.vgg import VGG19, features

# Ruder et al. 2016, section 3.
CONTENT_LAYERS = ("relu4_2",)
STYLE_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")

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
    style: Grams  # layer -> [c c]
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
) -> Grams:
    """Return the Gram matrices of one style picture, or of several blended.

    Blending the matrices has the same minimum as blending the losses: for shares that add up
    to 1 the two differ by a constant.

    Args:
        vgg: the network.
        images: style pictures, RGB in [0, 1], each of its own size.
        shares: share of each picture, normalised here; equal when left out.
        layers: names of the style layers.

    Returns:
        Layer name -> ``[c c]``.

    Raises:
        ValueError: no picture, another number of shares, negative shares, or none above 0.
    """
    if not images:
        raise ValueError("0 style pictures were given; expected at least 1")
    found = [
        {name: gram_matrix(layer) for name, layer in features(vgg, image, layers).items()}
        for image in images
    ]
    return blended_grams(found, shares=shares)


def blended_grams(grams: Sequence[Grams], *, shares: Sequence[float] | None = None) -> Grams:
    """Mix the Gram matrices of several pictures.

    Args:
        grams: one set a picture, all of the same layers.
        shares: see ``style_targets``.

    Raises:
        ValueError: another number of shares, negative shares, or none above 0.
    """
    shares = [1.0] * len(grams) if shares is None else list(shares)
    if len(shares) != len(grams):
        raise ValueError(f"{len(shares)} shares for {len(grams)} style pictures; expected as many")
    if not all(0.0 <= share < float("inf") for share in shares) or not sum(shares) > 0.0:
        raise ValueError(f"style shares {shares}; expected finite numbers ≥ 0, one of them above 0")
    blended: Grams = {}
    for own, share in zip(grams, shares, strict=True):
        for layer, gram in own.items():
            part = gram * (share / sum(shares))
            blended[layer] = blended[layer] + part if layer in blended else part
    return blended


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
            weights.style_layers.get(k, 1.0) * _style_loss(found[k], v)
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


# JAX's gradient of a Gram matrix is the sum of two products as large as the layer, one of them
# turned round; written so, it is one. ``style_loss`` itself keeps JAX's, in both directions.
_style_loss = jax.custom_vjp(style_loss)


def _style_forward(activation: Activation, target: Gram) -> tuple[Scalar, tuple[Array, Array]]:
    difference = gram_matrix(activation) - target
    return jnp.mean(jnp.square(difference)), (activation, difference)


def _style_backward(saved: tuple[Array, Array], slope: Scalar) -> tuple[Activation, Gram]:
    activation, difference = saved
    of_gram = (2.0 * slope / difference.size) * difference
    along = jnp.matmul(activation, (of_gram + of_gram.T) / activation.size)
    return along, -of_gram


_style_loss.defvjp(_style_forward, _style_backward)
