"""Varied procedural pictures for training and normalising networks."""

from collections.abc import Callable

import numpy as np

from jvst._types import Frame
from jvst.errors import InputError
from jvst.synthetic.build import make_scene
from jvst.synthetic.fields import (
    Field,
    Palette,
    Picture,
    cells,
    check_size,
    fractal_noise,
    mix,
    pick,
    plane,
    ramp,
    smoothstep,
)
from jvst.synthetic.paintings import painting
from jvst.synthetic.render import render

# Scenes of which a frame isn't blurred, with a share for each background.
_SCENES = ("demo", "alley", "ambush", "bandage", "market")


def training_picture(seed: int, width: int, height: int) -> Frame:
    """Draw a picture whose kind, content, scale, colours and contrast depend on the seed.

    A third are frames of scenes, a quarter paintings; the others are noise, cells, gratings and
    collages of shapes, alone or one cut into another.

    Args:
        seed: whole number, 0 or more; the same seed and size give the same pixels.
        width: in pixels, at least 32.
        height: in pixels, at least 32.

    Returns:
        8-bit RGB.

    Raises:
        InputError: the size is too small or the seed negative.
    """
    check_size(width, height)
    if seed < 0:
        raise InputError(f"seed is {seed}; expected 0 or more: choose another whole number")
    # The second number keeps these draws apart from a scene's or a painting's of the same seed.
    rng = np.random.default_rng([seed, 1])
    picture = _any_picture(rng, width, height)
    if rng.uniform() < 0.2:
        x, y = plane(width, height)
        field = fractal_noise(rng, x, y, frequency=rng.uniform(1, 4), octaves=2)
        picture = mix(picture, _any_picture(rng, width, height), smoothstep(-0.02, 0.02, field))
    return np.clip(np.rint(255 * _regrade(rng, picture)), 0, 255).astype(np.uint8)


def _any_picture(rng: np.random.Generator, width: int, height: int) -> Picture:
    choice, seed = rng.uniform(), int(rng.integers(2**31))
    if choice < 0.33:
        scene = make_scene(_SCENES[seed % len(_SCENES)], seed=seed, width=width, height=height)
        return render(scene, rng.uniform(0, 200)).astype(np.float32) / 255
    if choice < 0.58:
        return painting(seed, width, height).astype(np.float32) / 255
    draw = _TEXTURES[seed % len(_TEXTURES)]
    x, y = plane(width, height)
    turn, zoom = rng.uniform(0, 2 * np.pi), 2 ** rng.uniform(-1.0, 1.5)
    cosine, sine = float(zoom * np.cos(turn)), float(zoom * np.sin(turn))
    return draw(rng, cosine * x - sine * y, sine * x + cosine * y)


def _colours(rng: np.random.Generator, count: int) -> Palette:
    """Draw random colours about a random one, from nearly grey to all hues."""
    middle, spread = rng.uniform(0.25, 0.75, 3), rng.uniform(0.1, 0.6)
    light = rng.permutation(np.linspace(-0.4, 0.4, count))[:, None]
    colours = middle + light + spread * rng.uniform(-1, 1, (count, 3))
    return np.clip(colours, 0, 1).astype(np.float32)


def _noise(rng: np.random.Generator, x: Field, y: Field) -> Picture:
    stretch, gain = float(2 ** rng.uniform(-2, 2)), rng.uniform(0.4, 0.95)
    frequency = 2 ** rng.uniform(0.5, 4)
    tone = fractal_noise(rng, x * stretch, y, frequency=frequency, octaves=5, gain=gain)
    tint = fractal_noise(rng, x, y, frequency=frequency, octaves=2)
    first, second = ramp(_colours(rng, 4), 0.5 + 0.7 * tone), ramp(_colours(rng, 4), 0.5 + tone)
    return mix(first, second, smoothstep(-0.6, 0.6, tint))


