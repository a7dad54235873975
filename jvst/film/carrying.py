"""What a frame's solve has learnt, for the next frame."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jvst._programs import program
from jvst._types import FlowLike
from jvst.core.warp import Kernel, pixel_grid, warp
from jvst.solver.curvature import Curvature


@program("frame", static_argnames="kernel")
def along(curvature: Curvature, flow: FlowLike, *, kernel: Kernel = "bilinear") -> Curvature:
    """Bring the steps of one frame's solve to another frame.

    Steps, and the changes of the gradient along them, move with the picture. Beyond the other
    frame's border nothing is known. Products are kept: they change little, and those with
    the gradient are made anew where a solve begins.

    Args:
        curvature: what the other frame's solve has handed on.
        flow: from the frame to the other, pixels.
        kernel: see ``core.warp.warp``.
    """
    flow = jnp.asarray(flow, curvature.s_by_y.dtype)
    height, width, _ = flow.shape
    points = pixel_grid(height, width, flow.dtype) + flow
    limit = jnp.asarray([width - 1, height - 1], flow.dtype)
    inside = jnp.all((points >= 0.0) & (points <= limit), axis=-1, keepdims=True)

    def moved(vector: Float[Array, "h w 3"]) -> Float[Array, "h w 3"]:
        return jnp.where(inside, warp(vector, flow, kernel=kernel), 0.0)

    # One after the other: side by side they would take the room of all.
    return curvature._replace(
        steps=jax.lax.map(moved, curvature.steps), changes=jax.lax.map(moved, curvature.changes)
    )
