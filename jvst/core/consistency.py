"""Reasons for which optical flow can't be trusted.

Everything lives on the frame that ``flow`` starts from: the frame that is being stylized.
"""

from typing import Literal, NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from jvst._types import Flow, Image, Scalar
from jvst.core.image import gaussian_blur
from jvst.core.warp import bilinear_sample, pixel_grid, warp

EdgeRule = Literal["clamp", "torch"]

#: Squared pixels by which the flow back may miss, whatever the motion.
TOLERANCE = 0.5

#: Levels of 255 to which two frames must agree for a motion boundary not to count,
AGREEMENT = 8.0
#: and pixels by which the flow back may miss there: in flat areas all frames agree.
RETURN = 0.3
#: Levels of 255 from which two frames disagree, boundary or not.
DISAGREEMENT = 16.0

# Standard deviation in pixels of the area that is looked at, and where its Gaussian is cut.
_AREA, _RADIUS = 3.0, 9
# The same for the difference of two frames: it must not reach far beyond an outline.
_NEAR, _NEAR_RADIUS = 1.0, 3
# What noise and light may leave: this many times the median of the squared difference. In noise the
# squared difference, blurred as above, keeps to within 2 times its median.
_NOISE = 4.0


class MaskReasons(NamedTuple):
    """Why a pixel's motion can't be trusted; a pixel may have several reasons.

    Attributes:
        disoccluded: the flow back doesn't return here: the other frame doesn't show the point.
        outside: the point is out of the other frame.
        boundary: the motion changes abruptly.
    """

    disoccluded: Bool[Array, "h w"]
    outside: Bool[Array, "h w"]
    boundary: Bool[Array, "h w"]


def outside_frame(flow: Flow, *, edge: EdgeRule = "clamp") -> Bool[Array, "h w"]:
    """Mark the pixels whose flow points out of the picture.

    Args:
        flow: (dx, dy) in pixels.
        edge: ``clamp`` counts the last row and column as inside; ``torch`` does not, because
            the Torch code wants all four neighbours of the target, so that the right and
            bottom border of a static shot is hardly trusted.
    """
    h, w, _ = flow.shape
    target = pixel_grid(h, w, flow.dtype) + flow
    limit = jnp.asarray([w - 1, h - 1], flow.dtype)
    beyond = target > limit if edge == "clamp" else jnp.floor(target) + 1.0 > limit
    return jnp.any((target < 0.0) | beyond, axis=-1)


def disocclusion(
    flow: Flow, flow_back: Flow, *, tolerance: float | Float[Array, "h w"] = TOLERANCE
) -> Bool[Array, "h w"]:
    r"""Mark the pixels that the flow back does not return to where they came from.

    .. math:: |\tilde w + \hat w|^2 \ge 0.01\,(|\tilde w|^2 + |\hat w|^2) + 0.5,
        \qquad \tilde w(p) = w(p + \hat w(p))

    Args:
        flow: ŵ, from this frame to the other, pixels.
        flow_back: w, from the other frame to this one, pixels.
        tolerance: the 0.5 above, in squared pixels; may differ from pixel to pixel.

    Source: Ruder et al. 2016, section 5.2, after Sundaram et al. 2010.
    """
    h, w, _ = flow.shape
    grid = pixel_grid(h, w, flow.dtype)
    target = grid + flow
    back = bilinear_sample(flow_back, target)
    # Measured from the grid, (q + w̃) − p, as the Torch code does: ŵ + w̃ rounds differently.
    miss = jnp.sum(jnp.square(target + back - grid), axis=-1)
    # What compares with nothing, a flow that is not finite, counts as missed.
    return ~(miss < 0.01 * (_squared_norm(flow) + _squared_norm(back)) + tolerance)


def motion_boundary(flow: Flow) -> Bool[Array, "h w"]:
    r"""Mark the pixels where the flow changes abruptly, and is rarely exact.

    .. math:: |\nabla \hat u|^2 + |\nabla \hat v|^2 > 0.01\,|\hat w|^2 + 0.002

    Args:
        flow: ŵ, (dx, dy) in pixels.

    Source: Ruder et al. 2016, section 5.2. Central differences, the border doubled.
    """
    padded = jnp.pad(flow, ((1, 1), (1, 1), (0, 0)), mode="symmetric")
    dx = 0.5 * (padded[1:-1, 2:] - padded[1:-1, :-2])
    dy = 0.5 * (padded[2:, 1:-1] - padded[:-2, 1:-1])
    return _squared_norm(dx) + _squared_norm(dy) > 0.01 * _squared_norm(flow) + 0.002


def photometric_error(image: Image, other: Image, flow: Flow) -> Float[Array, "h w"]:
    r"""Compute what warping leaves of a frame around each pixel.

    .. math:: e = G_1 * \tfrac13 |x - \omega(y)|^2

    Args:
        image: x, the frame that the flow starts from, RGB in [0, 1].
        other: y, the frame that it points to.
        flow: (dx, dy) in pixels.

    Returns:
        Mean square in [0, 1] over RGB and about 4×4 pixels.
    """
    squared = jnp.mean(jnp.square(image - warp(other, flow)), axis=-1, keepdims=True)
    return gaussian_blur(squared, _NEAR, _NEAR_RADIUS)[..., 0]


