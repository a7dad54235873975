"""Style statistics, what of a layer is compared."""

import dataclasses
import inspect
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from jvst._types import Activation, Gram, Scalar
from jvst.core.losses import gram_matrix
from jvst.core.precision import widened
from jvst.core.transport import wasserstein_distance

#: Positions of a layer that count, where only part of them do.
Owned = Bool[Array, "h w 1"]


@runtime_checkable
class StyleStatistic(Protocol):
    """What of a layer counts as its style, and how far two styles are apart.

    An implementation is a frozen dataclass or another hashable value: it belongs to the compiled
    program. Give it to ``style_targets``, and the frame loss, tiles, batches, whole clips and the
    memory estimate follow it.
    """

    def moments(self, activation: Activation, owned: Owned | None = None) -> Any:
        """Return what a layer contributes: means over its positions, in any tree of arrays.

        Args:
            activation: a layer, or its part in one window of the picture, ``[h w c]``.
            owned: in a window, the positions that count; the others add 0 to the sums that are
                divided by h·w. So the moments of the windows of a picture, each times its share
                of the positions, add up to the picture's. One that is only for whole pictures
                leaves this argument out, and can't be tiled.
        """
        ...

    def loss(self, moments: Any, target: Any) -> Scalar:
        """Compare the moments of the frame being stylized with the painting's; 0 where equal."""
        ...


@dataclasses.dataclass(frozen=True)
class GramStatistic:
    r"""Products of channels, as in Gatys et al. 2016 and Ruder et al. 2016.

    .. math:: \frac{1}{c^2} \sum_{i,j} (G_{ij} - A_{ij})^2

    The moments are ``gram_matrix``, the loss is that of ``style_loss``.
    """

    def moments(self, activation: Activation, owned: Owned | None = None) -> Gram:
        """Return the Gram matrix, ``[c c]``."""
        return _products(_counted(activation, owned))

    def loss(self, moments: Gram, target: Gram) -> Scalar:
        """Return the mean squared difference of two Gram matrices."""
        return jnp.mean(jnp.square(moments - target))


class GaussianMoments(NamedTuple):
    """First and second moments of a layer."""

    mean: Float[Array, " c"]
    square: Float[Array, "c c"]  # mean product of channels i and j


@dataclasses.dataclass(frozen=True)
class WassersteinStatistic:
    r"""Mean and covariance of the channels, compared as Gaussians by optimal transport.

    .. math:: \frac{W_2^2\bigl(N(\mu, C + \rho), N(\nu, D + \rho)\bigr)}
        {|\nu|^2 + \operatorname{tr} D}, \qquad \rho = \varepsilon \frac{\operatorname{tr} D}{c} I

    ``wasserstein_distance`` is the numerator. The ridge ρ holds rounding down where a layer varies
    in fewer directions than it has channels: there the slope of a root is large.

    Attributes:
        ridge: ε.

    Source: the loss of crowsonkb's style-transfer-pytorch. Differs from it in scale, the mean over
    channels there: divided by the painting's own mean square it is the same for every network,
    and so is its weight.
    """

    ridge: float = 1e-2

    def moments(self, activation: Activation, owned: Owned | None = None) -> GaussianMoments:
        """Return mean and second moment of the channels."""
        counted = _counted(activation, owned)
        channels = activation.shape[-1]
        return GaussianMoments(jnp.mean(counted, axis=(0, 1)), channels * _products(counted))

    def loss(self, moments: GaussianMoments, target: GaussianMoments) -> Scalar:
        """Return the squared distance of two Gaussians, relative to the painting's size."""
        size = jnp.maximum(jnp.trace(target.square), jnp.finfo(target.mean.dtype).tiny)
        covariance, wanted = (
            each.square - jnp.outer(each.mean, each.mean) for each in (moments, target)
        )
        channels = target.mean.shape[0]
        ridge = self.ridge * jnp.trace(wanted) / channels * jnp.eye(channels, dtype=wanted.dtype)
        distance = wasserstein_distance(
            moments.mean, covariance + ridge, target.mean, wanted + ridge
        )
        return distance / size


#: The statistics that a name selects.
STATISTICS: Mapping[str, StyleStatistic] = MappingProxyType(
    {"gram": GramStatistic(), "wasserstein": WassersteinStatistic()}
)


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class StyleTarget:
    """What a layer is drawn to, with the statistic that it is compared by.

    Attributes:
        moments: of the painting.
        statistic: made them; static.
    """

    moments: Any
    statistic: StyleStatistic = dataclasses.field(metadata={"static": True})


def statistic_of(target: StyleTarget | Gram) -> tuple[StyleStatistic, Any]:
    """Return the statistic and the moments of a target; a plain matrix is a Gram matrix."""
    if isinstance(target, StyleTarget):
        return target.statistic, target.moments
    return STATISTICS["gram"], target


def target_of(statistic: StyleStatistic, moments: Any) -> StyleTarget | Gram:
    """Return a target; that of the Gram statistic is the matrix itself."""
    if statistic == STATISTICS["gram"]:
        return moments
    return StyleTarget(moments, statistic)


def check_tiled(statistic: StyleStatistic) -> None:
    """Refuse a statistic that needs the whole layer.

    Raises:
        ValueError: its ``moments`` takes no ``owned``.
    """
    if "owned" not in inspect.signature(statistic.moments).parameters:
        raise ValueError(
            f"{type(statistic).__name__}.moments takes no argument 'owned', so its contributions "
            "of tiles can't be added up; solve without tiles, or add the argument"
        )


def moments_of(
    statistic: StyleStatistic, activation: Activation, owned: Owned | None = None
) -> Any:
    """Return the moments of a layer, summed in float32 or better.

    A Gram matrix takes a layer in half precision as it is; any other statistic is given float32.

    Args:
        statistic: makes them.
        activation: a layer, ``[h w c]``.
        owned: see ``StyleStatistic.moments``.
    """
    if not isinstance(statistic, GramStatistic):
        activation = widened(activation)
    return statistic.moments(activation) if owned is None else statistic.moments(activation, owned)


def _counted(activation: Activation, owned: Owned | None) -> Activation:
    return activation if owned is None else jnp.where(owned, activation, 0)


# JAX's gradient of a Gram matrix is the sum of two products as large as the layer, one of them
# turned round; written so, it is one. ``gram_matrix`` itself keeps JAX's, in both directions.
_products = jax.custom_vjp(gram_matrix)


def _products_forward(activation: Activation) -> tuple[Gram, Activation]:
    return gram_matrix(activation), activation


def _products_backward(activation: Activation, slope: Gram) -> tuple[Activation]:
    along = (slope + slope.T) / activation.size
    return (jnp.matmul(activation, along.astype(activation.dtype)),)


_products.defvjp(_products_forward, _products_backward)
