"""OpenCV's contrib modules, asked for where they are used: plain OpenCV lacks them."""

from typing import Any

import cv2

from jvst.errors import InputError


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
