"""Scenes with known motion, and how pictures are read along it."""

import functools

import numpy as np
from scipy.ndimage import map_coordinates

from jvst.synthetic import (
    Layer,
    Scene,
    Texture,
    Trajectory,
    exact_flow,
    exact_occlusion,
    make_scene,
    mixed_pixels,
)
from jvst.synthetic.shapes import Box, Everywhere

WIDTH, HEIGHT = 97, 73


@functools.cache
def scene_of(name, seed=0):
    return make_scene(name, seed=seed, width=WIDTH, height=HEIGHT)


def bilinear(image, x, y):
    """Read an image [h w c] at real positions inside it, in float64."""
    left = np.clip(np.floor(x).astype(int), 0, image.shape[1] - 2)
    top = np.clip(np.floor(y).astype(int), 0, image.shape[0] - 2)
    fx, fy = (x - left)[..., None], (y - top)[..., None]
    image = image.astype(float)
    upper = image[top, left] * (1 - fx) + image[top, left + 1] * fx
    lower = image[top + 1, left] * (1 - fx) + image[top + 1, left + 1] * fx
    return upper * (1 - fy) + lower * fy


def arrive(flow):
    """Positions where the pixels of a flow field end up."""
    y, x = np.mgrid[: flow.shape[0], : flow.shape[1]].astype(float)
    return x + flow[..., 0], y + flow[..., 1]


def grown(mask, radius=2):
    """Mask with every pixel within a square neighbourhood of a masked one."""
    padded = np.pad(mask, radius)
    windows = np.lib.stride_tricks.sliding_window_view(padded, (2 * radius + 1,) * 2)
    return windows.any((-2, -1))


def cubic(image, x, y):
    """Read an image [h w 3] at real positions by cubic splines."""
    channels = np.moveaxis(image.astype(float), -1, 0)
    read = [map_coordinates(channel, [y, x], order=3, mode="mirror") for channel in channels]
    return np.stack(read, -1)


def psnr(squared_error):
    return 10 * np.log10(255**2 / max(squared_error.mean(), 1e-9))


def seen_in_both(scene, start, stop):
    """Pixels of one time that show a single layer, seen again at another time, clear of edges."""
    edges_there = grown(mixed_pixels(scene, stop), 1)[..., None]
    x, y = arrive(exact_flow(scene, start, stop))
    clear = bilinear(edges_there, x, y)[..., 0] == 0
    return clear & ~mixed_pixels(scene, start) & ~exact_occlusion(scene, start, stop)


def square_scene(shift, size=20, width=64, height=48):
    """Bright square over a still dark background; it moves by ``shift`` pixels a frame."""
    flat = [np.full((2, 2, 3), value, np.float32) for value in (0.2, 0.9)]
    back = Layer("back", Everywhere(), Texture(flat[0], (0.0, 0.0), 1.0), Trajectory())
    # Its edges lie between pixels: the centre is at the corner of a pixel.
    motion = Trajectory(centre=(0.5, 0.5), drift=(shift[0] / height, shift[1] / height))
    box = Box(size / 2 / height, size / 2 / height)
    front = Layer("square", box, Texture(flat[1], (0.0, 0.0), 1.0), motion)
    return Scene(width, height, (back, front))
