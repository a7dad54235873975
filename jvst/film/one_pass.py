"""A picture painted in one pass, without a solve."""

import functools
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from jvst._programs import program
from jvst._types import Activation, Image, ImageLike, Scalar
from jvst.core.arguments import check_kind, check_range, check_solvable, floats
from jvst.core.transport import (
    Gaussian,
    TransportGoal,
    carried,
    carrier,
    gaussian_of,
    mixture,
    transport_goal,
)
from jvst.errors import InputError
from jvst.network.pairs import Pair, Pairs, decode, encode
from jvst.network.weights import ONE_PASS, load_pairs
from jvst.solver.objective import shares_of
from jvst.solver.tiles import Place, Windows, cut, owned_positions

# Half-way between what the picture shows and what the painting would make of it; more is freer.
_STRENGTH = 0.6
# A picture is given at the most this many times the deviation of its own colours: else the grain of
# an even frame, or of one that has just begun to fade in, would get the painting's whole range.
_MOST_CONTRAST = 5.0
# Of colours, in squares of [0, 1]: less is no deviation at all.
_LEAST_VARIANCE = 1e-8


class PaintingStatistics(NamedTuple):
    """What a pass knows of the paintings, and the networks that it goes through."""

    pairs: Pairs
    goals: Mapping[int, TransportGoal]  # level -> mean and covariance of the paintings' features


class Painted(NamedTuple):
    """A picture, and the statistics that were carried to the paintings'."""

    image: Image
    content: Mapping[int, Gaussian]  # level -> mean and covariance of the features


def painting_statistics(
    images: Sequence[ImageLike],
    *,
    shares: Sequence[float] | None = None,
    pairs: Pairs | None = None,
) -> PaintingStatistics:
    """Return what ``one_pass`` needs to know of one painting or of several blended.

    Once a clip. The larger a painting, the larger its strokes in the picture; at the picture's
    area they are as large as in the painting.

    Args:
        images: paintings, RGB in [0, 1], each of its own size.
        shares: share of each painting, normalised here; equal when left out.
        pairs: encoders and decoders; those that ship with jvst when left out.

    Raises:
        ValueError: no painting or none that can be meant, another number of shares, negative
            shares, or none above 0; the file that ships with jvst is missing or damaged.
    """
    if len(images) == 0:
        raise InputError("0 paintings were given; expected at least 1")
    images = [_checked(number, image) for number, image in enumerate(images)]
    parts = shares_of(shares, len(images))
    pairs = shipped_pairs() if pairs is None else pairs
    found, total = _gaussians(pairs, images[0]), parts[0]
    for image, part in zip(images[1:], parts[1:], strict=True):
        total += part
        share = part / total if total > 0.0 else 1.0
        other = _gaussians(pairs, image)
        found = {level: mixture(one, other[level], share) for level, one in found.items()}
    return PaintingStatistics(pairs, _goals(found))


def one_pass(
    image: ImageLike,
    statistics: PaintingStatistics,
    *,
    strength: Scalar | float = _STRENGTH,
    levels: tuple[int, ...] | None = None,
    content: Mapping[int, Gaussian] | None = None,
    tile: tuple[int, int] | None = None,
) -> Image:
    r"""Paint a picture in one pass: at every level encode, carry to the painting's, decode.

    .. math:: F = \operatorname{enc}_l(x), \qquad
        x \leftarrow \operatorname{dec}_l\bigl(F + \alpha (q T_l (F - \mu_l) + \nu_l - F)\bigr)

    with T the optimal transport map of ``core.transport.transport_map``, and q = 1 but for a
    picture whose colours deviate less than a fifth as much as the painting's. With ``levels=(0,)``
    and ``strength=1.0`` it is the picture in the painting's colours.

    Args:
        image: RGB in [0, 1], of any size.
        statistics: of the paintings, see ``painting_statistics``.
        strength: α, in [0, 1].
        levels: which, in their order; level 0 is the picture's own colours. All that have an
            encoder when left out, the deepest first. Static.
        content: mean and covariance to carry from in place of the picture's own, by level, such as
            those of another frame, see ``painted``.
        tile: height and width in pixels of the parts that a large picture is worked on in, see
            ``SolverConfig``; the result is the same to rounding. Static.

    Raises:
        ValueError: an unknown level, a tile without pixels, or what is no picture in [0, 1].

    Source: Li et al. 2017, arXiv:1705.08086, the levels; Lu et al. 2019, arXiv:1906.00668, the
    map; Wang et al. 2020, arXiv:2003.08436, the encoders and decoders.
    """
    options = {"strength": strength, "levels": levels, "content": content, "tile": tile}
    return painted(image, statistics, **options).image


