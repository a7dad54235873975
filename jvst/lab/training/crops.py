"""Batches of crops, drawn and varied on the device.

All that is random comes from ``key``, and shapes are static, so that a batch is drawn inside the
jitted training step. The variations make of a few hundred photographs and paintings what a solve
puts before the network: strong colours, flat and loud contrasts, double exposures, noise.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray, UInt8

#: Crops, RGB about [0, 1].
Crops = Float[Array, "n s s 3"]

# How often a crop is mirrored, and transposed.
_MIRRORED, _TRANSPOSED = 0.5, 0.3
# Factor on the difference from grey.
_SATURATION = (0.3, 1.8)
# Standard deviation of the logarithm of the contrast: of all channels together, and of each.
_CONTRAST, _TINT = 0.35, 0.12
# Standard deviation of what is added to a channel.
_CAST = 0.12
# How often the channels change places.
_RECOLOURED = 0.25
# How often another crop shines through.
_BLENDED = 0.15
# How often there is grain, and its largest standard deviation.
_GRAINY, _GRAIN = 0.5, 0.15
# How often noise takes the place of a crop, its standard deviation, and what is left of the crop.
_NOISE, _NOISE_DEVIATION, _REST = 0.08, 0.1, 0.25
# A solve leaves [0, 1] by a little.
_LOWEST, _HIGHEST = -0.1, 1.1


def random_crops(
    key: PRNGKeyArray, pictures: UInt8[Array, "m h w 3"], *, count: int, size: int
) -> Crops:
    """Draw crops, half of them at half the size, and vary each.

    Args:
        key: draws all.
        pictures: 8-bit RGB, no side below ``2 · size``.
        count: of crops.
        size: side of a crop in pixels.
    """
    which, where, *varied, order = jax.random.split(key, 14)
    number = jax.random.randint(which, (count,), 0, pictures.shape[0])
    place = jax.random.uniform(where, (count, 2))
    near = count // 2

    def cut(number: Array, place: Array, side: int) -> Float[Array, "side side 3"]:
        room = jnp.asarray([length - side + 1 for length in pictures.shape[1:3]], place.dtype)
        row, column = jnp.floor(place * room).astype(number.dtype)
        corner = (number, row, column, jnp.zeros_like(row))
        crop = jax.lax.dynamic_slice(pictures, corner, (1, side, side, 3))[0]
        return crop.astype(place.dtype) / 255.0

    whole = jax.vmap(lambda i, at: cut(i, at, size))(number[:near], place[:near])
    wide = jax.vmap(lambda i, at: cut(i, at, 2 * size))(number[near:], place[near:])
    halved = wide.reshape(-1, size, 2, size, 2, 3).mean(axis=(2, 4))
    crops = jnp.concatenate([whole, halved])[jax.random.permutation(order, count)]
    return jnp.clip(_varied(varied, crops), _LOWEST, _HIGHEST)


def _varied(keys: list[PRNGKeyArray], crops: Crops) -> Crops:
    """Turn, colour, blend and spoil crops."""
    mirror, transpose, saturation, contrast, tint, cast, order, recolour, blend, grain, spoil = keys
    one = (len(crops), 1, 1, 1)
    crops = jnp.where(jax.random.bernoulli(mirror, _MIRRORED, one), crops[:, :, ::-1], crops)
    turned = jax.random.bernoulli(transpose, _TRANSPOSED, one)
    crops = jnp.where(turned, jnp.swapaxes(crops, 1, 2), crops)

    grey = jnp.mean(crops, axis=-1, keepdims=True)
    least, most = _SATURATION
    crops = grey + jax.random.uniform(saturation, one, minval=least, maxval=most) * (crops - grey)
    each = (len(crops), 1, 1, 3)
    together = _CONTRAST * jax.random.normal(contrast, one)
    gain = jnp.exp(together + _TINT * jax.random.normal(tint, each))
    crops = (crops - 0.5) * gain + 0.5 + _CAST * jax.random.normal(cast, each)

    channels = jax.vmap(lambda key: jax.random.permutation(key, 3))(
        jax.random.split(order, len(crops))
    )
    exchanged = jnp.take_along_axis(crops, channels[:, None, None, :], axis=-1)
    crops = jnp.where(jax.random.bernoulli(recolour, _RECOLOURED, one), exchanged, crops)

    # Two crops, one over the other.
    share = jnp.minimum(jax.random.uniform(blend, one) / _BLENDED, 1.0)
    crops = share * crops + (1.0 - share) * crops[::-1]

    noise = jax.random.normal(grain, crops.shape)
    loudness = jax.random.uniform(spoil, one)
    strength = _GRAIN * jnp.maximum(loudness - (1.0 - _GRAINY), 0.0) / _GRAINY
    crops = crops + strength * noise
    instead = 0.5 + _NOISE_DEVIATION * noise + _REST * (crops - 0.5)
    return jnp.where(loudness > 1.0 - _NOISE, instead, crops)
