r"""DeepMatching's lowest level: the correlation of small patches.

Everything is indexed by displacement, not by target position: ``R[py, px, dy, dx]``. So patches
that move together have their maxima at the same index, and larger patches are plain averages.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

#: Side of a patch in pixels of the descriptor (half of the frame's).
PATCH = 4

Descriptor = Float[Array, "h w c"]


def correlate(
    source: Descriptor, target: Descriptor, *, reach: tuple[int, int]
) -> Float[Array, "py px dy dx"]:
    """Compare every patch of the source with the windows of the target around it.

    Args:
        source: cut into patches of 4×4 that don't overlap.
        target: of the same size; zero beyond its border.
        reach: largest displacement (down, across), at least 4 each.

    Returns:
        Cosines in [0, 1], for displacements −reach … reach.
    """
    patches = _normalised(_patches(source))  # [py px 144]
    rows, columns, _ = patches.shape
    (down, across), (h, w, _) = reach, source.shape
    padded = jnp.pad(
        target,
        ((down, PATCH * rows + down - h), (across, PATCH * columns + across - w), (0, 0)),
    )
    # A matrix product of neighbouring patches with the windows that any of them needs, of which
    # each takes its band: about half of the product is used.
    block = min(columns, max(8, (2 * across + 1) // PATCH))
    blocks = -(-columns // block)
    span = PATCH * (block - 1) + 2 * across + 1
    starts = PATCH * block * jnp.arange(blocks)
    beyond = PATCH * block * (blocks - 1) + span + PATCH - 1 - padded.shape[1]
    padded = jnp.pad(padded, ((0, 0), (0, max(beyond, 0)), (0, 0)))
    patches = jnp.pad(patches, ((0, 0), (0, blocks * block - columns), (0, 0)))

    def one_row(row: Int[Array, ""]) -> Float[Array, "px dy dx"]:
        strip = jax.lax.dynamic_slice_in_dim(padded, PATCH * row, 2 * down + PATCH)
        windows = _normalised(_windows(strip))  # [dy x 144]
        windows = windows[:, starts[:, None] + jnp.arange(span)]  # [dy k span 144]
        these = patches[row].reshape(blocks, block, -1)
        product = jnp.einsum("kbc,yksc->kbys", these, windows, precision="highest")
        bands = [product[:, b, :, PATCH * b : PATCH * b + 2 * across + 1] for b in range(block)]
        bands = jnp.stack(bands, 1)  # [k b dy dx]
        return bands.reshape(blocks * block, *bands.shape[2:])[:columns]

    return jnp.maximum(jax.lax.map(one_row, jnp.arange(rows)), 0.0)


def _patches(image: Descriptor) -> Float[Array, "py px n"]:
    h, w, c = image.shape
    rows, columns = h // PATCH, w // PATCH
    cut = image[: rows * PATCH, : columns * PATCH].reshape(rows, PATCH, columns, PATCH, c)
    return jnp.moveaxis(cut, 2, 1).reshape(rows, columns, PATCH * PATCH * c)


def _windows(image: Descriptor) -> Float[Array, "y x n"]:
    """List the 4×4 window that begins at each pixel."""
    h, w = image.shape[0] - PATCH + 1, image.shape[1] - PATCH + 1
    parts = [image[i : i + h, j : j + w] for i in range(PATCH) for j in range(PATCH)]
    return jnp.concatenate(parts, -1)


def _normalised(vectors: Float[Array, "y x n"]) -> Float[Array, "y x n"]:
    squared = jnp.sum(jnp.square(vectors), -1, keepdims=True)
    return vectors * jax.lax.rsqrt(jnp.maximum(squared, 1e-12))
