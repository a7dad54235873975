"""Textures of noise and soft blobs, strong or weak."""

import numpy as np

from jvst.synthetic.fields import (
    Field,
    Number,
    Palette,
    Picture,
    cells,
    fractal_noise,
    mix,
    palette,
    pick,
    smoothstep,
)

# Bumps of the finest octave are at least this many pixels wide: bilinear reading carries those.
_FINEST_BUMP = 5
# Strength of the noise, which has a standard deviation of about half of it, of [0, 1].
_STRONG, _WEAK = 0.3, 0.06
_CLOUDS = palette("7c8a6a", "b0673f", "3f6f8f", "d8c48a")
_MIST = palette("8c979c", "a8a196", "77868f", "b9b7a8")


def clouds(rng: np.random.Generator, u: Field, v: Field, *, texel: Number) -> Picture:
    """Draw noise with detail at every scale, and coloured blobs."""
    return _noise(rng, 2 * u, 2 * v, _CLOUDS, strength=_STRONG, texel=2 * texel)


def mist(rng: np.random.Generator, u: Field, v: Field, *, texel: Number) -> Picture:
    """Draw the same, a fifth as strong, with large areas where nothing is left of it."""
    return _thinned(rng, u, v, texel, gone=-0.4, whole=0.1)


def haze(rng: np.random.Generator, u: Field, v: Field, *, texel: Number) -> Picture:
    """Draw ``mist`` whose areas of nothing are a quarter as large."""
    return _thinned(rng, u, v, texel, gone=-0.7, whole=-0.3)


def _thinned(
    rng: np.random.Generator, u: Field, v: Field, texel: Number, *, gone: Number, whole: Number
) -> Picture:
    """Draw weak noise that is gone where other noise is under a value, whole above another."""
    picture = _noise(rng, 2 * u, 2 * v, _MIST, strength=_WEAK, texel=2 * texel)
    left = smoothstep(gone, whole, fractal_noise(rng, u, v, frequency=1.5, octaves=2))
    return mix(np.broadcast_to(_MIST[0], picture.shape), picture, left)


def textured(rng: np.random.Generator, p: Field, q: Field, colours: Palette) -> Picture:
    """Cover a sprite with ``clouds`` in other colours."""
    return _noise(rng, p, q, colours, strength=_STRONG, texel=_texel(p))


def faint(rng: np.random.Generator, p: Field, q: Field, colours: Palette) -> Picture:
    """Cover a sprite with ``clouds`` a fifth as strong."""
    return _noise(rng, p, q, colours, strength=_WEAK, texel=_texel(p))


def _noise(
    rng: np.random.Generator,
    u: Field,
    v: Field,
    colours: Palette,
    *,
    strength: Number,
    texel: Number,
) -> Picture:
    """Draw noise whose amplitude is 1 over its frequency, down to what the texels carry.

    Args:
        rng: source of lattices and blobs; sizes change only how many octaves are drawn.
        u: horizontal coordinate; the coarsest bumps have the size of 1.
        v: vertical coordinate.
        colours: of the ground, then of the blobs.
        strength: of the noise, of [0, 1].
        texel: distance between points that the picture keeps.
    """
    octaves = max(1, 1 + int(np.log2(1 / (_FINEST_BUMP * texel))))
    light, tint, places = (np.random.default_rng(seed) for seed in rng.integers(2**32, size=3))
    number, border, du, dv = cells(places, 1.2 * u, 1.2 * v, jitter=0.5)
    blob = np.exp(-(du * du + dv * dv) / 0.04) * smoothstep(0, 0.15, border)
    picture = mix(colours[0], pick(colours[1:], number), 0.8 * blob)
    # Every octave holds as much power as the next, which is what 1/f means on a plane.
    grey = fractal_noise(light, u, v, frequency=1, octaves=octaves, gain=1)
    warm = fractal_noise(tint, u, v, frequency=1, octaves=octaves, gain=1)
    tone = grey[..., None] + 0.4 * warm[..., None] * np.array([1, 0, -1], np.float32)
    return np.clip(picture + np.float32(strength) * tone, 0, 1)


def _texel(p: Field) -> float:
    """Return the distance between the points that are left when a sprite's texture is halved."""
    return 2 * float(p[0, 1] - p[0, 0])
