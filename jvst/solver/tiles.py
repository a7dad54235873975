"""The energy of a frame and its gradient by windows.

Equal to ``frame_loss`` to rounding, with the network's memory bounded by the window: a style
statistic's moments are sums over positions, so a first pass over the windows adds them up; once
they are whole, the slope of the style term by each is known, and a second pass adds up the
gradient.

A window is cut with a margin as wide as the network's sight, so that every activation that it
owns is what it is in the whole picture: a window that ends inside the picture owns nothing that
its cut edge reaches, and one at the border of the picture ends where the picture ends, with the
same padding. Every position of every layer is owned by one window. All windows are of one shape,
and so of one program.
"""

import dataclasses
import functools
import itertools
from collections.abc import Iterable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from jvst._types import Activation, Activations, Image, Scalar
from jvst.core.precision import widened
from jvst.core.statistics import StyleStatistic, check_tiled, moments_of, statistic_of
from jvst.errors import InputError
from jvst.network.layers import Layer, LayerTable
from jvst.network.vgg import VGG19, activations, features
from jvst.solver.objective import GRAM, FrameTargets, LossTerms, LossWeights, frame_loss


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
        sight: of the deepest layer, see ``network.layers.Layer``.
        stride: of the deepest layer.
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

    def share(self, layer: Layer) -> float:
        """Return the positions of a layer in one window, as a part of those in the picture."""
        step = layer.stride
        window = (self.rows.window // step) * (self.columns.window // step)
        return window / ((self.rows.size // step) * (self.columns.size // step))


@functools.lru_cache(maxsize=64)
def cut_picture(
    height: int, width: int, table: LayerTable, layers: frozenset[str], tile: tuple[int, int]
) -> Windows:
    """Cut a picture into windows for some layers.

    Args:
        height: of the picture, pixels.
        width: of the picture, pixels.
        table: of the network.
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
    deepest = table.deepest(layers)
    reach = deepest.sight, deepest.stride
    return Windows(cut(height, tile[0], *reach), cut(width, tile[1], *reach))


def owned_positions(
    place: Int[Array, "2 3"], layer: Layer, shape: tuple[int, ...]
) -> Bool[Array, "h w 1"]:
    """Mark the positions of a layer ``[h w c]`` that the window at a place owns."""
    sides = []
    for side in range(2):
        start, first, end = place[side]
        position = start + layer.stride * jnp.arange(shape[side], dtype=jnp.int32)
        sides.append((position >= first) & (position < end))
    return (sides[0][:, None] & sides[1])[..., None]  # [h w 1]


Place = Int[Array, "2 3"]

_whole_loss_and_gradient = jax.value_and_grad(frame_loss, has_aux=True)


def tiled_loss_and_gradient(
    image: Image,
    vgg: VGG19,
    targets: FrameTargets,
    weights: LossWeights,
    *,
    tile: tuple[int, int],
) -> tuple[tuple[Scalar, LossTerms], Image]:
    r"""Evaluate the energy of one frame and its gradient, window by window.

    .. math:: G_l = \sum_t G_{l,t}, \qquad
        \nabla L = \sum_t \nabla \Bigl(L_{content,t} + \sum_l \Bigl\langle
        \frac{\partial L_{style}}{\partial G_l}, G_{l,t} \Bigr\rangle\Bigr) + \nabla L_{pixels}

    G stands for the moments of any style statistic, the Gram matrix being one.

    Args:
        image: the frame being stylized, RGB in [0, 1].
        vgg: the network.
        targets: what the frame is drawn to.
        weights: weights of the terms.
        tile: height and width in pixels that a window owns; the window itself is wider by what
            the network sees, 70 pixels a side for relu5_1 of VGG-19. Static.

    Returns:
        What ``jax.value_and_grad(frame_loss, has_aux=True)`` returns.

    Raises:
        InputError: a tile without pixels.
    """
    layers = {*targets.content, *targets.style}
    windows = cut_picture(*image.shape[:2], vgg.layers, frozenset(layers), tile)
    if windows.count == 1 or not layers:
        return _whole_loss_and_gradient(image, vgg, targets, weights)
    zero = jnp.zeros((), image.dtype)

    wanted = {layer: statistic_of(target) for layer, target in targets.style.items()}
    statistics = {layer: statistic for layer, (statistic, _) in wanted.items()}

    def style_term(moments: dict[str, Any]) -> Scalar:
        parts = (
            jnp.multiply(
                weights.style_layers.get(layer, 1.0), statistic.loss(moments[layer], target)
            )
            for layer, (statistic, target) in wanted.items()
        )
        return jnp.multiply(weights.style, sum(parts, zero))

    moments = _sum_of_moments(vgg, image, statistics, windows)
    style, slopes = jax.value_and_grad(style_term)(moments)

    def part(window: Image, place: Place) -> tuple[Scalar, Scalar]:
        found = activations(vgg, window, layers)
        parts = (
            _content_part(found[layer], jnp.asarray(target), place, vgg.layers[layer])
            for layer, target in targets.content.items()
        )
        content = jnp.multiply(weights.content, sum(parts, zero))
        pulls = (
            _pull(
                _moments_part(found[name], statistics[name], place, vgg.layers[name], windows),
                slope,
            )
            for name, slope in slopes.items()
        )
        return content + sum(pulls, zero), content

    def add(total: tuple[Scalar, Image], place: Place) -> tuple[tuple[Scalar, Image], None]:
        content, gradient = total
        window = _window(image, place, windows)
        (_, more), slope = jax.value_and_grad(part, has_aux=True)(window, place)
        slope = slope + _window(gradient, place, windows)
        return (content + more, _put(gradient, slope, place, 1)), None

    # The terms on pixels need no network: they are taken on the whole picture.
    pixels = targets._replace(content={}, style={})
    (_, terms), gradient = _whole_loss_and_gradient(image, vgg, pixels, weights)
    (content, gradient), _ = jax.lax.scan(add, (zero, gradient), windows.places())
    terms = terms._replace(content=content, style=style)
    return (jnp.asarray(terms.total()), terms), gradient


def tiled_moments(
    vgg: VGG19,
    image: Image,
    layers: Iterable[str],
    *,
    tile: tuple[int, int],
    statistic: StyleStatistic = GRAM,
) -> dict[str, Any]:
    """Return the moments of a picture's layers, window by window.

    Args:
        vgg: the network.
        image: RGB in [0, 1].
        layers: names of the layers.
        tile: see ``tiled_loss_and_gradient``.
        statistic: makes them.

    Returns:
        Layer name -> moments of each of ``features``, to rounding.

    Raises:
        InputError: a tile without pixels.
        ValueError: a statistic that needs the whole layer.
    """
    statistics = dict.fromkeys(layers, statistic)
    windows = cut_picture(*image.shape[:2], vgg.layers, frozenset(statistics), tile)
    return _sum_of_moments(vgg, image, statistics, windows)


def tiled_features(
    vgg: VGG19, image: Image, layers: Iterable[str], *, tile: tuple[int, int]
) -> Activations:
    """Return activations of a picture, computed window by window.

    Args:
        vgg: the network.
        image: RGB in [0, 1].
        layers: names of the layers.
        tile: see ``tiled_loss_and_gradient``.

    Returns:
        The named activations, as ``features`` returns them.

    Raises:
        InputError: a tile without pixels.
    """
    layers = tuple(layers)
    windows = cut_picture(*image.shape[:2], vgg.layers, frozenset(layers), tile)

    def put(whole: Activations, place: Place) -> tuple[Activations, None]:
        found = features(vgg, _window(image, place, windows), layers)
        for name, activation in found.items():
            layer = vgg.layers[name]
            old = _beside(whole[name], activation, place, layer)
            owned = owned_positions(place, layer, activation.shape)
            new = jnp.where(owned, activation, old)
            whole = {**whole, name: _put(whole[name], new, place, layer.stride)}
        return whole, None

    shapes = jax.eval_shape(lambda: features(vgg, image, layers))
    empty = {layer: jnp.zeros(array.shape, array.dtype) for layer, array in shapes.items()}
    return jax.lax.scan(put, empty, windows.places())[0]


def _sum_of_moments(
    vgg: VGG19, image: Image, statistics: Mapping[str, StyleStatistic], windows: Windows
) -> dict[str, Any]:
    for statistic in statistics.values():
        check_tiled(statistic)

    def parts(place: Place) -> dict[str, Any]:
        found = activations(vgg, _window(image, place, windows), statistics)
        return {
            name: _moments_part(found[name], statistic, place, vgg.layers[name], windows)
            for name, statistic in statistics.items()
        }

    def add(total: dict[str, Any], place: Place) -> tuple[dict[str, Any], None]:
        return jax.tree.map(jnp.add, total, parts(place)), None

    places = windows.places()
    shapes = jax.eval_shape(parts, places[0])
    zeros = jax.tree.map(lambda array: jnp.zeros(array.shape, array.dtype), shapes)
    return jax.lax.scan(add, zeros, places)[0]


def _moments_part(
    activation: Activation, statistic: StyleStatistic, place: Place, layer: Layer, windows: Windows
) -> Any:
    """Return what a window adds to the moments of the picture."""
    owned = owned_positions(place, layer, activation.shape)
    share = windows.share(layer)
    return jax.tree.map(lambda moment: moment * share, moments_of(statistic, activation, owned))


def _pull(moments: Any, slope: Any) -> Scalar:
    """Return a number whose gradient by the moments is the slope."""
    return jax.tree.reduce(jnp.add, jax.tree.map(lambda m, s: jnp.sum(m * s), moments, slope))


def _content_part(
    activation: Activation, target: Float[Array, "h2 w2 c"], place: Place, layer: Layer
) -> Scalar:
    """Return what a window adds to the content loss of the picture."""
    owned = owned_positions(place, layer, activation.shape)
    square = jnp.square(widened(activation) - _beside(target, activation, place, layer))
    return jnp.sum(jnp.where(owned, square, 0)) / target.size


def _window(image: Image, place: Place, windows: Windows) -> Float[Array, "h2 w2 3"]:
    return jax.lax.dynamic_slice(image, _corner(place, 1), windows.shape)


def _beside(
    whole: Float[Array, "h2 w2 c"], activation: Activation, place: Place, layer: Layer
) -> Activation:
    """Cut what stands at a window's place out of a layer of the whole picture."""
    return jax.lax.dynamic_slice(whole, _corner(place, layer.stride), activation.shape)


def _put(
    whole: Float[Array, "h w c"], part: Float[Array, "h2 w2 c"], place: Place, step: int
) -> Float[Array, "h w c"]:
    return jax.lax.dynamic_update_slice(whole, part, _corner(place, step))


def _corner(place: Place, step: int) -> tuple[Int[Array, ""], Int[Array, ""], Int[Array, ""]]:
    """Return where a window begins in a layer."""
    return place[0, 0] // step, place[1, 0] // step, jnp.zeros_like(place[0, 0])
