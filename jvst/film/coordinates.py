"""Coordinates that pixels carry along the flow."""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from jvst._types import Flow
from jvst.core.warp import pixel_grid

#: Pixels by which the coordinates of neighbours may differ beyond their distance and still be of
#: one surface.
ALIKE = 1.5
#: A pixel that continues at most this many of its 8 neighbours is a torn dot,
_ALONE = 3
#: and takes after a neighbour that continues at least this many of its own.
_AMONG = 5
#: Neighbours that a pixel continues, in the mean over 5×5; fewer are a tear. Along a straight
#: outline it is above 5, at a corner of a surface above 3.
_WHOLE = 3.0
# Enlargement or reduction from which strokes have another size than the painting's.
_STRETCH = 2.0
# Pixels to each side over which that is measured: coordinates themselves jump by up to one.
_REACH = 3

_AROUND = [(dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1) if dy or dx]
_BESIDE = [(0, -1), (0, 1), (-1, 0), (1, 0)]


class Origin(NamedTuple):
    """In which frame's pass each pixel was painted, and where."""

    source: Int[Array, "h w"]  # number of the frame
    where: Float[Array, "h w 2"]  # (x, y) in its pass, pixels


class Coordinates(NamedTuple):
    """What each pixel remembers."""

    shown: Origin
    former: Origin  # what is shown fades in over this
    fade: Int[Array, "h w"]  # frames since that began; 0: it is over
    unsettled: Bool[Array, "h w"]  # painted while an outline was near


def own_coordinates(index: Int[Array, ""], like: Flow) -> Coordinates:
    """Return the coordinates of a frame that shows its own pass.

    Args:
        index: number of the frame.
        like: any field of the frame's size.
    """
    h, w, _ = like.shape
    own = Origin(jnp.full((h, w), index, jnp.int32), pixel_grid(h, w, like.dtype))
    return Coordinates(own, own, jnp.zeros((h, w), jnp.int32), jnp.zeros((h, w), bool))


def coordinates_of(leaves: Sequence[Array]) -> Coordinates | None:
    """Put coordinates together from their leaves; None where these are something else.

    Args:
        leaves: those of ``jax.tree.leaves``.
    """
    if len(leaves) != 6:
        return None
    source, where, former_source, former, fade, unsettled = leaves
    flat = source, former_source, fade, unsettled
    if fade.ndim != 2 or any(leaf.shape != fade.shape for leaf in flat):
        return None
    if any(leaf.shape != (*fade.shape, 2) for leaf in (where, former)):
        return None
    return Coordinates(Origin(source, where), Origin(former_source, former), fade, unsettled)


def carried_along(before: Coordinates, flow: Flow) -> tuple[Coordinates, Bool[Array, "h w"]]:
    r"""Bring the coordinates of the frame before to a frame.

    .. math:: c(p) = c'(q) + (p + w(p) - q), \quad q = [p + w(p)]

    with q the nearest pixel. Where the four pixels around p + w(p) are of one surface, c' is read
    between them instead, and the remainder is scaled and turned by what beside q is of its own.

    Args:
        before: of the frame before.
        flow: w, from the frame to the one before, pixels.

    Returns:
        The coordinates, and where they are in the frame before and in the pass that they name.
    """
    h, w, _ = flow.shape
    finite = jnp.all(jnp.isfinite(flow), axis=-1, keepdims=True)
    goal = pixel_grid(h, w, flow.dtype) + jnp.where(finite, flow, 0.0)
    limit = jnp.asarray([w - 1, h - 1], flow.dtype)
    inside = jnp.all((goal >= 0.0) & (goal <= limit), axis=-1) & finite[..., 0]
    goal = jnp.clip(goal, 0.0, limit)
    low = jnp.floor(goal)
    x0, y0 = jnp.moveaxis(low.astype(jnp.int32), -1, 0)
    x1, y1 = jnp.minimum(x0 + 1, w - 1), jnp.minimum(y0 + 1, h - 1)
    # One row of numbers a pixel is read faster than many fields; whole numbers are exact in it.
    packed = _packed(before, flow.dtype)
    corners = [packed[y, x] for y, x in ((y0, x0), (y0, x1), (y1, x0), (y1, x1))]
    share = goal - low
    right, down = share[..., :1] > 0.5, share[..., 1:] > 0.5
    a, b, c, d = corners
    nearest = jnp.where(down, jnp.where(right, d, c), jnp.where(right, b, a))
    across = jnp.where(down, jnp.where(right, c, d), jnp.where(right, a, b))
    along = jnp.where(down, jnp.where(right, b, a), jnp.where(right, d, c))
    rest = share - jnp.concatenate([right, down], axis=-1).astype(flow.dtype)
    around = [_unpacked(each) for each in (nearest, across, along, a, b, c, d)]
    found = around[0]._replace(
        shown=_between([each.shown for each in around], share, rest),
        former=_between([each.former for each in around], share, rest),
    )
    # What came in behind the border of a pass is not in it, though its neighbour is. The area of
    # the outermost pixels ends half a pixel beyond their centres.
    where = found.shown.where
    inside &= jnp.all((where >= -0.5) & (where <= limit + 0.5), axis=-1)
    return found, inside


