"""Small stylization problems that several tests share."""

import functools

import jax
import jax.numpy as jnp
from flax import nnx
from support.once import made_once

from jvst.network.vgg import VGG19
from jvst.solver.objective import (
    FrameTargets,
    LossTerms,
    LossWeights,
    content_targets,
    style_targets,
)

WEIGHTS = LossWeights(content=1e-3, style=1.0, temporal=1e-3, total_variation=1e-8)


@made_once
def network() -> VGG19:
    """A VGG-19 with 4 to 32 channels and random kernels."""
    return VGG19(width=1 / 16, rngs=nnx.Rngs(0))


@functools.partial(jax.jit, static_argnames=("height", "width"))
def picture(seed: int, height: int = 33, width: int = 40) -> jax.Array:
    """A smooth random picture."""
    coarse = jax.random.uniform(jax.random.key(seed), (6, 7, 3))
    return jnp.clip(jax.image.resize(coarse, (height, width, 3), "cubic"), 0.0, 1.0)


@made_once
def targets(lags: int = 1) -> FrameTargets:
    """Content and style of two pictures, a third as the warped neighbour."""
    content = picture(1)
    # One program each: step by step, every operation would be one.
    return FrameTargets(
        content=jax.jit(content_targets)(network(), content),
        style=jax.jit(style_targets)(network(), [picture(2)]),
        warped=jnp.stack([picture(3)] * lags),
        trust=jnp.ones((lags, *content.shape[:2])),
    )


def bowl(image, target):
    """A loss of curvatures from 1 to 40, and no more than its minimum."""
    weight = jnp.linspace(1.0, 40.0, image.size, dtype=image.dtype).reshape(image.shape)
    value = 0.5 * jnp.sum(weight * jnp.square(image - target) + 0.1 * (image - target) ** 4)
    return value, LossTerms(value, value, value, value)
