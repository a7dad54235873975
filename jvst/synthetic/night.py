"""A painting of a turning night sky."""

import numpy as np

from jvst.synthetic.brush import Brush, empty_canvas, impasto, paint_strokes
from jvst.synthetic.fields import Field, Picture, fractal_noise, mix, palette, ramp, smoothstep


def swirls(rng: np.random.Generator, x: Field, y: Field) -> Picture:
    """Paint a night sky turning around its stars, over hills and a dark tree."""
    blues = palette("0c1d4f", "17398a", "2f62b5", "5f95cf", "a9cfe0", "dfe9c8")
    wide, tall = float(x.max()), float(y.max())
    flow_x, flow_y = np.ones_like(x), 0.35 * np.sin(5 * x + 2)
    tone = 0.3 + 0.16 * fractal_noise(rng, x + 0.3 * y, 3 * y, frequency=2, octaves=3) + 0.2 * y
    glow = np.zeros_like(x)
    sizes = (0.3, 0.24, 0.15, 0.12, 0.12, 0.1, 0.09, 0.08, 0.08)
    # Stars share out the width, so that none hides another.
    places = (rng.permutation(len(sizes)) + 0.5) / len(sizes) * 2 - 1
    for number, size in enumerate(sizes):
        centre_x = wide * float(places[number]) + rng.uniform(-0.04, 0.04)
        centre_y = tall * (-0.1 if number < 2 else rng.uniform(-0.85, 0.05)) - 0.08 * (number == 0)
        dx, dy = x - centre_x, y - centre_y
        radius = np.hypot(dx, dy)
        near = np.exp(-np.square(radius / size))
        spin = (6 if number % 2 else -6) * near / size
        # A little inward pull turns circles into spirals.
        flow_x += spin * (-dy - 0.25 * dx)
        flow_y += spin * (dx - 0.25 * dy)
        turn = np.arctan2(dy, dx) * (1 if number % 2 else -1)
        rings = np.sin(radius / size * 15 + turn)
        tone += near * (0.12 + 0.3 * rings * smoothstep(0.1, 0.35, radius / size))
        glow += smoothstep(0.42, 0.1, radius / size) * (1 if number != 1 else 0.55)
    angle = np.arctan2(flow_y, flow_x).astype(np.float32)
    subject = ramp(blues, tone)
    golds = palette("e0a52f", "f6cf3f", "fbea8a", "fff8d6")
    subject = mix(subject, ramp(golds, np.clip(1.2 * glow - 0.3, 0, 1)), smoothstep(0.1, 0.6, glow))
    subject, angle = _dark_land(rng, x, y, subject, angle)
    canvas, relief = empty_canvas(blues[1], x.shape)
    for brush in (
        Brush(0.03, 0.16, 0.034, bristles=6, jitter=0.05),
        Brush(0.0155, 0.095, 0.016, bristles=4, jitter=0.07, streak=0.06),
        Brush(0.02, 0.06, 0.010, bristles=3, jitter=0.11, streak=0.06),
    ):
        canvas, relief = paint_strokes(
            rng, canvas, relief, subject=subject, angle=angle, brush=brush
        )
    return impasto(canvas, relief, strength=0.8)


def _dark_land(
    rng: np.random.Generator, x: Field, y: Field, subject: Picture, angle: Field
) -> tuple[Picture, Field]:
    """Put hills, lit windows and a flame of a tree before the sky."""
    wide, tall = float(x.max()), float(y.max())
    for level, colours in (
        (0.42, palette("2a4f8f", "3f7aa8", "6fa8b8")),
        (0.62, palette("16324f", "2f6a5a", "7f9f4a")),
        (0.8, palette("0e1f33", "1f4a3f", "a88f3a")),
    ):
        ridge = tall * level - 0.07 * fractal_noise(rng, x, 0 * y, frequency=2.2, octaves=2)
        below = y - ridge
        slope = np.gradient(ridge, axis=1) / np.gradient(x, axis=1)
        tone = (
            0.4
            + 0.3 * np.sin(70 * below + 4 * x)
            + 0.25 * fractal_noise(rng, x, 3 * y, frequency=6, octaves=2)
        )
        land = smoothstep(-0.004, 0.004, below)
        subject = mix(subject, ramp(colours, tone), land)
        angle = np.where(below > 0, np.arctan(slope + 0.6 * below), angle).astype(np.float32)
    for _ in range(14):
        window_x, window_y = rng.uniform(-wide, wide), tall * rng.uniform(0.55, 0.7)
        lamp = np.maximum(np.abs(x - window_x), np.abs(y - window_y))
        subject = mix(subject, palette("f7b53a")[0], smoothstep(0.013, 0.008, lamp))
    foot = wide * rng.uniform(0.55, 0.75) * (1 if rng.uniform() < 0.5 else -1)
    top = tall * -0.75
    rise = np.clip((y - top) / (tall - top), 0, 1)
    sway = 0.02 * np.sin(9 * y + 1)
    half = 0.11 * np.sqrt(rise) * (1 + 0.25 * np.sin(23 * y))
    flame = smoothstep(0.006, -0.006, np.abs(x - foot - sway) - half) * (y > top)
    licks = 0.5 + 0.5 * np.sin(60 * (x - foot) + 12 * np.sin(7 * y))
    subject = mix(subject, ramp(palette("0d1a1c", "1f3a2a", "4f5a2a"), licks), flame)
    upward = (-np.pi / 2 + 0.5 * np.sin(11 * y + 14 * (x - foot))).astype(np.float32)
    return subject, np.where(flame > 0.5, upward, angle)