def chosen(where: Bool[Array, "h w"], one: Coordinates, other: Coordinates) -> Coordinates:
    """Take the coordinates of one where that is so, else those of the other."""

    def pick(a: Array, b: Array) -> Array:
        return jnp.where(where if a.ndim == 2 else where[..., None], a, b)

    return jax.tree.map(pick, one, other)


def mended(coordinates: Coordinates) -> tuple[Coordinates, Bool[Array, "h w"]]:
    """Let torn dots take after a neighbour.

    Args:
        coordinates: of a frame.

    Returns:
        The coordinates, and where they are torn in spite of that.
    """
    support = _support(coordinates.shown)
    best, found = support, coordinates
    for dy, dx in _BESIDE:
        other = _neighbour(support, dy, dx)
        better = (support <= _ALONE) & (other >= _AMONG) & (other > best)
        there = jax.tree.map(lambda field, at=(dy, dx): _neighbour(field, *at), coordinates)
        step = jnp.asarray([dx, dy], coordinates.shown.where.dtype)
        there = there._replace(
            shown=there.shown._replace(where=there.shown.where - step),
            former=there.former._replace(where=there.former.where - step),
        )
        found = chosen(better, there, found)
        best = jnp.where(better, other, best)
    return found, _mean_near(support.astype(coordinates.shown.where.dtype), 2) < _WHOLE


def stretched(shown: Origin) -> Bool[Array, "h w"]:
    """Mark the pixels around which a pass is enlarged or reduced to twice or half its size."""
    found = jnp.zeros(shown.source.shape, bool)
    for axis in (0, 1):
        size = shown.source.shape[axis]
        ends = [
            jax.tree.map(
                lambda field, at=at, axis=axis, size=size: jax.lax.slice_in_dim(
                    _bordered(field, _REACH, axis), at, at + size, axis=axis
                ),
                shown,
            )
            for at in (0, 2 * _REACH)
        ]
        apart = jnp.sqrt(jnp.sum(jnp.square(ends[0].where - ends[1].where), axis=-1))
        # Next to the border, the border's pixels stand for what is beyond.
        place = jnp.arange(size)
        reach = jnp.minimum(place + _REACH, size - 1) - jnp.maximum(place - _REACH, 0)
        reach = jnp.expand_dims(reach, 1 - axis)
        ratio = apart / jnp.maximum(reach, 1).astype(apart.dtype)
        one = (ends[0].source == ends[1].source) & (reach > 0)
        found |= one & ((ratio < 1.0 / _STRETCH) | (ratio > _STRETCH))
    return found


def grown(area: Bool[Array, "h w"], pixels: int) -> Bool[Array, "h w"]:
    """Mark what lies within a number of pixels of an area, down and across.

    Args:
        area: marked.
        pixels: static.
    """
    for axis in (0, 1):
        reach, size = 0, area.shape[axis]
        while reach < pixels:
            # Steps of up to what is marked already to each side leave no gap, at the border either.
            step = min(reach + 1, pixels - reach)
            pads = [(step, step) if i == axis else (0, 0) for i in (0, 1)]
            padded = jnp.pad(area, pads)
            for at in (0, 2 * step):
                area = area | jax.lax.slice_in_dim(padded, at, at + size, axis=axis)
            reach += step
    return area


