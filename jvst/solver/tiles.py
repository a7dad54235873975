"""How a picture is cut into overlapping windows that the network can see one at a time.

A window is cut with a margin as wide as the network's sight, so that every activation that it
owns is what it is in the whole picture: a window that ends inside the picture owns nothing that
its cut edge reaches, and one at the border of the picture ends where the picture ends, with the
same padding. Every position of every layer is owned by one window. All windows are of one shape,
and so of one program.
"""

import dataclasses
import functools
import itertools
from collections.abc import Iterable

import jax.numpy as jnp
from jaxtyping import Array, Bool, Int

from jvst.errors import InputError
from jvst.network.vgg import LAYERS


def stride(layer: str) -> int:
    """Return the pixels from one position of a layer to the next."""
    block = int(layer.removeprefix("pool")[0]) + 1 if layer.startswith("pool") else int(layer[4])
    return 2 ** (block - 1)


def sight(layers: Iterable[str]) -> tuple[int, int]:
    """Return how far the deepest of some layers sees, and its stride, in pixels.

    Position i sees the pixels from ``i · stride − sight`` to
    ``(i + 1) · stride − 1 + sight``: a 3×3 convolution adds one position of its own layer to
    each side, a pool nothing, as it takes whole blocks.
    """
    deepest = max((LAYERS.index(layer) for layer in layers), default=0)
    before = LAYERS[: deepest + 1]
    return sum(stride(name) for name in before if name.startswith("conv")), stride(LAYERS[deepest])


@dataclasses.dataclass(frozen=True)
class Cuts:
    """One side of a picture cut into windows, all in pixels.

    Attributes:
        size: of the picture.
        window: length of every window.
        starts: first pixel of each window, a multiple of the deepest layer's stride, so that
            pools take the same blocks as in the whole picture.
        owned: first pixel that each window owns, and the end of the picture.
    """

    size: int
    window: int
    starts: tuple[int, ...]
    owned: tuple[int, ...]


def cut(size: int, tile: int, sight: int, stride: int) -> Cuts:
    """Cut one side of a picture.

    Args:
        size: length of the side.
        tile: pixels that a window inside the picture owns at the most; a window at the border
            also owns its outer margin. Rounded down to the stride, and shared out evenly.
        sight: see ``sight``.
        stride: see ``sight``.
    """
    margin = -(-sight // stride) * stride
    inner = size - margin - sight
    core = max(tile // stride, 1) * stride
    if inner <= core:
        return Cuts(size, size, (0,), (0, size))
    core = -(-inner // (-(-inner // core) * stride)) * stride
    # The last window begins at a multiple of the stride and ends with the picture; so its
    # length, which is everyone's, leaves the same remainder as the picture's.
    least = core + margin + sight
    window = least + (size - least) % stride
    if window == size:
        return Cuts(size, size, (0,), (0, size))
    count = 1 - (window - size) // core
    starts = tuple(min(number * core, size - window) for number in range(count))
    inside = (number * core + margin for number in range(1, count))
    return Cuts(size, window, starts, (0, *inside, size))


@dataclasses.dataclass(frozen=True)
class Windows:
    """A picture cut into windows."""

    rows: Cuts
    columns: Cuts

    @property
    def count(self) -> int:
        """Number of windows."""
        return len(self.rows.starts) * len(self.columns.starts)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape of one window."""
        return self.rows.window, self.columns.window, 3

    def places(self) -> Int[Array, "n 2 3"]:
        """Return for every window and side: its start, and where what it owns begins and ends."""
        sides = [
            [(start, *cuts.owned[number : number + 2]) for number, start in enumerate(cuts.starts)]
            for cuts in (self.rows, self.columns)
        ]
        return jnp.asarray(list(itertools.product(*sides)), jnp.int32)

    def share(self, layer: str) -> float:
        """Return the positions of a layer in one window, as a part of those in the picture."""
        step = stride(layer)
        window = (self.rows.window // step) * (self.columns.window // step)
        return window / ((self.rows.size // step) * (self.columns.size // step))


@functools.lru_cache(maxsize=64)
def cut_picture(height: int, width: int, layers: frozenset[str], tile: tuple[int, int]) -> Windows:
    """Cut a picture into windows for some layers.

    Args:
        height: of the picture, pixels.
        width: of the picture, pixels.
        layers: that the network is asked for.
        tile: height and width that a window owns at the most, see ``cut``.

    Raises:
        InputError: a tile without pixels.
    """
    if min(tile) < 1:
        raise InputError(
            f"tile {tile[0]}×{tile[1]}; expected at least 1 pixel a side: "
            "give whole numbers above 0, such as 512 512"
        )
    reach = sight(layers)
    return Windows(cut(height, tile[0], *reach), cut(width, tile[1], *reach))


def owned_positions(
    place: Int[Array, "2 3"], layer: str, shape: tuple[int, ...]
) -> Bool[Array, "h w 1"]:
    """Mark the positions of a layer ``[h w c]`` that the window at a place owns."""
    step = stride(layer)
    sides = []
    for side in range(2):
        start, first, end = place[side]
        position = start + step * jnp.arange(shape[side], dtype=jnp.int32)
        sides.append((position >= first) & (position < end))
    return (sides[0][:, None] & sides[1])[..., None]  # [h w 1]
