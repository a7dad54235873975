"""Several passes over a clip, with blended neighbours."""

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PRNGKeyArray

from jvst._programs import program
from jvst._types import Device, Image, ImageLike, Scalar, StyleTargetsLike
from jvst.core.arguments import check_kind
from jvst.core.blend import blend
from jvst.core.consistency import EdgeRule
from jvst.core.masks import MaskKnobs, MaskMode
from jvst.core.warp import Kernel
from jvst.errors import InputError
from jvst.film.arguments import (
    check_both_ways,
    check_clip,
    check_counts,
    check_motion,
    check_motions,
    checked_frame,
)
from jvst.film.clip import clip_content
from jvst.film.events import ClipListener, Compiling, FrameDone, Solving, Telling
from jvst.film.neighbours import (
    Motion,
    Neighbours,
    neighbour_masks,
    neighbours_in_slots,
    warped_images,
)
from jvst.film.one_pass import PaintingStatistics
from jvst.film.schedule import MultipassConfig, batches, neighbours_in_pass
from jvst.film.starts import Starts, chosen_starts
from jvst.network.vgg import VGG19
from jvst.solver.batch import solve_frames, stack_targets
from jvst.solver.objective import FrameTargets, LossWeights, settled
from jvst.solver.solve import Report, SolveInfo, SolveState, solve_frame

_DEFAULTS = MultipassConfig()


class PassFrame(NamedTuple):
    """One finished frame of one pass."""

    pass_number: int  # from 1
    index: int
    image: Image  # not clipped
    info: SolveInfo


class PassChunk(NamedTuple):
    """Where the frames that are being solved stand."""

    pass_number: int
    indices: tuple[int, ...]
    reports: tuple[Report, ...]
    state: SolveState | None  # its leaves continue the pass here; None in a fallback


def stylize_multipass(
    frames: Sequence[ImageLike],
    motions: Sequence[Motion | None],
    vgg: VGG19,
    style: StyleTargetsLike,
    weights: LossWeights,
    *,
    config: MultipassConfig = _DEFAULTS,
    key: PRNGKeyArray,
    paintings: PaintingStatistics | None = None,
    first_pass: int = 1,
    position: int = 0,
    results: Mapping[tuple[int, int], Image | np.ndarray] | None = None,
    resume: Sequence[Array | np.ndarray] | None = None,
    on_chunk: Callable[[PassChunk], None] | None = None,
    on_event: ClipListener | None = None,
    devices: Sequence[Device] | None = None,
) -> Iterator[PassFrame]:
    """Stylize a clip in passes over all of it, arrays in and arrays out.

    Args:
        frames: the clip, RGB in [0, 1], all of one size; read one at a time, in any order.
        motions: for each frame, flow both ways between it and the frame before; None for the
            first, and where nothing is to be carried over, as at a cut.
        vgg: the network.
        style: Gram matrices of the style, see ``style_targets``.
        weights: weights of the terms.
        config: passes, schedule, blending; mask and solver.
        key: draws the noise image that all frames of pass 1 start from.
        paintings: see ``stylize_clip``.
        first_pass: the pass to go on with, when a clip is continued.
        position: how many frames of that pass are finished, in the order of the pass.
        results: (pass, frame) -> finished image. When given, the caller puts every frame there
            before asking for the next; it must hold what was finished before, as far as the
            pass before. Kept in memory when left out.
        resume: leaves of the state that ``on_chunk`` was last given, or of the last
            ``Progress.state``, at that position.
        on_chunk: told where the frames that are being solved stand.
        on_event: told of compiling, of every chunk and of every frame, see ``film.events``.
        devices: share batches out among these.

    Yields:
        The frames of every pass, in the order of the pass; those of the last are the result.

    Raises:
        ValueError: arguments that can't be meant: at once what can be seen at once, else at the
            frame.

    Source: Ruder et al. 2016, section 5.4.
    """
    check_kind("config", config, MultipassConfig, "jvst.MultipassConfig")
    check_clip(vgg, style, key)
    check_counts(frames, motions)
    check_motions(motions, both_ways=config.goes_both_ways)
    if len(frames) == 0:
        raise InputError("there are 0 frames; expected at least 1")
    own: dict[tuple[int, int], Image | np.ndarray] = {}
    finished = own if results is None else results
    like = checked_frame(0, frames[0], None)
    starts = chosen_starts(config.clip.init, key, paintings, tile=config.clip.solver.tile)
    weights = settled(weights, vgg, style, like.dtype)
    tell = Telling(on_event)
    clip = _Clip(
        frames, motions, vgg, style, weights, config, like, starts, finished, on_chunk, tell
    )
    kept = own if results is None else None
    return _passes(clip, first_pass, position, resume, tuple(devices or ()), kept)


