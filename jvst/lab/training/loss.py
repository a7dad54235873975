"""What the student is trained to do: answer as the teacher at every ReLU."""

from collections.abc import Mapping

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jvst._types import Scalar
from jvst.core.losses import gram_matrix
from jvst.solver.objective import CONTENT_LAYERS, STYLE_LAYERS

#: Activations of a batch, by the name of the layer.
Answers = Mapping[str, Float[Array, "n _ _ _"]]

# What a solve compares counts twice.
_READ = {*STYLE_LAYERS, *CONTENT_LAYERS}
_READ_WEIGHT, _GRAM_WEIGHT = 2.0, 0.5
# A flat crop has hardly any activation to be relative to; its error is bounded.
_SMALL_ACTIVATION, _SMALL_GRAM, _LARGEST_GRAM_ERROR = 1e-6, 1e-4, 10.0
# A channel that hardly ever answers is divided by this part of the loudest one's scale.
_SMALLEST_SCALE = 0.05


def distillation_loss(found: Answers, wanted: Answers) -> tuple[Scalar, dict[str, Scalar]]:
    r"""Compare a student's activations with a teacher's, each relative to the teacher's size.

    .. math:: \sum_l w_l \frac{\overline{(S_l - T_l)^2}}{\overline{T_l^2}}
        + \frac12 \sum_{l \in style} \overline{\min\Bigl(
        \frac{|G(S_l) - G(T_l)|^2}{|G(T_l)|^2}, 10\Bigr)}

    with w = 2 where a solve compares the layer, 1 elsewhere.

    Args:
        found: the student's ReLUs over a batch.
        wanted: the teacher's, each channel divided by its scale.

    Returns:
        The loss, and each layer's error, those of Gram matrices under ``gram_relu1_1``, ….
    """
    terms = {layer: _relative_error(found[layer], target) for layer, target in wanted.items()}
    total = sum((_READ_WEIGHT if layer in _READ else 1.0) * term for layer, term in terms.items())
    for layer in STYLE_LAYERS:
        term = jnp.mean(_gram_errors(found[layer], wanted[layer]))
        terms[f"gram_{layer}"] = term
        total += _GRAM_WEIGHT * term
    return jnp.asarray(total), terms


def channel_scale(mean_squares: Mapping[str, Float[Array, " _"]]) -> dict[str, Float[Array, " _"]]:
    """Turn a teacher's mean square of each channel into what the channel is divided by."""
    scale = {layer: jnp.sqrt(square) for layer, square in mean_squares.items()}
    return {layer: jnp.maximum(x, _SMALLEST_SCALE * jnp.max(x)) for layer, x in scale.items()}


def _relative_error(found: Float[Array, "n h w c"], wanted: Float[Array, "n h w c"]) -> Scalar:
    error = jnp.mean(jnp.square(found - wanted))
    return error / (jnp.mean(jnp.square(wanted)) + _SMALL_ACTIVATION)


def _gram_errors(
    found: Float[Array, "n h w c"], wanted: Float[Array, "n h w c"]
) -> Float[Array, " n"]:
    here, there = jax.vmap(gram_matrix)(found), jax.vmap(gram_matrix)(wanted)
    error = jnp.sum(jnp.square(here - there), axis=(1, 2))
    size = jnp.sum(jnp.square(there), axis=(1, 2)) + _SMALL_GRAM
    return jnp.minimum(error / size, _LARGEST_GRAM_ERROR)
