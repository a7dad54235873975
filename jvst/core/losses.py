r"""The terms of the energy, one function each.

All are pure, unbatched and differentiable. What the network sees is no concern of theirs:
they take activations ``[h w c]`` or images in [0, 1] ``[h w 3]``.
"""

import jax.numpy as jnp

from jvst._types import ActivationLike, Gram, GramLike, ImageLike, MaskLike, Scalar
from jvst.core.arguments import floats
from jvst.core.precision import widened


def gram_matrix(activation: ActivationLike) -> Gram:
    r"""Correlate the channels of a layer over all positions.

    .. math:: G_{ij} = \frac{1}{hwc} \sum_p F_{pi} F_{pj}

    Args:
        activation: one layer of the network, ``[h w c]``.

    Returns:
        ``[c c]``, symmetric, accumulated in float32 or better.

    Source: Gatys et al. 2016, equation 3, divided by h·w·c as the Torch code does: every
    published style weight was tuned for this scale.
    """
    (activation,) = floats(activation=(activation, "h w c"))
    h, w, c = activation.shape
    flat = activation.reshape(h * w, c)  # [hw c]
    half = activation.dtype.itemsize < 4
    precision = jnp.dtype(jnp.float32) if half else activation.dtype
    return jnp.matmul(flat.T, flat, preferred_element_type=precision) / (h * w * c)


def content_loss(activation: ActivationLike, target: ActivationLike) -> Scalar:
    r"""Compare a layer with the content frame's, position by position.

    .. math:: \frac{1}{hwc} \sum_{p,i} (F_{pi} - P_{pi})^2

    Args:
        activation: a layer of the frame being stylized, ``[h w c]``.
        target: the same layer of the content frame, ``[h w c]``.

    Source: Ruder et al. 2016, section 3.
    """
    activation, target = floats(activation=(activation, "h w c"), target=(target, "h w c"))
    return jnp.mean(jnp.square(widened(activation) - widened(target)))


def style_loss(activation: ActivationLike, target_gram: GramLike) -> Scalar:
    r"""Compare the channel correlations of a layer with the style picture's.

    .. math:: \frac{1}{c^2} \sum_{i,j} (G_{ij} - A_{ij})^2

    Args:
        activation: a layer of the frame being stylized, ``[h w c]``.
        target_gram: the Gram matrix of the same layer of the style picture, ``[c c]``.

    Source: Ruder et al. 2016, section 3. Differs from the paper in scale: the mean over
    c×c of Gram matrices divided by h·w·c, as in the Torch code.
    """
    activation, target_gram = floats(
        activation=(activation, "h w c"), target_gram=(target_gram, "c c")
    )
    return jnp.mean(jnp.square(gram_matrix(activation) - target_gram))


def temporal_loss(image: ImageLike, warped: ImageLike, weight: MaskLike) -> Scalar:
    r"""Penalise change along the motion, where the motion can be trusted.

    .. math:: \frac{1}{D} \sum_{k=1}^{D} c_k (x_k - \omega_k)^2, \qquad D = 3hw

    Args:
        image: the frame being stylized, RGB in [0, 1].
        warped: an already stylized frame, warped to this one, RGB in [0, 1].
        weight: trust in the motion at each pixel, in [0, 1]; 0 removes the pixel.

    Source: Ruder et al. 2016, section 5.2. Differs from the Torch code in unit (it uses
    levels of 255, see ``frame_loss``) and, for soft weights, in gradient: the Torch code's
    hand-written gradient belongs to another loss than the one it reports.
    """
    image, warped, weight = floats(
        image=(image, "h w 3"), warped=(warped, "h w 3"), weight=(weight, "h w")
    )
    return jnp.mean(weight[..., None] * jnp.square(image - warped))  # [h w 1] * [h w 3]


def total_variation(image: ImageLike) -> Scalar:
    r"""Penalise differences of neighbouring pixels.

    .. math:: \frac12 \sum_{y<h-1,\,x<w-1} |I_{y,x+1} - I_{yx}|^2 + |I_{y+1,x} - I_{yx}|^2

    Args:
        image: RGB in [0, 1].

    Source: the term whose gradient the Torch code adds. Differs from the Torch code: here it
    is also part of the reported loss.
    """
    (image,) = floats(image=(image, "h w 3"))
    corner = image[:-1, :-1]
    across = image[:-1, 1:] - corner
    down = image[1:, :-1] - corner
    return 0.5 * jnp.sum(jnp.square(across) + jnp.square(down))