def _passes(
    clip: "_Clip",
    first_pass: int,
    position: int,
    resume: Sequence[Array | np.ndarray] | None,
    devices: tuple[Device, ...],
    own: dict[tuple[int, int], Image | np.ndarray] | None,
) -> Iterator[PassFrame]:
    """Yield the frames of ``stylize_multipass``, and keep them in ``own`` as far as needed."""
    config = clip.config
    for pass_number in range(first_pass, config.passes + 1):
        begun, leaves = (position, resume) if pass_number == first_pass else (0, None)
        if config.is_batched(pass_number):
            made = _batched_pass(clip, pass_number, begun, leaves, devices)
        else:
            made = _sequential_pass(clip, pass_number, begun, leaves)
        for frame in made:
            if own is not None:
                own[pass_number, frame.index] = frame.image
            clip.tell(FrameDone(frame.index, frame.image, frame.info, pass_number, config.passes))
            yield frame
        for place in [place for place in own or {} if place[0] < pass_number]:
            del own[place]  # type: ignore[union-attr]


@program("frame", static_argnames=("layers", "mask", "edge", "knobs", "kernel", "tile"))
def prepare_pass(
    frame: Image,
    own: Image,
    vgg: VGG19,
    style: StyleTargetsLike,
    neighbours: Neighbours,
    strength: Scalar | float,
    temporal: Scalar | float,
    *,
    layers: tuple[str, ...],
    mask: MaskMode,
    edge: EdgeRule,
    knobs: MaskKnobs,
    kernel: Kernel,
    tile: tuple[int, int] | None,
) -> tuple[Image, FrameTargets]:
    r"""Make where a frame starts in a pass, and what it is drawn to.

    With one neighbour the start is ``blend``. Two trusted ones share: each counts
    :math:`c_k / \max(\sum_k c_k, 1)`.

    Args:
        frame: the content frame, RGB in [0, 1].
        own: its result of the pass before, RGB.
        vgg: the network.
        style: Gram matrices of the style.
        neighbours: stylized frames beside it.
        strength: δ.
        temporal: 1 in a pass with the temporal term, else 0.
        layers: names of the content layers.
        mask: see ``consistency_mask``.
        edge: see ``consistency_mask``.
        knobs: see ``ClipConfig``.
        kernel: see ``ClipConfig``.
        tile: see ``SolverConfig``.
    """
    masks = neighbour_masks(frame, neighbours, mode=mask, edge=edge, knobs=knobs)
    shares = masks / jnp.maximum(jnp.sum(masks, axis=0), 1.0)  # [j h w]
    total = jnp.sum(shares, axis=0)  # [h w]
    warped = warped_images(neighbours, kernel=kernel)
    mean = jnp.sum(shares[..., None] * warped, axis=0) / jnp.maximum(total, 1e-6)[..., None]
    targets = FrameTargets(
        content=clip_content(vgg, frame, layers=layers, tile=tile),
        style=style,
        warped=warped,
        trust=temporal * shares,
    )
    return blend(own, mean, total, strength), targets


