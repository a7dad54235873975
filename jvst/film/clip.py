"""The single pass over a clip, frame by frame."""

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from jvst._programs import program
from jvst._types import Activations, Image, ImageLike, StyleTargetsLike
from jvst.core.arguments import check_choices, check_kind, check_least, names_of
from jvst.core.consistency import EdgeRule
from jvst.core.masks import MaskKnobs, MaskMode, long_term_weights
from jvst.core.warp import Kernel
from jvst.errors import InputError
from jvst.film.arguments import check_clip, check_counts, in_step
from jvst.film.carrying import along
from jvst.film.coarse import (
    Goal,
    Scale,
    Stage,
    iterations_at,
    resized,
    scaled_size,
    solve_in_stages,
)
from jvst.film.events import ClipListener, Compiling, FrameDone, Solving, Telling
from jvst.film.neighbours import (
    Motion,
    Neighbours,
    earlier_slots,
    neighbour_masks,
    neighbours_in_slots,
    warped_images,
)
from jvst.film.one_pass import PaintingStatistics
from jvst.film.starts import Starts, chosen_starts
from jvst.network.vgg import VGG19
from jvst.solver.curvature import Curvature
from jvst.solver.objective import (
    CONTENT_LAYERS,
    FrameTargets,
    LossWeights,
    content_targets,
    settled,
)
from jvst.solver.optimizers import ExtraLoss
from jvst.solver.presets import Start
from jvst.solver.solve import Report, SolveInfo, SolverConfig
from jvst.solver.tiles import tiled_features

_NO_KNOBS = MaskKnobs()


@dataclasses.dataclass(frozen=True)
class ClipConfig:
    """How a clip is stylized.

    Attributes:
        lags: distances to the earlier frames that a frame is tied to, the nearest first.
        long_term_after: iterations of a frame with the nearest lag alone, before the others
            join; None: until that has converged, for half of the cap at the most.
        init: where a frame without an earlier neighbour starts, see ``solver.presets.Start``. But
            for ``noise`` later frames, too, start there where they show what the neighbour hides.
        first_iterations: cap for a frame without an earlier neighbour.
        next_iterations: cap for the others.
        mask: see ``consistency_mask``.
        edge: see ``consistency_mask``.
        knobs: weight, widening and softening of each reason for distrust.
        kernel: how stylized neighbours are read along the flow, see ``core.warp.warp``.
            ``bilinear`` is the paper's and softens the film from frame to frame; ``catmull-rom``
            keeps it sharp.
        content_layers: names of the content layers.
        solver: how each frame is minimized.
        chunk: iterations between two reports; no effect on the result.

    Source: the caps are the Torch code's; Ruder et al. 2016 report 2000 to 3000 iterations
    for the first frame and 400 to 800 for later ones.
    """

    lags: tuple[int, ...] = (1,)
    long_term_after: int | None = None
    init: Start = "noise"
    first_iterations: int = 2000
    next_iterations: int = 1000
    mask: MaskMode = "binary"
    edge: EdgeRule = "clamp"
    knobs: MaskKnobs = _NO_KNOBS
    kernel: Kernel = "bilinear"
    content_layers: tuple[str, ...] = CONTENT_LAYERS
    solver: SolverConfig = dataclasses.field(default_factory=SolverConfig)
    chunk: int = 50

    def __post_init__(self) -> None:
        """Refuse unknown words, and numbers that can't be meant."""
        check_choices(self)
        names_of("content_layers", self.content_layers)
        for name, least in (("first_iterations", 0), ("next_iterations", 0), ("chunk", 1)):
            check_least(name, getattr(self, name), least)
        if self.long_term_after is not None:
            check_least("long_term_after", self.long_term_after, 0)
        if not self.lags or list(self.lags) != sorted(set(self.lags)) or self.lags[0] < 1:
            raise InputError(
                f"lags is {self.lags!r}; expected different whole numbers ≥ 1, the nearest first"
            )


class StylizedFrame(NamedTuple):
    """One finished frame."""

    index: int
    image: Image  # not clipped: it is the next frame's start; clip it to show it
    #: With ``SolverConfig.carry`` it is twice as many pictures large. A frame that is tied to none
    #: before it hands on nothing.
    info: SolveInfo


