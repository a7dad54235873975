"""Flow as a picture: hue is the direction, saturation the length."""

import numpy as np
from jaxtyping import Float64

from jvst._types import FlowField, Frame

#: Steps from red to yellow, green, cyan, blue, magenta, and back to red, chosen by eye for even
#: change. Source: Baker et al. 2011, *A database and evaluation methodology for optical flow*.
_STEPS = (15, 6, 4, 11, 13, 6)


def colour_wheel() -> Float64[np.ndarray, "k 3"]:
    """The colours of all directions, RGB in [0, 1], from pointing left on, by way of up."""
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
