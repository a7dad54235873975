"""Ablation of the method's parts: three runs of a clip.

The runs are measured with flow fields that they were not made with.

Independent frames from one noise image, the warped start alone, and the warped start with the
temporal term, at the same weights and the same number of iterations. The first frame is the same
in all three and is solved once.
"""

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import PRNGKeyArray

from jvst._types import Flow, Image, Mask, StyleTargets
from jvst.core.metrics import masked_warping_error, warping_error
from jvst.film.clip import ClipConfig, StylizedFrame, stylize_clip
from jvst.film.neighbours import Motion
from jvst.lab.evaluation.appearance import loss_terms
from jvst.network.vgg import VGG19
from jvst.solver.objective import CONTENT_LAYERS, LossWeights

INDEPENDENT = "independent frames, one noise image"
WARPED_START = "warped start"
TEMPORAL = "warped start and temporal term"


class Truth(NamedTuple):
    """Motion from one frame to the one before, from elsewhere than the run's own engine."""

    flow: Flow
    mask: Mask


class Row(NamedTuple):
    """One line of the table."""

    name: str
    error: float  # warping_error, mean over the pairs
    masked_error: float  # masked_warping_error, mean over the pairs
    content: float  # weighted content term, mean over the frames after the first
    style: float  # weighted style term, likewise


def run_variants(
    frames: Sequence[Image],
    motions: Sequence[dict[int, Motion]],
    vgg: VGG19,
    style: StyleTargets,
    weights: LossWeights,
    *,
    config: ClipConfig,
    key: PRNGKeyArray,
) -> dict[str, list[Image]]:
    """Stylize a clip in the three ways.

    Args:
        frames: the clip, RGB in [0, 1].
        motions: as for ``stylize_clip``.
        vgg: the network.
        style: Gram matrices of the style.
        weights: weights of the terms of the third way; the others drop the temporal one.
        config: caps and solver; a frame gets ``first_iterations`` whichever way it starts.
        key: draws the noise image.

    Returns:
        Way -> its frames, RGB, not clipped.
    """
    config = dataclasses.replace(config, next_iterations=config.first_iterations)
    loose = weights._replace(temporal=0.0)
    options = {"config": config, "key": key}
    first = next(iter(stylize_clip(frames[:1], [{}], vgg, style, weights, **options)))
    nothing: list[dict[int, Motion]] = [{} for _ in frames[1:]]
    rest = {"first": 1, "earlier": {0: first.image}, **options}

    def images(made: Sequence[StylizedFrame]) -> list[Image]:
        return [first.image, *(frame.image for frame in made)]

    return {
        name: images(list(stylize_clip(frames[1:], how, vgg, style, terms, **rest)))
        for name, how, terms in (
            (INDEPENDENT, nothing, loose),
            (WARPED_START, motions[1:], loose),
            (TEMPORAL, motions[1:], weights),
        )
    }


def measure(
    name: str,
    images: Sequence[Image],
    frames: Sequence[Image],
    truths: Sequence[Truth],
    vgg: VGG19,
    style: StyleTargets,
    weights: LossWeights,
    *,
    layers: tuple[str, ...] = CONTENT_LAYERS,
) -> Row:
    """Measure one clip against motion that it was not made with.

    Args:
        name: what to call it.
        images: the stylized clip; clipped to [0, 1] here, as it is shown.
        frames: the clip that it was made from.
        truths: motion from frame 1 to 0, from 2 to 1, …; may be fewer than the frames.
        vgg: the network.
        style: Gram matrices of the style.
        weights: scales of the content and style terms.
        layers: names of the content layers.
    """
    shown = [jnp.clip(image, 0.0, 1.0) for image in images]
    pairs = [(shown[i + 1], shown[i], *truth) for i, truth in enumerate(truths)]
    terms = [
        loss_terms(image, vgg, frame, style, weights, layers=layers)
        for image, frame in zip(images[1:], frames[1:], strict=True)
    ]
    return Row(
        name,
        float(np.mean([warping_error(*pair) for pair in pairs])),
        float(np.mean([masked_warping_error(*pair) for pair in pairs])),
        float(np.mean([term.content for term in terms])),
        float(np.mean([term.style for term in terms])),
    )


def markdown(rows: Sequence[Row]) -> str:
    """Return the table; errors in units of 1e-4, losses relative to the first row's."""
    lines = [
        "| | warping error ×10⁻⁴ (paper) | E_warp ×10⁻⁴ (Lai) | content | style |",
        "|---|---|---|---|---|",
    ]
    base = rows[0]
    for row in rows:
        relative = (
            ("–", "–")
            if np.isnan(row.content)
            else (f"{row.content / base.content:.3f}", f"{row.style / base.style:.3f}")
        )
        lines.append(
            f"| {row.name} | {row.error * 1e4:.2f} | {row.masked_error * 1e4:.2f} | "
            f"{relative[0]} | {relative[1]} |"
        )
    return "\n".join(lines)


def floor(frames: Sequence[Image], truths: Sequence[Truth]) -> Row:
    """Measure the input clip itself: no stylized clip need be steadier."""
    pairs = [(frames[i + 1], frames[i], *truth) for i, truth in enumerate(truths)]
    return Row(
        "the clip itself",
        float(np.mean([warping_error(*pair) for pair in pairs])),
        float(np.mean([masked_warping_error(*pair) for pair in pairs])),
        float("nan"),
        float("nan"),
    )
