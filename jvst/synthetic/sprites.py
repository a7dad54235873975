"""Textures of sprites.

They are drawn in coordinates (p, q), where the body of the sprite has radius 1.
"""

from collections.abc import Callable

import numpy as np

from jvst.synthetic.fields import (
    Field,
    Palette,
    Picture,
    cells,
    fractal_noise,
    mix,
    palette,
    pick,
    smoothstep,
)

Paint = Callable[[np.random.Generator, Field, Field, Palette], Picture]


def balloon(rng: np.random.Generator, p: Field, q: Field, colours: Palette) -> Picture:
    """Draw a striped hot-air balloon with a zigzag belt; the basket hangs at q > 1."""
    del rng
    rim = np.sqrt(np.maximum(1 - q * q, 0.03))
    longitude = np.arcsin(np.clip(p / rim, -1, 1)) / np.pi + 0.5
    picture = pick(colours[:2], np.floor(longitude * 9))
    belt = np.abs(q + 0.05 + 0.09 * np.abs((longitude * 9) % 1 * 2 - 1))
    picture = mix(picture, colours[2], smoothstep(0.2, 0.18, belt))
    picture = mix(picture, colours[3], smoothstep(0.1, 0.08, belt))
    picture = mix(picture, colours[2], smoothstep(0.8, 0.82, np.abs(q)))
    picture = picture * _sphere_light(p, q)[..., None]
    weave = 0.75 + 0.25 * np.sin(p * 60) * np.sin(q * 60)
    basket = palette("8a5a2f")[0] * weave[..., None]
    ropes = smoothstep(0.05, 0.03, np.abs(np.abs(p) - 0.2))
    below = mix(basket, palette("3a2a20")[0], ropes * (q < 1.22))
    return np.where((q > 1)[..., None], below, picture)


def ball(rng: np.random.Generator, p: Field, q: Field, colours: Palette) -> Picture:
    """Draw a beach ball: sectors around a pole a little off the middle."""
    angle = np.arctan2(q + 0.25, p - 0.2) / (2 * np.pi) + rng.uniform()
    picture = pick(colours, np.floor(angle * 6))
    cap = smoothstep(0.19, 0.17, np.hypot(p - 0.2, q + 0.25))
    picture = mix(picture, palette("fdf6e3")[0], cap)
    return picture * _sphere_light(p, q)[..., None]


def sunflower(rng: np.random.Generator, p: Field, q: Field, colours: Palette) -> Picture:
    """Draw petals with veins around a heart of seeds."""
    radius, angle = np.hypot(p, q), np.arctan2(p, -q)
    petal = np.cos(16 * angle)
    veins = fractal_noise(rng, 2.5 * angle, radius * 0.6, frequency=5, octaves=2)
    picture = mix(colours[0], colours[1], np.clip(0.75 - 0.5 * petal + 0.4 * veins, 0, 1))
    picture = mix(picture, colours[2], 0.8 * smoothstep(0.75, 0.4, radius))
    spiral = np.sin(13 * angle + 40 * radius) * np.sin(13 * angle - 40 * radius)
    seeds = mix(palette("2f1a12")[0], palette("9a5a22")[0], smoothstep(-0.1, 0.6, spiral))
    seeds = mix(seeds, palette("4f3a1a")[0], smoothstep(0.2, 0.05, radius))
    return mix(picture, seeds, smoothstep(0.46, 0.43, radius))


def star(rng: np.random.Generator, p: Field, q: Field, colours: Palette) -> Picture:
    """Draw a folded paper star: each arm has a light and a dark half."""
    angle = np.arctan2(p, -q) / (2 * np.pi) * 5
    half = (angle % 1 < 0.5).astype(np.float32)
    grain = fractal_noise(rng, p, q, frequency=9, octaves=3)
    picture = mix(colours[0], colours[1], np.clip(half * 0.8 + 0.15 * grain, 0, 1))
    rings = smoothstep(0.2, 0.5, np.sin(np.hypot(p, q) * 22))
    return mix(picture, colours[2], 0.4 * rings)


def kite(rng: np.random.Generator, p: Field, q: Field, colours: Palette) -> Picture:
    """Draw four sails, a cross of sticks and bows on the tail."""
    del rng
    quarter = 2 * (p > 0) + ((p > 0) ^ (q + 0.25 > 0))
    picture = pick(colours, quarter)
    spot = np.hypot(np.abs(p) - 0.22, q + 0.25 - np.sign(q + 0.25) * 0.24)
    picture = mix(picture, palette("fff6dd")[0], smoothstep(0.13, 0.11, spot))
    stick = np.minimum(np.abs(p), np.abs(q + 0.25))
    picture = mix(picture, palette("4a3424")[0], smoothstep(0.035, 0.02, stick))
    bows = pick(colours, np.floor(q * 4))
    return np.where((q > 1)[..., None], bows, picture)


