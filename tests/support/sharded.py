"""Gradients of pictures that four devices share, beside those of plain ``vmap``.

Run as a program, with four devices of its own, it prints name -> difference, relative to the
slopes themselves, as JSON.
"""

import functools
import json
import os
import sys

os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=4"
os.environ["JAX_PLATFORMS"] = "cpu"

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax.sharding import AxisType, NamedSharding, PartitionSpec

import jvst
from jvst.core.statistics import STATISTICS

BY_PICTURE, WHOLE = PartitionSpec("pictures"), PartitionSpec()
# The first has Winograd's convolutions, behind a choice of the back end; both are uneven.
SIZES = {"large": (72, 88, 1 / 2), "small": (33, 40, 1 / 16)}
WEIGHTS = jvst.LossWeights(content=1e-2, style=10.0, temporal=1e-2, total_variation=1e-8)


def of_features(image, vgg, targets):
    """A number of activations alone."""
    del targets
    return sum(jnp.mean(jnp.square(x)) for x in jvst.features(vgg, image, ("relu4_1",)).values())


def of_loss(image, vgg, targets):
    """The loss of a frame."""
    return jvst.frame_loss(image, vgg, targets, WEIGHTS)[0]


def differences(pooling, padding, size, statistic):
    """Compare what four devices make of four pictures with what one makes."""
    height, width, part = SIZES[size]
    vgg = jvst.VGG19(width=part, pooling=pooling, first_padding=padding, rngs=nnx.Rngs(0))
    images = jax.random.uniform(jax.random.key(0), (4, height, width, 3))
    # Far from the pictures: differences of what is nearly equal would hold little but rounding.
    dark = 0.2 * images[0]
    targets = jvst.FrameTargets(
        jvst.content_targets(vgg, dark),
        jvst.style_targets(vgg, [dark], statistic=STATISTICS[statistic]),
        images[2:3],
        jnp.ones((1, height, width)),
    )
    found = {}
    for function in (of_features, of_loss):
        together = jax.vmap(jax.grad(function), (0, None, None))
        expected = np.asarray(jax.jit(together)(images, vgg, targets))
        off = functools.partial(difference, expected=expected)
        for kind in (AxisType.Explicit, AxisType.Auto):
            mesh = jax.make_mesh((4,), ("pictures",), axis_types=(kind,))
            shared = jax.device_put(images, NamedSharding(mesh, BY_PICTURE))
            split = jax.shard_map(
                together, mesh=mesh, in_specs=(BY_PICTURE, WHOLE, WHOLE), out_specs=BY_PICTURE
            )
            name = f"{function.__name__} {kind.name}"
            found[f"{name} shard_map"] = off(jax.jit(split)(shared, vgg, targets))
            with jax.set_mesh(mesh):
                found[name] = off(jax.jit(together)(shared, vgg, targets))
    return found


def difference(found, expected):
    return float(np.linalg.norm(np.asarray(found) - expected) / np.linalg.norm(expected))


if __name__ == "__main__":
    json.dump(differences(*sys.argv[1:]), sys.stdout)
