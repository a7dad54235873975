"""Masks of trust in optical flow.

A mask is made of the reasons for distrust (``consistency``). It lives on the frame that is being
stylized; 1 is trust.
"""

import math
from dataclasses import dataclass
from typing import Literal, get_args

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from jvst._types import AnyArray, Flow, FlowLike, Image, ImageLike, Mask
from jvst.core.arguments import floats
from jvst.core.consistency import (
    EdgeRule,
    MaskReasons,
    mask_reasons,
    photometric_mismatch,
    unknown_motion,
)
from jvst.core.image import gaussian_blur
from jvst.errors import InputError

MaskMode = Literal["binary", "soft", "ijcv", "photometric"]

#: ``ijcv`` distrusts what is so near to an untrusted pixel: a minimum filter of 7 pixels.
IJCV_MARGIN = 3

# exp(−i²/(2·0.8²)), i = −2 … 2, normalised: the smoothing of the Torch code's checker.
_GAUSSIAN = (0.02192965, 0.22851214, 0.4991164, 0.22851214, 0.02192965)

#: Widening and softening beyond this leave nothing of a mask, in pixels.
_LARGEST = 64


def consistency_mask(
    flow: FlowLike,
    flow_back: FlowLike,
    *,
    mode: MaskMode = "binary",
    edge: EdgeRule = "clamp",
    image: ImageLike | None = None,
    other: ImageLike | None = None,
) -> Mask:
    """Tell for each pixel how far the flow can be trusted.

    Args:
        flow: from the frame that the mask lives on to the other one, pixels.
        flow_back: from the other frame to this one, pixels.
        mode: ``binary`` is the paper: 0 where disoccluded, outside or on a motion boundary,
            else 1. ``soft`` is the Torch code's mask in its grey levels: the same reasons,
            smoothed, disocclusions growing outward; a fully trusted pixel is 254/255. ``ijcv``
            is the authors' second paper: 0 within 3 pixels of where the flow is outside or
            disoccluded; motion boundaries stay, and flat areas, where a small miss says
            nothing, are given more room. ``photometric`` is ours: 0 where disoccluded or outside,
            or where the two frames contradict the flow (``consistency.photometric_mismatch``); a
            motion boundary is trusted where they agree and the flow returns.
        edge: see ``outside_frame``; ``torch`` makes ``soft`` equal to the Torch code's files.
        image: the frame that the mask lives on, RGB in [0, 1]; ``ijcv`` and ``photometric`` need
            it, the others don't.
        other: the frame that the flow points to; ``photometric`` alone needs it.

    Returns:
        ``[h w]`` in [0, 1], 1 = trust. A vector that is not finite, in either direction, has none.

    Raises:
        ValueError: an unknown mode or edge rule, or a mode without the frames that it needs.

    Source: Ruder et al. 2016, section 5.2; for ``soft`` the behaviour of the Torch code's
    consistency checker; for ``ijcv`` that of Ruder et al. 2018 (arXiv:1708.04538);
    ``photometric`` is ours, measured in docs/quality.md.
    """
    check_mask_options(mode, edge, image, other)
    flow, flow_back = floats(flow=(flow, "h w 2"), flow_back=(flow_back, "h w 2"))
    image, other = _frames_like(flow, image=image, other=other)
    reasons = reasons_of_mode(flow, flow_back, mode=mode, edge=edge, image=image, other=other)
    mask = _mask_of(reasons, mode, flow.dtype)
    return jnp.where(unknown_motion(flow, flow_back), 0.0, mask)


def _frames_like(flow: Flow, **frames: ImageLike | None) -> list[Image | None]:
    """Bring the frames that were given to arrays of the flow's size."""
    return [
        None if frame is None else floats(flow=(flow, "h w 2"), **{name: (frame, "h w 3")})[1]
        for name, frame in frames.items()
    ]


def _mask_of(reasons: MaskReasons, mode: MaskMode, dtype: jnp.dtype) -> Mask:
    hidden, outside, boundary = reasons
    if mode in ("binary", "photometric"):
        return jnp.where(outside | hidden | boundary, 0.0, 1.0).astype(dtype)
    if mode == "ijcv":
        return minimum_near(jnp.where(outside | hidden, 0.0, 1.0).astype(dtype), IJCV_MARGIN)
    # The order matters: outside wins over hidden, hidden over boundary.
    level = jnp.where(outside, 0.0, jnp.where(hidden, -255.0, jnp.where(boundary, 0.0, 255.0)))
    return grey_levels(level.astype(dtype))


