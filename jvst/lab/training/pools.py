"""The stock of textures and pictures that a training run draws its crops from."""

import concurrent.futures
import functools
import multiprocessing
import os
from pathlib import Path
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, UInt8

from jvst._files import replacing
from jvst.lab.training.textures import index_field
from jvst.synthetic import training_picture

# Room for two crops of 96 pixels that differ.
FIELD_SIZE = 208
PICTURE_WIDTH, PICTURE_HEIGHT = 144, 112


class Pool(NamedTuple):
    """What crops are cut from: in 8 bits, on the device."""

    fields: UInt8[Array, "n s s"]  # indices into palettes
    pictures: UInt8[Array, "m h w 3"]  # RGB


def draw_pool(fields: int, pictures: int, *, workers: int | None = None) -> Pool:
    """Draw textures and pictures number 0, 1, 2, … in several processes.

    Args:
        fields: number of textures.
        pictures: number of pictures, see ``training_picture``.
        workers: processes; the processors of this machine when left out.
    """
    # Spawned, not forked: the parent may hold JAX's threads.
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(workers or os.cpu_count(), context) as executor:
        draw_field = functools.partial(index_field, size=FIELD_SIZE)
        drawn_fields = list(executor.map(draw_field, range(fields), chunksize=16))
        drawn_pictures = list(executor.map(_picture, range(pictures), chunksize=16))
    return Pool(jnp.asarray(np.stack(drawn_fields)), jnp.asarray(np.stack(drawn_pictures)))


def cached_pool(path: Path, fields: int, pictures: int) -> Pool:
    """Read a pool that an earlier run drew, or draw it and keep it."""
    if path.exists():
        with np.load(path) as file:
            if (len(file["fields"]), len(file["pictures"])) == (fields, pictures):
                return Pool(jnp.asarray(file["fields"]), jnp.asarray(file["pictures"]))
    pool = draw_pool(fields, pictures)
    with replacing(path) as partial, partial.open("wb") as file:
        np.savez(file, **pool._asdict())
    return pool


def _picture(seed: int) -> UInt8[np.ndarray, "h w 3"]:
    return training_picture(seed, PICTURE_WIDTH, PICTURE_HEIGHT)
