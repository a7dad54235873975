"""What the network is trained to do: tell textures apart, and see through noise.

None of it needs labels: the pictures are drawn, so it is known which crops belong together and
what a picture was before it was spoilt.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from jvst.network.layers import vgg19_layers
from jvst.solver.objective import STYLE_LAYERS

#: Layers from which a picture is restored, with the pixels that one position stands for.
DECODED = {"relu2_1": 2, "relu3_1": 4, "relu4_2": 8}

# Which random numbers a layer's head gets: fixed, for the order of a set is not.
_STREAMS = {
    "relu1_1": 11,
    "relu2_1": 21,
    "relu3_1": 31,
    "relu4_1": 41,
    "relu4_2": 42,
    "relu5_1": 51,
}
_PROJECTED = 24  # channels of the Gram matrix that a head sees
_EMBEDDING = 64
# All pairs of 256 channels would take as long as the network.
_GRAM_CHANNELS = 64
_TEMPERATURE = 0.1


class Terms(NamedTuple):
    """The parts of the loss and what they say about progress."""

    style: Float[Array, ""]  # InfoNCE of the heads, mean over layers, in nats
    gram: Float[Array, ""]  # InfoNCE of the Gram matrices themselves, the same
    denoise: Float[Array, ""]  # squared error over the variance of what is restored
    accuracy: Float[Array, " l"]  # of the heads, a style layer each
    gram_accuracy: Float[Array, " l"]
    restored: Float[Array, " d"]  # the same error, a decoded layer each


def initial_heads(key: PRNGKeyArray, *, width: float) -> dict[str, dict[str, Array]]:
    """Draw the parameters that are thrown away after the training."""
    heads = {}
    for layer in {*STYLE_LAYERS, *DECODED}:
        channels = vgg19_layers(width)[layer].channels
        keys = jax.random.split(jax.random.fold_in(key, _STREAMS[layer]), 3)
        head = {}
        if layer in STYLE_LAYERS:
            pairs = _PROJECTED * (_PROJECTED + 1) // 2
            head["project"] = jax.random.normal(keys[0], (channels, _PROJECTED)) / channels**0.5
            inputs = 2 * channels + pairs
            head["embed"] = jax.random.normal(keys[1], (inputs, _EMBEDDING)) / inputs**0.5
            head["temperature"] = jnp.log(jnp.full((2,), _TEMPERATURE))
        if layer in DECODED:
            outputs = 3 * DECODED[layer] ** 2
            head["decode"] = jax.random.normal(keys[2], (channels, outputs)) * 0.1 / channels**0.5
            head["mean"] = jnp.full((outputs,), 0.5)
        heads[layer] = head
    return heads


def style_terms(
    key: PRNGKeyArray,
    heads: dict[str, dict[str, Array]],
    found: dict[str, Float[Array, "n _ _ _"]],
) -> tuple[Float[Array, " l"], Float[Array, " l"], Float[Array, " l"], Float[Array, " l"]]:
    """Let two crops of one texture agree more than crops of any two others.

    Args:
        key: draws the channels whose Gram matrix is looked at, where there are many.
        heads: from ``initial_heads``.
        found: activations of the first crops, then of the second ones.

    Returns:
        Loss and accuracy of the heads, loss and accuracy of the Gram matrices: a style layer each.
    """
    results = []
    for layer in STYLE_LAYERS:
        head, x = heads[layer], found[layer]
        flat = x.reshape(x.shape[0], -1, x.shape[-1])  # [n p c]
        summary = _summary(flat, head["project"]) @ head["embed"]
        chosen = jax.random.permutation(key, x.shape[-1])[:_GRAM_CHANNELS]
        part = flat[..., chosen]
        gram = jnp.einsum("npc,npd->ncd", part, part).reshape(x.shape[0], -1)
        # Centred: all matrices of a layer of positive activations look alike at first.
        gram = gram / flat.shape[1] - jnp.mean(gram / flat.shape[1], axis=0)
        temperature = jnp.maximum(jnp.exp(head["temperature"]), 0.02)
        results.append(
            jnp.stack([*_info_nce(summary, temperature[0]), *_info_nce(gram, temperature[1])])
        )
    loss, accuracy, gram_loss, gram_accuracy = jnp.stack(results, axis=1)
    return loss, accuracy, gram_loss, gram_accuracy


def denoise_terms(
    heads: dict[str, dict[str, Array]],
    found: dict[str, Float[Array, "n _ _ _"]],
    clean: Float[Array, "n size size 3"],
) -> Float[Array, " d"]:
    """Restore a picture from single layers by linear maps.

    Args:
        heads: from ``initial_heads``.
        found: activations of the spoilt pictures.
        clean: the pictures, RGB in [0, 1].

    Returns:
        Squared error over variance, a decoded layer each: 0 is perfect, 1 is the mean colour.
    """
    variance = jnp.mean(jnp.square(clean - jnp.mean(clean, axis=(0, 1, 2))))
    errors = []
    for layer, block in DECODED.items():
        x, head = found[layer], heads[layer]
        n, h, w, _ = x.shape
        restored = x @ head["decode"] + head["mean"]
        restored = restored.reshape(n, h, w, block, block, 3).transpose(0, 1, 3, 2, 4, 5)
        restored = restored.reshape(n, h * block, w * block, 3)
        errors.append(jnp.mean(jnp.square(restored - clean)) / variance)
    return jnp.stack(errors)


def _summary(
    flat: Float[Array, "n p c"], project: Float[Array, "c k"]
) -> Float[Array, "n features"]:
    """Mean, deviation and projected Gram matrix, each of about the same size."""
    mean = jnp.mean(flat, axis=1)
    deviation = jnp.sqrt(jnp.mean(jnp.square(flat - mean[:, None]), axis=1) + 1e-6)
    seen = flat @ project
    products = jnp.einsum("npk,npl->nkl", seen, seen) / flat.shape[1]
    rows, columns = jnp.triu_indices(project.shape[1])
    parts = (mean, deviation, products[:, rows, columns])
    # Centred over the batch: what all textures have in common tells none apart.
    centred = [part - jnp.mean(part, axis=0) for part in parts]
    sizes = [jnp.sqrt(jnp.mean(jnp.square(part)) + 1e-6) for part in centred]
    return jnp.concatenate([part / size for part, size in zip(centred, sizes, strict=True)], axis=1)


def _info_nce(
    vectors: Float[Array, "n k"], temperature: Float[Array, ""]
) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """Find each first vector's partner among the second ones, and the other way."""
    unit = vectors * jax.lax.rsqrt(jnp.sum(jnp.square(vectors), axis=1, keepdims=True) + 1e-12)
    half = unit.shape[0] // 2
    scores = unit[:half] @ unit[half:].T / temperature  # [first second]
    right = jnp.arange(half)
    loss = -jnp.mean(jax.nn.log_softmax(scores, axis=1)[right, right])
    back = -jnp.mean(jax.nn.log_softmax(scores, axis=0)[right, right])
    accuracy = jnp.mean((jnp.argmax(scores, axis=1) == right).astype(scores.dtype))
    return 0.5 * (loss + back), accuracy
