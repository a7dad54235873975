"""The energy of one frame: weights, targets and their sum."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Float

from jvst._types import (
    Activation,
    Activations,
    ActivationsLike,
    AnyArray,
    Gram,
    ImageLike,
    Scalar,
    ScalarLike,
    StyleTargets,
    StyleTargetsLike,
)
from jvst.core.arguments import check_kind, check_range, floats, names_of
from jvst.core.losses import content_loss, temporal_loss, total_variation
from jvst.core.precision import widened
from jvst.core.statistics import (
    STATISTICS,
    StyleStatistic,
    StyleTarget,
    moments_of,
    statistic_of,
    target_of,
)
from jvst.errors import InputError
from jvst.network.vgg import VGG19, activations, features

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

    content: ScalarLike = 1.0  # α
    style: ScalarLike = 20.0  # β
    temporal: ScalarLike = 200.0  # γ
    total_variation: ScalarLike = 2e-4
    style_layers: Mapping[str, ScalarLike] = {}  # factors on single layers; 1 when left out


class FrameTargets(NamedTuple):
    """What one frame is drawn to. Its keys fix the layers, its lag axis never changes length."""

    content: ActivationsLike  # layer -> [h w c]
    style: StyleTargetsLike  # layer -> [c c], or ``StyleTarget``
    warped: Float[AnyArray, "j h w 3"]  # earlier stylized frames, warped to this one
    trust: Float[AnyArray, "j h w"]  # weight of each pixel of each; 0 for a lag that is missing


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
    vgg: VGG19, image: ImageLike, *, layers: Iterable[str] = CONTENT_LAYERS
) -> Activations:
    """Return the activations of a content frame, RGB in [0, 1]."""
    (image,) = floats(image=(image, "h w 3"))
    check_range("image", image)
    return features(vgg, image, layers)


def style_targets(
    vgg: VGG19,
    images: Sequence[Float[AnyArray, "_h _w 3"]],
    *,
    shares: Sequence[float] | None = None,
    layers: Iterable[str] = STYLE_LAYERS,
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
    if isinstance(images, jax.Array | np.ndarray) and images.ndim != 4:
        raise InputError(f"images is one array {list(images.shape)}; expected several: [image]")
    if len(images) == 0:
        raise ValueError("0 style pictures were given; expected at least 1")
    layers, found = names_of("layers", layers), []
    for number, image in enumerate(images):
        (picture,) = floats(**{f"images[{number}]": (image, "h w 3")})
        check_range(f"images[{number}]", picture)
        layer_of = features(vgg, picture, layers)
        found.append({name: statistic.moments(layer) for name, layer in layer_of.items()})
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
    parts = shares_of(shares, len(moments))

    def mixed(*leaves: Array) -> Array:
        return sum(
            (part * leaf for part, leaf in zip(parts[1:], leaves[1:], strict=True)),
            parts[0] * leaves[0],
        )

    return {
        layer: target_of(statistic, jax.tree.map(mixed, *(own[layer] for own in moments)))
        for layer in moments[0]
    }


def settled(
    weights: LossWeights, vgg: VGG19, style: Iterable[str], dtype: jnp.dtype
) -> LossWeights:
    """Return weights in the one form that a compiled program is given, whatever they were.

    Floats, whole numbers, and arrays of any device become numbers of one type in host memory; every
    style layer gets its factor.

    Args:
        weights: of the terms.
        vgg: the network.
        style: the style layers.
        dtype: of the picture.

    Raises:
        InputError: what is no number or beyond the type's range, or an unknown layer.
    """
    check_kind("weights", weights, LossWeights, "jvst.LossWeights")
    _check_factors(weights, vgg)

    def number(name: str, value: Any) -> Any:
        if isinstance(value, Tracer):
            return jnp.asarray(value, dtype)
        try:
            with np.errstate(over="ignore"):
                found = np.asarray(value, dtype)
        except (TypeError, ValueError, OverflowError):
            found = None
        if found is None or found.shape:
            raise InputError(f"weights.{name} is {value!r}; expected a number")
        if np.isinf(found) and not np.isinf(value):
            raise InputError(
                f"weights.{name} is {value}; expected at most {np.finfo(dtype).max:.1e}, as "
                f"{dtype} holds it"
            )
        return found

    terms = {name: number(name, getattr(weights, name)) for name in LossTerms._fields}
    factors = {
        layer: number(f"style_layers[{layer!r}]", weights.style_layers.get(layer, 1.0))
        for layer in style
    }
    return LossWeights(**terms, style_layers=factors)


def shares_of(shares: Sequence[float] | None, count: int) -> list[float]:
    """Return the shares of some pictures, which add up to 1.

    Args:
        shares: of each, not all 0; equal when left out.
        count: of the pictures.

    Raises:
        ValueError: another number of shares, negative shares, or none above 0.
    """
    shares = [1.0] * count if shares is None else list(shares)
    if len(shares) != count:
        raise ValueError(f"{len(shares)} shares for {count} style pictures; expected as many")
    if not all(0.0 <= share < float("inf") for share in shares) or not sum(shares) > 0.0:
        raise ValueError(f"style shares {shares}; expected finite numbers ≥ 0, one of them above 0")
    return [share / sum(shares) for share in shares]


def frame_loss(
    image: ImageLike, vgg: VGG19, targets: FrameTargets, weights: LossWeights
) -> tuple[Scalar, LossTerms]:
    r"""Evaluate the energy of one frame.

    .. math:: \alpha \sum_l L_{content} + \beta \sum_l L_{style}
        + 255^2 \Bigl(\gamma \sum_j L_{temporal} + \tau L_{tv}\Bigr)

    The terms on pixels are rescaled from [0, 1] to levels of 255, so that published weights
    keep their meaning.

    Args:
        image: the frame being stylized, RGB in [0, 1]; in half precision it is computed in float32.
        vgg: the network.
        targets: what the frame is drawn to; its keys choose the layers.
        weights: weights of the terms.

    Returns:
        The loss and its weighted terms.

    Raises:
        ValueError: shapes that don't fit each other, or a layer that the network hasn't.

    Source: Ruder et al. 2016, equations 7 and 9.
    """
    check_kind("targets", targets, FrameTargets, "jvst.FrameTargets")
    check_kind("weights", weights, LossWeights, "jvst.LossWeights")
    _check_factors(weights, vgg)
    image, warped, trust = problem_arrays("image", image, targets)
    image = widened(image)
    found = activations(vgg, image, {*targets.content, *targets.style})
    content = sum(
        (content_loss(found[k], v) for k, v in targets.content.items()), jnp.zeros((), image.dtype)
    )
    style = sum(
        (
            jnp.multiply(weights.style_layers.get(k, 1.0), _style_term(found[k], v))
            for k, v in targets.style.items()
        ),
        jnp.zeros((), image.dtype),
    )
    temporal = sum(
        (temporal_loss(image, warped[j], trust[j]) for j in range(trust.shape[0])),
        jnp.zeros((), image.dtype),
    )
    on_levels = [jnp.multiply(w, LEVELS**2) for w in (weights.temporal, weights.total_variation)]
    terms = LossTerms(
        content=jnp.multiply(weights.content, content),
        style=jnp.multiply(weights.style, style),
        temporal=on_levels[0] * temporal,
        total_variation=on_levels[1] * total_variation(image),
    )
    return jnp.asarray(terms.total()), terms


def problem_arrays(name: str, image: ImageLike, targets: FrameTargets) -> list[Array]:
    """Return a picture, and the warped neighbours and their trust, as JAX arrays.

    Args:
        name: of the picture, for the message.
        image: RGB in [0, 1].
        targets: what it is drawn to.

    Raises:
        InputError: shapes that don't fit each other, or no floats.
    """
    return floats(
        **{
            name: (image, "h w 3"),
            "targets.warped": (targets.warped, "j h w 3"),
            "targets.trust": (targets.trust, "j h w"),
        }
    )


def _check_factors(weights: LossWeights, vgg: VGG19) -> None:
    for layer in weights.style_layers:
        if layer not in vgg.layers.names:
            raise InputError(
                f"weights.style_layers names the unknown layer {layer!r}; expected one of "
                f"{', '.join(vgg.layers.names)}"
            )


def _style_term(activation: Activation, target: StyleTarget | Gram) -> Scalar:
    statistic, wanted = statistic_of(target)
    return statistic.loss(moments_of(statistic, activation), wanted)
