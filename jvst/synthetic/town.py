"""Backgrounds of a town: a street and a pavement."""

import numpy as np

from jvst.synthetic.fields import (
    Field,
    Number,
    Picture,
    cells,
    fractal_noise,
    mix,
    palette,
    pick,
    smoothstep,
)
from jvst.synthetic.landscape import sky
from jvst.synthetic.seasons import SEASONS


def town(rng: np.random.Generator, u: Field, v: Field, *, season: str, texel: Number) -> Picture:
    """Draw a row of gabled houses with shutters under the sky, and a cobbled street."""
    colours = SEASONS[season]
    picture = sky(rng, u, v, colours=colours, horizon=0.1, texel=texel)
    paints = palette("d9674a", "e8b04f", "c9d0b0", "7fa3b8", "efd9b0", "b8657a", "8fae7a", "d98f5a")
    roofs = palette("7a3a30", "5a4658", "8f4a2f", "46506a")
    plaster = fractal_noise(rng, u, v, frequency=20, octaves=3)
    width = 0.24
    house = np.floor(u / width)
    across = u / width - house
    index = house.astype(np.int64)
    top = -0.16 - 0.16 * rng.uniform(0, 1, 64).astype(np.float32)[index % 64]
    turn = rng.permutation(64)[index % 64]
    wall = pick(paints, turn) * (0.94 + 0.08 * plaster)[..., None]
    shade = 1 - 0.35 * smoothstep(0.9, 1, across) - 0.15 * smoothstep(0.12, 0, across)
    floor = (v - top) / 0.13
    storey = floor - np.floor(floor)
    column = across * 3 - np.floor(across * 3)
    frame = np.maximum(np.abs(column - 0.5) / 0.26, np.abs(storey - 0.52) / 0.3)
    side = np.maximum(np.abs(np.abs(column - 0.5) - 0.34) / 0.09, np.abs(storey - 0.52) / 0.31)
    edge = texel / 0.03
    open_wall = ((floor > 0) & (v < 0.21)).astype(np.float32)
    wall = mix(wall, pick(roofs, turn + 2), open_wall * smoothstep(1 + edge, 1 - edge, side))
    glass = mix(palette("2c3a55")[0], colours.sky[2], smoothstep(0.2, 0.9, storey + 0.3 * plaster))
    wall = mix(wall, palette("f3ead8")[0], open_wall * smoothstep(1.2 + edge, 1.2 - edge, frame))
    wall = mix(wall, glass, open_wall * smoothstep(1 + edge, 1 - edge, frame))
    picture = mix(picture, wall * shade[..., None], smoothstep(-texel, texel, v - top))
    gable = top - 0.11 * (1 - np.abs(2 * across - 1))
    tiles = 0.9 + 0.1 * np.sin(v * 400 + np.sin(u * 300))
    tiled = pick(roofs, turn) * tiles[..., None]
    on_roof = smoothstep(-texel, texel, v - gable) * smoothstep(texel, -texel, v - top)
    picture = mix(picture, tiled, on_roof)
    # Stones shrink towards the foot of the houses: the street lies flat.
    depth = np.maximum(v - 0.16, 0.01)
    street = pavement(rng, u / (depth + 0.15) * 0.25, 0.5 * np.log(depth + 0.15), texel=texel)
    return np.clip(mix(picture, street, smoothstep(0.3 - texel, 0.3 + texel, v)), 0, 1)


def pavement(rng: np.random.Generator, u: Field, v: Field, *, texel: Number) -> Picture:
    """Draw cobblestones of many greys and browns, lit from the upper left."""
    number, border, du, dv = cells(rng, u * 13, v * 13)
    stones = palette("a8988a", "8f8a92", "bba98c", "77737f", "9c7f6f", "c4b8a4")
    worn = fractal_noise(rng, u, v, frequency=24, octaves=3)
    stone = pick(stones, number * 7919 // 64)
    light = 0.96 - 0.25 * du - 0.3 * dv + 0.12 * worn
    soft = smoothstep(0.02, 0.1 + 13 * texel, border)
    picture = mix(palette("4a4450")[0], stone * light[..., None], soft)
    stains = fractal_noise(rng, u, v, frequency=2, octaves=2)
    return np.clip(picture * (0.95 + 0.16 * stains)[..., None], 0, 1)
