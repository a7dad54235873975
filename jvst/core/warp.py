"""Image warping along optical flow."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from jvst._types import AnyArray, FlowLike
from jvst.core.arguments import floats


def pixel_grid(height: int, width: int, dtype: jnp.dtype) -> Float[Array, "height width 2"]:
    """Return every pixel's own coordinates (x, y)."""
    x, y = jnp.meshgrid(jnp.arange(width, dtype=dtype), jnp.arange(height, dtype=dtype))
    return jnp.stack([x, y], axis=-1)


def bilinear_sample(
    image: Float[AnyArray, "h w c"], points: Float[AnyArray, "*p 2"]
) -> Float[Array, "*p c"]:
    """Read an image at real-valued points; beyond the border the border's pixels continue.

    Args:
        image: ``[h w c]``.
        points: (x, y) in pixels; pixel centres lie on whole numbers.

    Returns:
        ``[... c]``, one reading for each point; differentiable in both arguments.
    """
    image, points = floats(image=(image, "h w c"), points=(points, "*p 2"))
    h, w, _ = image.shape
    limit = jnp.asarray([w - 1, h - 1], points.dtype)
    points = jnp.clip(points, 0.0, limit)
    start = jnp.floor(points)
    ax, ay = jnp.moveaxis((points - start)[..., None, :], -1, 0)  # [... 1] each
    x0, y0 = jnp.moveaxis(start.astype(jnp.int32), -1, 0)
    x1, y1 = jnp.minimum(x0 + 1, w - 1), jnp.minimum(y0 + 1, h - 1)
    # Along x, then y, each as (1 − a)·p + a·q: the order of the Torch code's checker, whose
    # masks are matched to the grey level.
    top = (1.0 - ax) * image[y0, x0] + ax * image[y0, x1]
    bottom = (1.0 - ax) * image[y1, x0] + ax * image[y1, x1]
    return (1.0 - ay) * top + ay * bottom


def warp(image: Float[AnyArray, "h w c"], flow: FlowLike) -> Float[Array, "h w c"]:
    r"""Pull an image along a flow.

    .. math:: \omega(p) = I(p + w(p))

    To bring frame i−1 onto frame i, give frame i−1 and the flow from i to i−1.

    Args:
        image: the other frame, ``[h w c]``.
        flow: (dx, dy) in pixels, on the frame that is being built, pointing to the other.

    Returns:
        ``[h w c]``. Where the flow leaves the picture the border's pixels continue, and where it
        is not finite the other frame's own pixel stands; give such pixels no weight
        (``consistency_mask`` does).

    Source: Ruder et al. 2016, section 5.1. Differs from the Torch code, which fills with the
    network's mean pixel outside the frame.
    """
    image, flow = floats(image=(image, "h w c"), flow=(flow, "h w 2"))
    h, w, _ = image.shape
    # A NaN would stay through any mask, for 0 times NaN is NaN, and so would its gradient.
    flow = jnp.where(jnp.all(jnp.isfinite(flow), axis=-1, keepdims=True), flow, 0.0)
    return bilinear_sample(image, pixel_grid(h, w, flow.dtype) + flow)
