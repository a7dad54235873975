"""Batches of crops, cut and coloured on the device from a pool of 8-bit pictures.

Every function draws all it needs from ``key`` and has static shapes, so that it runs inside the
jitted training step.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, PRNGKeyArray, UInt8

#: A palette: RGB for each of 256 indices.
Palette = Float[Array, "256 3"]
_KNOTS = 8


class Manner(NamedTuple):
    """What two crops of one texture share beside the pattern and the palette."""

    mirror: Float[Array, ""]  # above 1/2: left and right change places
    transpose: Float[Array, ""]  # above 1/2: rows and columns change places
    far: Float[Array, ""]  # above 1/2: seen at half the size
    relief: Float[Array, ""]  # strength of light that falls across the marks
    grain: Float[Array, ""]  # standard deviation of noise


def random_palette(key: PRNGKeyArray) -> Palette:
    """Draw a gradient through a few colours, from nearly grey to all hues, smooth or in steps."""
    keys = jax.random.split(key, 6)
    order, spread = jax.random.uniform(keys[0]), jax.random.uniform(keys[1], (), minval=0.1)
    middle = jax.random.uniform(keys[2], (3,), minval=0.2, maxval=0.8)
    ends = jax.random.uniform(keys[3], (2, 3))
    ladder = jnp.linspace(0.0, 1.0, _KNOTS)[:, None]
    gradient = ends[0] + (ends[1] - ends[0]) * ladder  # [knot 3]
    spots = middle + spread * jax.random.uniform(keys[4], (_KNOTS, 3), minval=-1.0)
    colours = jnp.clip(order * gradient + (1.0 - order) * spots, 0.0, 1.0)
    position = jnp.linspace(0.0, _KNOTS - 1.0, 256)
    stepped = jax.random.uniform(keys[5]) < 0.25
    position = jnp.where(stepped, jnp.round(position), position)
    low = jnp.clip(jnp.floor(position).astype(jnp.int32), 0, _KNOTS - 2)
    share = (position - low.astype(position.dtype))[:, None]
    return colours[low] * (1.0 - share) + colours[low + 1] * share


def random_manner(key: PRNGKeyArray) -> Manner:
    """Draw how a texture is seen."""
    keys = jax.random.split(key, 7)
    mirror, transpose, far, relief, grain, lit, grainy = (jax.random.uniform(k) for k in keys)
    return Manner(
        mirror=mirror,
        transpose=transpose,
        far=far,
        relief=jnp.where(lit < 0.5, 1.5 * relief, 0.0),
        grain=jnp.where(grainy < 0.3, 0.12 * grain, 0.0),
    )


def texture_crop(
    key: PRNGKeyArray,
    field: UInt8[Array, "s s"],
    palette: Palette,
    manner: Manner,
    *,
    size: int,
) -> Float[Array, "size size 3"]:
    """Cut a crop anywhere from a texture and colour it, RGB about [0, 1]."""
    where, noise = jax.random.split(key)
    # Two crops at half the size must have room to differ.
    zoom = 2 if 3 * size <= field.shape[0] else 1
    corner = jax.random.randint(where, (2,), 0, field.shape[0] - zoom * size + 1)
    wide = jax.lax.dynamic_slice(field, corner, (zoom * size, zoom * size))
    wide = wide.astype(jnp.float32)
    small = wide.reshape(size, zoom, size, zoom).mean(axis=(1, 3))
    index = jnp.where(manner.far > 0.5, small, wide[:size, :size])
    index = jnp.where(manner.mirror > 0.5, index[:, ::-1], index)
    index = jnp.where(manner.transpose > 0.5, index.T, index)
    colours = palette[jnp.round(index).astype(jnp.int32)]  # [size size 3]
    slope = index - jnp.pad(index, ((1, 0), (1, 0)), mode="edge")[:-1, :-1]
    light = 1.0 + manner.relief * slope[..., None] / 255.0
    return colours * light + manner.grain * jax.random.normal(noise, colours.shape)


def texture_pairs(
    key: PRNGKeyArray, fields: UInt8[Array, "n s s"], *, groups: int, size: int
) -> tuple[Float[Array, "k size size 3"], Float[Array, "k size size 3"]]:
    """Draw two crops of each of ``4 · groups`` textures.

    A group is two patterns times two palettes: only who looks at both tells its four apart.

    Returns:
        the first and the second crops, in the same order.
    """

    def group(key: PRNGKeyArray) -> Float[Array, "4 2 size size 3"]:
        keys = jax.random.split(key, 5)
        number = jax.random.randint(keys[0], (2,), 0, fields.shape[0])
        palettes = jax.vmap(random_palette)(jax.random.split(keys[1], 2))
        manners = jax.vmap(random_manner)(jax.random.split(keys[2], 2))
        # Half of the time both are one pattern, turned and of two sizes: the hardest to tell.
        same = jax.random.uniform(keys[4]) < 0.5
        number = number.at[1].set(jnp.where(same, number[0], number[1]))
        manners = manners._replace(
            transpose=_opposite(manners.transpose, same), far=_opposite(manners.far, same)
        )
        chosen = fields[number]  # [2 s s]
        crop_keys = jax.random.split(keys[3], (2, 2, 2))  # [pattern palette view]

        def one(key: PRNGKeyArray, field, palette, manner) -> Float[Array, "size size 3"]:
            return texture_crop(key, field, palette, manner, size=size)

        views = jax.vmap(one, (0, None, None, None))
        colourings = jax.vmap(views, (0, None, 0, None))
        patterns = jax.vmap(colourings, (0, 0, None, 0))
        return patterns(crop_keys, chosen, palettes, manners).reshape(4, 2, size, size, 3)

    drawn = jax.vmap(group)(jax.random.split(key, groups)).reshape(4 * groups, 2, size, size, 3)
    return drawn[:, 0], drawn[:, 1]


def _opposite(draws: Float[Array, "2"], wanted: Bool[Array, ""]) -> Float[Array, "2"]:
    """Make the second of two uniform draws lie on the other side of 1/2, where wanted."""
    return draws.at[1].set(jnp.where(wanted, 1.0 - draws[0], draws[1]))


def noisy_pairs(
    key: PRNGKeyArray,
    pictures: UInt8[Array, "m h w 3"],
    fields: UInt8[Array, "n s s"],
    *,
    count: int,
    size: int,
) -> tuple[Float[Array, "count size size 3"], Float[Array, "count size size 3"]]:
    """Draw crops of pictures, spoilt by grain and by a texture laid over them.

    Returns:
        the spoilt and the clean crops, RGB about [0, 1].
    """

    def one(key: PRNGKeyArray) -> tuple[Float[Array, "size size 3"], Float[Array, "size size 3"]]:
        keys = jax.random.split(key, 10)
        h, w = pictures.shape[1:3]
        row = jax.random.randint(keys[0], (), 0, h - size + 1)
        column = jax.random.randint(keys[1], (), 0, w - size + 1)
        picture = pictures[jax.random.randint(keys[2], (), 0, pictures.shape[0])]
        clean = jax.lax.dynamic_slice(picture, (row, column, 0), (size, size, 3))
        clean = clean.astype(jnp.float32) / 255.0
        clean = clean[..., jax.random.permutation(keys[3], 3)]
        clean = jnp.where(jax.random.uniform(keys[4]) < 0.5, clean[:, ::-1], clean)
        field = fields[jax.random.randint(keys[5], (), 0, fields.shape[0])]
        colours, manner = random_palette(keys[6]), random_manner(keys[6])
        texture = texture_crop(keys[7], field, colours, manner, size=size)
        texture = texture - texture.mean(axis=(0, 1))
        # Half of the crops have each fault, so that clean ones are seen too.
        amount = jnp.maximum(jax.random.uniform(keys[8], (2,), minval=-1.0), 0.0)
        grain = 0.3 * amount[0] * jax.random.normal(keys[9], clean.shape)
        return clean + grain + 0.8 * amount[1] * texture, clean

    return jax.vmap(one)(jax.random.split(key, count))
