"""A castle on a hill above a village."""

from dataclasses import dataclass

import numpy as np

from jvst.synthetic.fields import Field, Number, Picture, fractal_noise, mix, smoothstep
from jvst.synthetic.harbour.light import Light
from jvst.synthetic.harbour.view import LINE, View
from jvst.synthetic.shapes import Shape, Skyline


@dataclass(frozen=True)
class _Building:
    """A wall with a roof.

    Args:
        middle: across.
        half: of its width.
        foot: height of its foot above the horizon.
        wall: height of the wall.
        roof: height of the roof; 0 for battlements.
        slope: exponent of the roof's sides; over 1 they curve in.
        rows: of windows.
        columns: of windows.
    """

    middle: Number
    half: Number
    foot: Number
    wall: Number
    roof: Number
    slope: Number = 1.0
    rows: int = 1
    columns: int = 1


def _hill(u: np.ndarray, bumps: np.ndarray) -> np.ndarray:
    """Return the height of the hill: steep towards the bay, falling slowly behind."""
    rise = 0.5 * np.clip((u + 0.02) / 0.27, 0, 1) ** 1.4 + 0.5 * smoothstep(0.08, 0.23, u)
    fall = 1 - 0.55 * smoothstep(0.4, 0.95, u)
    return 0.135 * rise * fall + 0.011 * bumps * rise - 0.02 * (u < -0.02)


def _buildings(rng: np.random.Generator) -> list[_Building]:
    """Return the castle, then a village from the quay up the slopes."""
    top = 0.125
    built = [
        _Building(0.285, 0.105, top - 0.02, 0.055, 0, rows=1, columns=6),
        _Building(0.31, 0.036, top, 0.105, 0.035, rows=3, columns=3),
        _Building(0.255, 0.028, top, 0.165, 0.085, 1.15, rows=4, columns=2),
        _Building(0.188, 0.019, top - 0.03, 0.1, 0.055, 1.15, rows=2),
        _Building(0.345, 0.017, top, 0.135, 0.06, 1.15, rows=3),
        _Building(0.388, 0.02, top - 0.02, 0.09, 0.045, 1.1, rows=2),
        _Building(0.222, 0.011, top, 0.12, 0.05, 1.2, rows=2),
    ]
    # Rows of houses: on the quay, and two behind it on the slope.
    for foot, first, last in ((0.056, 0.42, 0.56), (0.03, 0.1, 0.8), (0.0, 0.0, 1.1)):
        middle = first
        while middle < last:
            half = rng.uniform(0.012, 0.025)
            middle += half
            wall, roof = rng.uniform(0.018, 0.04), rng.uniform(0.012, 0.026)
            lamps = int(rng.integers(0, 3))
            low = foot - 0.01 + rng.uniform(0, 0.008)
            built.append(_Building(middle, half, low, wall + 0.01, roof, columns=lamps))
            middle += half * rng.uniform(0.8, 1.5) + (0.03 if rng.uniform() < 0.2 else 0)
    built.append(_Building(0.115, 0.013, 0.0, 0.07, 0.065, 1.1))
    return built


def castle_hill(view: View, u: Field, v: Field) -> tuple[Shape, Picture]:
    """Draw a wooded hill with a castle on it, lit from the sun's side, lamps in its windows."""
    light = view.light
    bumps = view.along(50, frequency=14, octaves=4)
    height = _hill(LINE, bumps)
    rng = view.rng(51)
    trees = fractal_noise(rng, u, 1.3 * v, frequency=38, octaves=3)
    ground = fractal_noise(rng, u - v, v, frequency=7, octaves=3)
    crest = np.interp(u, LINE, height).astype(np.float32)
    under = np.clip(crest + v, 0, 1)
    lit = np.clip(0.3 - 1.1 * (u - 0.12) + 0.45 * trees + 0.3 * ground - 1.2 * under, 0, 1)
    picture = mix(light.rock[0] * np.float32(0.55), light.rock[1] * np.float32(0.8), lit)
    mist = 0.3 * smoothstep(0.1, 0.0, -v)
    picture = mix(picture, light.haze[0], mist * (0.5 + 0.5 * smoothstep(0.4, 0.0, u)))
    grain = fractal_noise(rng, u, v, frequency=60, octaves=2)
    for building in _buildings(view.rng(52)):
        height = np.maximum(height, _outline(building, LINE))
        _draw(building, u, v, picture, light, grain)
    return Skyline(LINE, -height), picture


def _outline(building: _Building, u: np.ndarray) -> np.ndarray:
    """Return the height of a building's outline, under the horizon beside it."""
    across = np.abs(u - building.middle) / building.half
    roof = building.roof * np.clip(1 - across / 1.18, 0, 1) ** building.slope
    if building.roof == 0:
        roof = 0.011 * (np.sin((u - building.middle) * 2 * np.pi / 0.02) > 0)
    top = building.foot + building.wall + roof
    return np.where(across < (1.18 if building.roof else 1), top, -1)


def _draw(
    building: _Building, u: Field, v: Field, picture: Picture, light: Light, grain: Field
) -> None:
    """Draw a building into the picture, in place."""
    near = (np.abs(u - building.middle) < 1.3 * building.half) & (v < 0.02 - building.foot)
    # The points near it, as fields of one row.
    x, y = (u[near][None] - building.middle) / building.half, -v[near][None] - building.foot
    spot, stones, soft = picture[near][None], grain[near][None], 0.003 / building.half
    body = smoothstep(1 + soft, 1 - soft, np.abs(x)) * smoothstep(-0.002, 0.002, y)
    top = building.wall + (0.012 if building.roof == 0 else 0)
    body *= smoothstep(top + 0.002, top - 0.002, y)
    # The sun stands at the left: walls turn away from it to the right.
    edge = smoothstep(-0.2, -0.95, x) * (0.6 + 0.4 * smoothstep(0.0, 0.05, y + building.foot))
    lit = np.clip(0.13 - 0.12 * x + 0.14 * stones + 0.75 * edge, 0.0, 1)
    spot = mix(spot, mix(light.stone[0], light.stone[1], lit), body)
    spot = _windows(building, x, y, spot, light)
    if building.roof:
        share = np.clip(1 - (y - building.wall) / building.roof, 0, 1) ** (1 / building.slope)
        roof = smoothstep(soft, -soft, np.abs(x) - 1.18 * share)
        roof *= smoothstep(-0.0015, 0.0015, y - building.wall)
        roof *= y < building.wall + building.roof + 0.01
        tone = np.clip(0.22 - 0.75 * x + 0.2 * stones, 0, 1)
        spot = mix(spot, mix(light.roof[0], light.roof[1], tone), roof)
    picture[near] = spot[0]


def _windows(building: _Building, x: Field, y: Field, spot: Picture, light: Light) -> Picture:
    """Light the windows of a wall, each with a glow around it."""
    for row in range(building.rows):
        level = building.wall * (row + 0.75) / (building.rows + 0.35)
        for column in range(building.columns):
            # Some are dark, always the same ones.
            if (7 * row + 5 * column + round(100 * building.middle)) % 4 == 1 and building.rows > 1:
                continue
            place = ((column + 0.5) / building.columns * 2 - 1) * 0.85
            dx, dy = (x - place) * building.half, y - level
            glow = np.exp(-(dx * dx + dy * dy) / 0.009**2)
            pane = smoothstep(0.0055, 0.003, np.maximum(np.abs(dx) * 1.25, np.abs(dy) * 0.8))
            spot = mix(spot, light.lamp[0], np.maximum(0.3 * glow, pane))
    return spot
