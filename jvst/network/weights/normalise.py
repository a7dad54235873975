"""Gatys' normalisation of a network's filters.

Every filter's mean activation becomes 1; the network's function stays the same.
"""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float

from jvst.errors import InputError
from jvst.network.vgg import VGG19, features
from jvst.network.weights.formats.detect import file_sha256
from jvst.network.weights.native import describe, load_vgg19, save_vgg19

#: RGB in [0, 1]; each of a set may have a size of its own.
Picture = Float[Array, "_ _ 3"]


class PictureSet(NamedTuple):
    """Pictures to normalise over; drawn or read only when they are needed."""

    name: str  # tells sets apart: the same name, the same pictures
    draw: Callable[[], Sequence[Picture]]


def normalise_activations(vgg: VGG19, pictures: Sequence[Picture]) -> VGG19:
    r"""Scale every filter so that its mean activation over pictures and positions is 1.

    .. math:: W'_{l,ik} = W_{l,ik} \, m_{l-1,i} / m_{l,k}, \qquad b'_{l,k} = b_{l,k} / m_{l,k}

    with :math:`m_{l,k}` the mean activation of filter k of layer l in ``vgg`` and
    :math:`m_{0,i} = 1`. ReLU and pooling commute with the scaling, so that every activation is
    the former one divided by :math:`m_{l,k}`.

    Args:
        vgg: the network.
        pictures: RGB in [0, 1], of any sizes of at least 16 pixels a side.

    Raises:
        InputError: no pictures.

    Source: Gatys et al. 2016, section 2. Differs from it in filters that are silent on all the
    pictures: they have no mean to divide by, and get the median scale of their layer.
    """
    means = mean_activations(vgg, pictures)
    normalised = nnx.clone(vgg)
    before = jnp.ones(3, jnp.float32)
    for layer in vgg.layers.convolutions:
        relu = vgg.layers.after(layer.name)
        # What no ReLU follows has no mean activation, and keeps its scale.
        mean = means[relu.name] if relu and relu.kind == "relu" else jnp.ones(layer.channels)
        alive = mean > 0
        median = jnp.nan_to_num(jnp.nanmedian(jnp.where(alive, mean, jnp.nan)), nan=1.0)
        scale = jnp.where(alive, mean, median)
        convolution = normalised.convolutions[layer.name]
        kernel = convolution.kernel[...] * before[:, None] / scale  # [k k i o]
        bias = convolution.bias[...] / scale  # type: ignore[index]
        convolution.kernel, convolution.bias = nnx.Param(kernel), nnx.Param(bias)
        before = scale
    return normalised


def mean_activations(vgg: VGG19, pictures: Sequence[Picture]) -> dict[str, Float[Array, " _"]]:
    """Return the mean activation of every filter of every ReLU, over pictures and positions.

    Raises:
        InputError: no pictures.
    """
    if not pictures:
        raise InputError("there are no pictures to normalise over; expected at least one")
    names = _relus(vgg)
    sums = {name: jnp.zeros((), jnp.float32) for name in names}
    counts = dict.fromkeys(names, 0)
    for picture in pictures:
        for name, (mean, positions) in _means(vgg, picture).items():
            sums[name] = sums[name] + mean * positions
            counts[name] += int(positions)
    return {name: sums[name] / counts[name] for name in names}


def normalise_file(source: Path, pictures: PictureSet, folder: Path) -> Path:
    """Normalise a file in jvst's own format, once for each file and set of pictures.

    Args:
        source: the file.
        pictures: what to normalise over.
        folder: where normalised files are kept.

    Returns:
        The normalised file; with the ``network`` of its source, and the set's name in
        ``normalised``.

    Raises:
        InputError: the source is unusable, or the folder can't be written.
    """
    mark = hashlib.sha256(pictures.name.encode()).hexdigest()[:8]
    target = folder / f"{source.stem}-normalised-{file_sha256(source)[:12]}-{mark}.safetensors"
    if not target.exists():
        vgg = normalise_activations(load_vgg19(source), pictures.draw())
        save_vgg19(target, vgg, **{**describe(source), "normalised": pictures.name})
    return target


@jax.jit
def _means(vgg: VGG19, picture: Picture) -> dict[str, tuple[Float[Array, " _"], Float[Array, ""]]]:
    found = features(vgg, picture, _relus(vgg))
    return {
        name: (jnp.mean(x, axis=(0, 1)), jnp.float32(x.shape[0] * x.shape[1]))
        for name, x in found.items()
    }


def _relus(vgg: VGG19) -> tuple[str, ...]:
    return tuple(layer.name for layer in vgg.layers.relus)
