"""Limited-memory BFGS for pictures, preconditioned, in its compact form.

The textbook recursion (Nocedal and Wright 2006, algorithm 7.4) goes through the history one
correction after the other, at memory's pace on a CPU and in a hundred small kernels on a GPU. In
the compact form (Byrd, Nocedal and Schnabel 1994, *Representations of quasi-Newton matrices*,
equation 3.1) the same step is two matrix products with the history and two triangular
systems of its length.

The energy's gradient is mostly fine and speckled. Steps along it move grain first, and L-BFGS needs
a hundred of them to learn better. Here its inverse Hessian begins as a symmetric positive M that
makes what is coarse and grey in a gradient larger, in place of the identity. That is L-BFGS on z,
where the picture is the root of M times z; the minimum is the same. With y by how much a step s
changes the gradient, it needs s and My of the last steps, and M of one gradient an iteration.
"""

import dataclasses
import functools
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.scipy.linalg import solve_triangular
from jaxtyping import Array, Float, Int

from jvst._types import Image, Scalar
from jvst.solver.objective import LossTerms

# Cycles a pixel below which all frequencies count alike: fifty pixels, about what relu5_1 sees
# on one side.
_FLAT_BELOW = 0.02


@dataclasses.dataclass(frozen=True)
class Preconditioner:
    r"""What M multiplies: frequencies by a power of themselves, differences of colour by a factor.

    .. math:: m(f) = (|f|^2 + f_0^2)^{-a} \Big/ \overline{(|f|^2 + f_0^2)^{-a}}

    Attributes:
        exponent: a. 0 leaves frequencies alone.
        chroma: factor on what differs from grey. 1 leaves colours alone.
    """

    exponent: float = 0.35
    chroma: float = 0.25


#: The identity, as in the Torch code.
IDENTITY = Preconditioner(exponent=0.0, chroma=1.0)


def precondition(gradient: Image, preconditioner: Preconditioner) -> Image:
    """Return M times a gradient, which is taken to continue periodically.

    Args:
        gradient: of a loss by a picture, RGB; any size.
        preconditioner: M.
    """
    x = gradient
    if preconditioner.exponent != 0.0:
        height, width, _ = gradient.shape
        gain = _gain(height, width, preconditioner.exponent)
        planes = jnp.moveaxis(x, 2, 0)  # back ends transform the last two axes; [3 h w]
        spectrum = jnp.fft.rfft2(planes)
        planes = jnp.fft.irfft2(gain.astype(spectrum.dtype) * spectrum, s=(height, width))
        x = jnp.moveaxis(planes, 0, 2).astype(gradient.dtype)
    if preconditioner.chroma != 1.0:
        grey = jnp.mean(x, axis=2, keepdims=True)
        x = grey + preconditioner.chroma * (x - grey)
    return x


def _gain(height: int, width: int, exponent: float) -> Float[Array, "h w2"]:
    """Return the factor on each frequency that ``rfft2`` gives, 1 on the average."""
    down, across = jnp.fft.fftfreq(height), jnp.fft.rfftfreq(width)
    square = down[:, None] ** 2 + across**2 + _FLAT_BELOW**2
    gain = square ** (-exponent)
    return gain / _mean(gain, width)


def _mean(gain: Float[Array, "h w2"], width: int) -> Scalar:
    """Average over all frequencies, of which ``rfft2`` leaves out those that are mirrored."""
    times = jnp.full(gain.shape[1], 2.0).at[0].set(1.0)
    if width % 2 == 0:
        times = times.at[-1].set(1.0)
    return jnp.sum(gain * times) / (gain.shape[0] * width)


_SHORTER, _MOST_TRIALS = 0.5, 10  # of the line search


@functools.cache
def _line_search() -> Any:
    """Import jaxopt's line search, once a solve begins: it takes as long to import as JAX."""
    # A solve begins while a program is traced, and what jaxopt makes at its import is no part of
    # that.
    with warnings.catch_warnings(), jax.ensure_compile_time_eval():
        # It says at its import that it is no longer developed; that is why it is wrapped here.
        warnings.simplefilter("ignore", DeprecationWarning)
        from jaxopt import BacktrackingLineSearch  # noqa: PLC0415
    return BacktrackingLineSearch