def _packed(coordinates: Coordinates, dtype: jnp.dtype) -> Float[Array, "h w 8"]:
    leaves = jax.tree.leaves(coordinates)
    fields = [leaf if leaf.ndim == 3 else leaf[..., None].astype(dtype) for leaf in leaves]
    return jnp.concatenate(fields, axis=-1)


def _unpacked(packed: Float[Array, "h w 8"]) -> Coordinates:
    return Coordinates(
        Origin(packed[..., 0].astype(jnp.int32), packed[..., 1:3]),
        Origin(packed[..., 3].astype(jnp.int32), packed[..., 4:6]),
        packed[..., 6].astype(jnp.int32),
        packed[..., 7] > 0.5,
    )


def _between(
    origins: list[Origin], share: Float[Array, "h w 2"], rest: Float[Array, "h w 2"]
) -> Origin:
    """Read coordinates between four pixels of one surface, else go on from the nearest.

    Args:
        origins: of the nearest pixel, of those beside it across and down, and of all four in their
            order.
        share: of the way from the first of the four to the last.
        rest: of the way from the nearest.
    """
    nearest, across, along, *corners = origins
    a, b, c, d = (each.where for each in corners)
    low, high = (f(f(a, b), f(c, d)) for f in (jnp.minimum, jnp.maximum))
    one = jnp.max(high - low, axis=-1) < ALIKE
    for each in corners:
        one &= each.source == nearest.source
    x, y = share[..., :1], share[..., 1:]
    mean = (1.0 - y) * ((1.0 - x) * a + x * b) + y * ((1.0 - x) * c + x * d)
    where = nearest.where
    for axis, beside in enumerate((across, along)):
        step = beside.where - nearest.where
        alike = (beside.source == nearest.source) & (jnp.max(jnp.abs(step), axis=-1) < ALIKE)
        left = rest[..., axis : axis + 1]
        unit = jnp.eye(2, dtype=left.dtype)[axis]
        where += jnp.where(alike[..., None], jnp.abs(left) * step, left * unit)
    return nearest._replace(where=jnp.where(one[..., None], mean, where))


def _support(shown: Origin) -> Int[Array, "h w"]:
    """Count the neighbours, of 8, that a pixel continues."""
    h, w = shown.source.shape
    offset = shown.where - pixel_grid(h, w, shown.where.dtype)
    found = jnp.zeros((h, w), jnp.int32)
    for dy, dx in _AROUND:
        jump = jnp.max(jnp.abs(offset - _neighbour(offset, dy, dx)), axis=-1)
        alike = (shown.source == _neighbour(shown.source, dy, dx)) & (jump < ALIKE)
        found += alike.astype(jnp.int32)
    return found


def _neighbour(field: Array, dy: int, dx: int) -> Array:
    """Return what each pixel's neighbour has; beyond the border, the pixel's own row or column."""
    h, w = field.shape[:2]
    padded = _bordered(_bordered(field, 1, 0), 1, 1)
    return padded[1 + dy : 1 + dy + h, 1 + dx : 1 + dx + w]


def _mean_near(field: Float[Array, "h w"], pixels: int) -> Float[Array, "h w"]:
    """Average over a square of pixels; the border's pixels continue beyond it."""
    for axis in (0, 1):
        size, padded = field.shape[axis], _bordered(field, pixels, axis)
        parts = (
            jax.lax.slice_in_dim(padded, at, at + size, axis=axis) for at in range(2 * pixels + 1)
        )
        field = sum(parts, jnp.zeros_like(field)) / (2 * pixels + 1)
    return field


def _bordered(field: Array, pixels: int, axis: int) -> Array:
    pads = [(pixels, pixels) if i == axis else (0, 0) for i in range(field.ndim)]
    return jnp.pad(field, pads, mode="edge")
