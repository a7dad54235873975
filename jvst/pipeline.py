"""The single pass: one frame after the other, each tied to those before it."""

import dataclasses
import functools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from jvst._types import Flow, Grams, Image
from jvst.consistency import EdgeRule, MaskMode, long_term_weights, mask_reasons
from jvst.mask_knobs import MaskKnobs, shaped_mask
from jvst.objective import CONTENT_LAYERS, FrameTargets, LossWeights, content_targets
from jvst.solver import Report, SolveInfo, SolverConfig, SolveState, solve_frame
from jvst.vgg import VGG19
from jvst.warp import warp

_NO_KNOBS = MaskKnobs()


@dataclasses.dataclass(frozen=True)
class ClipConfig:
    """How a clip is stylized.

    Attributes:
        lags: distances to the earlier frames that a frame is tied to, the nearest first.
        init: where a frame without an earlier neighbour starts: ``noise``, the same for
            every such frame, or its own ``content``. With ``content`` later frames, too, start
            from their own content where they show what the neighbour hides.
        first_iterations: cap for a frame without an earlier neighbour.
        next_iterations: cap for the others.
        mask: see ``consistency_mask``.
        edge: see ``consistency_mask``.
        knobs: weight, widening and softening of each reason for distrust.
        content_layers: names of the content layers.
        solver: how each frame is minimized.
        chunk: iterations between two reports; no effect on the result.

    Source: the caps are the Torch code's; Ruder et al. 2016 report 2000 to 3000 iterations
    for the first frame and 400 to 800 for later ones.
    """

    lags: tuple[int, ...] = (1,)
    init: Literal["noise", "content"] = "noise"
    first_iterations: int = 2000
    next_iterations: int = 1000
    mask: MaskMode = "binary"
    edge: EdgeRule = "clamp"
    knobs: MaskKnobs = _NO_KNOBS
    content_layers: tuple[str, ...] = CONTENT_LAYERS
    solver: SolverConfig = dataclasses.field(default_factory=SolverConfig)
    chunk: int = 50


class Motion(NamedTuple):
    """Optical flow between a frame and an earlier one."""

    flow: Flow  # from the frame to the earlier one, pixels
    flow_back: Flow  # from the earlier one to the frame, pixels


class StylizedFrame(NamedTuple):
    """One finished frame."""

    index: int
    image: Image  # not clipped: it is the next frame's start; clip it to show it
    info: SolveInfo


def stylize_clip(
    frames: Iterable[Image],
    motions: Iterable[Mapping[int, Motion]],
    vgg: VGG19,
    style: Grams,
    weights: LossWeights,
    *,
    config: ClipConfig = ClipConfig(),
    key: PRNGKeyArray,
    first: int = 0,
    earlier: Mapping[int, Image] | None = None,
    resume: Sequence[Array | np.ndarray] | None = None,
    on_chunk: Callable[[int, Report, SolveState | None], None] | None = None,
) -> Iterator[StylizedFrame]:
    """Stylize a clip frame by frame; a generator, arrays in and arrays out.

    A frame starts from its nearest earlier stylized frame, warped along the flow, and its
    temporal loss holds it to all those of ``config.lags``, masked where the flow can't be
    trusted. A frame without any starts from ``config.init``.

    Args:
        frames: the clip, RGB in [0, 1], all of one size, lazily if you like.
        motions: for each frame, lag -> flow both ways between it and the frame ``lag``
            before; empty for the first frame.
        vgg: the network.
        style: Gram matrices of the style, see ``style_targets``.
        weights: weights of the terms.
        config: lags, caps, mask, solver.
        key: draws the noise image that frames start from.
        first: number of the first frame given, when a clip is continued.
        earlier: stylized frames before ``first`` by number, as far back as the lags reach.
        resume: leaves of the last state of the solve of frame ``first``, when it was
            interrupted; see ``solve_frame``.
        on_chunk: told the frame's number and where its solve stands.

    Yields:
        The stylized frames in order.

    Source: Ruder et al. 2016, sections 5.1 to 5.3.
    """
    done = dict(earlier or {})
    reach = max(config.lags)
    for index, (frame, motion) in enumerate(zip(frames, motions, strict=True), start=first):
        known = {lag: motion[lag] for lag in config.lags if lag in motion and index - lag in done}
        flows = _slots([known[k].flow if k in known else None for k in config.lags], frame[..., :2])
        backs = _slots(
            [known[k].flow_back if k in known else None for k in config.lags], frame[..., :2]
        )
        others = _slots([done.get(index - lag) for lag in config.lags], frame)
        present = jnp.asarray([float(lag in known) for lag in config.lags], frame.dtype)
        targets = prepare(
            frame,
            vgg,
            style,
            others,
            flows,
            backs,
            present,
            layers=config.content_layers,
            mask=config.mask,
            edge=config.edge,
            knobs=config.knobs,
        )
        if known:
            nearest = next(i for i, lag in enumerate(config.lags) if lag in known)
            start, cap = targets.warped[nearest], config.next_iterations
            if config.init == "content":
                start = uncover(frame, start, flows[nearest], backs[nearest], edge=config.edge)
        else:
            start = frame if config.init == "content" else noise_image(key, frame.shape)
            cap = config.first_iterations
        image, info = solve_frame(
            start,
            vgg,
            targets,
            weights,
            cap,
            config=config.solver,
            chunk=config.chunk,
            resume=resume if index == first else None,
            on_chunk=None if on_chunk is None else functools.partial(on_chunk, index),
        )
        done = {number: old for number, old in done.items() if number > index - reach}
        done[index] = image
        yield StylizedFrame(index, image, info)


