"""Where optical flow can be trusted.

Everything lives on the frame that ``flow`` starts from: the frame that is being stylized.
"""

from typing import Literal

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from jvst._types import Flow, Mask
from jvst.warp import bilinear_sample, pixel_grid

MaskMode = Literal["binary", "soft"]
EdgeRule = Literal["clamp", "torch"]

# exp(−i²/(2·0.8²)), i = −2 … 2, normalised: the smoothing of the Torch code's checker.
_GAUSSIAN = (0.02192965, 0.22851214, 0.4991164, 0.22851214, 0.02192965)


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


def disocclusion(flow: Flow, flow_back: Flow) -> Bool[Array, "h w"]:
    r"""Mark the pixels that the flow back does not return to where they came from.

    .. math:: |\tilde w + \hat w|^2 \ge 0.01\,(|\tilde w|^2 + |\hat w|^2) + 0.5,
        \qquad \tilde w(p) = w(p + \hat w(p))

    Args:
        flow: ŵ, from this frame to the other, pixels.
        flow_back: w, from the other frame to this one, pixels.

    Source: Ruder et al. 2016, section 5.2, after Sundaram et al. 2010.
    """
    h, w, _ = flow.shape
    grid = pixel_grid(h, w, flow.dtype)
    target = grid + flow
    back = bilinear_sample(flow_back, target)
    # Measured from the grid, (q + w̃) − p, as the checker does: ŵ + w̃ rounds otherwise.
    miss = jnp.sum(jnp.square(target + back - grid), axis=-1)
    return miss >= 0.01 * (_squared_norm(flow) + _squared_norm(back)) + 0.5


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


def consistency_mask(
    flow: Flow, flow_back: Flow, *, mode: MaskMode = "binary", edge: EdgeRule = "clamp"
) -> Mask:
    """Tell, pixel by pixel, how far the flow can be trusted.

    Args:
        flow: from the frame that the mask lives on to the other one, pixels.
        flow_back: from the other frame to this one, pixels.
        mode: ``binary`` is the paper: 0 where disoccluded, outside or on a motion boundary,
            else 1. ``soft`` is the Torch code's mask in its grey levels: the same reasons,
            smoothed, disocclusions growing outward; a fully trusted pixel is 254/255.
        edge: see ``outside_frame``; ``torch`` makes ``soft`` equal to the Torch code's files.

    Returns:
        ``[h w]`` in [0, 1], 1 = trust.

    Raises:
        ValueError: an unknown mode or edge rule.

    Source: Ruder et al. 2016, section 5.2; for ``soft`` the behaviour of the Torch code's
    consistency checker.
    """
    if mode not in ("binary", "soft") or edge not in ("clamp", "torch"):
        raise ValueError(
            f"mode={mode!r}, edge={edge!r}; expected mode 'binary' or 'soft' and edge 'clamp' "
            "or 'torch'"
        )
    outside = outside_frame(flow, edge=edge)
    hidden = disocclusion(flow, flow_back)
    boundary = motion_boundary(flow)
    if mode == "binary":
        return jnp.where(outside | hidden | boundary, 0.0, 1.0).astype(flow.dtype)
    # The order matters: outside wins over hidden, hidden over boundary.
    level = jnp.where(outside, 0.0, jnp.where(hidden, -255.0, jnp.where(boundary, 0.0, 255.0)))
    level = _smooth(level.astype(flow.dtype))
    # 255 times the taps sums to 254.99998 in float32; the cap keeps it there whatever the
    # order in which an accelerator adds.
    return jnp.clip(jnp.floor(level), 0.0, 254.0) / 255.0


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
