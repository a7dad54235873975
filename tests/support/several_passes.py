"""A clip of small smooth motion, stylized in several passes."""

import jax
import jax.numpy as jnp
import numpy as np
from support import reference
from support.problems import network, picture

from jvst import ClipConfig, LossWeights, Motion, SolverConfig, stylize_multipass
from jvst.solver.objective import style_targets

KEY = jax.random.key(7)
FRAMES, HEIGHT, WIDTH = 5, 33, 40
WEIGHTS = LossWeights(content=1e-3, style=1.0, temporal=1e-2, total_variation=1e-8)
CLIP = ClipConfig(solver=SolverConfig(tolerance=0.0), chunk=3)


def clip(frames=FRAMES):
    return [picture(10 + i, HEIGHT, WIDTH) for i in range(frames)]


def smooth_motions(frames=FRAMES, seed=0):
    """Small smooth motion, not quite the same both ways, so that masks have holes."""
    rng = np.random.default_rng(seed)
    motions: list = [None]
    for _ in range(frames - 1):
        flow = reference.smooth_field(rng, HEIGHT, WIDTH, 2, 2.0)
        back = -flow + reference.smooth_field(rng, HEIGHT, WIDTH, 2, 0.7)
        motions.append(Motion(jnp.asarray(flow, jnp.float32), jnp.asarray(back, jnp.float32)))
    return motions


def stylize(config, *, frames=None, motions=None, **options):
    frames = clip() if frames is None else frames
    motions = smooth_motions(len(frames)) if motions is None else motions
    style = style_targets(network(), [picture(2)])
    return list(
        stylize_multipass(
            frames, motions, network(), style, WEIGHTS, config=config, key=KEY, **options
        )
    )