@functools.partial(jax.jit, static_argnames=("layers", "mask", "edge", "knobs"))
def prepare(
    frame: Image,
    vgg: VGG19,
    style: Grams,
    earlier: Float[Array, "j h w 3"],
    flows: Float[Array, "j h w 2"],
    flows_back: Float[Array, "j h w 2"],
    present: Float[Array, " j"],
    *,
    layers: tuple[str, ...] = CONTENT_LAYERS,
    mask: MaskMode = "binary",
    edge: EdgeRule = "clamp",
    knobs: MaskKnobs = _NO_KNOBS,
) -> FrameTargets:
    """Make what a frame is drawn to: content, warped neighbours and the trust in them.

    Args:
        frame: the content frame, RGB in [0, 1].
        vgg: the network.
        style: Gram matrices of the style.
        earlier: stylized frames, one a lag, anything where there is none.
        flows: from this frame to each, pixels.
        flows_back: from each to this frame, pixels.
        present: 1 for a lag that exists, 0 for one that doesn't.
        layers: names of the content layers.
        mask: see ``consistency_mask``.
        edge: see ``consistency_mask``.
        knobs: see ``ClipConfig``.
    """
    trusted = functools.partial(shaped_mask, mode=mask, edge=edge, image=frame, knobs=knobs)
    masks = jax.vmap(trusted)(flows, flows_back)
    masks *= present[:, None, None]  # [j h w]
    return FrameTargets(
        content=content_targets(vgg, frame, layers=layers),
        style=style,
        warped=jax.vmap(warp)(earlier, flows),
        trust=long_term_weights(masks),
    )


@functools.partial(jax.jit, static_argnames="edge")
def uncover(
    frame: Image, warped: Image, flow: Flow, flow_back: Flow, *, edge: EdgeRule = "clamp"
) -> Image:
    """Put a frame's own content where its warped neighbour can't know what is there.

    Args:
        frame: the content frame, RGB in [0, 1].
        warped: its stylized neighbour, warped to it, RGB in [0, 1].
        flow: from the frame to the neighbour, pixels.
        flow_back: from the neighbour to the frame, pixels.
        edge: see ``consistency_mask``.

    Differs from the paper, which starts from the warped neighbour throughout; then whatever moved
    away leaves its outlines behind, and a short solve does not remove them.
    """
    reasons = mask_reasons(flow, flow_back, edge=edge)
    unknown = reasons.disoccluded | reasons.outside
    return jnp.where(unknown[..., None], frame, warped)


def noise_image(key: PRNGKeyArray, shape: tuple[int, ...]) -> Image:
    """Return the noise that a frame without a neighbour starts from: faint, around grey."""
    return 0.5 + 0.1 * jax.random.normal(key, shape)


def _slots(
    arrays: list[Float[Array, "h w c"] | None], like: Float[Array, "h w c"]
) -> Float[Array, "j h w c"]:
    """Stack one array a lag; zeros where there is none."""
    return jnp.stack([jnp.zeros_like(like) if array is None else array for array in arrays])
