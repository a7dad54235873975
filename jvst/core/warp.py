"""Image warping along optical flow."""

from typing import Literal

import jax.numpy as jnp
from jaxtyping import Array, Float

from jvst._types import AnyArray, FlowLike
from jvst.core.arguments import check_word, floats

#: How an image is read between its pixels: ``bilinear`` (the paper), or ``catmull-rom``, which
#: keeps fine detail over many warps.
Kernel = Literal["bilinear", "catmull-rom"]


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


def catmull_rom_sample(
    image: Float[AnyArray, "h w c"], points: Float[AnyArray, "*p 2"]
) -> Float[Array, "*p c"]:
    r"""Read an image at real-valued points by cubic convolution, within what it reads there.

    Along each axis, at a fraction t of the way from pixel 0 to pixel 1,

    .. math:: \tfrac12 \begin{pmatrix} -t + 2t^2 - t^3 & 2 - 5t^2 + 3t^3 &
        t + 4t^2 - 3t^3 & -t^2 + t^3 \end{pmatrix}

    weighs pixels -1, 0, 1 and 2. The sum is limited to the range of the 16 pixels, so that repeated
    warps don't ring at outlines.

    Args:
        image: ``[h w c]``; any range, which is kept.
        points: (x, y) in pixels; pixel centres lie on whole numbers. Beyond the border the border's
            pixels continue.

    Returns:
        ``[... c]``, one reading for each point; differentiable in both arguments.

    Source: Keys 1981, *Cubic convolution interpolation for digital image processing*, with
    a = -1/2; along one axis the spline of Catmull and Rom 1974. The limit is our own.
    """
    image, points = floats(image=(image, "h w c"), points=(points, "*p 2"))
    h, w, _ = image.shape
    limit = jnp.asarray([w - 1, h - 1], points.dtype)
    points = jnp.clip(points, 0.0, limit)
    start = jnp.floor(points)
    x0, y0 = jnp.moveaxis(start.astype(jnp.int32), -1, 0)
    across, down = (_cubic_weights(t) for t in jnp.moveaxis(points - start, -1, 0))
    columns = [jnp.clip(x0 + k, 0, w - 1) for k in range(-1, 3)]
    total = least = most = None
    for row, by_row in enumerate(down):
        y = jnp.clip(y0 + row - 1, 0, h - 1)
        taps = [image[y, x] for x in columns]
        low = jnp.minimum(jnp.minimum(taps[0], taps[1]), jnp.minimum(taps[2], taps[3]))
        high = jnp.maximum(jnp.maximum(taps[0], taps[1]), jnp.maximum(taps[2], taps[3]))
        line = sum(weight[..., None] * tap for weight, tap in zip(across, taps, strict=True))
        line = by_row[..., None] * line
        total = line if total is None else total + line
        least = low if least is None else jnp.minimum(least, low)
        most = high if most is None else jnp.maximum(most, high)
    return jnp.clip(total, least, most)


def _cubic_weights(t: Float[Array, "*p"]) -> tuple[Float[Array, "*p"], ...]:
    """Return the weights of the four pixels around a point."""
    return (
        0.5 * t * (t * (2.0 - t) - 1.0),
        1.0 + 0.5 * t * t * (3.0 * t - 5.0),
        0.5 * t * (t * (4.0 - 3.0 * t) + 1.0),
        0.5 * t * t * (t - 1.0),
    )


def sample(
    image: Float[AnyArray, "h w c"], points: Float[AnyArray, "*p 2"], *, kernel: Kernel
) -> Float[Array, "*p c"]:
    """Read an image at real-valued points, see ``bilinear_sample`` and ``catmull_rom_sample``.

    Args:
        image: ``[h w c]``.
        points: (x, y) in pixels.
        kernel: which of them.
    """
    read = bilinear_sample if kernel == "bilinear" else catmull_rom_sample
    return read(image, points)


def warp(
    image: Float[AnyArray, "h w c"], flow: FlowLike, *, kernel: Kernel = "bilinear"
) -> Float[Array, "h w c"]:
    r"""Pull an image along a flow.

    .. math:: \omega(p) = I(p + w(p))

    To bring frame i−1 onto frame i, give frame i−1 and the flow from i to i−1.

    Args:
        image: the other frame, ``[h w c]``.
        flow: (dx, dy) in pixels, on the frame that is being built, pointing to the other.
        kernel: ``bilinear``, which softens what lies between pixels, each time anew; or
            ``catmull-rom``, which keeps it, see ``catmull_rom_sample``.

    Returns:
        ``[h w c]``; differentiable in both. Where the flow leaves the picture the border's pixels
        continue, and where it is not finite the other frame's own pixel stands; give such pixels no
        weight (``consistency_mask`` does).

    Raises:
        ValueError: another kernel.

    Source: Ruder et al. 2016, section 5.1. Differs from the Torch code, which fills with the
    network's mean pixel outside the frame.
    """
    check_word("kernel", kernel, Kernel)
    image, flow = floats(image=(image, "h w c"), flow=(flow, "h w 2"))
    h, w, _ = image.shape
    # A NaN would stay through any mask, for 0 times NaN is NaN, and so would its gradient.
    flow = jnp.where(jnp.all(jnp.isfinite(flow), axis=-1, keepdims=True), flow, 0.0)
    return sample(image, pixel_grid(h, w, flow.dtype) + flow, kernel=kernel)
