"""A clip in one pass a frame, held steady."""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jvst._programs import program
from jvst._types import Flow, Image, ImageLike, Mask
from jvst.core.arguments import check_choices, check_kind
from jvst.core.consistency import EdgeRule, mask_reasons, photometric_error
from jvst.core.masks import MaskKnobs, MaskMode
from jvst.errors import InputError
from jvst.film.arguments import check_counts, checked_frame, in_step
from jvst.film.composite import (
    CarriedState,
    nothing_carried,
    put_together,
    remembered,
)
from jvst.film.coordinates import Coordinates
from jvst.film.events import ClipListener, Compiling, FrameDone, Telling
from jvst.film.neighbours import (
    Motion,
    Neighbours,
    earlier_slots,
    neighbour_masks,
    neighbours_in_slots,
)
from jvst.film.one_pass import PaintingStatistics, one_pass
from jvst.solver.solve import SolveInfo

_NO_KNOBS = MaskKnobs()
#: Levels of 255 to which two frames must agree for motion to be carried on in doubt.
_DOUBT = 24.0
#: How a solve went that there was none of.
_NO_SOLVE = SolveInfo(0, 0, "converged", "none", ())


@dataclasses.dataclass(frozen=True)
class CarryConfig:
    """How a clip is painted in passes.

    Attributes:
        strength: see ``one_pass``.
        mask: see ``consistency_mask``.
        edge: see ``consistency_mask``.
        knobs: weight, widening and softening of each reason for distrust.
        tile: see ``one_pass``.
    """

    strength: float = 0.6
    mask: MaskMode = "photometric"
    edge: EdgeRule = "clamp"
    knobs: MaskKnobs = _NO_KNOBS
    tile: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        """Refuse unknown words, and a strength that can't be meant."""
        check_choices(self)
        if not 0.0 <= self.strength <= 1.0:
            raise InputError(f"strength is {self.strength!r}; expected a number from 0 to 1")


class CarriedFrame(NamedTuple):
    """One finished frame."""

    index: int
    image: Image  # not clipped: light may take it beyond [0, 1]
    coordinates: Coordinates  # from which the clip goes on


def carry_clip(
    frames: Iterable[ImageLike],
    motions: Iterable[Mapping[int, Motion]],
    paintings: PaintingStatistics,
    *,
    config: CarryConfig = CarryConfig(),
    first: int = 0,
    coordinates: Coordinates | None = None,
    recent: Mapping[int, ImageLike] | None = None,
    on_event: ClipListener | None = None,
) -> Iterator[CarriedFrame]:
    """Paint a clip in one pass a frame, held steady along the flow, without a solve.

    Every pixel remembers in which frame's pass it was painted and where in it, and carries that
    along; see ``film.composite.carry_step``.

    Args:
        frames: the clip, RGB in [0, 1], all of one size, lazily if you like.
        motions: for each frame, lag -> flow both ways between it and the frame ``lag`` before;
            lag 1 counts alone. Empty for the first frame, and where nothing is to be carried.
        paintings: see ``painting_statistics``.
        config: strength of the pass, trust in the flow.
        first: number of the first frame given, when a clip is continued.
        coordinates: of frame ``first - 1``, when a clip is continued.
        recent: frames before ``first`` by number, likewise: those that ``coordinates`` name,
            the newest 16 at the most.
        on_event: told of compiling and of every frame, see ``film.events``.

    Yields:
        The painted frames in order.

    Raises:
        ValueError: arguments that can't be meant: at once what can be seen at once, else at the
            frame; ``coordinates`` that name a frame that ``recent`` lacks.
    """
    check_kind("config", config, CarryConfig, "jvst.CarryConfig")
    expected = "jvst.painting_statistics([image])"
    check_kind("paintings", paintings, PaintingStatistics, expected)
    check_counts(frames, motions)
    if coordinates is not None:
        _check_recent(coordinates, recent or {})
    return _painted(
        frames, motions, paintings, config, first, coordinates, recent or {}, Telling(on_event)
    )


def named_frames(coordinates: Coordinates) -> list[int]:
    """Return the numbers of the frames whose passes coordinates name."""
    fading = coordinates.fade > 0
    former = jnp.where(fading, coordinates.former.source, coordinates.shown.source)
    return jnp.unique(jnp.stack([coordinates.shown.source, former])).tolist()


