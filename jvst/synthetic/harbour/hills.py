"""Ranges of hills that pale with distance."""

import numpy as np

from jvst.synthetic.fields import Field, Picture, fractal_noise, mix, smoothstep
from jvst.synthetic.harbour.view import LINE, View
from jvst.synthetic.shapes import Shape, Skyline


def _range(view: View, u: Field, v: Field, *, number: int) -> tuple[Skyline, Picture]:
    """Draw a range of hills, paler and bluer the farther, in mist at its foot."""
    light = view.light
    high, rough, octaves = ((0.16, 0.085, 5), (0.085, 0.06, 4), (0.035, 0.03, 4))[number]
    bumps = view.along(10 + number, frequency=(2.4, 2.0, 2.9)[number], octaves=octaves)
    # Lower where the sun stands.
    gap = np.exp(-np.square((LINE - light.place[0]) / 0.22))
    crest = -np.maximum((high + rough * bumps) * (1 - (0.55, 0.6, 0.4)[number] * gap), 0.004)
    ridge = np.interp(u, LINE, crest).astype(np.float32)
    slope = np.interp(u, LINE, np.gradient(crest, LINE)).astype(np.float32)
    rng = view.rng(20 + number)
    facet = fractal_noise(rng, u + 0.8 * v, 0.6 * v, frequency=9 + 6 * number, octaves=4)
    below = v - ridge
    towards = np.sign(light.place[0] - u)
    lit = np.clip(0.35 - 0.45 * towards * slope + 0.5 * facet - 1.5 * below, 0, 1)
    rock = mix(light.rock[0], light.rock[1], lit)
    distance = (0.7, 0.5, 0.26)[number]
    aside = smoothstep(0.1, 0.75, np.abs(u - light.place[0]))
    air = mix(light.haze[0], light.sky[2], aside)
    mist = distance + (0.95 - distance) * smoothstep(-0.06, 0.0, v) * (0.8, 0.7, 0.5)[number]
    glow = np.exp(-np.hypot(u - light.place[0], v - light.place[1]) / 0.1)
    picture = mix(mix(rock, air, mist), light.sun[1], 0.6 * glow * (0.4 + distance))
    return Skyline(LINE, crest), picture


def far_range(view: View, u: Field, v: Field) -> tuple[Shape, Picture]:
    """Draw mountains."""
    return _range(view, u, v, number=0)


def middle_range(view: View, u: Field, v: Field) -> tuple[Shape, Picture]:
    """Draw hills before them."""
    return _range(view, u, v, number=1)


def near_range(view: View, u: Field, v: Field) -> tuple[Shape, Picture]:
    """Draw a low wooded shore."""
    return _range(view, u, v, number=2)
