"""Pictures of flow and masks, to look at."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float32

from jvst._types import FlowField, Frame
from jvst.core.warp import warp

#: RGB of what isn't trusted: disoccluded red, outside blue, motion boundary yellow.
REASON_COLOURS = ((230, 40, 40), (40, 90, 230), (245, 210, 40))


def overlay_mask(frame: Frame, mask: Float32[np.ndarray, "h w"]) -> Frame:
    """Lay a mask over its frame: what isn't trusted turns red, the rest grey.

    Args:
        frame: the frame on which the mask lives.
        mask: trust in [0, 1].
    """
    grey = 0.4 * frame.mean(-1, keepdims=True) + 0.4 * frame
    doubt = 0.7 * (1 - mask[..., None])
    return _to_frame((1 - doubt) * grey + doubt * np.array(REASON_COLOURS[0]))


def overlay_reasons(
    frame: Frame,
    disoccluded: Bool[np.ndarray, "h w"],
    outside: Bool[np.ndarray, "h w"],
    boundary: Bool[np.ndarray, "h w"],
) -> Frame:
    """Lay the reasons over their frame, each in its colour; the first in order wins."""
    picture = 0.4 * frame.mean(-1, keepdims=True) + 0.4 * frame
    for area, colour in zip(
        (boundary, disoccluded, outside), np.array(REASON_COLOURS)[[2, 0, 1]], strict=True
    ):
        picture = np.where(area[..., None], 0.3 * picture + 0.7 * colour, picture)
    return _to_frame(picture)


def warped_difference(frame: Frame, other: Frame, flow: FlowField, *, gain: float = 3.0) -> Frame:
    """What warping the other frame leaves unexplained: black where it explains all.

    Args:
        frame: the frame on which the arrows start.
        other: the frame to which they point.
        flow: (dx, dy) in pixels.
        gain: how much the differences are brightened.
    """
    warped = np.asarray(warp(jnp.asarray(other, jnp.float32), jnp.asarray(flow)))
    return _to_frame(gain * np.abs(warped - frame))


def _to_frame(picture: np.ndarray) -> Frame:
    return np.clip(np.rint(picture), 0, 255).astype(np.uint8)
