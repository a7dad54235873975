"""What takes the steps of a solve, and its configuration."""

import dataclasses
import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Bool, Int

from jvst._types import Image, Scalar
from jvst.core.arguments import check_least, check_word
from jvst.errors import InputError
from jvst.network.convolution import Precision
from jvst.solver.curvature import Curvature, newest_steps, no_curvature
from jvst.solver.lbfgs import Lbfgs, LbfgsState, Preconditioner
from jvst.solver.objective import LossTerms, frame_loss
from jvst.solver.tiles import tiled_loss_and_gradient

_PRECONDITIONER = Preconditioner()
#: By how much of itself a loss may be rounded, by the precision of the convolutions: of three and
#: more tried for bfloat16 that which left the line search fewest trials and the lowest loss; TF32
#: has three bits more.
ROUNDING: Mapping[Precision, float] = MappingProxyType(
    {"float32": 0.0, "tf32": 5e-5 / 8, "bfloat16": 5e-5}
)


Named = Literal["lbfgs", "adam"]
#: Image -> number.
ExtraLoss = Callable[[Image], Scalar]


@dataclass(frozen=True)
class SolverConfig:
    """How a frame is minimized; each value belongs to the compiled program.

    Attributes:
        optimizer: ``lbfgs`` (backtracking line search), ``adam`` (optax), or a transformation of
            optax's; make it once, for each one made is a program of its own.
        history: corrections that L-BFGS keeps. A short one takes less time an
            iteration and more iterations; 100, as in the Torch code, costs more than three times
            the memory.
        carry: how many of them a solve hands on, see ``solver.curvature.Curvature``, and how many
            of another's it can begin with, fewer than ``history``; 0: none.
        tolerance: stop once the loss has changed by less than this part of itself over
            ``window`` iterations. Ruder et al. 2016, section 6: 0.01 % over 50.
        window: iterations between two looks at the stop rule.
        first_look: iterations after which the rule is asked once before that, for the same change
            an iteration.
        first_step: mean change of a channel, in [0, 1], that the first step of L-BFGS
            tries, before curvature is known.
        max_step: longest step of L-BFGS, 1 being the quasi-Newton step; a factor on the updates
            of your own transformation.
        learning_rate: step of Adam, in [0, 1] of a channel.
        preconditioner: what the inverse Hessian of L-BFGS begins as.
        tile: height and width in pixels that the network sees at a time, beside a margin, see
            ``tiled_loss_and_gradient``; None: the whole picture.
        extra_loss: a term of your own, image ``[h w 3]`` -> number, added to the loss and to none
            of ``LossTerms``; make it once, too.
    """

    optimizer: Named | optax.GradientTransformation = "lbfgs"
    history: int = 30
    carry: int = 0
    tolerance: float = 1e-4
    window: int = 50
    first_look: int = 10
    first_step: float = 0.01
    max_step: float = 1.0
    learning_rate: float = 0.01
    preconditioner: Preconditioner = _PRECONDITIONER
    tile: tuple[int, int] | None = None
    extra_loss: ExtraLoss | None = None

    def __post_init__(self) -> None:
        """Refuse unknown words and numbers of nothing."""
        if not isinstance(self.optimizer, optax.GradientTransformation):
            check_word("optimizer", self.optimizer, Named)
        check_least("history", self.history, 1)
        check_least("carry", self.carry, 0)
        if self.carry >= self.history:
            raise InputError(
                f"carry is {self.carry} with a history of {self.history}; expected fewer, so that "
                "there is room for a step"
            )
        check_least("window", self.window, 1)
        check_least("first_look", self.first_look, 0)

    def with_history(self, history: int) -> "SolverConfig":
        """Return the same with another history, of which no more is carried than there is."""
        carry = min(self.carry, history - 1)
        return dataclasses.replace(self, history=history, carry=carry)

    @property
    def carries(self) -> bool:
        """Whether a solve hands on what it has learnt: L-BFGS alone does."""
        return self.carry > 0 and self.optimizer == "lbfgs"