def tree(rng: np.random.Generator, p: Field, q: Field, colours: Palette) -> Picture:
    """Draw bark below, dabs of leaves above."""
    number, border, du, dv = cells(rng, p * 11, q * 11)
    clump = fractal_noise(rng, p, q, frequency=2.2, octaves=2)
    leaf = pick(colours, number * 7919 // 64) * (1 + 0.55 * clump - 0.25 * dv - 0.2 * du)[..., None]
    leaf = mix(leaf * np.float32(0.6), leaf, smoothstep(0.0, 0.2, border))
    bark = fractal_noise(rng, p * 5, q, frequency=5, octaves=3)
    wood = mix(palette("38281f")[0], palette("8a6a4a")[0], np.clip(0.5 + bark - 3 * p, 0, 1))
    return mix(leaf, wood, smoothstep(0.85, 0.95, q))


def fish(rng: np.random.Generator, p: Field, q: Field, colours: Palette) -> Picture:
    """Draw scales in rows, a paler belly, an eye and a striped tail."""
    row = np.floor(q * 9)
    x, y = p * 6 + 0.5 * (row % 2), q * 9 - row
    scale = np.hypot(x - np.floor(x) - 0.5, 0.8 * y)
    tone = np.clip(0.5 + 0.6 * q + 0.2 * fractal_noise(rng, p, q, frequency=3), 0, 1)
    picture = mix(colours[0], colours[1], tone)
    picture = mix(picture, colours[2], 0.8 * smoothstep(0.42, 0.55, scale))
    picture = mix(picture, colours[3], smoothstep(0.0, 0.05, -p - 0.85))
    eye = np.hypot(p - 0.7, q + 0.1)
    picture = mix(picture, palette("fdfbe8")[0], smoothstep(0.13, 0.11, eye))
    return mix(picture, palette("17171f")[0], smoothstep(0.07, 0.05, eye))


def parasol(rng: np.random.Generator, p: Field, q: Field, colours: Palette) -> Picture:
    """Draw a market umbrella seen from above: eight panels with a border."""
    angle, radius = np.arctan2(p, -q) / (2 * np.pi) * 8 + 0.5, np.hypot(p, q)
    panel = np.floor(angle)
    slope = 0.86 + 0.22 * np.cos(2 * np.pi * (panel + 0.5) / 8 + 0.8)
    picture = pick(colours[:2], panel)
    picture = mix(picture, colours[2], smoothstep(0.72, 0.74, radius))
    picture = mix(picture, colours[3], smoothstep(0.12, 0.1, radius))
    cloth = 1 + 0.06 * fractal_noise(rng, p, q, frequency=14, octaves=3)
    seam = 1 - 0.3 * smoothstep(0.05, 0.0, np.minimum(angle % 1, 1 - angle % 1) * radius)
    return picture * (slope * cloth * seam)[..., None]


def cloth(rng: np.random.Generator, p: Field, q: Field, colours: Palette) -> Picture:
    """Draw woven stripes both ways."""
    wave = 0.05 * fractal_noise(rng, p, q, frequency=3, octaves=2)
    warp_thread = pick(colours, np.floor((p + wave) * 5 + 100))
    weft_thread = pick(colours, np.floor((q - wave) * 5 + 101))
    over = 0.5 + 0.35 * np.sign(np.sin(p * 55) * np.sin(q * 55))
    folds = 1 + 0.15 * fractal_noise(rng, p + q, p - q, frequency=1.5, octaves=2)
    return mix(warp_thread, weft_thread, over) * folds[..., None]


def wood(rng: np.random.Generator, p: Field, q: Field, colours: Palette) -> Picture:
    """Draw a painted post: a spiral band over grain, rounded by light."""
    grain = fractal_noise(rng, p * 12, q, frequency=3, octaves=3)
    turn = (q * 3.0 + p * 2.5) % 1
    picture = mix(colours[0], colours[1], smoothstep(0.48, 0.52, turn))
    light = 1.05 - 3.5 * np.square(p + 0.08) + 0.14 * grain
    return picture * np.clip(light, 0.45, 1.2)[..., None]


def sailing_boat(rng: np.random.Generator, p: Field, q: Field, colours: Palette) -> Picture:
    """Draw sails with light behind them, a dark hull, and their broken image in the water."""
    weave = fractal_noise(rng, p, q, frequency=7, octaves=3)
    # Each sail bellies out: light along its fore edge, dark towards the boom.
    along = np.where(p < 0.03, p + 0.55 - 0.45 * q, 1.1 * p - 0.3 * q)
    seam = smoothstep(0.35, 0.5, np.abs((3.4 * (q + 0.25 * p)) % 1 - 0.5))
    light = np.clip(1.15 - 0.95 * along - 0.2 * q + 0.16 * weave - 0.2 * seam, 0, 1)
    picture = mix(colours[0], colours[1], light)
    mast = smoothstep(0.034, 0.022, np.abs(p - 0.03)) * (q < 0.45)
    picture = mix(picture, colours[2], mast)
    hull = mix(colours[2], colours[3], 0.8 * smoothstep(0.035, 0.02, np.abs(q + 0.06 * p - 0.48)))
    picture = mix(picture, hull, smoothstep(0.39, 0.41, q + 0.05 * p))
    image = mix(colours[2], 0.4 * colours[1] + 0.4 * colours[2], smoothstep(0.66, 0.9, q))
    return mix(picture, image, smoothstep(0.635, 0.655, q))


def gull(rng: np.random.Generator, p: Field, q: Field, colours: Palette) -> Picture:
    """Draw dark wings, paler above."""
    feathers = fractal_noise(rng, p, q, frequency=5, octaves=2)
    return mix(colours[0], colours[1], np.clip(0.3 - q + 0.3 * feathers, 0, 1))


def _sphere_light(p: Field, q: Field) -> Field:
    """Light a ball from the upper left, with a soft highlight."""
    depth = np.sqrt(np.maximum(1 - p * p - q * q, 0))
    facing = -0.5 * p - 0.55 * q + 0.67 * depth
    return 0.62 + 0.42 * np.clip(facing, 0, 1) + 0.35 * np.clip(facing, 0, 1) ** 16
