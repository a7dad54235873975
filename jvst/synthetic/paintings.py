"""Procedural paintings with strong strokes and palettes."""

from collections.abc import Callable

import numpy as np

from jvst._types import Frame
from jvst.errors import InputError
from jvst.synthetic.brush import Brush, empty_canvas, impasto, paint_strokes
from jvst.synthetic.fields import (
    Field,
    Palette,
    Picture,
    cells,
    check_size,
    fractal_noise,
    mix,
    palette,
    pick,
    plane,
    ramp,
    smoothstep,
)
from jvst.synthetic.landscape import landscape
from jvst.synthetic.night import swirls


def painting(name_or_seed: str | int, width: int, height: int, *, seed: int = 0) -> Frame:
    """Paint a style image.

    Args:
        name_or_seed: one of "swirls", "strokes", "mosaic", "facets", "wash", "woodcut"; or a whole
            number, which chooses the kind as well as the seed.
        width: in pixels, at least 32.
        height: in pixels, at least 32.
        seed: of composition, palette and strokes; not used when the first argument is a number.

    Returns:
        8-bit RGB.

    Raises:
        InputError: the name is unknown, the size too small or the seed negative.
    """
    check_size(width, height)
    if isinstance(name_or_seed, str):
        name = name_or_seed
    else:
        seed = name_or_seed
        name = sorted(PAINTINGS)[seed % len(PAINTINGS)]
    if name not in PAINTINGS:
        raise InputError(
            f"unknown painting {name!r}; expected one of {', '.join(sorted(PAINTINGS))}"
        )
    if seed < 0:
        raise InputError(f"seed is {seed}; expected 0 or more: choose another whole number")
    x, y = plane(width, height)
    picture = PAINTINGS[name](np.random.default_rng(seed), x, y)
    return np.clip(np.rint(255 * picture), 0, 255).astype(np.uint8)


def _strokes(rng: np.random.Generator, x: Field, y: Field) -> Picture:
    """Paint short thick dabs of pure colour, with bare canvas between them."""
    subject = _scenery(rng, x, y, "fauve")
    canvas, relief = empty_canvas(palette("f5e8cf")[0], x.shape)
    calm = 0.5 * fractal_noise(rng, x, y, frequency=2, octaves=2)
    # Sky and water lie, land stands.
    angle = np.where(y < -0.05, calm, calm + 1.1).astype(np.float32)
    under = Brush(0.034, 0.06, 0.034, bristles=5, jitter=0.1, streak=0.05, wobble=0.25)
    over = Brush(0.027, 0.036, 0.019, bristles=4, jitter=0.14, streak=0.06, wobble=0.4)
    canvas, relief = paint_strokes(rng, canvas, relief, subject=subject, angle=angle, brush=under)
    canvas, relief = paint_strokes(rng, canvas, relief, subject=subject, angle=angle, brush=over)
    return impasto(canvas, relief, strength=0.7)


