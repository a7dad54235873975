"""What steps of L-BFGS have shown of a loss.

The textbook recursion (Nocedal and Wright 2006, algorithm 7.4) goes through the history one
correction after the other, at memory's pace on a CPU and in a hundred small kernels on a GPU. In
the compact form (Byrd, Nocedal and Schnabel 1994, *Representations of quasi-Newton matrices*,
equation 3.1) the same step is two matrix products with the history and two triangular
systems of its length. Their inverse is kept and grows by a column a step, so that no system is
solved either: on a GPU two of them took as long as reading the whole history.

The loss of the next frame of a film curves much as that of the last one does, pixels having moved.
So a solve hands on its newest steps, and the next one begins with them.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.scipy.linalg import solve_triangular
from jaxtyping import Array, Bool, Float, Int

from jvst._types import Scalar

_FLOAT32 = jnp.dtype(jnp.float32)


class Curvature(NamedTuple):
    """The newest k steps of a solve, for another to begin with; the oldest first.

    With y by how much a step s changed the gradient, and M what the inverse Hessian begins as.
    Where fewer steps are known, the first of them are zeros. What a picture is for M's form lies on
    the picture's grid, so that it moves with the picture.
    """

    steps: Float[Array, "k h w 3"]  # s
    changes: Float[Array, "k h w 3"]  # My
    s_by_y: Float[Array, "k k"]  # sᵀy, a row for each s
    y_by_y: Float[Array, "k k"]  # yᵀMy
    gamma: Scalar  # the inverse Hessian begins as gamma M; 0 where nothing is known


def no_curvature(shape: tuple[int, ...], pairs: int, dtype: jnp.dtype = _FLOAT32) -> Curvature:
    """Return what is known before the first solve: nothing.

    Args:
        shape: height, width and channels of the picture.
        pairs: k.
        dtype: of the picture.
    """
    zeros = functools.partial(jnp.zeros, dtype=dtype)
    return Curvature(
        steps=zeros((pairs, *shape)),
        changes=zeros((pairs, *shape)),
        s_by_y=zeros((pairs, pairs)),
        y_by_y=zeros((pairs, pairs)),
        gamma=zeros(()),
    )


class History(NamedTuple):
    """What the last k steps s of a solve have shown, y being by how much each changed the gradient.

    Slots are filled in turn; an empty one, and one whose step curved the wrong way, holds zeros.
    """

    pairs: Float[Array, "k2 n"]  # every s, then every My
    s_by_y: Float[Array, "k k"]  # sᵀy, for every y and the s no later than it
    inverse: Float[Array, "k k"]  # of ``s_by_y``, among the slots that hold a step
    y_by_y: Float[Array, "k k"]  # yᵀMy
    by_gradient: Float[Array, " k2"]  # products of the pairs with the gradient where we stand
    gamma: Scalar  # the inverse Hessian begins as gamma M
    count: Int[Array, ""]  # of steps so far
    carried: Bool[Array, " k"]  # slots of steps that another solve took
    used: Bool[Array, " k"]  # False: to be passed over, whatever the slot holds


def begun_history(
    gradient: Float[Array, " n"], history: int, gamma: Scalar, known: Curvature | None = None
) -> History:
    """Begin with the steps of another solve, or with none.

    Args:
        gradient: where the solve begins.
        history: steps to keep.
        gamma: what scales the first step where no other is known.
        known: the steps of the other solve, fewer than ``history``.
    """
    zeros = functools.partial(jnp.zeros, dtype=gradient.dtype)
    begun = History(
        pairs=zeros((2 * history, gradient.size)),
        s_by_y=zeros((history, history)),
        inverse=zeros((history, history)),
        y_by_y=zeros((history, history)),
        by_gradient=zeros(2 * history),
        gamma=gamma,
        count=jnp.asarray(0, jnp.int32),
        carried=jnp.zeros(history, bool),
        used=jnp.ones(history, bool),
    )
    if known is None or len(known.steps) == 0:
        return begun
    own = len(known.steps)
    steps, changes = (x.reshape(own, -1).astype(gradient.dtype) for x in known[:2])
    pairs = begun.pairs.at[:own].set(steps).at[history : history + own].set(changes)
    curved = jnp.diagonal(known.s_by_y) > 0.0
    both = curved[:, None] & curved
    s_by_y, y_by_y = (jnp.where(both, x, 0.0).astype(gradient.dtype) for x in known[2:4])
    # The steps are in the order of their age, so that the matrix is triangular.
    upper = jnp.triu(s_by_y, 1) + jnp.diag(jnp.where(curved, jnp.diagonal(s_by_y), 1.0))
    inverse = solve_triangular(upper, jnp.eye(own, dtype=upper.dtype))
    products = jnp.dot(pairs, gradient, precision="highest")
    used = begun.used.at[:own].set(curved)
    return begun._replace(
        pairs=pairs,
        s_by_y=begun.s_by_y.at[:own, :own].set(s_by_y),
        inverse=begun.inverse.at[:own, :own].set(jnp.where(both, inverse, 0.0)),
        y_by_y=begun.y_by_y.at[:own, :own].set(y_by_y),
        by_gradient=jnp.where(jnp.tile(used, 2), products, 0.0),
        gamma=jnp.where(jnp.any(curved), known.gamma.astype(gradient.dtype), gamma),
        count=jnp.asarray(own, jnp.int32),
        carried=begun.carried.at[:own].set(curved),
        used=used,
    )


def newest_steps(known: History, shape: tuple[int, ...], pairs: int) -> Curvature:
    """Return what a solve hands on.

    Args:
        known: its history.
        shape: height, width and channels of the picture.
        pairs: steps to hand on at the most, no more than the history has.
    """
    history = len(known.used)
    by_age = ((known.count + jnp.arange(history, dtype=jnp.int32)) % history)[history - pairs :]
    used = known.used[by_age]
    both = used[:, None] & used

    def taken(vectors: Float[Array, "k n"]) -> Float[Array, "k2 h w 3"]:
        return jnp.where(used[:, None], vectors[by_age], 0.0).reshape(pairs, *shape)

    s_by_y = jnp.where(both, known.s_by_y[by_age][:, by_age], 0.0)
    return Curvature(
        steps=taken(known.pairs[:history]),
        changes=taken(known.pairs[history:]),
        s_by_y=s_by_y,
        y_by_y=jnp.where(both, known.y_by_y[by_age][:, by_age], 0.0),
        gamma=jnp.where(jnp.any(jnp.diagonal(s_by_y) > 0.0), known.gamma, 0.0),
    )


def without_carried(known: History, drop: Bool[Array, ""], gamma: Scalar) -> History:
    """Pass over the steps of another solve from now on.

    They are older than all others, so that the inverse of what is left is a part of the inverse.

    Args:
        known: the steps.
        drop: whether to.
        gamma: what scales the next step where no step of this solve is known.
    """
    passed = drop & known.carried
    kept = ~passed
    own = jnp.any((jnp.diagonal(known.s_by_y) > 0.0) & known.used & ~known.carried)
    both = kept[:, None] & kept
    return known._replace(
        s_by_y=jnp.where(both, known.s_by_y, 0.0),
        inverse=jnp.where(both, known.inverse, 0.0),
        y_by_y=jnp.where(both, known.y_by_y, 0.0),
        by_gradient=jnp.where(jnp.tile(kept, 2), known.by_gradient, 0.0),
        gamma=jnp.where(drop & ~own, gamma, known.gamma),
        carried=known.carried & ~drop,
        used=known.used & kept,
    )


def remember(
    known: History,
    s: Float[Array, " n"],
    y: Float[Array, " n"],
    my: Float[Array, " n"],
    gradient: Float[Array, " n"],
    made: Bool[Array, ""] | bool = True,
    first: Bool[Array, ""] | bool = False,
) -> History:
    """Put a step in the place of the oldest.

    A step along which the energy curves the wrong way (sᵀy ≤ 0), which would turn the next one
    uphill, leaves zeros.

    Args:
        known: the steps before.
        s: the step.
        y: gradient at its end less gradient at its beginning.
        my: M times y.
        gradient: at its end.
        made: whether the step was made at all.
        first: there was none: where the solve begins has been evaluated, no more.
    """
    history = known.s_by_y.shape[0]
    slot = known.count % history
    good = (jnp.vdot(s, y, precision="highest") > 0.0) & made
    s, y, my = (jnp.where(good, x, 0.0) for x in (s, y, my))
    # At first these are zeros in a slot that holds zeros: `begun_history` leaves one free. To read
    # what stands there would make XLA copy the whole history.
    pairs = known.pairs.at[slot].set(s).at[history + slot].set(my)
    used = jnp.where(first, known.used, known.used.at[slot].set(True))
    by_y, by_gradient = (
        jnp.where(jnp.tile(used, 2), x, 0.0) for x in products_with(pairs, y, gradient)
    )
    column = by_y[:history]
    s_by_y = known.s_by_y.at[:, slot].set(column)
    with_y = by_y[history:]
    y_by_y = known.y_by_y.at[:, slot].set(with_y).at[slot].set(with_y)
    # Nocedal and Wright 2006, equation 7.20, with M.
    gamma = s_by_y[slot, slot] / jnp.where(good, y_by_y[slot, slot], 1.0)
    new = History(
        pairs=known.pairs,
        s_by_y=s_by_y,
        inverse=_grown(known.inverse, column, slot, good),
        y_by_y=y_by_y,
        by_gradient=by_gradient,
        gamma=jnp.where(good, gamma, known.gamma),
        count=known.count + 1,
        carried=known.carried.at[slot].set(False),
        used=used,
    )
    # Not the pairs, which are changed in place.
    kept = known._replace(by_gradient=by_gradient)
    new = jax.tree.map(lambda old, now: jnp.where(first, old, now), kept, new)
    return new._replace(pairs=pairs)


def products_with(
    vectors: Float[Array, "k n"], one: Float[Array, " n"], other: Float[Array, " n"]
) -> tuple[Float[Array, " k"], Float[Array, " k"]]:
    """Return the inner products of some long vectors with two others, read once.

    On a GPU as sums: its library makes a product of matrices of it that takes three times as long
    as reading the vectors does.

    Args:
        vectors: k of them.
        one: another.
        other: one more.
    """
    return jax.lax.platform_dependent(vectors, one, other, cpu=_multiplied, default=_summed)


def _multiplied(
    vectors: Float[Array, "k n"], one: Float[Array, " n"], other: Float[Array, " n"]
) -> tuple[Float[Array, " k"], Float[Array, " k"]]:
    products = jnp.dot(vectors, jnp.stack([one, other], axis=1), precision="highest")
    return products[:, 0], products[:, 1]


def _summed(
    vectors: Float[Array, "k n"], one: Float[Array, " n"], other: Float[Array, " n"]
) -> tuple[Float[Array, " k"], Float[Array, " k"]]:
    zero = jnp.zeros((), vectors.dtype)
    return jax.lax.reduce(
        (vectors * one, vectors * other),
        (zero, zero),
        lambda sums, terms: (sums[0] + terms[0], sums[1] + terms[1]),
        dimensions=(1,),
    )


def _grown(
    inverse: Float[Array, "k k"],
    column: Float[Array, " k"],
    slot: Int[Array, ""],
    good: Bool[Array, ""],
) -> Float[Array, "k k"]:
    r"""Return the inverse of a triangular matrix without its oldest and with a new column.

    .. math:: \begin{pmatrix} R & r \\ & \rho \end{pmatrix}^{-1} =
        \begin{pmatrix} R^{-1} & -R^{-1} r / \rho \\ & 1 / \rho \end{pmatrix}

    Args:
        inverse: of R, whose oldest column is that of the slot.
        column: r, with ρ in the slot.
        slot: of the new column.
        good: whether there is one.
    """
    here = jnp.arange(len(column), dtype=jnp.int32) == slot
    left = jnp.where(here[:, None] | here, 0.0, inverse)
    last = jnp.where(good, column[slot], 1.0)
    above = jnp.where(here, -1.0, jnp.dot(left, column, precision="highest"))
    return jnp.where(here & good, -above[:, None] / last, left)


def quasi_newton_step(known: History, slope: Float[Array, " n"]) -> Float[Array, " n"]:
    """Return the gradient times minus the inverse Hessian that the steps have shown.

    Args:
        known: the steps, and their products with the gradient.
        slope: M times the gradient.
    """
    history, gamma = known.s_by_y.shape[0], known.gamma
    dot = functools.partial(jnp.dot, precision="highest")
    of_y = dot(known.inverse, known.by_gradient[:history])
    right = dot(known.y_by_y, of_y) - known.by_gradient[history:]
    curved = jnp.diagonal(known.s_by_y)
    of_s = dot(curved * of_y + gamma * right, known.inverse)
    factors = jnp.concatenate([of_s, -gamma * of_y])
    return -gamma * slope - dot(factors, known.pairs)