def _cells(rng: np.random.Generator, x: Field, y: Field) -> Picture:
    scale = float(2 ** rng.uniform(2, 5))
    number, border, du, dv = cells(rng, x * scale, y * scale, jitter=rng.uniform(0.1, 0.95))
    picture = pick(_colours(rng, 7), number * 7919 // 64)
    picture = picture * (1 + rng.uniform(-0.6, 0.6) * du + rng.uniform(-0.6, 0.6) * dv)[..., None]
    gap = rng.uniform(0, 0.12)
    return mix(_colours(rng, 1)[0], picture, smoothstep(gap, gap + 0.06, border))


def _gratings(rng: np.random.Generator, x: Field, y: Field) -> Picture:
    """Draw waves, bars and checks, bent or straight, whose period may change over the picture."""
    total = np.zeros_like(x)
    bend = rng.uniform(0, 0.15) * fractal_noise(rng, x, y, frequency=2, octaves=2)
    for _ in range(int(rng.integers(1, 4))):
        turn, frequency = rng.uniform(0, np.pi), 2 ** rng.uniform(2, 5.3)
        along = x * float(np.cos(turn)) + y * float(np.sin(turn)) + bend
        chirp = 1 + rng.uniform(-0.5, 0.5) * along
        wave = np.sin(2 * np.pi * frequency * along * chirp + rng.uniform(0, 6))
        total += np.clip(rng.uniform(0.6, 5) * wave, -1, 1)
    return ramp(_colours(rng, 3), 0.5 + 0.4 * total)


def _collage(rng: np.random.Generator, x: Field, y: Field) -> Picture:
    """Draw discs, boxes, rings and strips over each other, filled flat, shaded or striped."""
    colours = _colours(rng, 9)
    picture = mix(colours[0], colours[1], smoothstep(-0.8, 0.8, y + 0.4 * x))
    texel = float(np.hypot(x[0, 1] - x[0, 0], y[0, 1] - y[0, 0]))
    for number in range(int(rng.integers(6, 40))):
        size, turn = float(0.4 * 2 ** rng.uniform(-4, 0)), rng.uniform(0, np.pi)
        dx, dy = x - rng.uniform(-1, 1), y - rng.uniform(-1, 1)
        p = (dx * float(np.cos(turn)) - dy * float(np.sin(turn))) / size
        q = (dx * float(np.sin(turn)) + dy * float(np.cos(turn))) / size
        outline = (
            np.hypot(p, q) - 1,
            np.maximum(np.abs(p), np.abs(q)) - 0.8,
            np.abs(np.hypot(p, q) - 0.8) - 0.2,
            np.maximum(np.abs(p) / 6, np.abs(q) * 5) - 0.5,
        )[int(rng.integers(4))]
        fill = 0.5 + 0.5 * np.clip((p, 3 * np.sin(9 * p), 0 * p)[number % 3], -1, 1)
        paint = mix(colours[1 + number % 8], colours[1 + number // 8 % 8], fill)
        picture = mix(picture, paint, smoothstep(texel, -texel, outline * size))
    return picture


_TEXTURES: tuple[Callable[[np.random.Generator, Field, Field], Picture], ...] = (
    _noise,
    _cells,
    _gratings,
    _collage,
)


def _regrade(rng: np.random.Generator, picture: Picture) -> Picture:
    """Mirror and swap colours now and then; vary exposure, contrast, saturation and grain."""
    if rng.uniform() < 0.5:
        picture = picture[:, ::-1]
    if rng.uniform() < 0.3:
        picture = picture[..., rng.permutation(3)]
    picture = np.clip(picture, 0, 1) ** float(2 ** rng.uniform(-0.6, 0.6))
    grey = picture.mean(-1, keepdims=True)
    picture = grey + (picture - grey) * rng.uniform(0.3, 1.3)
    middle = picture.mean()
    picture = middle + (picture - middle) * rng.uniform(0.6, 1.3) + rng.uniform(-0.08, 0.08)
    if rng.uniform() < 0.3:
        grain = rng.standard_normal(picture.shape, np.float32)
        picture = picture + rng.uniform(0.005, 0.04) * grain
    return picture.astype(np.float32)