class Curvature(NamedTuple):
    """What the last k steps s have shown, y being by how much each changed the gradient.

    Slots are filled in turn; an empty one, and one whose step curved the wrong way, holds zeros.
    """

    pairs: Float[Array, "k2 n"]  # every s, then every My
    s_by_y: Float[Array, "k k"]  # sᵀy, for every y and the s no later than it
    y_by_y: Float[Array, "k k"]  # yᵀMy
    by_gradient: Float[Array, " k2"]  # products of the pairs with the gradient where we stand
    gamma: Scalar  # the inverse Hessian begins as gamma M
    count: Int[Array, ""]  # of steps so far


def no_curvature(gradient: Float[Array, " n"], history: int, gamma: Scalar) -> Curvature:
    """Begin with no steps.

    Args:
        gradient: any of the problem's.
        history: steps to keep.
        gamma: what scales the first step.
    """
    zeros = functools.partial(jnp.zeros, dtype=gradient.dtype)
    return Curvature(
        pairs=zeros((2 * history, gradient.size)),
        s_by_y=zeros((history, history)),
        y_by_y=zeros((history, history)),
        by_gradient=zeros(2 * history),
        gamma=gamma,
        count=jnp.asarray(0, jnp.int32),
    )


def remember(
    known: Curvature,
    s: Float[Array, " n"],
    y: Float[Array, " n"],
    my: Float[Array, " n"],
    gradient: Float[Array, " n"],
) -> Curvature:
    """Put a step in the place of the oldest.

    A step along which the energy curves the wrong way (sᵀy ≤ 0), which would turn the next one
    uphill, leaves zeros.

    Args:
        known: the steps before.
        s: the step.
        y: gradient at its end less gradient at its beginning.
        my: M times y.
        gradient: at its end.
    """
    history = known.s_by_y.shape[0]
    slot = known.count % history
    good = jnp.vdot(s, y, precision="highest") > 0.0
    s, y, my = (jnp.where(good, x, 0.0) for x in (s, y, my))
    pairs = known.pairs.at[slot].set(s).at[history + slot].set(my)
    products = jnp.dot(pairs, jnp.stack([y, gradient], axis=1), precision="highest")
    s_by_y = known.s_by_y.at[:, slot].set(products[:history, 0])
    with_y = products[history:, 0]
    y_by_y = known.y_by_y.at[:, slot].set(with_y).at[slot].set(with_y)
    # Nocedal and Wright 2006, equation 7.20, with M.
    gamma = s_by_y[slot, slot] / jnp.where(good, y_by_y[slot, slot], 1.0)
    return Curvature(
        pairs=pairs,
        s_by_y=s_by_y,
        y_by_y=y_by_y,
        by_gradient=products[:, 1],
        gamma=jnp.where(good, gamma, known.gamma),
        count=known.count + 1,
    )


def quasi_newton_step(known: Curvature, slope: Float[Array, " n"]) -> Float[Array, " n"]:
    """Return the gradient times minus the inverse Hessian that the steps have shown.

    Args:
        known: the steps, and their products with the gradient.
        slope: M times the gradient.
    """
    history, gamma = known.s_by_y.shape[0], known.gamma
    by_age = (known.count + jnp.arange(history, dtype=jnp.int32)) % history  # the oldest first
    s_by_y = known.s_by_y[by_age][:, by_age]
    y_by_y = known.y_by_y[by_age][:, by_age]
    s_by_gradient = known.by_gradient[:history][by_age]
    y_by_gradient = known.by_gradient[history:][by_age]
    curved = jnp.diagonal(s_by_y)
    upper = jnp.triu(s_by_y, 1) + jnp.diag(jnp.where(curved > 0.0, curved, 1.0))
    of_y = solve_triangular(upper, s_by_gradient)
    right = jnp.dot(y_by_y, of_y, precision="highest") - y_by_gradient
    of_s = solve_triangular(upper, curved * of_y + gamma * right, trans="T")
    factors = jnp.zeros_like(known.by_gradient)
    factors = factors.at[by_age].set(of_s).at[history + by_age].set(-gamma * of_y)
    return -gamma * slope - jnp.dot(factors, known.pairs, precision="highest")


