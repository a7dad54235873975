"""One step of L-BFGS or Adam at a time. The only file that imports jaxopt or optax."""

import functools
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Int

from jvst._types import Image, Scalar
from jvst.coordinates import Coordinates, to_picture, to_point
from jvst.objective import LossTerms, frame_loss
from jvst.tiles import tiled_loss_and_gradient

with warnings.catch_warnings():
    # jaxopt says at import that it is no longer developed; that is why it is wrapped here.
    warnings.simplefilter("ignore", DeprecationWarning)
    import jaxopt


_COORDINATES = Coordinates()


@dataclass(frozen=True)
class SolverConfig:
    """How a frame is minimized; each value belongs to the compiled program.

    Attributes:
        optimizer: ``lbfgs`` (jaxopt, backtracking line search) or ``adam`` (optax).
        history: corrections that L-BFGS keeps. A short one takes less time an
            iteration and more iterations; 100, as in the Torch code, costs more than three times
            the memory.
        tolerance: stop once the loss has changed by less than this part of itself over
            ``window`` iterations. Ruder et al. 2016, section 6: 0.01 % over 50.
        window: iterations between two looks at the stop rule.
        first_look: iterations after which the rule is asked once before that, for the same change
            an iteration.
        first_step: mean change of a channel, in [0, 1], that the first step of L-BFGS
            tries, before curvature is known.
        max_step: longest step of L-BFGS, 1 being the quasi-Newton step.
        learning_rate: step of Adam, in [0, 1] of a channel.
        coordinates: those that L-BFGS works in.
        tile: height and width in pixels that the network sees at a time, beside a margin, see
            ``tiled_loss_and_gradient``; None: the whole picture.
    """

    optimizer: Literal["lbfgs", "adam"] = "lbfgs"
    history: int = 30
    tolerance: float = 1e-4
    window: int = 50
    first_look: int = 10
    first_step: float = 0.01
    max_step: float = 1.0
    learning_rate: float = 0.01
    coordinates: Coordinates = _COORDINATES
    tile: tuple[int, int] | None = None


class Lbfgs(NamedTuple):
    """jaxopt's L-BFGS, one iteration at a time, on a point in coordinates of its own."""

    solver: jaxopt.LBFGS
    first_step: float
    coordinates: Coordinates

    def start(self, image: Image, *problem: Any) -> tuple[Scalar, LossTerms, Any]:
        """Evaluate the start; return loss, terms and the optimizer's own state."""
        point = to_point(image, self.coordinates)
        inner = self.solver.init_state(point, *problem)
        # With an empty history gamma alone scales the gradient. jaxopt begins with 1, which
        # is off by orders of magnitude, as the loss is a mean over pixels.
        size = jnp.mean(jnp.abs(inner.grad))
        gamma = self.first_step / jnp.maximum(size, jnp.finfo(size.dtype).tiny)
        value: Any = inner.value
        terms: Any = inner.aux
        return value, terms, (point, inner._replace(gamma=gamma))

    def step(
        self, image: Image, inner: Any, *problem: Any
    ) -> tuple[Image, Scalar, LossTerms, Any, Int[Array, ""]]:
        """Take a step; return image, loss, terms, own state and the evaluations it took."""
        before, inner = inner
        point, new = self.solver.update(before, inner, *problem)
        # Where the energy curves the wrong way (sᵀy ≤ 0) the newest correction would turn the
        # next step uphill; jaxopt keeps it, so it is taken out here.
        slot = inner.iter_num % self.solver.history_size
        upward = new.rho_history[slot] > 0.0
        # Nocedal and Wright 2006, equation 7.20. jaxopt reads s and y back out of the histories,
        # for which XLA keeps a second copy of both.
        s, y = point - before, new.grad - inner.grad
        gamma = jnp.vdot(s, y, precision="highest") / jnp.vdot(y, y, precision="highest")
        new = new._replace(
            rho_history=new.rho_history.at[slot].multiply(upward.astype(point.dtype)),
            gamma=jnp.where(upward, gamma, inner.gamma),
        )
        image = to_picture(point, self.coordinates)
        evaluations = new.num_fun_eval - inner.num_fun_eval
        return image, new.value, new.aux, (point, new), evaluations


