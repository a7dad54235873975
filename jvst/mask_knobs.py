"""Masks as a person wants them: each reason for distrust weighted, widened and softened."""

import math
from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from jvst._types import Flow, Image, Mask
from jvst.consistency import (
    IJCV_MARGIN,
    EdgeRule,
    MaskMode,
    check_mask_options,
    grey_levels,
    mask_reasons,
    minimum_near,
)
from jvst.corners import gaussian_blur
from jvst.errors import InputError

#: Widening and softening beyond this leave nothing of a mask, in pixels.
_LARGEST = 64


@dataclass(frozen=True)
class MaskKnobs:
    """How much, how far and how softly each reason counts: disoccluded, outside, boundary.

    Args:
        weights: 1 takes all trust away, 0 forgets the reason.
        dilate: pixels by which the reason's area grows, down and across.
        blur: standard deviation in pixels by which its edge is softened, after it has grown.

    Raises:
        InputError: a weight out of [0, 1], or pixels out of [0, 64].
    """

    weights: tuple[float, ...] = (1.0, 1.0, 1.0)
    dilate: tuple[int, ...] = (0, 0, 0)
    blur: tuple[float, ...] = (0.0, 0.0, 0.0)

    def __post_init__(self) -> None:
        """Refuse at once what can't be meant."""
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
    knobs: MaskKnobs = MaskKnobs(),
) -> Mask:
    """Tell how far the flow can be trusted, with knobs on each reason.

    With the default knobs it is ``consistency_mask``.

    Args:
        flow: from the frame that the mask lives on to the other one, pixels.
        flow_back: from the other frame to this one, pixels.
        mode: see ``consistency_mask``; ``ijcv`` has no motion boundaries to weight.
        edge: see ``consistency_mask``.
        image: the frame that the mask lives on; ``ijcv`` needs it.
        knobs: static under jit.

    Raises:
        ValueError: an unknown mode or edge rule, or ``ijcv`` without the image.
    """
    check_mask_options(mode, edge, image)
    reasons = mask_reasons(flow, flow_back, edge=edge, image=image if mode == "ijcv" else None)
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
        return grey_levels(255.0 - (255.0 * outside + (1.0 - outside) * doubt))
    doubt = jnp.maximum(hidden, outside)
    return 1.0 - (doubt if mode == "ijcv" else jnp.maximum(doubt, boundary))


def grow(area: Bool[Array, "h w"], pixels: int) -> Float[Array, "h w"]:
    """1 within so many pixels of an area, down and across, else 0."""
    return 1.0 - minimum_near(1.0 - area.astype(jnp.float32), pixels)


def soften(area: Float[Array, "h w"], sigma: float) -> Float[Array, "h w"]:
    """Blur an area's edge by a Gaussian, cut at three standard deviations."""
    if sigma == 0:
        return area
    return gaussian_blur(area[..., None], sigma, int(np.ceil(3 * sigma)))[..., 0]