def stylize_clip(
    frames: Iterable[ImageLike],
    motions: Iterable[Mapping[int, Motion]],
    vgg: VGG19,
    style: StyleTargetsLike,
    weights: LossWeights,
    *,
    config: ClipConfig = ClipConfig(),
    key: PRNGKeyArray,
    paintings: PaintingStatistics | None = None,
    scales: Sequence[Scale] = (),
    first: int = 0,
    earlier: Mapping[int, ImageLike] | None = None,
    resume: Sequence[Array | np.ndarray] | None = None,
    on_chunk: Callable[[int, Report, Stage | None], None] | None = None,
    on_event: ClipListener | None = None,
    extra_loss: ExtraLoss | None = None,
    curvature: Curvature | None = None,
) -> Iterator[StylizedFrame]:
    """Stylize a clip frame by frame, arrays in and arrays out.

    A frame starts from the nearest earlier stylized frame to which the flow can be trusted
    anywhere, warped along it, and its temporal loss holds it to all those of ``config.lags``,
    masked where it can't: first to the nearest alone, then to the others, too. A frame with none
    to trust, as after a cut, starts from ``config.init``.

    Args:
        frames: the clip, RGB in [0, 1], all of one size, lazily if you like.
        motions: for each frame, lag -> flow both ways between it and the frame ``lag``
            before; empty for the first frame.
        vgg: the network.
        style: Gram matrices of the style, see ``style_targets``.
        weights: weights of the terms.
        config: lags, caps, mask, solver.
        key: draws the noise image that frames start from.
        paintings: see ``painting_statistics``; what ``colours`` and ``onepass`` start from.
        scales: smaller sizes at which a frame from noise is solved first, the coarsest first.
        first: number of the first frame given, when a clip is continued.
        earlier: stylized frames before ``first`` by number, as far back as the lags reach.
        resume: leaves (``jax.tree.leaves``) of the last stage of frame ``first`` that
            ``on_chunk`` was given, or of the last ``Progress.state``, when it was interrupted.
        on_chunk: told the frame's number and where its solve stands.
        on_event: told of compiling, of every chunk and of every frame, see ``film.events``.
        extra_loss: see ``SolverConfig``; for all frames the same.
        curvature: what the frame before ``first`` has handed on (``StylizedFrame.info.curvature``),
            when a clip is continued.

    Yields:
        The stylized frames in order.

    Raises:
        ValueError: arguments that can't be meant: at once what can be seen at once, else at the
            frame; an init that needs ``paintings``, without them.

    Source: Ruder et al. 2016, sections 5.1 to 5.3.
    """
    check_kind("config", config, ClipConfig, "jvst.ClipConfig")
    check_clip(vgg, style, key)
    settled(weights, vgg, style, jnp.dtype(jnp.float32))  # refuses what is wrong with them
    check_counts(frames, motions)
    if extra_loss is not None:
        solver = dataclasses.replace(config.solver, extra_loss=extra_loss)
        config = dataclasses.replace(config, solver=solver)
    starts = chosen_starts(config.init, key, paintings, tile=config.solver.tile)
    return _stylized(
        frames,
        motions,
        vgg,
        style,
        weights,
        config,
        starts,
        scales,
        first,
        earlier,
        resume,
        on_chunk,
        on_event,
        curvature,
    )


def _stylized(
    frames: Iterable[ImageLike],
    motions: Iterable[Mapping[int, Motion]],
    vgg: VGG19,
    style: StyleTargetsLike,
    weights: LossWeights,
    config: ClipConfig,
    starts: Starts,
    scales: Sequence[Scale],
    first: int,
    earlier: Mapping[int, ImageLike] | None,
    resume: Sequence[Array | np.ndarray] | None,
    on_chunk: Callable[[int, Report, Stage | None], None] | None,
    on_event: ClipListener | None,
    curvature: Curvature | None,
) -> Iterator[StylizedFrame]:
    """Yield the frames of ``stylize_clip``."""
    done = dict(earlier or {})
    reach = max(config.lags)
    tell = Telling(on_event)
    for index, frame, motion in in_step(frames, motions, first):
        numbers = settled(weights, vgg, style, frame.dtype)
        slots = earlier_slots(config.lags, index, done, motion)
        neighbours = neighbours_in_slots(frame, slots)
        options = prepare_options(config)
        problem = frame, vgg, style, neighbours
        size = frame.shape[1], frame.shape[0]
        tell.before(Compiling(size), ("clip", *options.values()), problem)
        targets = prepare(*problem, **options)
        trusted = np.flatnonzero(np.asarray(jnp.any(targets.trust > 0.0, axis=(1, 2)))).tolist()
        goals: list[Goal] = []
        known, curvature = curvature, None
        if trusted:
            if known is not None:
                flow = motion[1].flow if 1 in motion else None
                known = None if flow is None else along(known, flow, kernel=config.kernel)
            cap = config.next_iterations
            start = starts.beside(frame, neighbours, targets, trusted[0], edge=config.edge)
        else:
            known = None
            cap, start = config.first_iterations, starts.alone(frame)
            if config.init == "noise":
                goals = _coarse_goals(frame, vgg, scales, len(config.lags), config=config)
        goals += _goals(targets, trusted, cap, config.long_term_after)
        solving = Solving(tell, [index], ("frame", config.solver), (vgg, numbers))

        def stands(
            report: Report, stage: Stage | None, index: int = index, solving: Solving = solving
        ) -> None:
            if on_chunk is not None:
                on_chunk(index, report, stage)
            solving.stands([report], stage)

        image, info = solve_in_stages(
            start,
            vgg,
            goals,
            numbers,
            config=config.solver,
            chunk=config.chunk,
            resume=resume if index == first else None,
            on_chunk=stands,
            on_stage=solving.begins,
            curvature=known,
        )
        if not trusted:
            # Learnt at the end of a long solve, close to its minimum: for the next frame, whose
            # start is far from one, worse than nothing.
            info = info._replace(curvature=None)
        curvature = info.curvature
        done = {number: old for number, old in done.items() if number > index - reach}
        done[index] = image
        tell(FrameDone(index, image, info))
        yield StylizedFrame(index, image, info)


