"""Graded light, clouds and a sun or moon."""

import numpy as np

from jvst.synthetic.fields import Field, Picture, cells, fractal_noise, mix, ramp, smoothstep
from jvst.synthetic.harbour.light import Light
from jvst.synthetic.harbour.view import HORIZON, View
from jvst.synthetic.shapes import Everywhere, Shape


def harbour_sky(view: View, u: Field, v: Field) -> tuple[Shape, Picture]:
    """Draw graded light, clouds that draw together at the horizon, and the sun."""
    light = view.light
    rng = view.rng(1)
    height = np.maximum(-v, 0)
    picture = ramp(light.sky, 1 - (height / (HORIZON * view.tall)) ** np.float32(0.95))
    sun_u, sun_v = light.place
    distance = np.hypot(u - sun_u, v - sun_v)
    side = np.hypot(0.45 * (u - sun_u), v - sun_v)
    picture = mix(picture, light.sun[1], 0.8 * np.exp(-side / 0.2))
    number, _, du, dv = cells(rng, u * 11, v * 11, jitter=0.7)
    bright = (number * 7919 % 100 < 40) * np.exp(-np.hypot(du, dv) / 0.06) * light.stars
    picture = mix(picture, light.sun[0], bright.astype(np.float32))
    disc = smoothstep(light.radius + 0.003, light.radius - 0.003, distance)
    picture = mix(picture, light.sun[0], np.maximum(disc, 0.8 * np.exp(-distance / 0.045)))
    return Everywhere(), _clouds(rng, u, v, picture, light)


def _clouds(
    rng: np.random.Generator, u: Field, v: Field, picture: Picture, light: Light
) -> Picture:
    """Put clouds before the sky, in a flat sheet overhead, lit from the sun's side."""
    sun_u, sun_v = light.place
    # The sheet's distance grows as the sight sinks to the horizon.
    far = 0.3 / (np.maximum(-v, 0) + 0.17)
    x, y = 1.5 * u * far, 1.9 * far
    seeds = rng.integers(2**32, size=2)

    def billow(x: Field, y: Field) -> Field:
        bend = fractal_noise(np.random.default_rng(seeds[0]), x, y, frequency=1.3, octaves=2)
        return fractal_noise(
            np.random.default_rng(seeds[1]),
            x + 0.3 * bend,
            1.9 * y + 0.25 * bend,
            frequency=1.9,
            octaves=5,
        )

    thick = billow(x, y)
    towards_u, towards_v = sun_u - u, sun_v - v
    way = np.hypot(towards_u, towards_v) + 0.08
    shaded = billow(x + 0.1 * towards_u / way, y + 0.1 * towards_v / way)
    near = np.exp(-np.square(way / 0.55))
    lit = np.clip(0.42 + 1.1 * (thick - shaded) + 0.25 * near - 0.3 * (thick - 0.5), 0, 1)
    colour = mix(mix(light.cloud[0], light.cloud[1], lit), light.cloud[2], lit * near)
    cover = smoothstep(-0.02, 0.5, thick) * smoothstep(0.01, 0.1, -v)
    thin = smoothstep(0.02, 0.06, np.hypot(u - sun_u, v - sun_v))
    return mix(picture, colour, 0.92 * cover * (0.35 + 0.65 * thin))
