"""What every engine and matcher asks of its two frames."""

import numpy as np

from jvst.errors import InputError


def check_pair(image_from: np.ndarray, image_to: np.ndarray) -> None:
    """Refuse what is not two 8-bit RGB frames of one size.

    Raises:
        InputError: another type or shape, or two sizes.
    """
    for image in (image_from, image_to):
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
