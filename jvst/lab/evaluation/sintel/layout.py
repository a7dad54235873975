"""Paths of a sequence's files, and points outside the frame."""

from pathlib import Path

import numpy as np
from jaxtyping import Bool

from jvst._types import FlowField

PixelMask = Bool[np.ndarray, "h w"]


def ending(lag: int) -> str:
    """Return the end of the names of the folders for motion over ``lag`` frames."""
    return "" if lag == 1 else f"_{lag:02d}"


def beside(folder: Path, kind: str, name: str, frame: Path, suffix: str) -> Path:
    """Return the path of the file of another kind that belongs to a frame."""
    return folder / kind / name / f"{frame.stem}{suffix}"


def outside_frame(flow: FlowField) -> PixelMask:
    """Tell which pixels a flow takes beyond the centres of the frame's outermost pixels."""
    height, width, _ = flow.shape
    y, x = np.mgrid[:height, :width] + np.moveaxis(flow, -1, 0)[::-1].astype(float)
    return (x < 0) | (x > width - 1) | (y < 0) | (y > height - 1)
