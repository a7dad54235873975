"""Rules of trust in a flow, and their evidence.

The modes of ``consistency_mask``, and others that were compared with them.
"""

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple, get_args

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from jvst._types import Flow, Image, Mask
from jvst.core.consistency import mask_reasons, photometric_error
from jvst.core.masks import MaskMode, consistency_mask
from jvst.core.warp import warp

Rule = Callable[["Evidence"], Bool[Array, "h w"]]

_SPREAD = 5  # pixels, side of the window in which the flow is looked at


class Evidence(NamedTuple):
    """What the rules look at, on the frame that the flow starts from.

    Attributes:
        disoccluded: see ``MaskReasons``.
        outside: see ``MaskReasons``.
        boundary: see ``MaskReasons``.
        levels: root of ``photometric_error``, in levels of 255.
        miss: by how much the flow back misses, pixels.
        spread: by how much the flow changes within 5×5 pixels, pixels.
        divergence: of the flow; where it is negative, two surfaces come from one place.
    """

    disoccluded: Bool[Array, "h w"]
    outside: Bool[Array, "h w"]
    boundary: Bool[Array, "h w"]
    levels: Float[Array, "h w"]
    miss: Float[Array, "h w"]
    spread: Float[Array, "h w"]
    divergence: Float[Array, "h w"]

    @property
    def gone(self) -> Bool[Array, "h w"]:
        """Where the other frame doesn't show the point, as far as the flow tells."""
        return self.disoccluded | self.outside


def _boundary(holds: Rule) -> Rule:
    """Let a motion boundary count only where something else holds, too."""
    return lambda e: e.gone | (e.boundary & holds(e))


def _differs(boundary: float, elsewhere: float = math.inf) -> Rule:
    """Trust nothing where the frames differ by a number of levels, on a boundary and elsewhere."""
    return lambda e: e.gone | (e.boundary & (e.levels > boundary)) | (e.levels > elsewhere)


#: Name -> where a rule trusts nothing.
RULES: Mapping[str, Rule] = MappingProxyType(
    {
        "no boundary": lambda e: e.gone,
        "misses 0.3 px": _boundary(lambda e: e.miss > 0.3),
        "changes 1 px": _boundary(lambda e: e.spread > 1.0),
        "converges": _boundary(lambda e: e.divergence < 0.0),
        "differs 5": _differs(5.0),
        "differs 8": _differs(8.0),
        "differs 12": _differs(12.0),
        "differs 8, elsewhere 16": _differs(8.0, 16.0),
        "differs 12, elsewhere 24": _differs(12.0, 24.0),
        "differs 12 anywhere": _differs(12.0, 12.0),
    }
)
#: All names: the modes, then the rules.
NAMES = (*get_args(MaskMode), *RULES)


def trust(name: str, flow: Flow, flow_back: Flow, image: Image, other: Image) -> Mask:
    """Return a rule's mask, 1 = trust.

    Args:
        name: one of ``NAMES``.
        flow: from ``image`` to ``other``, pixels.
        flow_back: from ``other`` to ``image``, pixels.
        image: the frame that the mask lives on, RGB in [0, 1].
        other: the other frame.
    """
    if name in get_args(MaskMode):
        return _mask(flow, flow_back, image, other, mode=name)
    untrusted = RULES[name](_evidence(flow, flow_back, image, other))
    return 1.0 - untrusted.astype(flow.dtype)


@jax.jit
def _evidence(flow: Flow, flow_back: Flow, image: Image, other: Image) -> Evidence:
    miss = jnp.linalg.norm(flow + warp(flow_back, flow), axis=-1)
    levels = 255.0 * jnp.sqrt(photometric_error(image, other, flow))
    return Evidence(
        *mask_reasons(flow, flow_back),
        levels=levels,
        miss=miss,
        spread=_spread(flow),
        divergence=_divergence(flow),
    )


def _divergence(flow: Flow) -> Float[Array, "h w"]:
    padded = jnp.pad(flow, ((1, 1), (1, 1), (0, 0)), mode="edge")
    across = padded[1:-1, 2:, 0] - padded[1:-1, :-2, 0]
    down = padded[2:, 1:-1, 1] - padded[:-2, 1:-1, 1]
    return 0.5 * (across + down)


def _spread(flow: Flow) -> Float[Array, "h w"]:
    window = (_SPREAD, _SPREAD, 1), (1, 1, 1), "SAME"
    most = jax.lax.reduce_window(flow, -jnp.inf, jax.lax.max, *window)
    least = jax.lax.reduce_window(flow, jnp.inf, jax.lax.min, *window)
    return jnp.linalg.norm(most - least, axis=-1)


_mask = jax.jit(
    lambda flow, flow_back, image, other, mode: consistency_mask(
        flow, flow_back, mode=mode, image=image, other=other
    ),
    static_argnames="mode",
)
