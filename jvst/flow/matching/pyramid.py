r"""DeepMatching's pyramid of patches.

Levels hold responses ``R[py, px, dy, dx]`` by displacement. Up a level patches are twice as
large and displacements twice as coarse. Parents of level 1 sit between the patches of level 0;
those above lie on the same grid as their children.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jvst.flow.matching.correlation import PATCH

#: Level are raised to this power at each level, so that good ones count more.
_POWER = 1.4
#: The more of a patch is out of the frame, the less it is worth.
_OUTSIDE = 0.9
#: Between equals the shorter displacement: flat areas stand still. Scores are a few units.
_TIE = 1e-4
#: A pyramid whose top has fewer displacements an axis decides nothing.
_FEWEST_STEPS = 5

Offsets = tuple[int, int]
# Sizes change from level to level: within a function one letter would stand for many.
Axis = Float[Array, "_ _"]  # [p d]
Level = Float[Array, "_ _ _ _"]  # [py px dy dx]


class Best(NamedTuple):
    """What each patch of level 0 chose."""

    displacement: Float[Array, "py px 2"]  # (dx, dy), pixels of the descriptor
    score: Float[Array, "py px"]  # sum of the responses along its path


def offsets_of(levels: int) -> list[Offsets]:
    """Return where the children of a patch of level 1, 2, … lie, each way, in steps of the grid."""
    return [(-1, 0)] + [(-(2**level), 2**level) for level in range(levels - 2)]


def count_levels(height: int, width: int, reach: tuple[int, int]) -> int:
    """Count levels: up to patches as large as the picture, or displacements that are too few."""
    levels, side, steps = 1, PATCH, 2 * min(reach) + 1
    while 2 * side <= max(height, width) and steps // 2 + 1 >= _FEWEST_STEPS:
        levels, side, steps = levels + 1, 2 * side, steps // 2 + 1
    return levels


def decide(bottom: Level, *, size: tuple[int, int], reach: tuple[int, int]) -> Best:
    """Find for each patch of level 0 the displacement on the best path from the top.

    Args:
        bottom: cosines of level 0.
        size: height and width of the descriptor.
        reach: largest displacement (down, across).

    Source: Revaud et al. 2016, *DeepMatching*, sections 3.2 and 3.3, with the constants of its
    version 1.2. Here going down is a maximum over windows, not a recursion, and so it starts
    from every cell of the top.
    """
    offsets = offsets_of(count_levels(*size, reach))
    down, across = (
        _inside(count, side, far)
        for count, side, far in zip(bottom.shape[:2], size, reach, strict=True)
    )
    # A window whose middle is out of the picture has no say, or few would outvote many.
    responses = [bottom**_POWER * down[:, None, :, None] * across[None, :, None, :]]
    pooled = []
    for these in offsets:
        pooled.append(_halve(_halve(responses[-1], axis=2), axis=3))
        down, across = _votes(_halve(down, axis=1), these), _votes(_halve(across, axis=1), these)
        responses.append(_parents(pooled[-1], down, across, these) ** _POWER)
        down, across = jnp.minimum(down, 1.0), jnp.minimum(across, 1.0)
    score = responses.pop()
    for these in offsets[:0:-1]:
        level, coarse = responses.pop(), pooled.pop()
        score = level + _unpool(level, coarse, _told(score, these))

    def one_row(row: tuple[Array, Array, Array]) -> Best:
        level, coarse, told = row
        return _best(level, level + _unpool(level, coarse, told), reach)

    # Row by row: the scores of level 0 are as large as everything else together.
    return jax.lax.map(one_row, (responses[0], pooled[0], _told(score, offsets[0])))


def _inside(count: int, side: int, far: int) -> Axis:
    """Return 1 where the middle of a patch, displaced, is in the picture; along one axis."""
    middle = PATCH * np.arange(count)[:, None] + (PATCH - 1) / 2
    target = middle + np.arange(-far, far + 1)[None]
    return jnp.asarray((target >= 0) & (target <= side - 1), jnp.float32)


def _halve(values: Float[Array, "..."], *, axis: int) -> Float[Array, "..."]:
    """Take the maximum of three along an axis, at every second index."""
    count = values.shape[axis]
    coarse = (count + 1) // 2
    border = [(0, 0)] * values.ndim
    border[axis] = (1, 2 * coarse - count)
    padded = jnp.pad(values, border, constant_values=-jnp.inf)
    first, middle, last = (
        jax.lax.slice_in_dim(padded, i, i + 2 * coarse - 1, 2, axis) for i in range(3)
    )
    return jnp.maximum(jnp.maximum(first, middle), last)


def _shifted(values: Float[Array, "p ..."], these: Offsets, axis: int) -> tuple[Array, Array]:
    """Return the children at both offsets of every parent along an axis; 0 where there is none."""
    low, high = these
    border = [(0, 0)] * values.ndim
    border[axis] = (-low, max(high, 1))
    padded = jnp.pad(values, border)
    count = values.shape[axis] + (1 if these == (-1, 0) else 0)
    return (
        jax.lax.slice_in_dim(padded, 0, count, axis=axis),
        jax.lax.slice_in_dim(padded, high - low, high - low + count, axis=axis),
    )


def _votes(inside: Axis, these: Offsets) -> Axis:
    """Count the children that exist and are in the picture, 0 to 2."""
    first, second = _shifted(inside, these, 0)
    return first + second


def _parents(pooled: Level, down: Axis, across: Axis, these: Offsets) -> Level:
    """Average of the four children that each parent has, as far as they exist."""
    one, two = _shifted(pooled, these, 0)
    one, two = _shifted(one + two, these, 1)
    count = jnp.maximum(down[:, None, :, None] * across[None, :, None, :], 1.0)
    return (one + two) / (count**_OUTSIDE * 4.0 ** (1 - _OUTSIDE))


def _told(score: Level, these: Offsets) -> Level:
    """Return what the best of its four parents says to each child."""
    for axis in (0, 1):
        if these == (-1, 0):
            count = score.shape[axis] - 1
            one = jax.lax.slice_in_dim(score, 0, count, axis=axis)
            two = jax.lax.slice_in_dim(score, 1, count + 1, axis=axis)
        else:
            step, count = these[1], score.shape[axis]
            border = [(0, 0)] * 4
            border[axis] = (step, step)
            padded = jnp.pad(score, border, constant_values=-jnp.inf)
            one = jax.lax.slice_in_dim(padded, 0, count, axis=axis)
            two = jax.lax.slice_in_dim(padded, 2 * step, 2 * step + count, axis=axis)
        score = jnp.maximum(one, two)
    return score


def _unpool(
    level: Float[Array, "*p dy dx"],
    coarse: Float[Array, "*p ey ex"],
    told: Float[Array, "*p ey ex"],
) -> Float[Array, "*p dy dx"]:
    """Give what was told about a window to the cell that was its maximum, −inf to the others."""
    best = jnp.full_like(level, -jnp.inf)
    rows, columns = level.shape[-2:]
    for y in (0, 1):  # cell d lies in the windows d // 2 and (d + 1) // 2
        for x in (0, 1):
            window = _double(coarse, y, x, rows, columns)
            value = _double(told, y, x, rows, columns)
            best = jnp.maximum(best, jnp.where(level == window, value, -jnp.inf))
    return best


def _double(
    coarse: Float[Array, "*p ey ex"], y: int, x: int, rows: int, columns: int
) -> Float[Array, "*p {rows} {columns}"]:
    *p, ey, ex = coarse.shape
    wide = jnp.broadcast_to(coarse[..., :, None, :, None], (*p, ey, 2, ex, 2))
    wide = wide.reshape(*p, 2 * ey, 2 * ex)
    if y + rows > 2 * ey or x + columns > 2 * ex:  # an even number of cells
        wide = jnp.pad(wide, [(0, 0)] * len(p) + [(0, 1), (0, 1)], mode="edge")
    return wide[..., y : y + rows, x : x + columns]


def _best(
    level: Float[Array, "px dy dx"], score: Float[Array, "px dy dx"], reach: tuple[int, int]
) -> Best:
    """Take the best cell of each patch, to a fraction of a cell by a parabola."""
    count, rows, columns = level.shape
    down, across = (jnp.linspace(-1.0, 1.0, n, dtype=score.dtype) for n in (rows, columns))
    length = jnp.square(down)[:, None] + jnp.square(across)
    flat = jnp.argmax((score - _TIE * length).reshape(count, -1), -1)
    y, x = flat // columns, flat % columns
    each = jnp.arange(count)

    def peak(low: Array, high: Array) -> Array:
        """Return the offset of the maximum of the parabola through three responses, in ± ½."""
        middle = level[each, y, x]
        bend = low - 2 * middle + high
        offset = 0.5 * (low - high) / jnp.minimum(bend, -1e-6)
        return jnp.where((middle >= low) & (middle >= high), jnp.clip(offset, -0.5, 0.5), 0.0)

    dx = peak(
        level[each, y, jnp.maximum(x - 1, 0)], level[each, y, jnp.minimum(x + 1, columns - 1)]
    )
    dy = peak(level[each, jnp.maximum(y - 1, 0), x], level[each, jnp.minimum(y + 1, rows - 1), x])
    cell = jnp.stack([x - reach[1], y - reach[0]], -1).astype(level.dtype)
    return Best(cell + jnp.stack([dx, dy], -1), score[each, y, x])