def prepare_options(config: ClipConfig) -> dict[str, Any]:
    """Return what ``prepare`` is told of a clip, by name."""
    return {
        "layers": config.content_layers,
        "mask": config.mask,
        "edge": config.edge,
        "knobs": config.knobs,
        "kernel": config.kernel,
        "tile": config.solver.tile,
    }


@program("frame", static_argnames=("layers", "mask", "edge", "knobs", "kernel", "tile"))
def prepare(
    frame: Image,
    vgg: VGG19,
    style: StyleTargetsLike,
    neighbours: Neighbours,
    *,
    layers: tuple[str, ...] = CONTENT_LAYERS,
    mask: MaskMode = "binary",
    edge: EdgeRule = "clamp",
    knobs: MaskKnobs = _NO_KNOBS,
    kernel: Kernel = "bilinear",
    tile: tuple[int, int] | None = None,
) -> FrameTargets:
    """Make what a frame is drawn to: content, warped neighbours and the trust in them.

    Args:
        frame: the content frame, RGB in [0, 1].
        vgg: the network.
        style: Gram matrices of the style.
        neighbours: stylized frames, the nearest first.
        layers: names of the content layers.
        mask: see ``consistency_mask``.
        edge: see ``consistency_mask``.
        knobs: see ``ClipConfig``.
        kernel: see ``ClipConfig``.
        tile: see ``SolverConfig``.
    """
    masks = neighbour_masks(frame, neighbours, mode=mask, edge=edge, knobs=knobs)
    return FrameTargets(
        content=clip_content(vgg, frame, layers=layers, tile=tile),
        style=style,
        warped=warped_images(neighbours, kernel=kernel),
        trust=long_term_weights(masks),
    )


def clip_content(
    vgg: VGG19, frame: Image, *, layers: tuple[str, ...], tile: tuple[int, int] | None
) -> Activations:
    """Return ``content_targets``, tile by tile where the solver works so."""
    if tile is None:
        return content_targets(vgg, frame, layers=layers)
    return tiled_features(vgg, frame, layers, tile=tile)


def _goals(targets: FrameTargets, trusted: list[int], cap: int, after: int | None) -> list[Goal]:
    """Return the goals at full size: the nearest lag alone, then with the others."""
    if len(trusted) < 2:
        return [Goal(targets, cap)]
    nearest: Float[Array, " j"] = jnp.zeros_like(targets.trust[:, 0, 0]).at[trusted[0]].set(1.0)
    short = targets._replace(trust=targets.trust * nearest[:, None, None])
    return [Goal(short, min(cap, cap // 2 if after is None else after)), Goal(targets, cap)]


def _coarse_goals(
    frame: Image, vgg: VGG19, scales: Sequence[Scale], lags: int, *, config: ClipConfig
) -> list[Goal]:
    """Return the goals at smaller sizes of a frame without a neighbour."""
    goals = []
    for scale in scales:
        width, height = scaled_size(frame.shape, scale.factor)
        nothing = jnp.zeros((lags, height, width, 3), frame.dtype)
        content = clip_content(
            vgg,
            resized(frame, size=(height, width)),
            layers=config.content_layers,
            tile=config.solver.tile,
        )
        targets = FrameTargets(content, scale.style, nothing, nothing[..., 0])
        goals.append(Goal(targets, iterations_at(scale.factor, config.first_iterations)))
    return goals
