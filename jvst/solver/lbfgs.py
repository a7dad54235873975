"""Limited-memory BFGS for pictures, preconditioned.

The energy's gradient is mostly fine and speckled. Steps along it move grain first, and L-BFGS needs
a hundred of them to learn better. Here its inverse Hessian begins as a symmetric positive M that
makes what is coarse and grey in a gradient larger, in place of the identity. That is L-BFGS on z,
where the picture is the root of M times z; the minimum is the same. With y by how much a step s
changes the gradient, it needs s and My of the last steps, and M of one gradient an iteration.
"""

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from jvst._types import Image, Scalar
from jvst.solver.curvature import (
    Curvature,
    History,
    begun_history,
    quasi_newton_step,
    remember,
    without_carried,
)
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
# Part of what the slope promises that the loss has to fall by: Nocedal and Wright's c1.
_LEAST_FALL = 1e-4
# Cosine between downhill and a direction below which the steps of another solve are dropped.
_LEAST_SLOPE = 0.01


class Trial(NamedTuple):
    """A place that the line search has looked at."""

    number: Int[Array, ""]  # from 1; 0 before the first
    length: Scalar  # of the step to try next, as a part of the direction
    image: Image
    loss: Scalar
    terms: LossTerms
    gradient: Image
    good: Bool[Array, ""]  # the loss fell enough


class LbfgsState(NamedTuple):
    """Where a solve stands: slopes of the loss, and what its steps have shown."""

    loss: Scalar
    terms: LossTerms
    gradient: Image
    slope: Image  # M times the gradient
    history: History
    dropped: Int[Array, ""]  # times that what another solve had handed on was of no use


