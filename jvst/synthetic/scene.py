r"""Scenes of moving flat layers, and their exact motion.

Layers lie back to front. Each has an outline and a texture in its own coordinates u and an
affine pose, :math:`x = A_l(t)\,u + b_l(t)`, with x in pixels and pixel centres at whole numbers.
So flow and occlusion between any two times are known in closed form.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float32, Int

from jvst._types import FlowField
from jvst.errors import InputError
from jvst.synthetic.fields import Number
from jvst.synthetic.shapes import Shape

Pair = tuple[Number, Number]

# Footprint of a pixel: its middle, corners and edges.
_FOOTPRINT = tuple((dx, dy) for dy in (-0.5, 0.0, 0.5) for dx in (-0.5, 0.0, 0.5))


@dataclass(frozen=True)
class Trajectory:
    """Where a layer is over time: drift, sway, spin, swing and zoom, all smooth.

    Args:
        centre: position at rest, in fractions of the frame's width and height.
        drift: velocity, in short sides a frame.
        sway: amplitude of the swaying about that path, in short sides.
        sway_period: in frames, across and down.
        sway_phase: in turns, across and down.
        angle: rotation at time 0, in turns.
        spin: in turns a frame.
        swing: amplitude of the swinging about that rotation, in turns.
        scale: short sides per unit of the layer's own coordinates.
        zoom: amplitude of the logarithm of the zoom about that scale.
        pulse_period: of swing and zoom, in frames.
        pulse_phase: of swing and zoom, in turns.
        shear: amplitude of the leaning with the sway across: what a point moves more than the
            layer's origin, per unit that it lies lower, as on ground that a camera slides over.
    """

    centre: Pair = (0.5, 0.5)
    drift: Pair = (0.0, 0.0)
    sway: Pair = (0.0, 0.0)
    sway_period: Pair = (60.0, 60.0)
    sway_phase: Pair = (0.0, 0.0)
    angle: Number = 0.0
    spin: Number = 0.0
    swing: Number = 0.0
    scale: Number = 1.0
    zoom: Number = 0.0
    pulse_period: Number = 48.0
    pulse_phase: Number = 0.0
    shear: Number = 0.0


@dataclass(frozen=True, eq=False)
class Texture:
    """A band-limited picture in a layer's own coordinates, read with bilinear interpolation.

    Args:
        pixels: RGB in [0, 1].
        origin: (u, v) of the first pixel's centre.
        density: pixels per unit of u and v.
    """

    pixels: Float32[np.ndarray, "k m 3"]
    origin: Pair
    density: Number


@dataclass(frozen=True, eq=False)
class Layer:
    """One flat thing that moves."""

    name: str
    shape: Shape
    texture: Texture
    motion: Trajectory


@dataclass(frozen=True, eq=False)
class Scene:
    """Everything that a clip is rendered from.

    Args:
        width: of the frame, in pixels.
        height: of the frame, in pixels.
        layers: back to front; the first must cover the whole plane.
        speed: factor on time.
        lighting: amplitude of the slow change of gain and bias, 0 for none.
        shutter: part of the frame interval that a frame is exposed, 0 for no motion blur.
        noise: standard deviation of the sensor noise, in 8-bit levels.
        seed: of the sensor noise.
        colour_drift: amplitude of the slow change from cool to warm light, 0 for none.
    """

    width: int
    height: int
    layers: tuple[Layer, ...]
    speed: Number = 1.0
    lighting: Number = 0.0
    shutter: Number = 0.0
    noise: Number = 0.0
    seed: int = 0
    colour_drift: Number = 0.0


def pose(
    scene: Scene, layer: Layer, t: Number
) -> tuple[Float[np.ndarray, "2 2"], Float[np.ndarray, "2"]]:
    """Return the matrix A and the vector b of a layer at time t, in pixels.

    Raises:
        InputError: t is not a finite number.
    """
    if not np.isfinite(t):
        raise InputError(f"time {t} is not finite; expected a number of frames")
    motion, time = layer.motion, scene.speed * float(t)
    unit = min(scene.width, scene.height)
    pulse = np.sin(2 * np.pi * (time / motion.pulse_period + motion.pulse_phase))
    angle = 2 * np.pi * (motion.angle + motion.spin * time + motion.swing * pulse)
    scale = unit * motion.scale * np.exp(motion.zoom * pulse)
    cosine, sine = scale * np.cos(angle), scale * np.sin(angle)
    size = np.array([scene.width, scene.height], float)
    turns = time / np.array(motion.sway_period) + np.array(motion.sway_phase)
    path = np.array(motion.drift) * time + np.array(motion.sway) * np.sin(2 * np.pi * turns)
    # The frame's edge lies half a pixel before the first pixel's centre.
    offset = np.array(motion.centre) * size - 0.5 + unit * path
    lean = motion.shear * np.sin(2 * np.pi * turns[0])
    matrix = np.array([[cosine, -sine], [sine, cosine]]) @ np.array([[1.0, lean], [0.0, 1.0]])
    return matrix, offset


def layer_coordinates(
    scene: Scene, layer: Layer, t: Number, x: np.ndarray, y: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    r"""Return pixel positions in the layer's own coordinates, :math:`u = A(t)^{-1} (x - b(t))`."""
    matrix, offset = pose(scene, layer, t)
    inverse = np.linalg.inv(matrix).astype(x.dtype)
    dx, dy = x - x.dtype.type(offset[0]), y - y.dtype.type(offset[1])
    return inverse[0, 0] * dx + inverse[0, 1] * dy, inverse[1, 0] * dx + inverse[1, 1] * dy