def check_mask_options(
    mode: str, edge: str, image: ImageLike | None, other: ImageLike | None
) -> None:
    """Refuse a mode or edge rule that there isn't, or a mode without the frames that it needs.

    Raises:
        ValueError: as said.
    """
    if mode not in get_args(MaskMode) or edge not in get_args(EdgeRule):
        raise ValueError(
            f"mode={mode!r}, edge={edge!r}; expected mode 'binary', 'soft', 'ijcv' or "
            "'photometric' and edge 'clamp' or 'torch'"
        )
    if mode == "ijcv" and image is None:
        raise ValueError(
            "mode='ijcv' was given no image; it looks at the frame: give image=FRAME, or use "
            "mode 'binary' or 'soft'"
        )
    if mode == "photometric" and (image is None or other is None):
        raise ValueError(
            "mode='photometric' was not given both frames; it compares them: give image=FRAME and "
            "other=OTHER, or use mode 'binary' or 'soft'"
        )


def reasons_of_mode(
    flow: Flow,
    flow_back: Flow,
    *,
    mode: MaskMode,
    edge: EdgeRule,
    image: Image | None,
    other: Image | None,
) -> MaskReasons:
    """Return the reasons that a mode looks at; see ``consistency_mask``.

    In ``photometric``, ``boundary`` is where the two frames contradict the flow.
    """
    reasons = mask_reasons(flow, flow_back, edge=edge, image=image if mode == "ijcv" else None)
    if mode != "photometric":
        return reasons
    assert image is not None and other is not None  # see ``check_mask_options``
    return reasons._replace(boundary=photometric_mismatch(flow, flow_back, image, other))


def grey_levels(level: Float[Array, "h w"]) -> Mask:
    """Smooth levels of −255 to 255 and cut them to grey levels, as the Torch code writes them."""
    # 255 times the taps sums to 254.99998 in float32; the cap keeps it there whatever the
    # order in which an accelerator adds.
    return jnp.clip(jnp.floor(_smooth(level)), 0.0, 254.0) / 255.0


def minimum_near(mask: Mask, pixels: int) -> Mask:
    """Take the least trust within a number of pixels, down and across."""
    size = 2 * pixels + 1
    infinity = jnp.asarray(jnp.inf, mask.dtype)
    for window in ((size, 1), (1, size)):
        mask = jax.lax.reduce_window(mask, infinity, jax.lax.min, window, (1, 1), "SAME")
    return mask


def long_term_weights(masks: Float[AnyArray, "j h w"]) -> Float[Array, "j h w"]:
    r"""Divide the trust in each pixel among the lags, the nearest lag first.

    .. math:: c^{long}_{(i-j,i)} = \max\Bigl(c_{(i-j,i)} - \sum_{k \in J,\, k < j}
        c_{(i-k,i)},\ 0\Bigr)

    Args:
        masks: one mask a lag, nearest lag first, ``[j h w]`` in [0, 1]; a lag that does not
            exist is a mask of zeros.

    Source: Ruder et al. 2016, equation 9. Differs from the Torch code, which subtracts the
    weights already reduced: the same for binary masks only.
    """
    (masks,) = floats(masks=(masks, "j h w"))
    nearer = jnp.cumsum(masks, axis=0) - masks
    return jnp.maximum(masks - nearer, 0.0)


@dataclass(frozen=True)
class MaskKnobs:
    """How much, how far and how softly each reason counts: disoccluded, outside, boundary.

    Args:
        weights: 1 takes all trust away, 0 ignores the reason.
        dilate: pixels by which the reason's area grows, down and across.
        blur: standard deviation in pixels by which its edge is softened, after it has grown.

    Raises:
        InputError: a weight out of [0, 1], or pixels out of [0, 64].
    """

    weights: tuple[float, ...] = (1.0, 1.0, 1.0)
    dilate: tuple[int, ...] = (0, 0, 0)
    blur: tuple[float, ...] = (0.0, 0.0, 0.0)

    def __post_init__(self) -> None:
        """Refuse values out of range at once."""
        for name, values, most in (
            ("weights", self.weights, 1),
            ("dilate", self.dilate, _LARGEST),
            ("blur", self.blur, _LARGEST),
        ):
            if len(values) != 3 or not all(math.isfinite(v) and 0 <= v <= most for v in values):
                raise InputError(
                    f"the mask's {name} are {' '.join(map(str, values))}; expected 3 numbers from "
                    f"0 to {most}: for disoccluded, outside and motion boundary"
                )


