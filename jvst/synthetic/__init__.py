"""Procedural clips with exact motion, and procedural paintings.

Everything is drawn from formulas and explicit integer seeds: the same call gives the same
pixels. Clips are the demo, the tests' data and the evaluation's; paintings are style images.
"""

from jvst.synthetic.build import make_scene
from jvst.synthetic.paintings import painting
from jvst.synthetic.photograph import photograph_scene
from jvst.synthetic.render import clip, render
from jvst.synthetic.scene import (
    Layer,
    Scene,
    Texture,
    Trajectory,
    exact_flow,
    exact_occlusion,
    mixed_pixels,
)
from jvst.synthetic.training import training_picture

__all__ = [
    "Layer",
    "Scene",
    "Texture",
    "Trajectory",
    "clip",
    "exact_flow",
    "exact_occlusion",
    "make_scene",
    "mixed_pixels",
    "painting",
    "photograph_scene",
    "render",
    "training_picture",
]