class LbfgsState(NamedTuple):
    """Where a solve stands: slopes of the loss, and what its steps have shown."""

    loss: Scalar
    gradient: Image
    slope: Image  # M times the gradient
    curvature: Curvature


class Lbfgs(NamedTuple):
    """L-BFGS whose inverse Hessian begins as a ``Preconditioner``, one iteration at a time.

    Attributes:
        evaluate: (image, *problem) -> ((loss, terms), gradient).
        history: steps to keep.
        first_step: mean change that the first step tries.
        max_step: longest step, 1 being the quasi-Newton step.
        preconditioner: what the inverse Hessian begins as.
        rounding: part of the loss by which the line search lets it rise. Where a loss is rounded by
            more than a step lowers it, a test of the fall itself is a throw of the dice, and each
            that is lost costs an evaluation and half of a good step.
    """

    evaluate: Callable[..., Any]
    history: int
    first_step: float
    max_step: float
    preconditioner: Preconditioner
    rounding: float = 0.0

    def start(self, image: Image, *problem: Any) -> tuple[Scalar, LossTerms, LbfgsState]:
        """Evaluate the start; return loss, terms and the optimizer's own state."""
        (loss, terms), gradient = self.evaluate(image, *problem)
        slope = precondition(gradient, self.preconditioner)
        # Before any curvature is known, gamma alone scales the gradient, which is off by orders of
        # magnitude, the loss being a mean over pixels.
        size = jnp.mean(jnp.abs(slope))
        gamma = self.first_step / jnp.maximum(size, jnp.finfo(size.dtype).tiny)
        known = no_curvature(slope.ravel(), self.history, gamma)
        return loss, terms, LbfgsState(loss, gradient, slope, known)

    def step(
        self, image: Image, state: LbfgsState, *problem: Any
    ) -> tuple[Image, Scalar, LossTerms, LbfgsState, Int[Array, ""]]:
        """Take a step; return image, loss, terms, own state and the evaluations it took."""
        direction = quasi_newton_step(state.curvature, state.slope.ravel())
        length, found = self._search(image, state, direction.reshape(image.shape), *problem)
        slope = precondition(found.grad, self.preconditioner)
        known = remember(
            state.curvature,
            length * direction,
            (found.grad - state.gradient).ravel(),
            (slope - state.slope).ravel(),
            found.grad.ravel(),
        )
        new = LbfgsState(found.value, found.grad, slope, known)
        return found.params, found.value, found.aux, new, found.num_fun_eval

    def _search(
        self, image: Image, state: LbfgsState, direction: Image, *problem: Any
    ) -> tuple[Scalar, Any]:
        """Shorten the step until the loss falls enough: jaxopt's backtracking, as one loop.

        jaxopt's own ``run`` writes the first trial out before the loop, which puts the network into
        the program twice and doubles the time that it takes to compile.
        """
        search = _line_search()(
            self.evaluate,
            value_and_grad=True,
            has_aux=True,
            # Sufficient decrease alone, at one loss and gradient a trial: the curvature that
            # jaxopt's default also asks for fails on every short step, and each failure costs 30
            # evaluations. This far-off slope never fails; "armijo" evaluates the gradient apart.
            condition="wolfe",
            c2=1e6,
            maxiter=_MOST_TRIALS,
            decrease_factor=_SHORTER,
            max_stepsize=self.max_step,
            tol=self.rounding * jnp.abs(state.loss),  # pyright: ignore[reportArgumentType]
        )
        along: dict[str, Any] = {
            "value": state.loss,
            "grad": state.gradient,
            "descent_direction": direction,
            "fun_args": problem,
            "fun_kwargs": {},
        }
        start: Any = search.init_state(self.max_step, image, **along)
        terms = LossTerms(*[jnp.zeros_like(state.loss)] * len(LossTerms._fields))

        def unfinished(trial: Any) -> Any:
            return ~(trial[1].done | trial[1].failed)

        def shorten(trial: Any) -> Any:
            length, at = trial
            return tuple(search.update(length, at, image, **along))

        first = (jnp.asarray(self.max_step, state.loss.dtype), start._replace(aux=terms))
        return jax.lax.while_loop(unfinished, shorten, first)