def _mosaic(rng: np.random.Generator, x: Field, y: Field) -> Picture:
    """Lay tesserae in rows around a sun, over waves, in dark mortar."""
    sun_x, sun_y = rng.uniform(-0.3, 0.3), rng.uniform(-0.25, 0.0)
    texel = float(x[0, 1] - x[0, 0])
    # A small picture gets fewer tiles, of at least 7 pixels, or nothing but mortar would show.
    count = min(26.0, 1 / (7 * texel))
    number, border, du, dv = cells(rng, x * count, y * count, jitter=0.62)
    # Every tile takes one colour: that of its own centre.
    u, v = x - du / count, y - dv / count
    radius, turn = np.hypot(u - sun_x, v - sun_y), np.arctan2(v - sun_y, u - sun_x)
    skies = palette("123f7a", "1f6fa8", "3fa3b8", "f0d9a0")
    rays = 0.5 + 0.5 * np.sign(np.sin(12 * turn + 14 * radius))
    picture = ramp(skies, np.clip(1 - 1.4 * radius + 0.25 * (rays - 0.5), 0, 1))
    picture = mix(picture, pick(palette("f2b62f", "d9602f"), rays), smoothstep(0.31, 0.3, radius))
    picture = mix(picture, palette("f9e48a")[0], smoothstep(0.17, 0.165, radius))
    for level in range(4):
        crest = 0.14 + 0.1 * level + 0.035 * np.sin(9 * u + 2.2 * level + rng.uniform(0, 6))
        sea = palette("0f4f5f", "1f8f8a", "a9d9c0", "b8382f")
        wave = mix(sea[level % 2], sea[2], (v - crest < 0.035).astype(np.float32))
        picture = mix(picture, wave, (v > crest).astype(np.float32))
    chance = rng.standard_normal((64 * 64, 3)).astype(np.float32)
    picture = picture * (1 + 0.13 * chance[number][..., :1]) + 0.035 * chance[number]
    bevel = 1 + 0.3 * np.clip(-du - dv, -0.4, 0.4) + 0.1 * fractal_noise(rng, x, y, frequency=60)
    tile = smoothstep(0.06, 0.06 + 1.2 * texel * count, border)
    return mix(palette("241f26")[0], picture * bevel[..., None], tile)


