"""Oil paint in overlapping strokes along a field of directions."""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float32

from jvst.synthetic.fields import Field, Number, Picture

# Strokes are drawn this much finer than the picture, then averaged.
_FINER = 2
# cv2 takes positions in whole numbers of 1/16 pixel.
_SHIFT = 4


@dataclass(frozen=True)
class Brush:
    """What a stroke looks like; lengths in short sides of the picture.

    Args:
        spacing: distance between strokes: as small as half the width covers everything.
        length: of a stroke.
        width: of a stroke.
        bristles: lines that make up a stroke.
        jitter: random change of colour from stroke to stroke, standard deviation.
        streak: random change of brightness from bristle to bristle, standard deviation.
        wobble: random change of direction from stroke to stroke, in radians.
    """

    spacing: Number
    length: Number
    width: Number
    bristles: int = 4
    jitter: Number = 0.06
    streak: Number = 0.05
    wobble: Number = 0.1


def paint_strokes(
    rng: np.random.Generator,
    canvas: Picture,
    relief: Field,
    *,
    subject: Picture,
    angle: Field,
    brush: Brush,
) -> tuple[Picture, Field]:
    """Cover a canvas with strokes that take the subject's colours and follow the angle.

    Args:
        rng: source of places, colours and order.
        canvas: what has been painted, RGB in [0, 1].
        relief: thickness of the paint, in [0, 1].
        subject: the colours to paint, RGB in [0, 1].
        angle: direction of the strokes, in radians from x towards y.
        brush: size and character of the strokes.

    Returns:
        the new canvas and relief.
    """
    height, width = angle.shape
    unit = min(height, width)
    paths, columns, rows = _paths(rng, angle, brush, unit)
    # Strokes differ in brightness most, and in hue a little less.
    brightness = rng.standard_normal((len(paths), 1))
    hue = 0.7 * rng.standard_normal((len(paths), 3))
    colours = subject[rows, columns] + brush.jitter * (brightness + hue)
    paint = np.concatenate([canvas, relief[..., None]], -1)
    size = (width * _FINER, height * _FINER)
    paint = cv2.resize(_levels(paint), size, interpolation=cv2.INTER_LINEAR)
    _draw(rng, paint, paths * _FINER, colours, brush=brush, unit=unit * _FINER)
    paint = cv2.resize(paint, (width, height), interpolation=cv2.INTER_AREA)
    paint = paint.astype(np.float32) / 255
    return np.ascontiguousarray(paint[..., :3]), np.ascontiguousarray(paint[..., 3])


def impasto(canvas: Picture, relief: Field, *, strength: Number = 0.5) -> Picture:
    """Light the relief of the paint from the upper left: ridges get a bright and a dark side."""
    smooth = cv2.GaussianBlur(relief, (0, 0), 0.7)
    down, across = np.gradient(smooth)
    slope = np.clip(across + down, -0.35, 0.35).astype(np.float32)
    light = strength * slope[..., None]
    return np.clip(canvas * (1 + light) + 0.4 * light, 0, 1)


def _paths(
    rng: np.random.Generator, angle: Field, brush: Brush, unit: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return points along each stroke [n k 2] in pixels, and the pixel of its colour."""
    height, width = angle.shape
    step = max(brush.spacing * unit, 1.0)
    x, y = np.meshgrid(np.arange(-step, width + step, step), np.arange(-step, height + step, step))
    start = np.stack([x.ravel(), y.ravel()], -1)
    start = rng.permutation(start + rng.uniform(-0.6, 0.6, start.shape) * step)
    columns = np.clip(np.rint(start[:, 0]), 0, width - 1).astype(np.intp)
    rows = np.clip(np.rint(start[:, 1]), 0, height - 1).astype(np.intp)
    turn = brush.wobble * rng.standard_normal(len(start))
    reach = brush.length * unit * rng.uniform(0.6, 1.2, len(start)) / 2
    halves = []
    for side in (-1, 1):
        point, half = start.copy(), []
        for _ in range(4):
            i = np.clip(np.rint(point[:, 1]), 0, height - 1).astype(np.intp)
            j = np.clip(np.rint(point[:, 0]), 0, width - 1).astype(np.intp)
            way = angle[i, j] + turn
            point = point + (side * reach / 4)[:, None] * np.stack([np.cos(way), np.sin(way)], -1)
            half.append(point)
        halves.append(half)
    return np.stack([*halves[0][::-1], start, *halves[1]], 1), columns, rows


def _draw(
    rng: np.random.Generator,
    paint: np.ndarray,
    paths: np.ndarray,
    colours: np.ndarray,
    *,
    brush: Brush,
    unit: int,
) -> None:
    """Draw all bristles of all strokes into 8-bit RGB and relief, in place."""
    along = np.gradient(paths, axis=1)
    normal = np.stack([-along[..., 1], along[..., 0]], -1)
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True) + 1e-6
    size = brush.width * unit
    # Bristles overlap by a half, so that a stroke has no gaps.
    thickness = max(1, round(1.6 * size / brush.bristles))
    offsets = (np.arange(brush.bristles) + 0.5) / brush.bristles - 0.5
    tone = brush.streak * rng.standard_normal((len(paths), brush.bristles, 1))
    levels = _levels(colours[:, None] + tone)
    # Paint piles up at both edges of a stroke.
    ridge = 0.35 + 1.0 * np.abs(offsets) + 0.15 * rng.standard_normal(tone.shape[:2])
    heights = _levels(ridge[..., None])
    values = np.concatenate([levels, heights], -1).tolist()
    lines = paths[:, None] + offsets[:, None, None] * size * normal[:, None]
    points = np.rint(lines * 2**_SHIFT).astype(np.int32)
    for stroke, stroke_values in zip(points, values, strict=True):
        for bristle, value in zip(stroke, stroke_values, strict=True):
            cv2.polylines(paint, [bristle], False, value, thickness, cv2.LINE_AA, _SHIFT)


def _levels(values: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(255 * values), 0, 255).astype(np.uint8)


def empty_canvas(colour: Float32[np.ndarray, "3"], shape: tuple[int, int]) -> tuple[Picture, Field]:
    """Return an empty canvas of one colour, and its flat relief."""
    return np.broadcast_to(colour, (*shape, 3)).copy(), np.full(shape, 0.3, np.float32)
