"""The protocol of flow engines, and the checks they share."""

from typing import Any, Protocol, runtime_checkable

import cv2
import numpy as np
from jaxtyping import Float32, UInt8

from jvst.errors import InputError


@runtime_checkable
class Engine(Protocol):
    """What an optical flow engine has; it is safe to call from several threads."""

    @property
    def name(self) -> str:
        """The word that selects the engine."""
        ...

    @property
    def settings(self) -> dict[str, str | int | float | bool]:
        """Everything besides the frames that the field depends on, versions included.

        Plain values: they are part of the cache's key.
        """
        ...

    def estimate_batch(
        self, images_from: UInt8[np.ndarray, "n h w 3"], images_to: UInt8[np.ndarray, "n h w 3"]
    ) -> Float32[np.ndarray, "n h w 2"]:
        """Estimate the flow of n pairs of RGB frames, all of one size."""
        ...


def check_pair(image_from: np.ndarray, image_to: np.ndarray) -> None:
    """Refuse what is not two 8-bit RGB frames of one size.

    Raises:
        InputError: another type or shape, or two sizes.
    """
    for image in (image_from, image_to):
        if not isinstance(image, np.ndarray):
            raise InputError(
                f"optical flow was given {image!r:.40}; expected NumPy arrays of 8-bit RGB, uint8 "
                "[height, width, 3]: numpy.asarray(jvst.to_uint8(image)) makes one"
            )
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or image.size == 0:
            raise InputError(
                f"optical flow was given {image.dtype}{list(image.shape)}; "
                "expected 8-bit RGB frames, uint8 [height, width, 3]"
            )
    if image_from.shape != image_to.shape:
        (height, width), (other_height, other_width) = image_from.shape[:2], image_to.shape[:2]
        raise InputError(
            f"optical flow was given frames of {width}x{height} and {other_width}x{other_height} "
            "pixels; give two frames of the same size"
        )


def contrib_function(module: str, name: str, *, engine: str) -> Any:
    """Look up a function of a contrib module at the call, not at import.

    Args:
        module: such as ``ximgproc``.
        name: of the function in it.
        engine: who needs it, for the message.

    Raises:
        InputError: this OpenCV comes without its contrib modules.
    """
    function = getattr(getattr(cv2, module, None), name, None)
    if function is None:
        raise InputError(
            f"the flow engine {engine} needs OpenCV's contrib modules; "
            "pip install opencv-contrib-python-headless, or use the engine dis, which runs without"
        )
    return function


def has_contrib() -> bool:
    """Tell whether this OpenCV can interpolate sparse matches (``epic``, ``epicflow``)."""
    return hasattr(getattr(cv2, "ximgproc", None), "createEdgeAwareInterpolator")
