"""Small networks with random weights, and the same in PyTorch."""

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from support import reference
from support.once import made_once

from jvst.network.vgg import VGG19

#: 4, 8, 16, 32 and 32 channels.
SMALL = 1 / 16


@made_once
def small_network(pooling="max", first_padding="zeros", precision="float32", layers=None):
    """The same weights for every variant, drawn so that activations keep the size of pixels.

    They are about as large as those of the Oxford network, and no bias is 0.
    """
    vgg = nnx.eval_shape(
        lambda: VGG19(
            layers,
            width=SMALL,
            pooling=pooling,
            first_padding=first_padding,
            precision=precision,
            rngs=nnx.Rngs(0),
        )
    )
    rng = np.random.default_rng(0)
    for layer in vgg.convolutions.values():
        shape = layer.kernel.shape
        kernel = rng.normal(scale=np.sqrt(2 / (9 * shape[2])), size=shape)
        bias = rng.normal(scale=5.0, size=shape[-1:])
        layer.kernel = nnx.Param(jnp.asarray(kernel, jnp.float32))
        layer.bias = nnx.Param(jnp.asarray(bias, jnp.float32))
    return vgg


def torch_features(torch, vgg, pixels, layers):
    """The same layers with PyTorch's convolutions and pools.

    Args:
        torch: the module, which the tests do without where it is missing.
        vgg: the network.
        pixels: preprocessed tensor ``[3 h w]``; its type is that of the computation.
        layers: names of the layers.
    """
    functional = torch.nn.functional
    weights, found, x = reference.parameters(vgg), {}, pixels[None]
    for name in reference.CHAIN:
        if name.startswith("conv"):
            kernel, bias = (torch.from_numpy(array).to(pixels.dtype) for array in weights[name])
            replicate = name == "conv1_1" and vgg.first_padding == "replicate"
            x = functional.pad(x, (1, 1, 1, 1), mode="replicate" if replicate else "constant")
            x = functional.conv2d(x, kernel.permute(3, 2, 0, 1), bias)
        elif name.startswith("relu"):
            x = functional.relu(x)
        elif vgg.pooling == "max":
            x = functional.max_pool2d(x, 2)
        else:
            x = 2 * functional.avg_pool2d(x, 2)
        if name in layers:
            found[name] = x[0].permute(1, 2, 0)
    return found


def in_double(vgg):
    """The same network in float64; only where JAX has it enabled."""
    return jax.tree.map(lambda leaf: leaf.astype(jnp.float64), vgg)
