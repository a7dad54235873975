"""Appearance of a clip: content, style, sharpness, contrast near borders."""

import functools
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool

from jvst._types import Frame, Image, Scalar, StyleTargets
from jvst.core.image import luminance
from jvst.core.metrics import gradient_energy
from jvst.lab.evaluation.measures import Numbers, Shown, mean_known, to_unit
from jvst.network.vgg import VGG19
from jvst.solver.objective import (
    CONTENT_LAYERS,
    FrameTargets,
    LossTerms,
    LossWeights,
    content_targets,
    frame_loss,
)

_BORDER = 0.1  # "near the border": within this part of a side
_WINDOW = 5  # pixels, side of the window of local contrast
_FLAT = 1e-6  # contrast under which a picture has none, but for rounding


def appearance(
    images: Sequence[Shown],
    inputs: Sequence[Frame],
    vgg: VGG19,
    style: StyleTargets,
    weights: LossWeights,
    *,
    layers: tuple[str, ...] = CONTENT_LAYERS,
) -> Numbers:
    """Measure how a clip looks, whatever its motion.

    Args:
        images: the stylized frames, clipped to [0, 1] here.
        inputs: the frames that they were made from.
        vgg: the network.
        style: Gram matrices of the style.
        weights: scales of the content and style terms.
        layers: names of the content layers.

    Returns:
        ``content`` and ``style``, the weighted terms, and ``gradient_energy``, means over the
        frames after the first;
        ``border_contrast`` and ``middle_contrast``, see ``local_contrast``, and ``contrast``,
        the mean of the ratio of the two; means over all frames.
    """
    shown = [np.clip(image, 0.0, 1.0) for image in images]
    terms = [
        loss_terms(
            jnp.asarray(image), vgg, jnp.asarray(to_unit(frame)), style, weights, layers=layers
        )
        for image, frame in zip(shown[1:], inputs[1:], strict=False)
    ]
    contrasts = [tuple(map(float, local_contrast(jnp.asarray(image)))) for image in shown]
    return {
        "content": mean_known([float(term.content) for term in terms]),
        "style": mean_known([float(term.style) for term in terms]),
        "gradient_energy": mean_known([float(_energy(jnp.asarray(i))) for i in shown[1:]]),
        "border_contrast": mean_known([border for border, _ in contrasts]),
        "middle_contrast": mean_known([middle for _, middle in contrasts]),
        "contrast": mean_known([border / middle for border, middle in contrasts if middle > _FLAT]),
    }


_energy = jax.jit(gradient_energy)


@functools.partial(jax.jit, static_argnames="layers")
def loss_terms(
    image: Image,
    vgg: VGG19,
    frame: Image,
    style: StyleTargets,
    weights: LossWeights,
    *,
    layers: tuple[str, ...] = CONTENT_LAYERS,
) -> LossTerms:
    """Evaluate the weighted terms of a frame by itself; there is no temporal one.

    Args:
        image: the stylized frame, RGB in [0, 1].
        vgg: the network.
        frame: the content frame, RGB in [0, 1].
        style: Gram matrices of the style.
        weights: weights of the terms.
        layers: names of the content layers.
    """
    nothing = jnp.zeros((1, *image.shape), image.dtype)
    content = content_targets(vgg, frame, layers=layers)
    targets = FrameTargets(content, style, nothing, nothing[..., 0])
    return frame_loss(image, vgg, targets, weights)[1]


@jax.jit
def local_contrast(image: Image) -> tuple[Scalar, Scalar]:
    """Return the mean local contrast near the border, within a tenth of a side, and elsewhere.

    Local contrast is the standard deviation of luminance over 5×5 pixels; only windows that lie
    in the picture count, each at its centre.
    """
    light = luminance(image)
    height, width = (side - _WINDOW + 1 for side in light.shape)
    windows = jnp.stack(
        [light[y : y + height, x : x + width] for y in range(_WINDOW) for x in range(_WINDOW)]
    )  # [25 height width]
    deviation = jnp.std(windows, axis=0)
    near = _near_border(light.shape[0])[:, None] | _near_border(light.shape[1])[None, :]
    return jnp.mean(deviation, where=near), jnp.mean(deviation, where=~near)


def _near_border(side: int) -> Bool[Array, " n"]:
    """Tell for the centre of each whole window along a side whether it is near an end."""
    centre = (jnp.arange(_WINDOW // 2, side - _WINDOW // 2, dtype=jnp.float32) + 0.5) / side
    return (centre < _BORDER) | (centre > 1.0 - _BORDER)
