"""Backgrounds with a horizon.

They are drawn in (u, v), where v = ±0.5 at the frame's top and bottom.
"""

import numpy as np

from jvst.synthetic.fields import (
    Field,
    Number,
    Picture,
    cells,
    fractal_noise,
    mix,
    palette,
    ramp,
    smoothstep,
)
from jvst.synthetic.seasons import SEASONS, Season


def landscape(
    rng: np.random.Generator, u: Field, v: Field, *, season: str, texel: Number
) -> Picture:
    """Draw sky, sun, clouds, mountains, striped hills, a lake, a village and trees.

    Args:
        rng: source of the composition.
        u: horizontal coordinate, in short sides.
        v: vertical coordinate, in short sides, down.
        season: one of ``SEASONS``.
        texel: distance between points, in short sides: the softness of edges.
    """
    colours = SEASONS[season]
    horizon = rng.uniform(-0.02, 0.08)
    picture = sky(rng, u, v, colours=colours, horizon=horizon, texel=texel)
    ridge = horizon - 0.13 - 0.11 * fractal_noise(rng, u, 0 * v, frequency=2.3, octaves=5)
    facets = fractal_noise(rng, u * 1.5 + v, v * 0.7, frequency=7, octaves=3)
    height = smoothstep(0.16, 0.0, v - ridge + 0.05 * facets)
    rock = ramp(colours.mountain, 0.75 * height + 0.3 * facets * (0.4 + height))
    picture = mix(picture, rock, smoothstep(-texel, texel, v - ridge))
    depths = (0.02, 0.10, 0.20, 0.33)
    for number, depth in enumerate(depths):
        swell = 0.045 + 0.02 * number
        waves = fractal_noise(rng, u, 0 * v, frequency=1.1 + 0.2 * number, octaves=2)
        ridge = horizon + depth + swell * waves
        hill = _hill(rng, u, v - ridge, colours, number)
        picture = mix(picture, hill, smoothstep(-texel, texel, v - ridge))
        if number == 1:
            picture = _lake(rng, u, v, picture, colours=colours, level=horizon + 0.19, texel=texel)
        if number == 2:
            _village(rng, u, v, picture, colours=colours, level=horizon + 0.22, texel=texel)
        level = horizon + depth
        _trees(rng, u, v, picture, colours=colours, level=level, number=number, texel=texel)
    return np.clip(picture, 0, 1)


def sky(
    rng: np.random.Generator,
    u: Field,
    v: Field,
    *,
    colours: Season,
    horizon: Number,
    texel: Number,
) -> Picture:
    """Draw a gradient, a sun or moon with rings of light, clouds, and stars at night."""
    picture = ramp(colours.sky, (v + 0.55) / (horizon + 0.5))
    sun_u, sun_v = rng.uniform(-0.45, 0.45), rng.uniform(-0.36, -0.2)
    distance = np.hypot(u - sun_u, v - sun_v)
    # Faint rings around the sun give brush strokes something to follow.
    halo = np.exp(-distance / 0.16) * (0.75 + 0.25 * np.cos(distance * 90))
    picture = mix(picture, colours.sun[1], 0.8 * halo)
    if colours.night:
        number, _, du, dv = cells(rng, u * 9, v * 9, jitter=0.7)
        bright = (number * 7919 % 100 < 45) * np.exp(-np.hypot(du, dv) / 0.055)
        picture = mix(picture, colours.sun[0], bright.astype(np.float32))
    billow = fractal_noise(rng, u * 0.8, v * 2.2, frequency=2.6, octaves=5)
    cover = smoothstep(0.08, 0.5, billow)
    # The same billows seen a little lower are in shadow: clouds get a body.
    shade = smoothstep(0.1, 0.9, billow + 0.3 * fractal_noise(rng, u, v, frequency=9, octaves=3))
    picture = mix(picture, mix(colours.cloud[0], colours.cloud[1], shade), 0.85 * cover)
    disc = smoothstep(0.075 + texel, 0.075 - texel, distance)
    return mix(picture, mix(colours.sun[0], colours.sun[1], distance / 0.09), disc)


def _hill(
    rng: np.random.Generator, u: Field, below: Field, colours: Season, number: int
) -> Picture:
    """Draw fields: stripes that fan out towards the viewer, and patches of other crops."""
    spread = 14 / (1 + 1.5 * number)
    slant = rng.uniform(-1.5, 1.5)
    bend = 0.25 * fractal_noise(rng, u, below, frequency=3, octaves=2)
    furrows = np.sin(2 * np.pi * (spread * (u + slant * below) + 9 * below * u + bend * 3))
    patch = fractal_noise(rng, u + 0.7 * below, 2 * below, frequency=3.0 - 0.4 * number, octaves=1)
    striped = smoothstep(-0.25, 0.05, patch)
    amount = 0.3 + 0.7 * striped * smoothstep(-0.5, 0.5, furrows) - 0.3 * striped
    hill = mix(colours.hills[number], colours.stripes[number], amount)
    grass = fractal_noise(rng, u, below * 1.6, frequency=28 - 4 * number, octaves=3)
    shade = 0.93 + 0.09 * grass + 0.12 * np.exp(-np.abs(below) / 0.03)
    return hill * shade[..., None]


