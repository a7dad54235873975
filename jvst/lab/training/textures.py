"""Textures as fields of indices, to be coloured through any palette.

A texture is a pattern on a warped plane. One field of 8-bit indices gives as many pictures as
there are palettes, so a network that must tell textures apart can't go by colour alone.
"""

from collections.abc import Callable

import numpy as np
from jaxtyping import UInt8

from jvst.synthetic.fields import Field, cells, fractal_noise, plane, smoothstep
from jvst.synthetic.paintings import painting

#: Indices into a palette.
IndexField = UInt8[np.ndarray, "h w"]

# Every so many textures one is the brightness of a procedural painting: strokes with impasto.
_PAINTING_EVERY = 6
_LUMINANCE = np.array([0.3, 0.59, 0.11], np.float32)


def index_field(seed: int, size: int) -> IndexField:
    """Draw one texture.

    Args:
        seed: whole number, 0 or more; chooses pattern, warp, scale and contrast.
        size: side in pixels, at least 32.

    Returns:
        Indices whose 1st and 99th percentile are 0 and 255.
    """
    rng = np.random.default_rng([seed, 2])
    if seed % _PAINTING_EVERY == 0:
        field = painting(seed // _PAINTING_EVERY, size, size) @ _LUMINANCE
    else:
        x, y = plane(size, size)
        # A small unit: the pattern repeats 7 to 30 times along the side.
        scale = float(2 ** rng.uniform(2.8, 4.9))
        u, v = WARPS[int(rng.integers(len(WARPS)))](rng, x, y)
        field = PATTERNS[int(rng.integers(len(PATTERNS)))](rng, scale * u, scale * v)
        if rng.uniform() < 0.35:
            other = PATTERNS[int(rng.integers(len(PATTERNS)))](rng, scale * v, scale * u)
            field = field + float(rng.uniform(0.1, 0.5)) * other
    low, high = np.percentile(field, (1, 99))
    level = (field - low) / max(float(high - low), 1e-6)
    return np.clip(np.rint(255 * level), 0, 255).astype(np.uint8)


def _turn(rng: np.random.Generator, x: Field, y: Field) -> tuple[Field, Field]:
    """Turn and stretch."""
    angle, stretch = rng.uniform(0, 2 * np.pi), float(2 ** rng.uniform(0, 1))
    cosine, sine = float(np.cos(angle)), float(np.sin(angle))
    return (cosine * x - sine * y) / stretch, (sine * x + cosine * y) * stretch


def _bend(rng: np.random.Generator, x: Field, y: Field) -> tuple[Field, Field]:
    """Long soft curves."""
    amount, frequency = float(rng.uniform(0.04, 0.2)), rng.uniform(1, 3)
    u = x + amount * fractal_noise(rng, x, y, frequency=frequency, octaves=2)
    v = y + amount * fractal_noise(rng, x, y, frequency=frequency, octaves=2)
    return _turn(rng, u, v)


def _swirl(rng: np.random.Generator, x: Field, y: Field) -> tuple[Field, Field]:
    """Twist the plane about several centres."""
    u, v = _turn(rng, x, y)
    for _ in range(int(rng.integers(5, 16))):
        du, dv = u - float(rng.uniform(-0.6, 0.6)), v - float(rng.uniform(-0.6, 0.6))
        width, strength = float(rng.uniform(0.06, 0.2)), float(rng.choice((-1, 1)))
        twist = strength * 3.5 * np.exp(-(du * du + dv * dv) / (2 * width * width))
        cosine, sine = np.cos(twist), np.sin(twist)
        shift_u, shift_v = cosine * du - sine * dv - du, sine * du + cosine * dv - dv
        u, v = u + shift_u, v + shift_v
    return u, v


def _whirl(rng: np.random.Generator, x: Field, y: Field) -> tuple[Field, Field]:
    """Go round the nearest of many centres: rows of dabs become rings and spirals."""
    count = float(rng.uniform(2.0, 5.0))
    _, _, du, dv = cells(rng, count * x, count * y, jitter=0.9)
    radius = np.hypot(du, dv) + np.float32(0.08)
    turns = np.arctan2(dv, du)
    return (turns * radius / count).astype(np.float32), (
        radius / count + float(rng.uniform(-0.06, 0.06)) * turns / count
    ).astype(np.float32)


def _dabs(rng: np.random.Generator, u: Field, v: Field) -> Field:
    """Brush marks beside each other: long cells, each with its own tone, bristles and ridge."""
    length = float(2 ** rng.uniform(0.3, 2.3))
    number, border, _, across = cells(rng, u / length, v * 1.3, jitter=rng.uniform(0.5, 0.95))
    tone = rng.standard_normal(64 * 64).astype(np.float32)[number]
    slow = fractal_noise(rng, u, v, frequency=0.12, octaves=1)
    bristles = np.sin(float(rng.uniform(12, 40)) * across + 5 * tone)
    ridge = smoothstep(0, float(rng.uniform(0.05, 0.3)), border)
    field = 0.6 * tone + float(rng.uniform(0, 2)) * slow + float(rng.uniform(0, 0.4)) * bristles
    return (field + float(rng.uniform(-1, 1.5)) * ridge).astype(np.float32)


def _facets(rng: np.random.Generator, u: Field, v: Field) -> Field:
    """Flat or shaded planes with sharp edges, outlined or not."""
    number, border, du, dv = cells(rng, 0.6 * u, 0.6 * v, jitter=rng.uniform(0.3, 0.95))
    tone, way = rng.uniform(0, 1, (2, 64 * 64)).astype(np.float32)
    turn = 2 * np.float32(np.pi) * way[number]
    shade = float(rng.uniform(0, 1.6)) * (du * np.cos(turn) + dv * np.sin(turn))
    outline = smoothstep(0.09, 0.02, border)
    return tone[number] + shade - float(rng.choice((0.0, 0.0, 0.8, -0.8))) * outline


def _stripes(rng: np.random.Generator, u: Field, v: Field) -> Field:
    """Waves, bars and checks of one period."""
    frequency, hard = float(rng.uniform(0.4, 1.2)), float(2 ** rng.uniform(-1, 3))
    field = np.clip(hard * np.sin(2 * np.pi * frequency * v), -1, 1)
    if rng.uniform() < 0.4:
        field = field * np.clip(hard * np.sin(2 * np.pi * frequency * u), -1, 1)
    return (field + 0.5 * fractal_noise(rng, u, v, frequency=0.3, octaves=2)).astype(np.float32)


def _hatching(rng: np.random.Generator, u: Field, v: Field) -> Field:
    """Pen lines that swell with the dark, crossed where it is darkest."""
    tone = fractal_noise(rng, u, v, frequency=0.15, octaves=3)
    wobble = 0.15 * fractal_noise(rng, u, v, frequency=0.7, octaves=2)
    first, second = np.sin(2 * np.pi * (v + wobble)), np.sin(2 * np.pi * (0.9 * u + wobble))
    ink = smoothstep(-0.3, 0.3, (first - 1.6 * tone).astype(np.float32))
    cross = smoothstep(-0.3, 0.3, (second - 1.6 * tone - 0.9).astype(np.float32))
    return np.maximum(ink, cross) + 0.2 * tone


def _wet(rng: np.random.Generator, u: Field, v: Field) -> Field:
    """Colours mixed wet: noise warped by noise, with veins."""
    amount = float(rng.uniform(0.5, 2.5))
    du = amount * fractal_noise(rng, u, v, frequency=0.3, octaves=3)
    dv = amount * fractal_noise(rng, u, v, frequency=0.3, octaves=3)
    field = fractal_noise(rng, u + du, v + dv, frequency=0.5, octaves=4)
    return np.abs(field) if rng.uniform() < 0.3 else field


def _cloud(rng: np.random.Generator, u: Field, v: Field) -> Field:
    """Noise with the falling spectrum of photographs, steep or shallow, at times thresholded."""
    field = fractal_noise(
        rng, u, v, frequency=float(rng.uniform(0.1, 0.8)), octaves=5, gain=rng.uniform(0.4, 0.95)
    )
    hard = float(2 ** rng.uniform(-1, 3.5))
    return np.tanh(hard * field)


def _leaves(rng: np.random.Generator, u: Field, v: Field) -> Field:
    """Discs of all sizes over each other: the occlusions of a photograph."""
    field = fractal_noise(rng, u, v, frequency=0.3, octaves=3)
    for level in range(7):
        size = 2.0 ** (0.5 * level - 1.5)
        number, _, du, dv = cells(rng, u * size, v * size, jitter=0.9)
        tone, chance, radius = rng.uniform(0, 1, (3, 64 * 64)).astype(np.float32)
        disc = (np.hypot(du, dv) < 0.15 + 0.3 * radius[number]) & (chance[number] < 0.5)
        field = np.where(disc, 2 * tone[number] - 1 + 0.6 * (du + dv), field)
    return field.astype(np.float32)


def _streaks(rng: np.random.Generator, u: Field, v: Field) -> Field:
    """Noise drawn out along one way: dry brush, fur, grass; a little bent."""
    length = float(2 ** rng.uniform(1.5, 4))
    wave = float(rng.uniform(0, 0.8)) * fractal_noise(rng, u, v, frequency=0.15, octaves=1)
    field = fractal_noise(rng, u / length, v + wave, frequency=1.0, octaves=3, gain=0.7)
    return np.tanh(float(2 ** rng.uniform(0, 2.5)) * field)


#: A warp takes (x, y), in sides of the picture, to (u, v).
WARPS: tuple[Callable[[np.random.Generator, Field, Field], tuple[Field, Field]], ...] = (
    _turn,
    _bend,
    _swirl,
    _whirl,
)
#: A pattern's marks are about one unit of (u, v) wide.
PATTERNS: tuple[Callable[[np.random.Generator, Field, Field], Field], ...] = (
    _dabs,
    _dabs,
    _facets,
    _stripes,
    _hatching,
    _wet,
    _cloud,
    _leaves,
    _streaks,
)
