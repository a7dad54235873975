"""``scripts/flow.py``: flow and masks of a clip as files.

The files are named as the paper's Torch code names them.
"""

import contextlib
import dataclasses
import functools
import sys
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from tqdm import tqdm

from jvst._files import user_cache
from jvst._types import FlowField, Frame
from jvst.app.cli.command import parsed, status_of
from jvst.app.cli.spelling import legible, spoken
from jvst.app.inputs import Clip, clip_frames, open_clip
from jvst.app.motion import prefetch
from jvst.app.options import InputOptions, StylizeConfig
from jvst.core.consistency import mask_reasons
from jvst.core.cuts import without_cuts
from jvst.core.masks import MaskKnobs, knobs_of, shaped_mask
from jvst.errors import InputError
from jvst.flow import FlowCache, FlowFiles, write_flow
from jvst.flow.estimation import scaled_engine
from jvst.flow.patterns import write_mask
from jvst.flow.pictures import colour_flow, overlay_mask, overlay_reasons, warped_difference
from jvst.video import write_picture


@dataclasses.dataclass(frozen=True)
class WriteFlowOptions:
    """Write a clip's optical flow both ways, and the masks of where to trust it."""

    clip: str = ""
    """Video file, folder of frames, or pattern such as 'frames/%04d.png'."""
    output: str = ""
    """Folder for forward_1_2.flo, backward_2_1.flo, reliable_2_1.pgm, reliable_1_2.pgm, …"""
    flow: str = "dis"
    """dis, deepflow, epic, deepmatching, epicflow, deepflow2, or files:PATTERN for fields that
    exist."""
    flow_scale: float = 1.0
    """Compute flow at this part of the size and bring it back: faster and coarser."""
    lags: tuple[int, ...] = (1,)
    """Distances between the two frames of a pair."""
    mask: str = "soft"
    """soft (the Torch code's), binary (the paper's), ijcv (its sequel's) or photometric (ours)."""
    mask_edge: str = "torch"
    """torch distrusts the last row and column of a static shot, as the Torch code does; clamp
    doesn't."""
    mask_weights: tuple[float, ...] = (1.0,)
    """How much disoccluded, outside and motion boundary count, 0 to 1; one number for all."""
    mask_dilate: tuple[int, ...] = (0,)
    """Pixels by which each of the three grows."""
    mask_blur: tuple[float, ...] = (0.0,)
    """Pixels by which each of the three is softened."""
    show: bool = False
    """Also write pictures to OUTPUT/show: flow in colours, masks over frames, what warping
    leaves."""
    frames: str = ""
    """Part of the clip, A:B, counted from 0, B left out."""
    size: str = ""
    """Work at WIDTHxHEIGHT pixels."""
    max_side: int = 0
    """Largest length of the longer side, in pixels; larger frames are shrunk. 0: no limit."""
    video_stream: int | None = None
    """Which video stream of the clip, counted from 0; the file's default when left out."""
    first_number: int = 1
    """Number of the first frame in the names of the files."""
    flow_cache: str = ""
    """Folder that keeps computed flow; the user's cache when left out, 'none' for no cache."""
    flow_workers: int = 2
    """Threads that compute flow."""
    quiet: bool = False
    """No progress bar."""


class FlowPair(NamedTuple):
    """Two frames and the flow between them, both ways."""

    earlier: int  # from 0 in the part of the clip
    later: int
    frame_earlier: Frame
    frame_later: Frame
    forward: FlowField
    backward: FlowField


#: From (number, frame, number, frame) to the flow from the first to the second, and back.
Between = Callable[[int, Frame, int, Frame], tuple[FlowField, FlowField]]


def run_flow_command(arguments: Sequence[str]) -> int:
    """Parse a command line, do what it says, and return the exit status."""

    def work() -> int:
        options = parsed(WriteFlowOptions, arguments, prog="flow")
        count = write_flows(options)
        print(legible(f"{count} pairs of frames in {options.output}"))
        return 0

    return status_of("flow", work, arguments=arguments)


def write_flows(options: WriteFlowOptions) -> int:
    """Write all flows, masks and pictures of a clip; return the number of pairs.

    Raises:
        InputError: something given can't be used, or the disk is full.
    """
    knobs = _check(options)
    inputs = InputOptions(
        clip=options.clip,
        frames=options.frames,
        size=options.size,
        max_side=options.max_side,
        video_stream=options.video_stream,
    )
    clip = open_clip(StylizeConfig(input=inputs))
    for notice in clip.notices:
        print(f"flow: {spoken(notice)}", file=sys.stderr)
    if clip.count <= min(options.lags):
        raise InputError(
            f"{options.clip} has {clip.count} frames; a pair {min(options.lags)} frames apart "
            f"needs at least {min(options.lags) + 1}"
        )
    output = Path(options.output)
    try:
        output.mkdir(parents=True, exist_ok=True)
        total = sum(max(clip.count - lag, 0) for lag in options.lags)
        between, cache = _flow_source(clip, options)
        pairs = flow_pairs(clip, options, between)
        with contextlib.closing(pairs):
            for pair in tqdm(pairs, total=total, unit="pair", disable=options.quiet):
                _write_pair(output, pair, options, knobs)
    except OSError as error:
        raise InputError(
            f"{output} can't be written ({error.strerror or error}); free some space, or give "
            "another folder"
        ) from error
    for notice in cache.notices() if cache is not None else []:
        print(f"flow: {spoken(notice)}", file=sys.stderr)
    return total


