"""Scenes of a given size and seed, by name."""

from dataclasses import replace

import numpy as np

from jvst.errors import InputError
from jvst.synthetic.cast import SPRITES
from jvst.synthetic.fields import Number, check_size, soften
from jvst.synthetic.harbour import BANDS, LIGHTS, View
from jvst.synthetic.landscape import landscape
from jvst.synthetic.noise import clouds, haze, mist
from jvst.synthetic.scene import Layer, Scene, Texture, Trajectory
from jvst.synthetic.sequences import SEQUENCES
from jvst.synthetic.shapes import Everywhere
from jvst.synthetic.town import pavement, town

# Part of the background painted beyond each side of the frame, for the camera to move over.
_MARGIN = 0.2


def make_scene(
    name: str,
    *,
    seed: int = 0,
    width: int = 256,
    height: int = 192,
    speed: Number = 1.0,
    lighting: Number = 0.0,
    shutter: Number | None = None,
    noise: Number = 0.0,
    colour_drift: Number = 0.0,
) -> Scene:
    """Build a named scene.

    Args:
        name: "demo", "static", or in the spirit of the MPI-Sintel clips that the paper uses:
            "alley" (slow camera), "ambush" (large motion), "blur" (larger, with motion blur),
            "bandage" (small motion, thin occluders), "market" (a crowd, long occlusions);
            or "crossing" (a few things cross in front of a moving ground, all of noise) and
            "fog" (the same, of weak noise with flat areas), "haze" (with smaller ones);
            or "harbour" (a camera slides past a bay; near things move more than far ones).
        seed: of colours, composition and starting phases; seed 0 keeps the phases of the table.
        width: in pixels, at least 32.
        height: in pixels, at least 32.
        speed: factor on all motion; 0 stops it.
        lighting: amplitude of the slow change of gain and bias, such as 0.1.
        shutter: exposure as a part of the frame interval, in [0, 1]; None for the scene's own.
        noise: standard deviation of the sensor noise, in 8-bit levels.
        colour_drift: amplitude of the slow change from cool to warm light, such as 0.05.

    Returns:
        the scene; sizes and motion follow the frame's short side, so that every size looks alike.

    Raises:
        InputError: the name is unknown, the size or the seed too small, or an option out of range.
    """
    if name not in SEQUENCES:
        raise InputError(f"unknown scene {name!r}; expected one of {', '.join(sorted(SEQUENCES))}")
    check_size(width, height)
    sequence = SEQUENCES[name]
    shutter = sequence.shutter if shutter is None else shutter
    _check_options(
        seed,
        speed,
        {
            "lighting": (lighting, 1),
            "shutter": (shutter, 1),
            "noise": (noise, 255),
            "colour_drift": (colour_drift, 1),
        },
    )
    rng = np.random.default_rng(seed)
    season = sequence.seasons[seed % len(sequence.seasons)]
    layers = []
    for thing, motion in ((sequence.background, sequence.camera), *sequence.sprites):
        if thing in BANDS:
            layers.append(_band(thing, motion, seed, season, width, height))
        elif layers:
            layers.append(_sprite(rng, thing, motion, seed, min(width, height)))
        else:
            ground = _background(rng, thing, season, width, height)
            layers.append(Layer(thing, Everywhere(), ground, motion))
    return Scene(
        width,
        height,
        tuple(layers),
        float(speed),
        float(lighting),
        float(shutter),
        float(noise),
        seed,
        float(colour_drift),
    )


def _check_options(seed: int, speed: Number, limits: dict[str, tuple[Number, Number]]) -> None:
    """Refuse a seed, a speed, or an option that is not from 0 to its limit."""
    if seed < 0:
        raise InputError(f"seed is {seed}; expected 0 or more: choose another whole number")
    for option, (value, most) in limits.items():
        if not 0 <= value <= most:
            raise InputError(f"{option} is {value}; expected a number from 0 to {most}")
    if not np.isfinite(speed):
        raise InputError(f"speed is {speed}; expected a finite factor such as 1")


def _background(
    rng: np.random.Generator, name: str, season: str, width: int, height: int
) -> Texture:
    unit = min(width, height)
    columns, rows = (int(np.ceil(side * (1 + 2 * _MARGIN))) + 2 for side in (width, height))
    x = ((np.arange(columns) - (columns - 1) / 2) / unit).astype(np.float32)
    y = ((np.arange(rows) - (rows - 1) / 2) / unit).astype(np.float32)
    u, v = np.meshgrid(x, y)
    # A landscape fills an upright frame too: its height is the frame's.
    v_frame = v * np.float32(unit / height)
    texel = 1.0 / unit
    if name == "landscape":
        pixels = landscape(rng, u, v_frame, season=season, texel=texel)
    elif name == "town":
        pixels = town(rng, u, v_frame, season=season, texel=texel)
    else:
        grounds = {"pavement": pavement, "clouds": clouds, "mist": mist, "haze": haze}
        pixels = grounds[name](rng, u, v, texel=texel)
    return Texture(soften(pixels), (float(x[0]), float(y[0])), float(unit))


def _band(name: str, motion: Trajectory, seed: int, season: str, width: int, height: int) -> Layer:
    """Draw a layer that goes from side to side around the frame's middle, at scale 1."""
    unit = min(width, height)
    reach = _MARGIN + 0.5
    columns = np.arange(-np.ceil(reach * width), np.ceil(reach * width) + 1)
    # Its coordinates begin where it lies in the frame, which is not the middle of its height.
    first = -np.ceil((motion.centre[1] + _MARGIN) * height)
    rows = np.arange(first, np.ceil((1 + _MARGIN - motion.centre[1]) * height) + 1)
    u, v = np.meshgrid((columns / unit).astype(np.float32), (rows / unit).astype(np.float32))
    shape, pixels = BANDS[name](View(seed, LIGHTS[season], height / unit), u, v)
    origin = (float(columns[0] / unit), float(first / unit))
    texture = Texture(soften(np.clip(pixels, 0, 1).astype(np.float32)), origin, float(unit))
    return Layer(name, shape, texture, motion)


def _sprite(rng: np.random.Generator, name: str, motion: Trajectory, seed: int, unit: int) -> Layer:
    sprite = SPRITES[name]
    # Twice as fine, then halved: hard edges of the texture become soft ones of a pixel or two.
    density = float(unit * motion.scale)
    half = int(np.ceil(sprite.shape.radius * density)) + 2
    fine = ((np.arange(4 * half) + 0.5) / (2 * density) - half / density).astype(np.float32)
    p, q = np.meshgrid(fine, fine)
    choice = sprite.palettes[int(rng.integers(len(sprite.palettes)))]
    pixels = sprite.paint(rng, p, q, choice)
    pixels = pixels.reshape(2 * half, 2, 2 * half, 2, 3).mean((1, 3), dtype=np.float32)
    first = (0.5 - half) / density
    if seed > 0:
        shift = rng.uniform()
        phases = tuple(phase + shift for phase in motion.sway_phase)
        motion = replace(motion, sway_phase=phases, pulse_phase=motion.pulse_phase + shift)
    return Layer(
        name, sprite.shape, Texture(soften(np.clip(pixels, 0, 1)), (first, first), density), motion
    )