class Updates(NamedTuple):
    """A transformation of optax's; the state keeps the gradient of the image at hand."""

    transform: optax.GradientTransformation
    evaluate: Callable[..., Any]

    def begin(self, image: Image, curvature: Curvature | None = None) -> Any:
        """Return the optimizer's own state before the start has been evaluated."""
        del curvature  # moments of another solve are of no use
        return jnp.zeros_like(image), self.transform.init(image)

    def step(
        self, image: Image, inner: Any, first: Bool[Array, ""], *problem: Any
    ) -> tuple[Image, Scalar, LossTerms, Any, Int[Array, ""]]:
        """Take a step; return image, loss, terms, own state and the evaluations it took.

        At first it is none, and the start is evaluated.
        """
        gradient, before = inner
        with jax.numpy_dtype_promotion("standard"):  # optax mixes its counter with floats
            update, after = self.transform.update(gradient, before, image)
        moments = jax.tree.map(lambda old, new: jnp.where(first, old, new), before, after)
        moved = image + jnp.asarray(update, image.dtype)  # type: ignore[arg-type]
        image = jnp.where(first, image, moved)
        (loss, terms), gradient = self.evaluate(image, *problem)
        return image, loss, terms, (gradient, moments), jnp.asarray(1, jnp.int32)

    def where(self, active: Bool[Array, ""], new: Any, old: Any) -> Any:
        """Return the state after a step, or that before for a solve that waits for others."""
        return jax.tree.map(lambda now, before: jnp.where(active, now, before), new, old)


_loss_and_gradient = jax.value_and_grad(frame_loss, has_aux=True)


def optimizer_of(config: SolverConfig, precision: Precision = "float32") -> Lbfgs | Updates:
    """Make what ``begin``s a solve at an image and takes one ``step`` after another.

    Args:
        config: the solver.
        precision: of the network's convolutions.
    """
    evaluate: Any = _loss_and_gradient
    if config.tile is not None:
        evaluate = functools.partial(tiled_loss_and_gradient, tile=config.tile)
    if config.extra_loss is not None:
        evaluate = functools.partial(_with_extra, evaluate, config.extra_loss)
    if config.optimizer == "adam":
        return Updates(optax.adam(config.learning_rate), evaluate)
    if isinstance(config.optimizer, optax.GradientTransformation):
        return Updates(optax.chain(config.optimizer, optax.scale(config.max_step)), evaluate)
    return Lbfgs(
        evaluate,
        config.history,
        config.first_step,
        config.max_step,
        config.preconditioner,
        ROUNDING[precision],
    )


def _with_extra(
    evaluate: Callable[..., Any], extra_loss: ExtraLoss, image: Image, *problem: Any
) -> tuple[tuple[Scalar, LossTerms], Image]:
    (loss, terms), gradient = evaluate(image, *problem)
    more, slope = jax.value_and_grad(extra_loss)(image)
    return (loss + more, terms), gradient + slope


def known_at_first(
    config: SolverConfig,
    shape: tuple[int, ...],
    dtype: jnp.dtype,
    curvature: Curvature | None = None,
) -> Curvature | None:
    """Return what a solve begins with: zeros where nothing is known, so that one program serves.

    Args:
        config: the solver.
        shape: height, width and channels of the picture.
        dtype: of the picture.
        curvature: what another solve has handed on.

    Returns:
        None for a solver that begins with nothing.

    Raises:
        InputError: what was handed on is of another size, or of more steps.
    """
    if not config.carries:
        return None
    nothing = no_curvature(shape, config.carry, dtype)
    if curvature is None:
        return nothing
    given, expected = curvature.steps.shape, nothing.steps.shape
    if given != expected:
        raise InputError(
            f"curvature holds steps of shape {list(given)}; expected {list(expected)}: `carry` "
            "steps of the picture's size"
        )
    return curvature


def handed_on(state: Any, config: SolverConfig) -> Curvature | None:
    """Return what a solve hands on to another, see ``Curvature``.

    Args:
        state: the optimizer's own, where it ended.
        config: the solver.

    Returns:
        None for a solver that hands nothing on.
    """
    if not config.carries:
        return None
    return _newest(state.history, state.gradient.shape, config.carry)


_newest = jax.jit(newest_steps, static_argnums=(1, 2))


def times_dropped(state: Any) -> int:
    """Return the number of times that steps of another solve were dropped.

    Args:
        state: the optimizer's own.
    """
    return int(state.dropped) if isinstance(state, LbfgsState) else 0