def _lake(
    rng: np.random.Generator,
    u: Field,
    v: Field,
    picture: Picture,
    *,
    colours: Season,
    level: Number,
    texel: Number,
) -> Picture:
    centre = rng.uniform(-0.35, 0.35)
    shore = 0.12 * fractal_noise(rng, u, v, frequency=6, octaves=2)
    inside = 1 - np.hypot((u - centre) / 0.42, (v - level) / 0.062) + shore
    ripples = np.sin(v * 330 + 5 * fractal_noise(rng, u, v * 3, frequency=7, octaves=2))
    water = ramp(colours.sky[::-1], 0.15 + (v - level + 0.05) * 6 + 0.1 * ripples)
    return mix(picture, water * np.float32(0.94), smoothstep(0, 20 * texel, inside))


def _village(
    rng: np.random.Generator,
    u: Field,
    v: Field,
    picture: Picture,
    *,
    colours: Season,
    level: Number,
    texel: Number,
) -> None:
    """Draw a few houses into the picture, in place."""
    walls = palette("f4ead2", "e9c9a0", "d9d9e2", "f2d0c0")
    roofs = palette("b8432f", "8f3a4a", "4a5a86", "c9702f")
    dim = np.float32(0.5 if colours.night else 1)
    start = rng.uniform(-0.5, 0.2)
    for house in range(6):
        width, height = rng.uniform(0.022, 0.036), rng.uniform(0.022, 0.04)
        middle = start + 0.085 * house
        near = _columns(u, middle, 0.1)
        x, y = u[:, near] - middle, v[:, near] - (level + rng.uniform(-0.02, 0.03))
        spot = picture[:, near]
        body = smoothstep(width + texel, width - texel, np.abs(x))
        body *= smoothstep(height + texel, height - texel, np.abs(y))
        spot[:] = mix(spot, walls[house % 4] * dim, body)
        window = np.maximum(np.abs(np.abs(x) - 0.45 * width), np.abs(y) * 0.7) - 0.22 * width
        lit = colours.sun[1] if colours.night else palette("3a3a52")[0]
        spot[:] = mix(spot, lit, body * smoothstep(texel, -texel, window))
        gable = np.abs(x) * 0.8 - (y + height) - 0.9 * width
        roof = smoothstep(texel, -texel, gable) * smoothstep(texel, -texel, y + height)
        spot[:] = mix(spot, roofs[house % 4] * dim, roof)


def _trees(
    rng: np.random.Generator,
    u: Field,
    v: Field,
    picture: Picture,
    *,
    colours: Season,
    level: Number,
    number: int,
    texel: Number,
) -> None:
    """Plant a row of trees on a hill, in place; nearer hills have larger trees."""
    size = 0.016 * (1.6**number)
    foliage = fractal_noise(rng, u, v, frequency=0.45 / size, octaves=3)
    for _ in range(11 - 2 * number):
        middle, foot = rng.uniform(-1.2, 1.2), level + rng.uniform(0.0, 0.07)
        tall, wide = size * rng.uniform(0.8, 1.9), size * rng.uniform(0.7, 1.1)
        colour = colours.crowns[int(rng.integers(len(colours.crowns)))]
        near = _columns(u, middle, 2.5 * size)
        x, y, leaves = u[:, near] - middle, v[:, near] - foot, foliage[:, near]
        spot = picture[:, near]
        trunk = smoothstep(texel, -texel, np.maximum(np.abs(x) - 0.14 * size, np.abs(y) - tall))
        spot[:] = mix(spot, palette("3a2a2a")[0], trunk * (y > -tall))
        crown = 1 - np.hypot(x / wide, (y + tall) / tall) + 0.22 * leaves
        light = 0.85 + 0.35 * leaves - 0.25 * x / wide - 0.25 * (y + tall) / tall
        leaf = colour * np.clip(light, 0.45, 1.5)[..., None]
        spot[:] = mix(spot, leaf, smoothstep(0, 2 * texel / size, crown))


def _columns(u: Field, middle: Number, reach: Number) -> slice:
    """Return the columns of the picture that something of that reach can cover."""
    first, last = np.searchsorted(u[0], [middle - reach, middle + reach])
    return slice(int(first), int(last))
