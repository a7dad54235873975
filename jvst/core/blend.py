"""The blend with a warped neighbour, and the passes' order."""

import jax.numpy as jnp

from jvst._types import Image, ImageLike, MaskLike, ScalarLike
from jvst.core.arguments import check_least, floats


def blend(image: ImageLike, warped: ImageLike, mask: MaskLike, strength: ScalarLike) -> Image:
    r"""Mix a frame with its warped neighbour where the motion can be trusted.

    .. math:: x' = (1 - \delta c)\, x + \delta c\, \omega

    Args:
        image: the frame of the last pass, RGB in [0, 1].
        warped: its stylized neighbour, warped to it, RGB in [0, 1].
        mask: trust in the motion, ``[h w]`` in [0, 1].
        strength: δ in [0, 1]; the paper takes 0.5.

    Source: Ruder et al. 2016, section 5.4. Differs from the Torch code's
    (x + b·c·ω)/(1 + b·c), which is the same at b = 1, δ = 0.5 for binary masks only.
    """
    image, warped, mask = floats(
        image=(image, "h w 3"), warped=(warped, "h w 3"), mask=(mask, "h w")
    )
    share = jnp.multiply(strength, mask[..., None])  # [h w 1]
    return (1.0 - share) * image + share * warped


def pass_order(frames: int, pass_number: int) -> range:
    """Return the order in which a pass visits the frames: pass 2 forward, pass 3 backward, …

    Args:
        frames: number of frames of the clip.
        pass_number: 1 for the first pass, whose order is of no effect.

    Source: Ruder et al. 2016, section 5.4: passes alternate in direction.
    """
    check_least("frames", frames, 0)
    check_least("pass_number", pass_number, 1)
    return range(frames) if pass_number % 2 == 0 else range(frames - 1, -1, -1)
