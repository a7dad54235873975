"""The energy of a frame and its gradient, one window of the picture at a time.

Equal to ``frame_loss`` to rounding, with the network's memory bounded by the window: a Gram matrix
is a sum over positions, so a first pass over the windows adds up the matrices; once they are whole,
the slope of the style term by each is known, and a second pass adds up the gradient.
"""

from collections.abc import Iterable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from jvst._types import Activation, Activations, Gram, Grams, Image, Scalar
from jvst.core.losses import gram_matrix
from jvst.objective import FrameTargets, LossTerms, LossWeights, frame_loss
from jvst.vgg import VGG19, features
from jvst.windows import Windows, cut_picture, owned_positions, stride

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

    Args:
        image: the frame being stylized, RGB in [0, 1].
        vgg: the network.
        targets: what the frame is drawn to.
        weights: weights of the terms.
        tile: height and width in pixels that a window owns; the window itself is wider by what
            the network sees, 70 pixels a side for relu5_1. Static.

    Returns:
        What ``jax.value_and_grad(frame_loss, has_aux=True)`` returns.

    Raises:
        InputError: a tile without pixels.
    """
    layers = {*targets.content, *targets.style}
    windows = cut_picture(image.shape[0], image.shape[1], frozenset(layers), tile)
    if windows.count == 1 or not layers:
        return _whole_loss_and_gradient(image, vgg, targets, weights)
    zero = jnp.zeros((), image.dtype)

    def style_term(grams: Grams) -> Scalar:
        parts = (
            weights.style_layers.get(layer, 1.0) * jnp.mean(jnp.square(grams[layer] - target))
            for layer, target in targets.style.items()
        )
        return weights.style * sum(parts, zero)

    grams = _sum_of_grams(vgg, image, tuple(targets.style), windows)
    style, slopes = jax.value_and_grad(style_term)(grams)

    def part(window: Image, place: Place) -> tuple[Scalar, Scalar]:
        found = features(vgg, window, layers)
        parts = (
            _content_part(found[layer], target, place, layer)
            for layer, target in targets.content.items()
        )
        content = weights.content * sum(parts, zero)
        pulls = (
            _pull(found[layer], slope, place, layer, windows) for layer, slope in slopes.items()
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


def tiled_grams(vgg: VGG19, image: Image, layers: Iterable[str], *, tile: tuple[int, int]) -> Grams:
    """Return the Gram matrices of a picture, window by window.

    Args:
        vgg: the network.
        image: RGB in [0, 1].
        layers: names of the layers.
        tile: see ``tiled_loss_and_gradient``.

    Returns:
        Layer name -> ``[c c]``: ``gram_matrix`` of each of ``features``, to rounding.

    Raises:
        InputError: a tile without pixels.
    """
    layers = tuple(layers)
    windows = cut_picture(image.shape[0], image.shape[1], frozenset(layers), tile)
    return _sum_of_grams(vgg, image, layers, windows)


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
    windows = cut_picture(image.shape[0], image.shape[1], frozenset(layers), tile)

    def put(whole: Activations, place: Place) -> tuple[Activations, None]:
        found = features(vgg, _window(image, place, windows), layers)
        for layer, activation in found.items():
            old = _beside(whole[layer], activation, place, layer)
            owned = owned_positions(place, layer, activation.shape)
            new = jnp.where(owned, activation, old)
            whole = {**whole, layer: _put(whole[layer], new, place, stride(layer))}
        return whole, None

    shapes = jax.eval_shape(lambda: features(vgg, image, layers))
    empty = {layer: jnp.zeros(array.shape, array.dtype) for layer, array in shapes.items()}
    return jax.lax.scan(put, empty, windows.places())[0]


def _sum_of_grams(vgg: VGG19, image: Image, layers: tuple[str, ...], windows: Windows) -> Grams:
    def parts(place: Place) -> Grams:
        found = features(vgg, _window(image, place, windows), layers)
        return {layer: _gram_part(found[layer], place, layer, windows) for layer in layers}

    def add(total: Grams, place: Place) -> tuple[Grams, None]:
        return jax.tree.map(jnp.add, total, parts(place)), None

    places = windows.places()
    shapes = jax.eval_shape(parts, places[0])
    zeros = {layer: jnp.zeros(gram.shape, gram.dtype) for layer, gram in shapes.items()}
    return jax.lax.scan(add, zeros, places)[0]


def _gram_part(activation: Activation, place: Place, layer: str, windows: Windows) -> Gram:
    """Return what a window adds to the Gram matrix of the picture."""
    owned = jnp.where(owned_positions(place, layer, activation.shape), activation, 0)
    return gram_matrix(owned) * windows.share(layer)


def _pull(
    activation: Activation, slope: Gram, place: Place, layer: str, windows: Windows
) -> Scalar:
    r"""Return a number whose gradient is that of ``⟨slope, Gram matrix⟩``, ``F (S + Sᵀ)``.

    Written so, it needs one product where the gradient of ``gram_matrix`` has two, each as large
    as the layer, and the matrix is not made again.
    """
    owned = jnp.where(owned_positions(place, layer, activation.shape), activation, 0)
    along = jax.lax.stop_gradient(jnp.matmul(owned, slope + slope.T))
    return jnp.sum(owned * along) * (windows.share(layer) / activation.size)


def _content_part(
    activation: Activation, target: Float[Array, "h2 w2 c"], place: Place, layer: str
) -> Scalar:
    """Return what a window adds to the content loss of the picture."""
    owned = owned_positions(place, layer, activation.shape)
    square = jnp.square(activation - _beside(target, activation, place, layer))
    return jnp.sum(jnp.where(owned, square, 0)) / target.size


def _window(image: Image, place: Place, windows: Windows) -> Float[Array, "h2 w2 3"]:
    return jax.lax.dynamic_slice(image, _corner(place, 1), windows.shape)


def _beside(
    whole: Float[Array, "h2 w2 c"], activation: Activation, place: Place, layer: str
) -> Activation:
    """Cut what stands at a window's place out of a layer of the whole picture."""
    return jax.lax.dynamic_slice(whole, _corner(place, stride(layer)), activation.shape)


def _put(
    whole: Float[Array, "h w c"], part: Float[Array, "h2 w2 c"], place: Place, step: int
) -> Float[Array, "h w c"]:
    return jax.lax.dynamic_update_slice(whole, part, _corner(place, step))


def _corner(place: Place, step: int) -> tuple[Int[Array, ""], Int[Array, ""], Int[Array, ""]]:
    """Return where a window begins in a layer."""
    return place[0, 0] // step, place[1, 0] // step, jnp.zeros_like(place[0, 0])
