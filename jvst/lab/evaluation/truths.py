"""Clips with known motion, also at another size."""

from typing import NamedTuple, Protocol, runtime_checkable

import cv2
import numpy as np
from jaxtyping import Bool

from jvst._types import FlowField, Frame


@runtime_checkable
class TrueMotion(Protocol):
    """Motion from one frame to another, and where it is visible in both."""

    @property
    def flow(self) -> FlowField:
        """From the frame that it lives on to the other, pixels."""
        ...

    @property
    def visible(self) -> Bool[np.ndarray, "h w"]:
        """Whether what the pixel shows is seen in the other frame, too."""
        ...


@runtime_checkable
class TrueClip(Protocol):
    """A clip whose motion is known."""

    @property
    def name(self) -> str:
        """Its name in tables."""
        ...

    @property
    def lags(self) -> tuple[int, ...]:
        """Distances beyond 1 over which motion is known."""
        ...

    def image(self, index: int) -> Frame:
        """Return a frame."""
        ...

    def truth(self, index: int, lag: int = 1) -> TrueMotion | None:
        """Return the motion from a frame to the one ``lag`` later, if it is known."""
        ...

    def truth_from_first(self, index: int) -> TrueMotion | None:
        """Return the motion from frame 0 to a frame, if it is known."""
        ...


class ScaledMotion(NamedTuple):
    """See ``TrueMotion``."""

    flow: FlowField
    visible: Bool[np.ndarray, "h w"]


class ScaledClip:
    """A clip brought to another size, its motion with it.

    A pixel counts as visible where all that it is made of is, and moves as the pixel nearest to
    its centre: a mean over the edge of an object would be the motion of nothing.

    Args:
        clip: the clip.
        size: (width, height) in pixels.
    """

    def __init__(self, clip: TrueClip, size: tuple[int, int]):
        self._clip, self._size = clip, size

    @property
    def name(self) -> str:
        """Its name in tables."""
        return self._clip.name

    @property
    def lags(self) -> tuple[int, ...]:
        """Distances beyond 1 over which motion is known."""
        return self._clip.lags

    def image(self, index: int) -> Frame:
        """Return a frame."""
        frame = self._clip.image(index)
        shrink = self._size[0] * self._size[1] < frame.shape[0] * frame.shape[1]
        how = cv2.INTER_AREA if shrink else cv2.INTER_CUBIC
        return cv2.resize(frame, self._size, interpolation=how)

    def truth(self, index: int, lag: int = 1) -> ScaledMotion | None:
        """Return the motion from a frame to the one ``lag`` later, if it is known."""
        return self._scaled(self._clip.truth(index, lag))

    def truth_from_first(self, index: int) -> ScaledMotion | None:
        """Return the motion from frame 0 to a frame, if it is known."""
        return self._scaled(self._clip.truth_from_first(index))

    def _scaled(self, truth: TrueMotion | None) -> ScaledMotion | None:
        if truth is None:
            return None
        height, width = truth.visible.shape
        per_pixel = np.array([self._size[0] / width, self._size[1] / height], np.float32)
        flow = cv2.resize(truth.flow, self._size, interpolation=cv2.INTER_NEAREST_EXACT)
        visible = truth.visible.astype(np.float32)
        how = cv2.INTER_AREA if self._size[0] < width else cv2.INTER_LINEAR
        share = cv2.resize(visible, self._size, interpolation=how)
        return ScaledMotion(flow * per_pixel, share > 0.999)