def painted(
    image: ImageLike,
    statistics: PaintingStatistics,
    *,
    strength: Scalar | float = _STRENGTH,
    levels: tuple[int, ...] | None = None,
    content: Mapping[int, Gaussian] | None = None,
    tile: tuple[int, int] | None = None,
) -> Painted:
    """Do what ``one_pass`` does, and tell the statistics that were met on the way.

    Args and Raises: see ``one_pass``.
    """
    check_kind("statistics", statistics, PaintingStatistics, "jvst.painting_statistics([image])")
    (image,) = floats(image=(image, "h w 3"))
    check_solvable("image", image)
    check_range("image", image)
    if levels is None:
        levels = tuple(sorted(statistics.pairs, reverse=True))
    unknown = [level for level in levels if level not in statistics.goals]
    if unknown:
        known = ", ".join(str(level) for level in sorted(statistics.goals, reverse=True))
        raise InputError(f"unknown level {unknown[0]}; expected some of {known}")
    strength = jnp.asarray(strength, image.dtype)
    return _through_levels(image, statistics, strength, content, levels=levels, tile=tile)


@program("frame", static_argnames=("levels", "tile"))
def _through_levels(
    image: Image,
    statistics: PaintingStatistics,
    strength: Scalar,
    content: Mapping[int, Gaussian] | None,
    *,
    levels: tuple[int, ...],
    tile: tuple[int, int] | None,
) -> Painted:
    height, width, _ = image.shape
    x = _padded(image, _stride(statistics.pairs, levels))
    contrast = _contrast(x, statistics.goals[0])
    met: dict[int, Gaussian] = {}
    for level in levels:
        pair, goal = statistics.pairs.get(level), statistics.goals[level]
        given = (content or {}).get(level)
        windows = None if tile is None or pair is None else _windows(x, pair, tile)
        if pair is not None and windows is not None and windows.count > 1:
            x, met[level] = _level_in_windows(
                x, pair, goal, given, strength, contrast, windows=windows
            )
        else:
            x, met[level] = _level(x, pair, goal, given, strength, contrast)
    return Painted(x[:height, :width], met)


def compile_statistics(images: Sequence[Image], pairs: Pairs) -> None:
    """Compile what ``painting_statistics`` needs.

    Args:
        images: paintings, or their shapes.
        pairs: encoders and decoders.
    """
    for image in images:
        _gaussians.lower(pairs, image).compile()
    found = jax.eval_shape(_gaussians, pairs, images[0])
    _goals.lower(found).compile()


def compile_pass(
    image: Image, statistics: PaintingStatistics, *, tile: tuple[int, int] | None = None
) -> None:
    """Compile what ``one_pass`` needs.

    Args:
        image: a picture, or its shape.
        statistics: of the paintings, or their shapes.
        tile: see ``one_pass``.
    """
    levels = tuple(sorted(statistics.pairs, reverse=True))
    strength = jnp.asarray(_STRENGTH, image.dtype)
    _through_levels.lower(image, statistics, strength, None, levels=levels, tile=tile).compile()


@functools.cache
def shipped_pairs() -> Pairs:
    """Return the encoders and decoders that ship with jvst, read once.

    Raises:
        InputError: their file is missing or damaged.
    """
    return load_pairs(ONE_PASS)


def _level(
    image: Image,
    pair: Pair | None,
    goal: TransportGoal,
    given: Gaussian | None,
    strength: Scalar,
    contrast: Scalar,
) -> tuple[Image, Gaussian]:
    """Go through one level; without encoder and decoder the features are the colours."""
    features, content = _carried(
        image if pair is None else encode(pair, image), goal, given, strength, contrast
    )
    return features.clip(0.0, 1.0) if pair is None else decode(pair, features), content


def _carried(
    features: Activation,
    goal: TransportGoal,
    given: Gaussian | None,
    strength: Scalar,
    contrast: Scalar,
) -> tuple[Activation, Gaussian]:
    content = gaussian_of(features) if given is None else given
    return carried(features, *carrier(content, goal, strength, contrast=contrast)), content