def flow_pairs(
    clip: Clip, options: WriteFlowOptions, between: Between
) -> Generator[FlowPair, None, None]:
    """Yield the pairs of a clip in order, computed ahead on threads."""
    reach = max(options.lags)

    def pairs() -> Iterator[tuple[int, Frame, int, Frame]]:
        recent: deque[tuple[int, Frame]] = deque(maxlen=reach)
        for index, frame in enumerate(clip_frames(clip)):
            for lag in options.lags:
                if lag <= len(recent):
                    yield *recent[-lag], index, frame
            recent.append((index, frame))

    def estimate(item: tuple[int, Frame, int, Frame]) -> FlowPair:
        earlier, frame_earlier, later, frame_later = item
        forward, backward = between(earlier, frame_earlier, later, frame_later)
        return FlowPair(earlier, later, frame_earlier, frame_later, forward, backward)

    workers = options.flow_workers
    return prefetch(estimate, pairs(), workers=workers, ahead=2 * workers)


def _flow_source(clip: Clip, options: WriteFlowOptions) -> tuple[Between, FlowCache | None]:
    """Choose where flow comes from: files, or an engine behind the cache."""
    if options.flow.startswith("files:"):
        files = FlowFiles(options.flow, options.first_number)

        def read(earlier: int, _: Frame, later: int, __: Frame) -> tuple[FlowField, FlowField]:
            return files.pair(clip.start + earlier, clip.start + later, size=clip.size)

        return read, None
    folder = Path(options.flow_cache) if options.flow_cache else user_cache("flow")
    cache = FlowCache(
        None if options.flow_cache == "none" else folder,
        scaled_engine(options.flow, options.flow_scale),
    )
    return lambda _, one, __, other: cache.pair(one, other), cache


def _write_pair(output: Path, pair: FlowPair, options: WriteFlowOptions, knobs: MaskKnobs) -> None:
    i, j = pair.earlier + options.first_number, pair.later + options.first_number
    write_flow(output / f"forward_{i}_{j}.flo", pair.forward)
    write_flow(output / f"backward_{j}_{i}.flo", pair.backward)
    both = (
        (f"{j}_{i}", pair.frame_later, pair.frame_earlier, pair.backward, pair.forward),
        (f"{i}_{j}", pair.frame_earlier, pair.frame_later, pair.forward, pair.backward),
    )
    for name, frame, other, flow, flow_back in both:
        arrays = (jnp.asarray(array, jnp.float32) for array in (flow, flow_back, frame, other))
        mask = _mask(*arrays, mode=options.mask, edge=options.mask_edge, knobs=knobs)
        mask = np.asarray(mask)
        write_mask(output / f"reliable_{name}.pgm", mask)
        if options.show:
            reasons = jax.device_get(_reasons(jnp.asarray(flow), jnp.asarray(flow_back)))
            pictures = {
                "flow": colour_flow(flow),
                "mask": overlay_mask(frame, mask),
                "reasons": overlay_reasons(frame, *reasons),
                "difference": warped_difference(frame, other, flow),
            }
            for kind, picture in pictures.items():
                write_picture(output / "show" / f"{kind}_{name}.png", picture)


@functools.partial(jax.jit, static_argnames=("mode", "edge", "knobs"))
def _mask(flow, flow_back, frame, other, *, mode, edge, knobs):
    image, other = frame / 255.0, other / 255.0
    mask = shaped_mask(flow, flow_back, mode=mode, edge=edge, image=image, other=other, knobs=knobs)
    return without_cuts(mask, image, other, flow)


_reasons = jax.jit(mask_reasons)


def _check(options: WriteFlowOptions) -> MaskKnobs:
    """Refuse what can't be meant, before any work is done.

    Raises:
        InputError: with what was given and what was expected.
    """
    for option, value, what in (
        ("--clip", options.clip, "a clip"),
        ("--output", options.output, "a folder"),
    ):
        if not value:
            raise InputError(f"{option} was not given; expected {what}")
    for option, value, choices in (
        ("--mask", options.mask, ("soft", "binary", "ijcv", "photometric")),
        ("--mask-edge", options.mask_edge, ("torch", "clamp")),
    ):
        if value not in choices:
            raise InputError(f"{option} is {value!r}; expected one of {', '.join(choices)}")
    if not options.lags or min(options.lags) < 1:
        raise InputError(f"--lags is {' '.join(map(str, options.lags))}; expected numbers ≥ 1")
    if options.flow_workers < 1:
        raise InputError(f"--flow-workers is {options.flow_workers}; expected at least 1")
    if not options.flow.startswith("files:"):
        scaled_engine(options.flow, options.flow_scale)
    return knobs_of(
        weights=options.mask_weights, dilate=options.mask_dilate, blur=options.mask_blur
    )
