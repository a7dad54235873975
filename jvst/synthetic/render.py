"""The frames of a scene."""

from collections.abc import Iterator

import numpy as np
from jaxtyping import Float32

from jvst._types import Frame
from jvst.errors import InputError
from jvst.synthetic.fields import Number
from jvst.synthetic.scene import Scene, Texture, layer_coordinates, visible_layer

# Each sub-pixel position of a blurred frame is seen at this many moments of the exposure.
_MOMENTS = 4
# Gain, bias and colour change with periods that don't divide each other, so they never lock.
_GAIN_PERIOD, _BIAS_PERIOD, _COLOUR_PERIOD = 40.0, 27.0, 34.0


def render(scene: Scene, t: Number, *, supersampling: int = 3) -> Frame:
    """Draw one frame.

    Args:
        scene: the scene.
        t: time of the middle of the exposure, in frames.
        supersampling: points per pixel, across and down, at which the scene is looked at.

    Returns:
        8-bit RGB.

    Raises:
        InputError: t is not a finite number, or supersampling is under 1.
    """
    if supersampling < 1:
        raise InputError(f"supersampling is {supersampling}; expected at least 1")
    count = supersampling**2
    total = np.zeros((scene.height, scene.width, 3), np.float32)
    for sample in range(count):
        dx = (sample % supersampling + 0.5) / supersampling - 0.5
        dy = (sample // supersampling + 0.5) / supersampling - 0.5
        if scene.shutter == 0:
            total += _look(scene, t, dx, dy)
            continue
        # Interleaving moments between positions: the blur is as fine as all looks together.
        for moment in range(_MOMENTS):
            phase = (moment + (sample + 0.5) / count) / _MOMENTS - 0.5
            total += _look(scene, t + scene.shutter * phase, dx, dy) / _MOMENTS
    gain, bias = lighting(scene, t)
    levels = 255 * (gain * total / count + bias)
    if scene.noise > 0:
        # The bits of t make a key: each frame has its own noise, whatever was drawn before.
        rng = np.random.default_rng([scene.seed, int(np.float64(t).view(np.uint64))])
        levels += scene.noise * rng.standard_normal(levels.shape, np.float32)
    return np.clip(np.rint(levels), 0, 255).astype(np.uint8)


def clip(scene: Scene, frames: int, *, start: Number = 0) -> Iterator[Frame]:
    """Draw whole frames one after another, as they are asked for.

    Args:
        scene: the scene.
        frames: how many.
        start: time of the first.

    Raises:
        InputError: frames is under 1.
    """
    if frames < 1:
        raise InputError(f"a clip of {frames} frames was asked for; expected at least 1")
    return (render(scene, start + number) for number in range(frames))


def lighting(scene: Scene, t: Number) -> tuple[Float32[np.ndarray, "3"], float]:
    """Return the light's gain of red, green and blue, and bias (of [0, 1]), at time t."""
    gain = 1 + scene.lighting * np.sin(2 * np.pi * t / _GAIN_PERIOD)
    bias = scene.lighting / 3 * np.sin(2 * np.pi * t / _BIAS_PERIOD)
    # From cool to warm: what red wins, blue loses.
    warmth = scene.colour_drift * np.sin(2 * np.pi * t / _COLOUR_PERIOD)
    return (gain * np.array([1 + warmth, 1.0, 1 - warmth])).astype(np.float32), float(bias)


def _look(scene: Scene, t: Number, dx: Number, dy: Number) -> Float32[np.ndarray, "h w 3"]:
    """Return the colours seen at one point of each pixel."""
    x, y = np.meshgrid(
        np.arange(scene.width, dtype=np.float32) + np.float32(dx),
        np.arange(scene.height, dtype=np.float32) + np.float32(dy),
    )
    owner = visible_layer(scene, t, x, y).ravel()
    colours = np.empty((owner.size, 3), np.float32)
    for number, layer in enumerate(scene.layers):
        here = np.flatnonzero(owner == number)
        if here.size:
            u, v = layer_coordinates(scene, layer, t, x.ravel()[here], y.ravel()[here])
            colours[here] = _read(layer.texture, u, v)
    return colours.reshape(scene.height, scene.width, 3)


def _read(texture: Texture, u: np.ndarray, v: np.ndarray) -> Float32[np.ndarray, "n 3"]:
    """Read a texture at real coordinates, bilinear, mirrored beyond its borders."""
    rows, columns, _ = texture.pixels.shape
    x = _mirror((u - texture.origin[0]) * texture.density, columns)
    y = _mirror((v - texture.origin[1]) * texture.density, rows)
    left = np.minimum(x.astype(np.int32), columns - 2)
    top = np.minimum(y.astype(np.int32), rows - 2)
    fx, fy = (x - left).astype(np.float32)[:, None], (y - top).astype(np.float32)[:, None]
    pixels = texture.pixels.reshape(-1, 3)
    first = top * columns + left
    upper = pixels.take(first, 0)
    upper += fx * (pixels.take(first + 1, 0) - upper)
    lower = pixels.take(first + columns, 0)
    lower += fx * (pixels.take(first + columns + 1, 0) - lower)
    return upper + fy * (lower - upper)


def _mirror(position: np.ndarray, size: int) -> np.ndarray:
    if position.size and (position.min() < 0 or position.max() > size - 1):
        folded = np.mod(position, 2 * (size - 1))
        return np.minimum(folded, 2 * (size - 1) - folded)
    return position