def covers(scene: Scene, layer: Layer, t: Number, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Tell for each pixel position (any shape, real-valued) whether the layer covers it."""
    u, v = layer_coordinates(scene, layer, t, x, y)
    # Outlines cost more than a circle: ask only the points near the layer.
    near = np.flatnonzero(u * u + v * v <= layer.shape.radius**2)
    covered = np.zeros(u.size, bool)
    covered[near] = layer.shape.inside(u.ravel()[near], v.ravel()[near])
    return covered.reshape(u.shape)


def pixel_grid(scene: Scene) -> tuple[Float[np.ndarray, "h w"], Float[np.ndarray, "h w"]]:
    """Return the positions (x, y) of all pixel centres, float64."""
    x, y = np.meshgrid(np.arange(scene.width, dtype=float), np.arange(scene.height, dtype=float))
    return x, y


def visible_layer(scene: Scene, t: Number, x: np.ndarray, y: np.ndarray) -> Int[np.ndarray, "h w"]:
    """Return the number of the frontmost layer that covers each pixel position at time t."""
    owner = np.zeros(x.shape, np.int32)
    for number, layer in enumerate(scene.layers[1:], start=1):
        owner[covers(scene, layer, t, x, y)] = number
    return owner


def exact_flow(scene: Scene, t_from: Number, t_to: Number) -> FlowField:
    r"""Compute where each pixel of one time is at another time, as a displacement.

    .. math:: w(x) = (A_l(s) - A_l(t))\,u + b_l(s) - b_l(t), \qquad u = A_l(t)^{-1} (x - b_l(t))

    with l the layer visible at x at time t. Exactly 0 where the pose doesn't change.

    Args:
        scene: the scene.
        t_from: time t of the frame on which the flow lives, in frames.
        t_to: time s of the other frame; before, after, near or far.

    Returns:
        (dx, dy) in pixels; with motion blur it is the motion between the middles of exposure.

    Raises:
        InputError: a time is not a finite number.
    """
    x, y = pixel_grid(scene)
    owner = visible_layer(scene, t_from, x, y)
    flow = np.zeros((scene.height, scene.width, 2))
    for number, layer in enumerate(scene.layers):
        here = owner == number
        u, v = layer_coordinates(scene, layer, t_from, x[here], y[here])
        matrix_from, offset_from = pose(scene, layer, t_from)
        matrix_to, offset_to = pose(scene, layer, t_to)
        change = matrix_to - matrix_from
        flow[here] = np.stack([u, v], -1) @ change.T + (offset_to - offset_from)
    return flow.astype(np.float32)


def exact_occlusion(scene: Scene, t_from: Number, t_to: Number) -> Bool[np.ndarray, "h w"]:
    """Tell which pixels of one time can't be seen at another time.

    For the flow from frame t to an earlier frame, this is what frame t uncovers.

    Args:
        scene: the scene.
        t_from: time of the frame on which the mask lives.
        t_to: time of the other frame.

    Returns:
        True where the point is behind a nearer layer, or outside the frame, at ``t_to``.

    Raises:
        InputError: a time is not a finite number.
    """
    x, y = pixel_grid(scene)
    owner = visible_layer(scene, t_from, x, y)
    flow = exact_flow(scene, t_from, t_to).astype(float)
    x_to, y_to = x + flow[..., 0], y + flow[..., 1]
    hidden = (x_to < 0) | (x_to > scene.width - 1) | (y_to < 0) | (y_to > scene.height - 1)
    # Affine layers never hide themselves, so only those further in front count.
    for number, layer in enumerate(scene.layers):
        hidden |= (owner < number) & covers(scene, layer, t_to, x_to, y_to)
    return hidden


def mixed_pixels(scene: Scene, t: Number) -> Bool[np.ndarray, "h w"]:
    """Tell which pixels see more than one layer, within their area and the frame's exposure.

    Their colour belongs to no single motion: leave them out when a flow is judged. A pixel is
    looked at in its middle, corners and edges, and with motion blur at nine moments.

    Raises:
        InputError: t is not a finite number.
    """
    x, y = pixel_grid(scene)
    owner = visible_layer(scene, t, x, y)
    mixed = np.zeros(owner.shape, bool)
    for time in t + scene.shutter * (np.linspace(-0.5, 0.5, 9) if scene.shutter else np.zeros(1)):
        for dx, dy in _FOOTPRINT:
            mixed |= visible_layer(scene, float(time), x + dx, y + dy) != owner
    return mixed
