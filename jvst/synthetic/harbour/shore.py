"""The near shore: cypresses and a bank of reeds."""

import numpy as np

from jvst.synthetic.fields import Field, Picture, fractal_noise, mix, smoothstep
from jvst.synthetic.harbour.view import HORIZON, LINE, View
from jvst.synthetic.shapes import Shape, Skyline


def cypresses(view: View, u: Field, v: Field) -> tuple[Shape, Picture]:
    """Draw two dark cypresses at the left, lit along the side of the sun."""
    light = view.light
    edge = view.along(30, frequency=60, octaves=2)
    low, top = 0.62 * view.tall, np.full(LINE.shape, 0.62 * view.tall)
    for centre, wide, high in ((-0.535, 0.092, -0.43), (-0.655, 0.1, -0.24)):
        across = np.abs(LINE - centre + 0.003 * edge) / wide
        flame = low + (high * min(view.tall, 1.3) - low) * (1 - across**1.35)
        flame += 0.08 * edge * smoothstep(0.12, 0.5, across)
        top = np.where(across < 1, np.minimum(top, flame), top)
    rng = view.rng(31)
    bend = fractal_noise(rng, u, v, frequency=5, octaves=2)
    licks = fractal_noise(rng, 3.2 * u + 0.12 * bend, v, frequency=14, octaves=3)
    right = np.interp(u + 0.012 + 0.012 * licks, LINE, top).astype(np.float32)
    rim = smoothstep(-0.03, 0.06, right - v)
    tone = np.clip(0.18 + 0.45 * licks, 0, 1)
    picture = mix(light.wood[0], light.wood[1], tone)
    glint = 0.6 * light.sun[1] + 0.4 * light.wood[1]
    return Skyline(LINE, top), mix(picture, glint, 0.5 * rim * np.clip(0.3 + licks, 0, 1))


def bank(view: View, u: Field, v: Field) -> tuple[Shape, Picture]:
    """Draw the near shore: a dark slope with tufts of reeds before the water."""
    light = view.light
    bottom = (1 - HORIZON) * view.tall
    rise = 0.035 + 0.025 * view.along(40, frequency=1.7, octaves=2)
    rise += 0.07 * smoothstep(-0.15, -0.7, LINE) + 0.05 * smoothstep(0.2, 0.75, LINE)
    rng = view.rng(41)
    top = bottom - rise
    for _ in range(900):
        foot = rng.uniform(LINE[0], LINE[-1])
        thick = np.exp(-np.square((foot - 0.52) / 0.13))
        thick += 0.55 * np.exp(-np.square((foot + 0.38) / 0.16))
        high = rng.uniform(0.012, 0.03) + rng.uniform(0.2, 1) ** 2 * 0.15 * thick
        half = rng.uniform(0.006, 0.011) + 0.03 * high
        tip = foot + rng.uniform(-0.3, 0.5) * half
        here = slice(*np.searchsorted(LINE, (foot - half, foot + half)))
        share = np.interp(LINE[here], (foot - half, tip, foot + half), (0, 1, 0))
        # Thin at the tip, broad at the foot.
        blade = bottom - np.interp(foot, LINE, rise) + 0.012 - high * share**1.25
        top[here] = np.minimum(top[here], blade)
    noise = view.rng(42)
    stalks = fractal_noise(noise, 5 * u, 0.8 * v, frequency=11, octaves=3)
    clumps = fractal_noise(noise, u, v, frequency=6, octaves=3)
    ridge = np.interp(u, LINE, top).astype(np.float32)
    tip = smoothstep(0.05, 0.0, v - ridge)
    tone = np.clip(0.3 * stalks + 0.25 * clumps + 0.2 * tip, 0, 1)
    picture = mix(light.wood[0], light.wood[1], tone)
    near = np.exp(-np.abs(u - light.place[0]) / 0.5)
    glint = 0.4 * tip * near * np.clip(0.2 + stalks, 0, 1)
    return Skyline(LINE, top), mix(picture, light.sun[1], glint)
