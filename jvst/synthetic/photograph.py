"""A photograph that a camera pans over and zooms into."""

import cv2
import numpy as np

from jvst._types import Frame
from jvst.errors import InputError
from jvst.synthetic.fields import check_size
from jvst.synthetic.scene import Layer, Scene, Texture, Trajectory
from jvst.synthetic.shapes import Everywhere

# The photograph reaches this far beyond the frame, at rest, along its tighter side.
_ROOM = 1.25
# In short sides of the frame and in frames: at 768×432 some 4 pixels a frame, and closer by a
# tenth after a quarter of a period. Beyond its edges the photograph is mirrored.
_CAMERA = Trajectory(
    sway=(0.11, 0.05), sway_period=(72, 56), sway_phase=(0.8, 0.9), zoom=0.1, pulse_period=80
)


def photograph_scene(photograph: Frame, *, width: int, height: int) -> Scene:
    """Make a scene of one flat layer, a photograph, and a camera that moves.

    All that a frame shows, the next shows too, but for its edges: nothing is covered.

    Args:
        photograph: 8-bit RGB of any size; scaled so that it is a quarter larger than the frame.
        width: of the frames in pixels, at least 32.
        height: of the frames in pixels, at least 32.

    Raises:
        InputError: a side of the frame or of the photograph is under 32 pixels.
    """
    check_size(width, height)
    rows, columns = photograph.shape[:2]
    if min(rows, columns) < 32:
        raise InputError(f"the photograph has {columns}x{rows} pixels; expected at least 32 a side")
    scale = _ROOM * max(width / columns, height / rows)
    size = round(columns * scale), round(rows * scale)
    smooth = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    pixels = cv2.resize(photograph, size, interpolation=smooth).astype(np.float32) / 255
    unit = float(min(width, height))
    origin = ((1 - size[0]) / 2 / unit, (1 - size[1]) / 2 / unit)
    return Scene(
        width,
        height,
        (Layer("photograph", Everywhere(), Texture(pixels, origin, unit), _CAMERA),),
    )