class Adam(NamedTuple):
    """optax's Adam; its state keeps the gradient of the image at hand."""

    transform: optax.GradientTransformation
    evaluate: Callable[..., Any]

    def start(self, image: Image, *problem: Any) -> tuple[Scalar, LossTerms, Any]:
        """Evaluate the start; return loss, terms and the optimizer's own state."""
        (loss, terms), gradient = self.evaluate(image, *problem)
        return loss, terms, (gradient, self.transform.init(image))

    def step(
        self, image: Image, inner: Any, *problem: Any
    ) -> tuple[Image, Scalar, LossTerms, Any, Int[Array, ""]]:
        """Take a step; return image, loss, terms, own state and the evaluations it took."""
        gradient, moments = inner
        with jax.numpy_dtype_promotion("standard"):  # optax mixes its counter with floats
            update, moments = self.transform.update(gradient, moments, image)
        image = image + update  # type: ignore[operator]
        (loss, terms), gradient = self.evaluate(image, *problem)
        return image, loss, terms, (gradient, moments), jnp.asarray(1, jnp.int32)


_loss_and_gradient = jax.value_and_grad(frame_loss, has_aux=True)


def optimizer_of(config: SolverConfig) -> Lbfgs | Adam:
    """Make what ``start``s a solve at an image and takes one ``step`` after another."""
    evaluate: Any = _loss_and_gradient
    if config.tile is not None:
        evaluate = functools.partial(tiled_loss_and_gradient, tile=config.tile)
    if config.optimizer == "adam":
        return Adam(optax.adam(config.learning_rate), evaluate)
    evaluate = _at_point(evaluate, config.coordinates)
    line_search = jaxopt.BacktrackingLineSearch(
        evaluate,
        value_and_grad=True,
        has_aux=True,
        # Sufficient decrease alone, at one loss and gradient a trial: the curvature that
        # jaxopt's default also asks for fails on every short step, and each failure costs 30
        # evaluations. This far-off slope never fails; "armijo" evaluates the gradient apart.
        condition="wolfe",
        c2=1e6,
        maxiter=10,
        decrease_factor=0.5,
        max_stepsize=config.max_step,
    )
    solver = jaxopt.LBFGS(
        evaluate,
        value_and_grad=True,
        has_aux=True,
        tol=0.0,
        linesearch=line_search,  # type: ignore[arg-type]
        linesearch_init="max",
        max_stepsize=config.max_step,
        history_size=config.history,
        use_gamma=False,  # Lbfgs.step does
        implicit_diff=False,
    )
    solver.run_ls = functools.partial(_search, line_search)  # type: ignore[method-assign, assignment]
    return Lbfgs(solver, config.first_step, config.coordinates)


def _at_point(evaluate: Callable[..., Any], coordinates: Coordinates) -> Callable[..., Any]:
    """Return loss and gradient as functions of the point in place of the image."""

    def evaluate_point(point: Image, *problem: Any) -> tuple[tuple[Scalar, LossTerms], Image]:
        value, gradient = evaluate(to_picture(point, coordinates), *problem)
        return value, to_picture(gradient, coordinates)

    return evaluate_point


def _search(
    line_search: jaxopt.BacktrackingLineSearch,
    init_stepsize: Any,
    params: Any,
    *,
    value: Any,
    grad: Any,
    descent_direction: Any,
    fun_args: Any,
    fun_kwargs: Any,
) -> tuple[Any, Any]:
    """Run jaxopt's backtracking as one loop.

    jaxopt's own ``run`` writes the first trial out before the loop, which puts the network into
    the program twice and doubles the time that it takes to compile.
    """
    problem = {
        "descent_direction": descent_direction,
        "fun_args": fun_args,
        "fun_kwargs": fun_kwargs,
    }
    start = line_search.init_state(init_stepsize, params, value=value, grad=grad, **problem)
    start = start._replace(aux=LossTerms(*(jnp.zeros_like(value) for _ in LossTerms._fields)))

    def backtrack(step: Any) -> Any:
        stepsize, state = step
        return tuple(line_search.update(stepsize, state, params, value=value, grad=grad, **problem))

    def unfinished(step: Any) -> Any:
        return ~(step[1].done | step[1].failed)

    stepsize = jnp.asarray(init_stepsize, value.dtype)
    return jax.lax.while_loop(unfinished, backtrack, (stepsize, start))