def _contrast(image: Image, colours: TransportGoal) -> Scalar:
    """Return the part of the painting's deviations that a picture can bear."""
    own = jnp.trace(gaussian_of(image).covariance) + _LEAST_VARIANCE
    allowed = _MOST_CONTRAST**2 * own / (colours.variance + _LEAST_VARIANCE)
    return jnp.sqrt(jnp.minimum(allowed, 1.0))


def _level_in_windows(
    image: Image,
    pair: Pair,
    goal: TransportGoal,
    given: Gaussian | None,
    strength: Scalar,
    contrast: Scalar,
    *,
    windows: Windows,
) -> tuple[Image, Gaussian]:
    """Go through one level window by window: once for the statistics, once for the picture."""
    places = windows.places()
    content = _gaussian_in_windows(image, pair, windows) if given is None else given
    along = carrier(content, goal, strength, contrast=contrast)

    def put(whole: Image, place: Place) -> tuple[Image, None]:
        features = encode(pair, _part(image, place, windows))
        part = decode(pair, carried(features, *along))
        owned = owned_positions(place, pair.decoder.layers.layers[-1], part.shape)
        part = jnp.where(owned, part, _part(whole, place, windows))
        return jax.lax.dynamic_update_slice(whole, part, _corner(place)), None

    return jax.lax.scan(put, jnp.zeros_like(image), places)[0], content


def _gaussian_in_windows(image: Image, pair: Pair, windows: Windows) -> Gaussian:
    """Return mean and covariance of the features of a whole picture."""

    def add(total: tuple[Scalar, Gaussian], place: Place) -> tuple[tuple[Scalar, Gaussian], None]:
        count, known = total
        features = encode(pair, _part(image, place, windows))
        owned = owned_positions(place, pair.deepest, features.shape)
        more = jnp.sum(owned, dtype=features.dtype)
        merged = mixture(known, gaussian_of(features, owned), more / (count + more))
        return (count + more, merged), None

    channels, dtype = pair.deepest.channels, image.dtype
    nothing = Gaussian(jnp.zeros(channels, dtype), jnp.zeros((channels, channels), dtype))
    first = jnp.zeros((), dtype), nothing
    return jax.lax.scan(add, first, windows.places())[0][1]


def _checked(number: int, image: ImageLike) -> Image:
    (painting,) = floats(**{f"images[{number}]": (image, "h w 3")})
    check_range(f"images[{number}]", painting)
    return painting


def _windows(image: Image, pair: Pair, tile: tuple[int, int]) -> Windows:
    if min(tile) < 1:
        raise InputError(
            f"tile {tile[0]}×{tile[1]}; expected at least 1 pixel a side: "
            "give whole numbers above 0, such as 512 512"
        )
    reach = pair.sight, pair.deepest.stride
    return Windows(cut(image.shape[0], tile[0], *reach), cut(image.shape[1], tile[1], *reach))


def _part(image: Image, place: Place, windows: Windows) -> Float[Array, "h2 w2 3"]:
    return jax.lax.dynamic_slice(image, _corner(place), windows.shape)


def _corner(place: Place) -> tuple[Int[Array, ""], Int[Array, ""], Int[Array, ""]]:
    return place[0, 0], place[1, 0], jnp.zeros_like(place[0, 0])


@program("clip")
def _gaussians(pairs: Pairs, image: Image) -> dict[int, Gaussian]:
    """Return mean and covariance of a painting at every level."""
    found = {0: gaussian_of(image)}
    for level, pair in pairs.items():
        found[level] = gaussian_of(encode(pair, _padded(image, pair.deepest.stride)))
    return found


@program("clip")
def _goals(found: Mapping[int, Gaussian]) -> dict[int, TransportGoal]:
    return {level: transport_goal(one) for level, one in found.items()}


def _stride(pairs: Pairs, levels: tuple[int, ...]) -> int:
    return max((pairs[level].deepest.stride for level in levels if level), default=1)


def _padded(image: Image, stride: int) -> Float[Array, "h2 w2 3"]:
    """Mirror the last rows and columns, to whole positions of the features, two at the least.

    A picture of one position has no neighbour that could be reflected beyond its edge.
    """
    more = [max(-(-size // stride), 2) * stride - size for size in image.shape[:2]]
    return jnp.pad(image, ((0, more[0]), (0, more[1]), (0, 0)), mode="symmetric")