def photometric_mismatch(
    flow: Flow, flow_back: Flow, image: Image, other: Image
) -> Bool[Array, "h w"]:
    r"""Mark the pixels whose motion two frames contradict.

    .. math:: e > \max\left((16/255)^2,\ 4\,\mathrm{median}\,e\right)
        \quad\text{or, on a motion boundary,}\quad
        e > (8/255)^2 \ \text{or}\ |\tilde w + \hat w| > 0.3

    with e the ``photometric_error`` and w̃ the flow back, see ``disocclusion``. The median makes
    room for noise and for a change of light; where either is strong, every motion boundary counts,
    as in the paper.

    Args:
        flow: ŵ, from ``image`` to ``other``, pixels.
        flow_back: w, from ``other`` to ``image``, pixels.
        image: the frame that the mask lives on, RGB in [0, 1].
        other: the other frame.

    Source: ours, measured in docs/quality.md.
    """
    error = photometric_error(image, other, flow)
    # Every fourth pixel tells the median as well, and is sorted in no time.
    noise = _NOISE * jnp.nanmedian(error[::4, ::4])
    returns = _squared_norm(flow + warp(flow_back, flow)) <= RETURN**2
    agree = (error <= (AGREEMENT / 255.0) ** 2) & returns
    alike = error <= jnp.maximum((DISAGREEMENT / 255.0) ** 2, noise)
    # What is not a number agrees with nothing.
    return ~jnp.where(motion_boundary(flow), agree, alike)


def mask_reasons(
    flow: Flow, flow_back: Flow, *, edge: EdgeRule = "clamp", image: Image | None = None
) -> MaskReasons:
    """Tell apart the reasons for which the flow can't be trusted.

    Args:
        flow: from the frame that the mask lives on to the other one, pixels.
        flow_back: from the other frame to this one, pixels.
        edge: see ``outside_frame``.
        image: the frame that the mask lives on; if given, a larger miss is allowed where
            it has no corners, as in the mode ``ijcv``.
    """
    tolerance = TOLERANCE if image is None else _tolerance(image)
    return MaskReasons(
        disoccluded=disocclusion(flow, flow_back, tolerance=tolerance),
        outside=outside_frame(flow, edge=edge),
        boundary=motion_boundary(flow),
    )


def corner_strength(image: Image) -> Float[Array, "h w"]:
    r"""Compute the smaller eigenvalue of the structure tensor.

    .. math:: J = G_3 * \sum_{rgb} \nabla I\, \nabla I^T

    Args:
        image: RGB; its unit is squared in the result.

    Returns:
        0 in flat areas and along straight edges, large at corners and in texture.
    """
    padded = jnp.pad(image, ((1, 1), (1, 1), (0, 0)), mode="symmetric")
    dx = 0.5 * (padded[1:-1, 2:] - padded[1:-1, :-2])
    dy = 0.5 * (padded[2:, 1:-1] - padded[:-2, 1:-1])
    products = jnp.stack([dx * dx, dx * dy, dy * dy]).sum(-1)  # [3 h w]
    xx, xy, yy = gaussian_blur(jnp.moveaxis(products, 0, -1), _AREA, _RADIUS).transpose(2, 0, 1)
    middle = 0.5 * (xx + yy)
    # Rounding may leave it a little below 0.
    spread = jnp.sqrt(jnp.maximum(middle * middle - (xx * yy - xy * xy), 0.0))
    return jnp.maximum(middle - spread, 0.0)


def unknown_motion(flow: Flow, flow_back: Flow) -> Bool[Array, "h w"]:
    """Mark the pixels whose vector is not finite, or where the way back from its target is not.

    Args:
        flow: from the frame that the mask lives on to the other one, pixels.
        flow_back: from the other frame to this one, pixels.
    """
    unknown, unknown_back = (~jnp.all(jnp.isfinite(f), axis=-1) for f in (flow, flow_back))
    return unknown | (warp(unknown_back[..., None].astype(flow.dtype), flow)[..., 0] > 0.0)


def _squared_norm(field: Float[Array, "h w 2"]) -> Float[Array, "h w"]:
    return jnp.sum(jnp.square(field), axis=-1)


def _tolerance(image: Image) -> Float[Array, "h w"]:
    """Allow a larger miss where the frame has no corners (Ruder et al. 2018)."""
    corner = corner_strength(image)
    mean: Scalar = jnp.mean(corner)
    # A frame of one colour has none anywhere: everywhere as flat as can be.
    flat = jnp.maximum(0.0, 0.5 - corner / jnp.maximum(mean, 1e-12))
    return TOLERANCE + 4.0 * flat
