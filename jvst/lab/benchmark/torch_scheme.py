"""L-BFGS as the Torch code of the paper runs it.

It has a fixed step, no line search and a long history.

Written here in JAX, so that against jvst's solver only the scheme differs.
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from jvst._types import Scalar

#: The Torch code's; the paper says nothing of it.
HISTORY = 100
# A correction is kept where its curvature s·y is above this, as in Torch's lbfgs.
_LEAST_CURVATURE = 1e-10

#: What is minimized: (x, *problem) -> loss and gradient.
Evaluate = Callable[..., tuple[Scalar, Float[Array, " n"]]]


class TorchState(NamedTuple):
    """Between two iterations: the point with its loss and gradient, and the corrections."""

    x: Float[Array, " n"]
    loss: Scalar
    gradient: Float[Array, " n"]
    step: Float[Array, " n"]  # that led here
    change: Float[Array, " n"]  # of the gradient over that step
    steps: Float[Array, "m n"]  # s, in a ring
    changes: Float[Array, "m n"]  # y
    inverse_curvatures: Float[Array, " m"]  # 1 / s·y; 0 in an empty slot
    scale: Scalar  # of the first guess of the inverse Hessian
    kept: Int[Array, ""]  # corrections kept so far
    iteration: Int[Array, ""]


@functools.partial(jax.jit, static_argnames=("evaluate", "history"))
def begin(
    x: Float[Array, " n"], *problem: Any, evaluate: Evaluate, history: int = HISTORY
) -> TorchState:
    """Evaluate the start."""
    loss, gradient = evaluate(x, *problem)
    ring = jnp.zeros((history, *x.shape), x.dtype)
    nothing = jnp.zeros_like(x)
    return TorchState(
        x=x,
        loss=loss,
        gradient=gradient,
        step=nothing,
        change=nothing,
        steps=ring,
        changes=ring,
        inverse_curvatures=jnp.zeros(history, x.dtype),
        scale=jnp.ones((), x.dtype),
        kept=jnp.asarray(0, jnp.int32),
        iteration=jnp.asarray(0, jnp.int32),
    )


# The rings are a gigabyte at 1024×436: they are worked on where they are.
@functools.partial(jax.jit, static_argnames="evaluate", donate_argnums=0)
def advance(
    state: TorchState, iterations: Int[Array, ""] | int, *problem: Any, evaluate: Evaluate
) -> TorchState:
    """Go on for some iterations, each with one loss and gradient."""

    def iterate(_: Int[Array, ""] | int, state: TorchState) -> TorchState:
        state = _remember(state)
        direction = -_inverse_hessian_times(state, state.gradient)
        # Before curvature is known, all channels together move by 1 at the most.
        first = jnp.minimum(1.0, 1.0 / jnp.sum(jnp.abs(state.gradient)))
        step = jnp.where(state.iteration == 0, first, 1.0) * direction
        x = state.x + step
        loss, gradient = evaluate(x, *problem)
        return state._replace(
            x=x,
            loss=loss,
            gradient=gradient,
            step=step,
            change=gradient - state.gradient,
            iteration=state.iteration + 1,
        )

    return jax.lax.fori_loop(0, iterations, iterate, state)


def _remember(state: TorchState) -> TorchState:
    """Keep the newest correction where the energy curves upward along it."""
    curvature = jnp.vdot(state.change, state.step)
    upward = curvature > _LEAST_CURVATURE
    slot = state.kept % state.steps.shape[0]

    def kept(ring: Array, newest: Array) -> Array:
        return ring.at[slot].set(jnp.where(upward, newest, ring[slot]))

    return state._replace(
        steps=kept(state.steps, state.step),
        changes=kept(state.changes, state.change),
        inverse_curvatures=kept(state.inverse_curvatures, 1.0 / curvature),
        scale=jnp.where(upward, curvature / jnp.vdot(state.change, state.change), state.scale),
        kept=state.kept + upward.astype(jnp.int32),
    )


def _inverse_hessian_times(state: TorchState, gradient: Float[Array, " n"]) -> Float[Array, " n"]:
    """Apply the two-loop recursion; empty slots, being zeros, change nothing.

    Source: Nocedal and Wright 2006, algorithm 7.4.
    """
    history = state.steps.shape[0]

    def older(k: Any, held: tuple[Array, Array]) -> tuple[Array, Array]:
        q, alphas = held
        slot = (state.kept - 1 - k) % history
        alpha = state.inverse_curvatures[slot] * jnp.vdot(state.steps[slot], q)
        return q - alpha * state.changes[slot], alphas.at[slot].set(alpha)

    def newer(k: Any, r: Array) -> Array:
        slot = (state.kept + k) % history
        beta = state.inverse_curvatures[slot] * jnp.vdot(state.changes[slot], r)
        return r + (alphas[slot] - beta) * state.steps[slot]

    alphas = jnp.zeros(history, gradient.dtype)
    q, alphas = jax.lax.fori_loop(0, history, older, (gradient, alphas))
    return jax.lax.fori_loop(0, history, newer, state.scale * q)
