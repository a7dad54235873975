"""Scalar fields on the plane, for textures and paintings.

Coordinates are real, so the same seed draws the same picture at every resolution. Random
numbers come only from the generator that is passed in.
"""

import numpy as np
from jaxtyping import Float, Float32, Int

from jvst.errors import InputError

#: A real number, however it is written.
Number = float | int
#: A coordinate or a value at each point.
Field = Float32[np.ndarray, "h w"]
#: A colour at each point, RGB, nominally in [0, 1].
Picture = Float32[np.ndarray, "h w 3"]
#: A list of colours, RGB in [0, 1].
Palette = Float32[np.ndarray, "_ 3"]

# Lattices repeat after this many cells: more than any picture here shows.
_LATTICE = 64
# Below this, sprites and brush strokes are smaller than a pixel.
_SMALLEST_SIDE = 32


def check_size(width: int, height: int) -> None:
    """Refuse sizes too small to hold a picture.

    Raises:
        InputError: a side is under 32 pixels.
    """
    if width < _SMALLEST_SIDE or height < _SMALLEST_SIDE:
        raise InputError(
            f"size {width}x{height} is too small for a synthetic picture; expected at least "
            f"{_SMALLEST_SIDE} pixels a side: choose a larger width and height"
        )


def palette(*codes: str) -> Palette:
    """Read colours from hexadecimal codes such as ``"1b3a6b"``."""
    return np.array([list(bytes.fromhex(code)) for code in codes], np.float32) / 255


def smoothstep(
    low: Number, high: Number, value: Float[np.ndarray, "..."]
) -> Float[np.ndarray, "..."]:
    """Rise smoothly from 0 at ``low`` to 1 at ``high``; falls if ``high < low``."""
    x = np.clip((value - low) / (high - low), 0, 1)
    return x * x * (3 - 2 * x)


def mix(first: np.ndarray, second: np.ndarray, amount: Field) -> Picture:
    """Go from the first colour (or picture) to the second by ``amount`` in [0, 1]."""
    return first + (second - first) * amount[..., None]


def ramp(colours: Palette, position: Field) -> Picture:
    """Read a gradient through evenly spaced colours at a position in [0, 1]."""
    x = np.clip(position, 0, 1) * (len(colours) - 1)
    first = np.minimum(x.astype(np.int32), len(colours) - 2)
    return mix(colours[first], colours[first + 1], x - first.astype(np.float32))


def pick(colours: Palette, index: np.ndarray) -> Picture:
    """Take colours by number, round and round."""
    return colours[np.asarray(index).astype(np.int64) % len(colours)]


def plane(width: int, height: int) -> tuple[Field, Field]:
    """Return the coordinates of pixel centres: (x, y) in short sides, (0, 0) in the middle."""
    unit = min(width, height)
    x = (np.arange(width, dtype=np.float32) - (width - 1) / 2) / unit
    y = (np.arange(height, dtype=np.float32) - (height - 1) / 2) / unit
    grid_x, grid_y = np.meshgrid(x, y)
    return grid_x, grid_y


def fractal_noise(
    rng: np.random.Generator,
    u: Field,
    v: Field,
    *,
    frequency: Number,
    octaves: int = 4,
    gain: Number = 0.5,
) -> Field:
    """Smooth noise with detail at several scales, standard deviation about 1/2.

    Args:
        rng: source of the lattices; the draw doesn't depend on the number of points.
        u: horizontal coordinate.
        v: vertical coordinate.
        frequency: bumps per unit in the first octave; each next octave has twice as many.
        octaves: number of octaves.
        gain: amplitude of an octave relative to the one before it.

    Returns:
        a value at each point, twice continuously differentiable.
    """
    total = np.zeros_like(u)
    for octave in range(octaves):
        lattice = rng.uniform(-1, 1, (_LATTICE, _LATTICE)).astype(np.float32)
        # Turning each octave hides that lattices are aligned with the axes.
        angle = 0.6 + 2.4 * octave
        scale = frequency * 2**octave
        cosine, sine = scale * float(np.cos(angle)), scale * float(np.sin(angle))
        x, y = cosine * u - sine * v + 17.3, sine * u + cosine * v + 31.7
        column, row = np.floor(x), np.floor(y)
        fx, fy = x - column, y - row
        fx = fx * fx * fx * (fx * (fx * 6 - 15) + 10)
        fy = fy * fy * fy * (fy * (fy * 6 - 15) + 10)
        left, top = column.astype(np.int32) % _LATTICE, row.astype(np.int32) % _LATTICE
        right, bottom = (left + 1) % _LATTICE, (top + 1) % _LATTICE
        upper = lattice[top, left] * (1 - fx) + lattice[top, right] * fx
        lower = lattice[bottom, left] * (1 - fx) + lattice[bottom, right] * fx
        total += gain**octave * (upper * (1 - fy) + lower * fy)
    # One octave alone has a standard deviation of about 0.36.
    norm = sum(gain ** (2 * octave) for octave in range(octaves)) ** 0.5
    return total * (1.4 / norm)


def cells(
    rng: np.random.Generator, u: Field, v: Field, *, jitter: Number = 0.8
) -> tuple[Int[np.ndarray, "h w"], Field, Field, Field]:
    """Cut the plane into irregular cells of about one unit (a Voronoi diagram).

    Returns:
        the number of the cell, the distance to its border, and the (u, v) offset from its centre.
    """
    centres = rng.uniform(-jitter / 2, jitter / 2, (2, _LATTICE, _LATTICE)).astype(np.float32)
    column, row = np.floor(u), np.floor(v)
    first = np.full_like(u, 1e9)
    second = np.full_like(u, 1e9)
    number = np.zeros(u.shape, np.int64)
    offset_u, offset_v = np.zeros_like(u), np.zeros_like(v)
    for step_row in (-1, 0, 1):
        for step_column in (-1, 0, 1):
            i = (row.astype(np.int64) + step_row) % _LATTICE
            j = (column.astype(np.int64) + step_column) % _LATTICE
            du = u - (column + step_column + 0.5 + centres[0, i, j])
            dv = v - (row + step_row + 0.5 + centres[1, i, j])
            distance = np.hypot(du, dv)
            nearer = distance < first
            second = np.where(nearer, first, np.minimum(second, distance))
            first = np.where(nearer, distance, first)
            number = np.where(nearer, i * _LATTICE + j, number)
            offset_u, offset_v = np.where(nearer, du, offset_u), np.where(nearer, dv, offset_v)
    return number, (second - first) / 2, offset_u, offset_v


def soften(picture: Picture) -> Picture:
    """Blur by [1 2 1]/4 both ways: takes out what bilinear interpolation can't carry."""
    for axis in (0, 1):
        pad = [(1, 1) if axis == other else (0, 0) for other in range(3)]
        padded = np.pad(picture, pad, mode="edge")
        size = picture.shape[axis]
        before, here, after = (
            np.take(padded, range(start, start + size), axis=axis) for start in (0, 1, 2)
        )
        picture = (before + 2 * here + after) / 4
    return picture