def knobs_of(
    *,
    weights: tuple[float, ...] = (1.0,),
    dilate: tuple[int, ...] = (0,),
    blur: tuple[float, ...] = (0.0,),
) -> MaskKnobs:
    """Make knobs of one number for all reasons, or of three.

    Raises:
        InputError: another count of numbers, or numbers out of range.
    """
    return MaskKnobs(
        weights * 3 if len(weights) == 1 else weights,
        dilate * 3 if len(dilate) == 1 else dilate,
        blur * 3 if len(blur) == 1 else blur,
    )


def shaped_mask(
    flow: Flow,
    flow_back: Flow,
    *,
    mode: MaskMode = "binary",
    edge: EdgeRule = "clamp",
    image: Image | None = None,
    other: Image | None = None,
    knobs: MaskKnobs = MaskKnobs(),
) -> Mask:
    """Tell how far the flow can be trusted, with knobs on each reason.

    With the default knobs it is ``consistency_mask``.

    Args:
        flow: from the frame that the mask lives on to the other one, pixels.
        flow_back: from the other frame to this one, pixels.
        mode: see ``consistency_mask``; ``ijcv`` has no motion boundaries to weight, and
            ``photometric`` weights in their place where the frames contradict the flow.
        edge: see ``consistency_mask``.
        image: the frame that the mask lives on, see ``consistency_mask``.
        other: the frame that the flow points to, see ``consistency_mask``.
        knobs: static under jit.

    Raises:
        ValueError: an unknown mode or edge rule, or a mode without the frames that it needs.
    """
    check_mask_options(mode, edge, image, other)
    reasons = reasons_of_mode(flow, flow_back, mode=mode, edge=edge, image=image, other=other)
    margin = IJCV_MARGIN if mode == "ijcv" else 0
    hidden, outside, boundary = (
        weight * soften(grow(reason, pixels + margin), sigma).astype(flow.dtype)
        for reason, weight, pixels, sigma in zip(
            reasons, knobs.weights, knobs.dilate, knobs.blur, strict=True
        )
    )
    if mode == "soft":
        # The Torch code's order: outside wins over hidden, hidden over boundary; see there.
        doubt = 510.0 * hidden + (1.0 - hidden) * 255.0 * boundary
        mask = grey_levels(255.0 - (255.0 * outside + (1.0 - outside) * doubt))
    else:
        doubt = jnp.maximum(hidden, outside)
        mask = 1.0 - (doubt if mode == "ijcv" else jnp.maximum(doubt, boundary))
    # Whatever the knobs: there is no motion to trust.
    return jnp.where(unknown_motion(flow, flow_back), 0.0, mask)


def grow(area: Bool[Array, "h w"], pixels: int) -> Float[Array, "h w"]:
    """Return 1 within a number of pixels of an area, down and across, else 0."""
    return 1.0 - minimum_near(1.0 - area.astype(jnp.float32), pixels)


def soften(area: Float[Array, "h w"], sigma: float) -> Float[Array, "h w"]:
    """Blur an area's edge by a Gaussian, cut at three standard deviations."""
    if sigma == 0:
        return area
    return gaussian_blur(area[..., None], sigma, int(np.ceil(3 * sigma)))[..., 0]


def _smooth(level: Float[Array, "h w"]) -> Float[Array, "h w"]:
    """Smooth by five Gaussian taps along x, then y; the border is mirrored with its edge."""
    h, w = level.shape
    radius = len(_GAUSSIAN) // 2
    wide = jnp.pad(level, ((0, 0), (radius, radius)), mode="symmetric")
    level = sum(
        (tap * wide[:, i : i + w] for i, tap in enumerate(_GAUSSIAN)), jnp.zeros_like(level)
    )
    tall = jnp.pad(level, ((radius, radius), (0, 0)), mode="symmetric")
    return sum((tap * tall[i : i + h] for i, tap in enumerate(_GAUSSIAN)), jnp.zeros_like(level))
