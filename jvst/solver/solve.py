"""What takes one step at a time, L-BFGS or Adam, and how either is set up."""

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Int

from jvst._types import Image, Scalar
from jvst.lbfgs import Lbfgs
from jvst.network.convolution import Precision
from jvst.objective import LossTerms, frame_loss
from jvst.preconditioner import Preconditioner
from jvst.tiles import tiled_loss_and_gradient

_PRECONDITIONER = Preconditioner()
#: By how much of itself a loss may be rounded, by the precision of the convolutions: of three and
#: more tried for bfloat16 that which left the line search fewest trials and the lowest loss; TF32
#: has three bits more.
ROUNDING: Mapping[Precision, float] = MappingProxyType(
    {"float32": 0.0, "tf32": 5e-5 / 8, "bfloat16": 5e-5}
)


@dataclass(frozen=True)
class SolverConfig:
    """How a frame is minimized; each value belongs to the compiled program.

    Attributes:
        optimizer: ``lbfgs`` (backtracking line search) or ``adam`` (optax).
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
        preconditioner: what the inverse Hessian of L-BFGS begins as.
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
    preconditioner: Preconditioner = _PRECONDITIONER
    tile: tuple[int, int] | None = None


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


def optimizer_of(config: SolverConfig, precision: Precision) -> Lbfgs | Adam:
    """Make what ``start``s a solve at an image and takes one ``step`` after another.

    Args:
        config: the solver.
        precision: of the network's convolutions.
    """
    evaluate: Any = _loss_and_gradient
    if config.tile is not None:
        evaluate = functools.partial(tiled_loss_and_gradient, tile=config.tile)
    if config.optimizer == "adam":
        return Adam(optax.adam(config.learning_rate), evaluate)
    return Lbfgs(
        evaluate,
        config.history,
        config.first_step,
        config.max_step,
        config.preconditioner,
        ROUNDING[precision],
    )