def _check_recent(coordinates: Coordinates, recent: Mapping[int, ImageLike]) -> None:
    missing = [index for index in named_frames(coordinates) if index not in recent]
    if missing:
        given = ", ".join(map(str, sorted(recent))) or "none"
        raise InputError(
            f"recent has frames {given}; expected frame {missing[0]}, too, whose pass the "
            "coordinates name"
        )


def _painted(
    frames: Iterable[ImageLike],
    motions: Iterable[Mapping[int, Motion]],
    paintings: PaintingStatistics,
    config: CarryConfig,
    first: int,
    coordinates: Coordinates | None,
    recent: Mapping[int, ImageLike],
    tell: Telling,
) -> Iterator[CarriedFrame]:
    """Yield the frames of ``carry_clip``."""
    state: CarriedState | None = None
    for index, frame, motion in in_step(frames, motions, first):
        size = frame.shape[1], frame.shape[0]
        static = "passes", config.mask, config.edge, config.knobs, config.tile
        tell.before(Compiling(size), static, (frame, paintings))
        if state is None:
            state = _begun(frame, first, coordinates, recent, paintings, config)
        own = one_pass(frame, paintings, strength=config.strength, tile=config.tile)
        # The slot's picture is not looked at.
        slots = earlier_slots((1,), index, {index - 1: frame}, motion)
        flow, trust = trusted_motion(
            frame,
            neighbours_in_slots(frame, slots),
            mask=config.mask,
            edge=config.edge,
            knobs=config.knobs,
        )
        number = jnp.asarray(index, jnp.int32)
        memory = _remembered(state.memory, number, frame, own)
        now, image = put_together(state.coordinates, memory, number, own, flow, trust)
        state = CarriedState(number, now, memory)
        tell(FrameDone(index, image, _NO_SOLVE))
        yield CarriedFrame(index, image, now)


def _begun(
    frame: Image,
    first: int,
    coordinates: Coordinates | None,
    recent: Mapping[int, ImageLike],
    paintings: PaintingStatistics,
    config: CarryConfig,
) -> CarriedState:
    """Return the state before the first frame, the passes that it names made again."""
    state = nothing_carried(*frame.shape[:2], index=first, dtype=frame.dtype)
    if coordinates is None:
        return state
    memory = state.memory
    for index in named_frames(coordinates):
        old = checked_frame(index, recent[index], frame)
        own = one_pass(old, paintings, strength=config.strength, tile=config.tile)
        memory = _remembered(memory, jnp.asarray(index), old, own)
    return CarriedState(state.index, jax.tree.map(jnp.asarray, coordinates), memory)


@program("frame", static_argnames=("mask", "edge", "knobs"))
def trusted_motion(
    frame: Image,
    neighbours: Neighbours,
    *,
    mask: MaskMode = "photometric",
    edge: EdgeRule = "clamp",
    knobs: MaskKnobs = _NO_KNOBS,
) -> tuple[Flow, Mask]:
    """Return the flow to the frame before, and how far it can be trusted.

    Where a mask has no trust though the flow returns and both frames look alike, there is half of
    it: a pixel that is carried wrongly for some frames is seen less than one that flickers.

    Args:
        frame: the content frame, RGB in [0, 1].
        neighbours: one slot, see ``neighbours_in_slots``.
        mask: see ``consistency_mask``.
        edge: see ``consistency_mask``.
        knobs: weight, widening and softening of each reason for distrust.
    """
    trust = neighbour_masks(frame, neighbours, mode=mask, edge=edge, knobs=knobs)[0]
    flow, back, other = neighbours.flows[0], neighbours.flows_back[0], neighbours.others[0]
    reasons = mask_reasons(flow, back, edge=edge)
    alike = photometric_error(frame, other, flow) < (_DOUBT / 255.0) ** 2
    # A cut leaves no trust anywhere, and a mask from elsewhere means what it says.
    may = (neighbours.has_other[0] > 0.0) & (neighbours.has_mask[0] == 0.0) & jnp.any(trust > 0.0)
    doubt = may & alike & ~reasons.disoccluded & ~reasons.outside
    return flow, jnp.where(doubt, jnp.maximum(trust, 0.5), trust)


# In the memory's own place: 16 passes are not copied for each frame.
_remembered = program("frame", donate_argnums=0)(remembered)
