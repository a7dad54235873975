"""Where optical flow can be trusted.

Everything lives on the frame that ``flow`` starts from: the frame that is being stylized.
"""

from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from jvst._types import Flow, Image, Mask, Scalar
from jvst.corners import corner_strength
from jvst.warp import bilinear_sample, pixel_grid

MaskMode = Literal["binary", "soft", "ijcv"]
EdgeRule = Literal["clamp", "torch"]

#: Squared pixels by which the way back may miss, whatever the motion.
TOLERANCE = 0.5
#: ``ijcv`` distrusts what is so near to an untrusted pixel: a minimum filter of 7 pixels.
IJCV_MARGIN = 3

# exp(−i²/(2·0.8²)), i = −2 … 2, normalised: the smoothing of the Torch code's checker.
_GAUSSIAN = (0.02192965, 0.22851214, 0.4991164, 0.22851214, 0.02192965)


class MaskReasons(NamedTuple):
    """Why a pixel's motion can't be trusted; a pixel may have several reasons.

    Attributes:
        disoccluded: the way back doesn't return: the other frame doesn't show the point.
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
    # Measured from the grid, (q + w̃) − p, as the checker does: ŵ + w̃ rounds otherwise.
    miss = jnp.sum(jnp.square(target + back - grid), axis=-1)
    return miss >= 0.01 * (_squared_norm(flow) + _squared_norm(back)) + tolerance


def motion_boundary(flow: Flow) -> Bool[Array, "h w"]:
    r"""Mark the pixels where the flow changes abruptly; there it is rarely exact.

    .. math:: |\nabla \hat u|^2 + |\nabla \hat v|^2 > 0.01\,|\hat w|^2 + 0.002

    Args:
        flow: ŵ, (dx, dy) in pixels.

    Source: Ruder et al. 2016, section 5.2. Central differences, the border doubled.
    """
    padded = jnp.pad(flow, ((1, 1), (1, 1), (0, 0)), mode="symmetric")
    dx = 0.5 * (padded[1:-1, 2:] - padded[1:-1, :-2])
    dy = 0.5 * (padded[2:, 1:-1] - padded[:-2, 1:-1])
    return _squared_norm(dx) + _squared_norm(dy) > 0.01 * _squared_norm(flow) + 0.002


def mask_reasons(
    flow: Flow, flow_back: Flow, *, edge: EdgeRule = "clamp", image: Image | None = None
) -> MaskReasons:
    """Tell apart the reasons for which the flow can't be trusted.

    Args:
        flow: from the frame that the mask lives on to the other one, pixels.
        flow_back: from the other frame to this one, pixels.
        edge: see ``outside_frame``.
        image: the frame that the mask lives on; if given, the way back may miss by more where
            there is little to see, as in the mode ``ijcv``.
    """
    tolerance = TOLERANCE if image is None else _tolerance(image)
    return MaskReasons(
        disoccluded=disocclusion(flow, flow_back, tolerance=tolerance),
        outside=outside_frame(flow, edge=edge),
        boundary=motion_boundary(flow),
    )


def consistency_mask(
    flow: Flow,
    flow_back: Flow,
    *,
    mode: MaskMode = "binary",
    edge: EdgeRule = "clamp",
    image: Image | None = None,
) -> Mask:
    """Tell, pixel by pixel, how far the flow can be trusted.

    Args:
        flow: from the frame that the mask lives on to the other one, pixels.
        flow_back: from the other frame to this one, pixels.
        mode: ``binary`` is the paper: 0 where disoccluded, outside or on a motion boundary,
            else 1. ``soft`` is the Torch code's mask in its grey levels: the same reasons,
            smoothed, disocclusions growing outward; a fully trusted pixel is 254/255. ``ijcv``
            is the authors' second paper: 0 within 3 pixels of where the flow is outside or
            disoccluded; motion boundaries stay, and flat areas, where a small miss says
            nothing, are given more room.
        edge: see ``outside_frame``; ``torch`` makes ``soft`` equal to the Torch code's files.
        image: the frame that the mask lives on, RGB; ``ijcv`` needs it, the others don't.

    Returns:
        ``[h w]`` in [0, 1], 1 = trust.

    Raises:
        ValueError: an unknown mode or edge rule, or ``ijcv`` without the image.

    Source: Ruder et al. 2016, section 5.2; for ``soft`` the behaviour of the Torch code's
    consistency checker; for ``ijcv`` that of Ruder et al. 2018 (arXiv:1708.04538).
    """
    check_mask_options(mode, edge, image)
    reasons = mask_reasons(flow, flow_back, edge=edge, image=image if mode == "ijcv" else None)
    hidden, outside, boundary = reasons
    if mode == "binary":
        return jnp.where(outside | hidden | boundary, 0.0, 1.0).astype(flow.dtype)
    if mode == "ijcv":
        return minimum_near(jnp.where(outside | hidden, 0.0, 1.0).astype(flow.dtype), IJCV_MARGIN)
    # The order matters: outside wins over hidden, hidden over boundary.
    level = jnp.where(outside, 0.0, jnp.where(hidden, -255.0, jnp.where(boundary, 0.0, 255.0)))
    return grey_levels(level.astype(flow.dtype))


def check_mask_options(mode: str, edge: str, image: Image | None) -> None:
    """Refuse a mode or edge rule that there isn't.

    Raises:
        ValueError: as said.
    """
    if mode not in ("binary", "soft", "ijcv") or edge not in ("clamp", "torch"):
        raise ValueError(
            f"mode={mode!r}, edge={edge!r}; expected mode 'binary', 'soft' or 'ijcv' and edge "
            "'clamp' or 'torch'"
        )
    if mode == "ijcv" and image is None:
        raise ValueError(
            "mode='ijcv' was given no image; it looks at the frame: give image=FRAME, or use "
            "mode 'binary' or 'soft'"
        )


def grey_levels(level: Float[Array, "h w"]) -> Mask:
    """Smooth levels of −255 to 255 and cut them to grey levels, as the Torch code writes them."""
    # 255 times the taps sums to 254.99998 in float32; the cap keeps it there whatever the
    # order in which an accelerator adds.
    return jnp.clip(jnp.floor(_smooth(level)), 0.0, 254.0) / 255.0


def minimum_near(mask: Mask, pixels: int) -> Mask:
    """Take the least trust within so many pixels, down and across: distrust widens."""
    size = 2 * pixels + 1
    infinity = jnp.asarray(jnp.inf, mask.dtype)
    for window in ((size, 1), (1, size)):
        mask = jax.lax.reduce_window(mask, infinity, jax.lax.min, window, (1, 1), "SAME")
    return mask


def long_term_weights(masks: Float[Array, "j h w"]) -> Float[Array, "j h w"]:
    r"""Share every pixel out among the lags, the nearest lag first.

    .. math:: c^{long}_{(i-j,i)} = \max\Bigl(c_{(i-j,i)} - \sum_{k \in J,\, k < j}
        c_{(i-k,i)},\ 0\Bigr)

    Args:
        masks: one mask a lag, nearest lag first, ``[j h w]`` in [0, 1]; a lag that does not
            exist is a mask of zeros.

    Source: Ruder et al. 2016, equation 9. Differs from the Torch code, which subtracts the
    weights already reduced: the same for binary masks only.
    """
    nearer = jnp.cumsum(masks, axis=0) - masks
    return jnp.maximum(masks - nearer, 0.0)


def _squared_norm(field: Float[Array, "h w 2"]) -> Float[Array, "h w"]:
    return jnp.sum(jnp.square(field), axis=-1)


def _smooth(level: Float[Array, "h w"]) -> Float[Array, "h w"]:
    """Five Gaussian taps along x, then y; the border mirrored with its edge."""
    h, w = level.shape
    radius = len(_GAUSSIAN) // 2
    wide = jnp.pad(level, ((0, 0), (radius, radius)), mode="symmetric")
    level = sum(
        (tap * wide[:, i : i + w] for i, tap in enumerate(_GAUSSIAN)), jnp.zeros_like(level)
    )
    tall = jnp.pad(level, ((radius, radius), (0, 0)), mode="symmetric")
    return sum((tap * tall[i : i + h] for i, tap in enumerate(_GAUSSIAN)), jnp.zeros_like(level))


def _tolerance(image: Image) -> Float[Array, "h w"]:
    """Room for the way back, more where the frame has no corners (Ruder et al. 2018)."""
    corner = corner_strength(image)
    mean: Scalar = jnp.mean(corner)
    # A frame of one colour has none anywhere: everywhere as flat as can be.
    flat = jnp.maximum(0.0, 0.5 - corner / jnp.maximum(mean, 1e-12))
    return TOLERANCE + 4.0 * flat