def _facets(rng: np.random.Generator, x: Field, y: Field) -> Picture:
    """Paint a cubist still life: planes cut by lines and circles, each with its own gradient."""
    code = np.zeros(x.shape, np.int64)
    border = np.full(x.shape, 9.0, np.float32)
    for number in range(15):
        turn, shift = rng.uniform(0, 2 * np.pi), rng.uniform(-0.42, 0.42)
        if number % 4 == 3:
            size = rng.uniform(0.12, 0.3)
            cut = np.hypot(x - rng.uniform(-0.5, 0.5), y - rng.uniform(-0.4, 0.4)) - size
        else:
            cut = x * float(np.cos(turn)) + y * float(np.sin(turn)) - shift
        code = code * 2 + (cut > 0)
        border = np.minimum(border, np.abs(cut))
    mixed = (code * 2654435761) % 4093
    colours = palette(
        "b8452f", "e0a24a", "f2dfb5", "5f7f86", "2f4a5f", "8f9a6a", "c97f4f", "3a2f35", "dcc9a0"
    )
    base = pick(colours, mixed)
    other = pick(colours, mixed // 9 + 2)
    way = (mixed % 16).astype(np.float32) * np.float32(np.pi / 8)
    shade = 0.5 + 1.1 * (x * np.cos(way) + y * np.sin(way))
    picture = mix(base, other, 0.6 * np.clip(shade, 0, 1))
    hatch = np.sin(150 * (x * np.sin(way) - y * np.cos(way)) + 0.5 * shade)
    picture *= (1 + 0.12 * hatch * (mixed % 3 == 0))[..., None]
    angle = (way + np.pi / 2).astype(np.float32)
    canvas, relief = empty_canvas(colours[2], x.shape)
    brush = Brush(0.012, 0.05, 0.014, bristles=4, jitter=0.025, streak=0.04)
    canvas, relief = paint_strokes(rng, canvas, relief, subject=picture, angle=angle, brush=brush)
    picture = mix(canvas, picture, 0.35 + 0 * x)
    texel = float(x[0, 1] - x[0, 0])
    outline = smoothstep(0.0035 + texel, 0.0035 - 0.2 * texel, border)
    return mix(impasto(picture, relief, strength=0.5), palette("1c1a20")[0], 0.85 * outline)


def _wash(rng: np.random.Generator, x: Field, y: Field) -> Picture:
    """Paint a watercolour: transparent pools with dark rims that bleed into each other."""
    grain = fractal_noise(rng, x, y, frequency=75, octaves=2)
    paper = palette("fbf6ea")[0]
    # A first wet wash over the whole sheet, from a warm or cold sky to a pale ground.
    first = palette("a9c6dc", "d3dfe0", "f4e2c8", "e6e6c0")
    flow = 0.25 * fractal_noise(rng, x, y, frequency=1.3, octaves=4)
    picture = paper * ramp(first, 0.5 + y / (2 * y.max()) + flow)
    skies = palette("8fb8d9", "a9cfe0", "c9b8d9", "f2c9b0", "9fd0c0")
    blooms = palette("d9304f", "e8632f", "f2a22f", "8f3f9a", "c92f7f", "3f5fb8")
    greens = palette("4f8f4a", "7fa83f", "2f6f5f", "a8b84f")
    wide, tall = float(x.max()), float(y.max())
    spots: list[tuple[Palette, float, float, float, float]] = []
    spots += [(skies, 0.24, 0.9, -tall, tall * 0.3) for _ in range(14)]
    spots += [(greens, 0.15, 1.0, tall * 0.1, tall) for _ in range(12)]
    spots += [(blooms, 0.085, 1.0, -tall * 0.5, tall * 0.7) for _ in range(26)]
    for number, (colours, size, stretch, top, bottom) in enumerate(spots):
        # Steps of the golden ratio spread the pools over the width.
        place = (number * 0.618 + rng.uniform(0, 0.3)) % 1
        centre_x, centre_y = wide * (2 * place - 1), rng.uniform(top, bottom)
        radius = size * rng.uniform(0.6, 1.4)
        pigment = colours[int(rng.integers(len(colours)))]
        edge = fractal_noise(rng, x, y, frequency=0.6 / radius, octaves=5, gain=0.55)
        pool = 1 - np.hypot((x - centre_x) * stretch, y - centre_y) / radius + 0.4 * edge
        wet = smoothstep(0.0, 0.05, pool)
        # Pigment gathers where the pool dries last: along its rim.
        rim = np.exp(-np.square((pool - 0.05) / 0.05)) * wet
        thickness = wet * (0.34 + 0.2 * edge + 0.08 * grain) + 0.4 * rim
        picture *= 1 - (1 - pigment) * np.clip(thickness, 0, 1)[..., None]
    return np.clip(picture * (1 + 0.035 * grain)[..., None], 0, 1)


def _woodcut(rng: np.random.Generator, x: Field, y: Field) -> Picture:
    """Print black lines that swell with the dark, over flat colours."""
    subject = _scenery(rng, x, y, ("dusk", "autumn", "summer")[int(rng.integers(3))])
    luminance = subject @ np.array([0.3, 0.59, 0.11], np.float32)
    bend = fractal_noise(rng, x, y, frequency=1.7, octaves=2)
    rows = np.sin(2 * np.pi * (46 * y + 3 * bend + 5 * luminance))
    rough = 0.12 * fractal_noise(rng, x, y, frequency=40, octaves=2)
    ink = smoothstep(-0.2, 0.2, rows + rough - 2.3 * (luminance - 0.5))
    colours = palette("f3e6c8", "e3a23c", "c4452f", "2f6f7a", "1f3f5a", "8fae8a")
    distance = np.square(subject[..., None, :] - colours).sum(-1)
    flat = colours[np.argmin(distance, -1)]
    paper = 1 + 0.05 * fractal_noise(rng, x * 3, y, frequency=30, octaves=2)
    return mix(flat * paper[..., None], palette("191719")[0], 0.93 * ink)


def _scenery(rng: np.random.Generator, x: Field, y: Field, season: str) -> Picture:
    texel = float(x[0, 1] - x[0, 0])
    return landscape(rng, x, y * np.float32(0.5 / y.max()), season=season, texel=texel)


#: The kinds of painting by name.
PAINTINGS: dict[str, Callable[[np.random.Generator, Field, Field], Picture]] = {
    "swirls": swirls,
    "strokes": _strokes,
    "mosaic": _mosaic,
    "facets": _facets,
    "wash": _wash,
    "woodcut": _woodcut,
}
