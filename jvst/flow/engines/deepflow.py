"""``deepflow``: the variational half of DeepFlow, from OpenCV's contrib modules."""

from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
from jaxtyping import Float32, UInt8

from jvst._types import FlowField, Frame
from jvst.errors import InputError
from jvst.flow.engine import contrib_function

#: OpenCV's pyramid keeps at least 25 px a side, and on few levels little is left of the motion:
#: of a shift by 1.1 px, smooth texture, 0.98 px are missing at 26 px a side, 0.25 at 32 and 0.04
#: at 40.
_SMALLEST_SIDE = 40


@dataclass(frozen=True)
class DeepFlow:
    """OpenCV's DeepFlow: coarse to fine variational flow, closest to the reference fields.

    Differs from the paper's DeepFlow (Weinzaepfel et al. 2013): OpenCV's has no matching term,
    so DeepMatching doesn't guide it and it loses motion that is large against the frame; it is
    the better one on small motion. None of its settings can be changed from Python.
    """

    name: str = field(default="deepflow", init=False)

    @property
    def settings(self) -> dict[str, str | int | float | bool]:
        """What the result depends on besides the frames."""
        return {"opencv": cv2.__version__}

    def estimate_batch(
        self, images_from: UInt8[np.ndarray, "n h w 3"], images_to: UInt8[np.ndarray, "n h w 3"]
    ) -> Float32[np.ndarray, "n h w 2"]:
        """Estimate n fields, one after the other.

        Raises:
            InputError: this OpenCV comes without its contrib modules, or a side is shorter than
                40 px.
        """
        height, width = images_from.shape[1:3]
        if min(height, width) < _SMALLEST_SIDE:
            raise InputError(
                f"the frames are {width}x{height} pixels; the flow engine deepflow needs at least "
                f"{_SMALLEST_SIDE} pixels a side: give larger frames, or use the engine dis"
            )
        create = contrib_function("optflow", "createOptFlow_DeepFlow", engine=self.name)
        return np.stack(
            [_estimate(create(), *pair) for pair in zip(images_from, images_to, strict=True)]
        )


def _estimate(deepflow: Any, image_from: Frame, image_to: Frame) -> FlowField:
    grey_from = cv2.cvtColor(image_from, cv2.COLOR_RGB2GRAY)
    grey_to = cv2.cvtColor(image_to, cv2.COLOR_RGB2GRAY)
    return deepflow.calc(grey_from, grey_to, None)
