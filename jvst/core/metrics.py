"""Metrics of a stylized clip, one function each.

Read them beside the content and style losses of the same frames (a grey clip is perfectly
stable) and beside the same error of the input clip, which is the floor.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from jvst._types import AnyArray, FlowLike, ImageLike, MaskLike, Scalar
from jvst.core.arguments import floats
from jvst.core.image import luminance
from jvst.core.warp import warp


def warping_error(image: ImageLike, other: ImageLike, flow: FlowLike, mask: MaskLike) -> Scalar:
    r"""Average the squared change along the motion; untrusted pixels count as 0.

    .. math:: \frac{1}{3hw} \sum \bigl(c \cdot (\omega(y) - x)\bigr)^2

    Args:
        image: a stylized frame x, RGB in [0, 1].
        other: a neighbour y, RGB in [0, 1].
        flow: true motion from ``image`` to ``other``, pixels.
        mask: 1 where that motion is defined and visible in both, ``[h w]``.

    Source: Ruder et al. 2016, section 6.2.
    """
    image, other, flow, mask = _pair(image, other, flow, mask)
    return jnp.mean(jnp.square(mask[..., None] * (warp(other, flow) - image)))


def masked_warping_error(
    image: ImageLike, other: ImageLike, flow: FlowLike, mask: MaskLike
) -> Scalar:
    r"""Average the squared change along the motion, over the trusted pixels alone.

    .. math:: \frac{\sum c\, |\omega(y) - x|^2}{\sum c}

    Args: as ``warping_error``. The squared norm sums over RGB; no trusted pixel gives 0.

    Source: Lai et al. 2018, *Learning blind video temporal consistency*, E_warp of one pair.
    Not comparable with ``warping_error``.
    """
    image, other, flow, mask = _pair(image, other, flow, mask)
    squared = jnp.sum(jnp.square(warp(other, flow) - image), axis=-1)
    return jnp.sum(mask * squared) / jnp.maximum(jnp.sum(mask), 1.0)


def gradient_energy(image: ImageLike) -> Scalar:
    r"""Average the squared difference of neighbouring pixels' luminance: sharpness.

    .. math:: \frac{1}{hw} \sum |\nabla Y|^2

    Args:
        image: a stylized frame, RGB in [0, 1].

    A warping error falls with blur: compare clips by it at equal gradient energy.
    """
    (image,) = floats(image=(image, "h w 3"))
    light = luminance(image)
    across, down = light[:, 1:] - light[:, :-1], light[1:] - light[:-1]
    return (jnp.sum(jnp.square(across)) + jnp.sum(jnp.square(down))) / light.size


def luminance_drift(
    images: Float[AnyArray, "t h w 3"], mask: MaskLike
) -> tuple[Float[Array, " t"], Float[Array, " t"]]:
    """Compute each frame's mean and standard deviation of luminance.

    Args:
        images: a clip of a static shot, RGB in [0, 1].
        mask: 1 where the pixel is trusted through the whole clip, ``[h w]``.
    """
    images, mask = floats(images=(images, "t h w 3"), mask=(mask, "h w"))
    total = jnp.maximum(jnp.sum(mask), 1.0)
    light = jnp.stack([luminance(image) for image in images])  # [t h w]
    mean = jnp.sum(light * mask, axis=(1, 2)) / total
    spread = jnp.sum(mask * jnp.square(light - mean[:, None, None]), axis=(1, 2)) / total
    return mean, jnp.sqrt(spread)


def endpoint_error(flow: FlowLike, truth: FlowLike, mask: MaskLike) -> Scalar:
    """Average the distance between two flows over the pixels of a mask, in pixels."""
    flow, truth, mask = floats(flow=(flow, "h w 2"), truth=(truth, "h w 2"), mask=(mask, "h w"))
    # The distance has no gradient at 0; metrics are not differentiated.
    distance = jnp.sqrt(jnp.sum(jnp.square(flow - truth), axis=-1))
    # Where there is no truth, files hold no number either.
    return jnp.sum(jnp.where(mask > 0.0, mask * distance, 0.0)) / jnp.maximum(jnp.sum(mask), 1.0)


def _pair(image: ImageLike, other: ImageLike, flow: FlowLike, mask: MaskLike) -> list[Array]:
    return floats(
        image=(image, "h w 3"), other=(other, "h w 3"), flow=(flow, "h w 2"), mask=(mask, "h w")
    )