class _Clip(NamedTuple):
    """What all passes share; see ``stylize_multipass``."""

    frames: Sequence[ImageLike]
    motions: Sequence[Motion | None]
    vgg: VGG19
    style: StyleTargetsLike
    weights: LossWeights
    config: MultipassConfig
    like: Image  # the first frame
    starts: Starts
    finished: Mapping[tuple[int, int], Image | np.ndarray]
    on_chunk: Callable[[PassChunk], None] | None
    tell: Telling

    def problem(self, pass_number: int, index: int) -> tuple[Image, FrameTargets]:
        """Return where one frame of one pass starts and what it is drawn to."""
        config, clip = self.config, self.config.clip
        frame = checked_frame(index, self.frames[index], self.like)
        if pass_number == 1:
            own = self.starts.alone(frame)
        else:
            own = jnp.asarray(self.finished[pass_number - 1, index])
        slots: list[tuple[Image, Motion] | None] = []
        for place in neighbours_in_pass(config, len(self.frames), pass_number, index):
            slot = None
            if place is not None:
                motion = self.motion_between(index, frame, place[1])
                slot = motion and (jnp.asarray(self.finished[place]), motion)
            slots.append(slot)
        temporal = float(config.has_temporal_term(pass_number))
        problem = (
            frame,
            own,
            self.vgg,
            self.style,
            neighbours_in_slots(frame, slots),
            float(config.blend),
            temporal,
        )
        options: dict[str, Any] = {
            "layers": clip.content_layers,
            "mask": clip.mask,
            "edge": clip.edge,
            "knobs": clip.knobs,
            "kernel": clip.kernel,
            "tile": clip.solver.tile,
        }
        size = frame.shape[1], frame.shape[0]
        self.tell.before(Compiling(size), ("pass", *options.values()), problem)
        return prepare_pass(*problem, **options)

    def motion_between(self, index: int, frame: Image, other: int) -> Motion | None:
        """Return the motion from a frame to the one beside it, None where there is none."""
        later = max(index, other)
        motion = self.motions[later]
        if motion is None:
            return None
        name = f"motions[{later}]"
        check_motion(name, motion, index, frame)
        if self.config.goes_both_ways:
            check_both_ways(motion, name)
        if later == index:
            return motion
        return motion.reversed(None if motion.other is None else self.frames[later])

    def solving(
        self, pass_number: int, indices: Sequence[int], program: Hashable
    ) -> tuple[Solving, Callable[[Sequence[Report], SolveState | None], None]]:
        """Return what is told of a solve, and the function that tells where it stands."""
        solving = Solving(
            self.tell,
            indices,
            program,
            (self.vgg, self.weights),
            pass_number=pass_number,
            passes=self.config.passes,
        )

        def stands(reports: Sequence[Report], state: SolveState | None) -> None:
            if self.on_chunk is not None:
                # A batch may be filled up with frames that don't count.
                own = tuple(reports[: len(indices)])
                self.on_chunk(PassChunk(pass_number, tuple(indices), own, state))
            solving.stands(reports, state)

        return solving, stands


def _sequential_pass(
    clip: _Clip, pass_number: int, begun: int, resume: Sequence[Array | np.ndarray] | None
) -> Iterator[PassFrame]:
    """Go through the frames in order, each started with its neighbour of this pass."""
    config = clip.config
    order = config.order(len(clip.frames), pass_number)
    for place in range(begun, len(order)):
        index = order[place]
        start, targets = clip.problem(pass_number, index)

        solver = config.clip.solver
        solving, stands = clip.solving(pass_number, [index], ("frame", solver))
        solving.begins(targets, config.pass_iterations)
        image, info = solve_frame(
            start,
            clip.vgg,
            targets,
            clip.weights,
            config.pass_iterations,
            config=solver,
            chunk=config.clip.chunk,
            resume=resume if place == begun else None,
            on_chunk=lambda report, state, stands=stands: stands([report], state),
        )
        yield PassFrame(pass_number, index, image, info)


def _batched_pass(
    clip: _Clip,
    pass_number: int,
    begun: int,
    resume: Sequence[Array | np.ndarray] | None,
    devices: tuple[Device, ...],
) -> Iterator[PassFrame]:
    """Solve frames that don't depend on each other together."""
    config = clip.config
    parts = batches(len(clip.frames), config.batch, max(len(devices), 1))
    for batch in parts:
        if batch.stop <= begun:
            continue
        problems = [clip.problem(pass_number, index) for index in batch]
        problems += [problems[-1]] * (len(parts[0]) - len(batch))  # one size, one program

        solver, targets = config.clip.solver, stack_targets([targets for _, targets in problems])
        solving, stands = clip.solving(pass_number, batch, ("batch", solver, devices))
        solving.begins(targets, config.pass_iterations)
        images, infos = solve_frames(
            jnp.stack([start for start, _ in problems]),
            clip.vgg,
            targets,
            clip.weights,
            config.pass_iterations,
            config=solver,
            chunk=config.clip.chunk,
            devices=devices,
            resume=resume if begun in batch else None,
            on_chunk=stands,
        )
        for index, image, info in zip(batch, images, infos, strict=False):
            if index >= begun:
                yield PassFrame(pass_number, index, image, info)
