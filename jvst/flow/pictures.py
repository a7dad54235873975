"""Pictures of flow and masks, to look at."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float32, Float64

from jvst._types import FlowField, Frame
from jvst.core.warp import warp

#: Steps from red to yellow, green, cyan, blue, magenta, and back to red, chosen by eye for even
#: change. Source: Baker et al. 2011, *A database and evaluation methodology for optical flow*.
_STEPS = (15, 6, 4, 11, 13, 6)


def colour_wheel() -> Float64[np.ndarray, "k 3"]:
    """Return the colours of all directions, RGB in [0, 1], from left through up."""
    corners = np.array(
        [[1, 0, 0], [1, 1, 0], [0, 1, 0], [0, 1, 1], [0, 0, 1], [1, 0, 1], [1, 0, 0]], float
    )
    parts = []
    for steps, start, end in zip(_STEPS, corners[:-1], corners[1:], strict=True):
        along = np.arange(steps)[:, None] / steps
        parts.append((1 - along) * start + along * end)
    return np.concatenate(parts)


def colour_flow(flow: FlowField, *, largest: float | None = None) -> Frame:
    """Colour a field as the Middlebury benchmark does; white stands still.

    Args:
        flow: (dx, dy) in pixels.
        largest: length of full saturation, in pixels; longer ones are darker. None takes the
            longest of the field.
    """
    length = np.linalg.norm(flow.astype(np.float64), axis=-1)
    if largest is None:
        largest = float(length.max())
    length = length / max(largest, 1e-6)
    wheel = colour_wheel()
    turn = np.arctan2(-flow[..., 1], -flow[..., 0]) / np.pi  # −1 … 1
    place = (turn + 1) / 2 * (len(wheel) - 1)
    low = np.floor(place).astype(np.intp)
    part = (place - low)[..., None]
    colour = (1 - part) * wheel[low] + part * wheel[(low + 1) % len(wheel)]
    inside = (length <= 1)[..., None]
    colour = np.where(inside, 1 - length[..., None] * (1 - colour), 0.75 * colour)
    return np.floor(255 * colour).astype(np.uint8)


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
    """Show what warping the other frame leaves unexplained: black where it explains all.

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