class Lbfgs(NamedTuple):
    """L-BFGS whose inverse Hessian begins as a ``Preconditioner``, one iteration at a time.

    Steps that another solve handed on are dropped at the first sign that they mislead: a direction
    that is all but level, a trial that is not finite, a line search that fails.

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

    def begin(self, image: Image, curvature: Curvature | None = None) -> LbfgsState:
        """Return the optimizer's own state before the start has been evaluated."""
        zero, nothing = jnp.zeros((), image.dtype), jnp.zeros_like(image)
        known = begun_history(nothing.ravel(), self.history, zero, curvature)
        terms = LossTerms(*[zero] * len(LossTerms._fields))
        return LbfgsState(zero, terms, nothing, nothing, known, jnp.asarray(0, jnp.int32))

    def step(
        self, image: Image, state: LbfgsState, first: Bool[Array, ""], *problem: Any
    ) -> tuple[Image, Scalar, LossTerms, LbfgsState, Int[Array, ""]]:
        """Take a step; return image, loss, terms, own state and the evaluations it took.

        At first it is one of no length, which evaluates the start: so the network stands in a
        solve's programs once.
        """
        # With no gradient yet it is 0.
        direction = quasi_newton_step(state.history, state.slope.ravel())
        known, direction, down, level = self._on_a_slope(state, direction)
        begun = state._replace(history=known)
        direction = direction.reshape(image.shape)
        length, found = self._search(image, begun, direction, down, first, *problem)
        # Steps of another solve that led nowhere: stay, and go on without them.
        lost = jnp.any(known.carried) & ~first & ~(found.good & jnp.isfinite(found.loss))

        def unless_lost(new: Any, old: Any) -> Any:
            return jax.tree.map(lambda x, y: jnp.where(lost, y, x), new, old)

        image, gradient = unless_lost((found.image, found.gradient), (image, state.gradient))
        loss, terms = unless_lost((found.loss, found.terms), (state.loss, state.terms))
        slope = precondition(gradient, self.preconditioner)
        known = remember(
            known,
            (length * direction).ravel(),
            (gradient - state.gradient).ravel(),
            (slope - state.slope).ravel(),
            gradient.ravel(),
            made=~lost,
            first=first,
        )
        fresh = first & ~jnp.any(known.carried)
        known = known._replace(gamma=jnp.where(fresh, self._first_gamma(slope), known.gamma))
        known = without_carried(known, lost, self._first_gamma(slope))
        dropped = state.dropped + (level | lost).astype(jnp.int32)
        new = LbfgsState(loss, terms, gradient, slope, known, dropped)
        return image, loss, terms, new, found.number

    def where(self, active: Bool[Array, ""], new: LbfgsState, old: LbfgsState) -> LbfgsState:
        """Return the state after a step, or that before for a solve that waits for others.

        The history's vectors are the new ones: they were changed in place, but for a solve that
        waits in the oldest step alone.
        """
        none = jnp.zeros((), bool)

        def light(state: LbfgsState) -> LbfgsState:
            return state._replace(history=state.history._replace(pairs=none))

        chosen = jax.tree.map(
            lambda now, before: jnp.where(active, now, before), light(new), light(old)
        )
        history = chosen.history._replace(pairs=new.history.pairs)
        return chosen._replace(history=history)

    def _first_gamma(self, slope: Image) -> Scalar:
        """Return what scales a slope before any curvature is known.

        It is off by orders of magnitude, the loss being a mean over pixels.
        """
        size = jnp.mean(jnp.abs(slope))
        return self.first_step / jnp.maximum(size, jnp.finfo(size.dtype).tiny)

    def _on_a_slope(
        self, state: LbfgsState, direction: Float[Array, " n"]
    ) -> tuple[History, Float[Array, " n"], Scalar, Bool[Array, ""]]:
        """Drop the steps of another solve where they lead along a level or uphill.

        Returns:
            The steps to go on with, the direction, by how much the loss falls along it, and whether
            steps were dropped.
        """
        gradient, slope = state.gradient.ravel(), state.slope.ravel()
        down = -jnp.vdot(gradient, direction, precision="highest")
        size = jnp.linalg.norm(gradient) * jnp.linalg.norm(direction)
        level = jnp.any(state.history.carried) & ~(down >= _LEAST_SLOPE * size)
        known = without_carried(state.history, level, self._first_gamma(state.slope))
        steepest = known.gamma * jnp.vdot(gradient, slope, precision="highest")
        direction = jnp.where(level, -known.gamma * slope, direction)
        return known, direction, jnp.where(level, steepest, down), level

    def _search(
        self,
        image: Image,
        state: LbfgsState,
        direction: Image,
        down: Scalar,
        first: Bool[Array, ""],
        *problem: Any,
    ) -> tuple[Scalar, Trial]:
        """Shorten the step until the loss falls enough.

        Sufficient decrease alone (Nocedal and Wright 2006, algorithm 3.1), at one loss and gradient
        a trial: a condition on the slope there, too, fails on every short step. The network stands
        in the program once, in the loop's body, which halves the time that it takes to compile.

        Returns:
            The length of the step, and where it leads: to the last trial if none was good.
        """
        zero = jnp.zeros_like(state.loss)
        begun = Trial(
            number=jnp.asarray(0, jnp.int32),
            length=jnp.asarray(self.max_step, state.loss.dtype),
            image=image,
            loss=state.loss,
            terms=LossTerms(*[zero] * len(LossTerms._fields)),
            gradient=state.gradient,
            good=jnp.zeros_like(first),
        )
        carried = jnp.any(state.history.carried)
        allowed = self.rounding * jnp.abs(state.loss)

        def unfinished(trial: Trial) -> Bool[Array, ""]:
            astray = carried & ~jnp.isfinite(trial.loss)
            over = trial.good | astray | (trial.number >= _MOST_TRIALS)
            return (trial.number == 0) | ~(over | first)

        def shorten(trial: Trial) -> Trial:
            there = image + trial.length * direction
            (loss, terms), gradient = self.evaluate(there, *problem)
            most = state.loss - _LEAST_FALL * trial.length * down + allowed
            return Trial(
                number=trial.number + 1,
                length=_SHORTER * trial.length,
                image=there,
                loss=loss,
                terms=terms,
                gradient=gradient,
                good=loss <= most,
            )

        found = jax.lax.while_loop(unfinished, shorten, begun)
        return found.length / _SHORTER, found
