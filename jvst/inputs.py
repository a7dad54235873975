"""From files to arrays: the clip's frames, the flow between them, the paintings."""

import dataclasses
import hashlib
import itertools
from collections import deque
from collections.abc import Generator, Iterator
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import cv2
import jax.numpy as jnp
import numpy as np

from jvst._types import FlowField, Frame, Image
from jvst.config import StylizeConfig, frame_range, frame_size
from jvst.errors import InputError
from jvst.flow import FlowCache, FlowFiles
from jvst.flow.scaled import scaled_engine
from jvst.folders import user_cache
from jvst.image import resize, to_float
from jvst.prefetch import Waiting, prefetch
from jvst.video import DamagedClipError, probe, read_frames, read_picture


@dataclasses.dataclass(frozen=True)
class Clip:
    """The part of a clip that is stylized.

    Attributes:
        source: as given.
        start: number of its first frame in the source, from 0.
        count: number of frames.
        size: (width, height) to work at, pixels.
        frame_rate: frames per second.
        has_audio: whether the source has sound.
        digest: checksum of the decoded frames.
    """

    source: str
    start: int
    count: int
    size: tuple[int, int]
    frame_rate: Fraction
    has_audio: bool
    digest: str


class ReadyFrame(NamedTuple):
    """A frame with the flow between it and earlier ones."""

    index: int  # from 0 in the part of the clip
    frame: Frame
    motions: dict[int, tuple[FlowField, FlowField]]  # lag -> (to the earlier frame, back)


def open_clip(config: StylizeConfig) -> Clip:
    """Look through the whole clip once: that every frame can be read, and how many there are.

    Decoding costs nothing beside stylizing, and damage is better known now than in an hour.

    Raises:
        InputError: a clip that is missing, damaged or too short, or frames too small.
    """
    source = config.input.clip
    start, stop = frame_range(config.input.frames)
    info = probe(source)
    size = frame_size(config, info.width, info.height)
    digest, count = hashlib.sha256(), 0
    try:
        for frame in read_frames(source, start=start, stop=stop):
            digest.update(frame.tobytes())
            count += 1
    except DamagedClipError as error:
        raise InputError(str(error)) from error
    if count == 0:
        raise InputError(f"{source} has no frames; expected a clip of at least 2")
    rate = Fraction(config.input.frame_rate).limit_denominator(1001)
    return Clip(
        source, start, count, size, rate or info.frame_rate, info.has_audio, digest.hexdigest()
    )


def clip_frames(clip: Clip, *, first: int = 0) -> Iterator[Frame]:
    """Yield the clip's frames from number ``first`` on, at the size to work at."""
    frames = read_frames(clip.source, start=clip.start + first, stop=clip.start + clip.count)
    for frame in frames:
        height, width, _ = frame.shape
        if (width, height) != clip.size:
            shrink = clip.size[0] * clip.size[1] < width * height
            frame = cv2.resize(  # noqa: PLW2901
                frame, clip.size, interpolation=cv2.INTER_AREA if shrink else cv2.INTER_CUBIC
            )
        yield frame


def ready_frames(
    clip: Clip,
    config: StylizeConfig,
    *,
    lags: tuple[int, ...],
    first: int = 0,
    waiting: Waiting | None = None,
) -> Generator[ReadyFrame, None, None]:
    """Yield frames from number ``first`` on, each with its flow, computed ahead on threads.

    Args:
        clip: the clip.
        config: names the flow engine, the cache and the number of threads.
        lags: distances to the earlier frames.
        first: number of the first frame to yield.
        waiting: grows by the time that the consumer stood still.

    Raises:
        InputError: a flow file that is missing or damaged; raised at its frame.
    """
    reach = max(lags)
    begin = max(first - reach, 0)

    def pairs() -> Iterator[tuple[int, Frame, dict[int, Frame]]]:
        recent: deque[Frame] = deque(maxlen=reach)
        for index, frame in enumerate(clip_frames(clip, first=begin), start=begin):
            if index >= first:
                yield index, frame, {lag: recent[-lag] for lag in lags if lag <= len(recent)}
            recent.append(frame)

    between = flow_source(clip, config)

    def estimate(item: tuple[int, Frame, dict[int, Frame]]) -> ReadyFrame:
        index, frame, earlier = item
        motions = {lag: between(index, frame, lag, other) for lag, other in earlier.items()}
        return ReadyFrame(index, frame, motions)

    workers = config.motion.flow_workers
    return prefetch(estimate, pairs(), workers=workers, ahead=2 * workers, waiting=waiting)


def flow_source(clip: Clip, config: StylizeConfig):
    """Return a function (index, frame, lag, earlier frame) -> (flow to it, flow back).

    Raises:
        InputError: an unknown engine or a bad pattern.
    """
    choice = config.motion.flow
    if choice.startswith("files:"):
        files = FlowFiles(choice)

        def read(index: int, frame: Frame, lag: int, other: Frame):
            here = clip.start + index
            return files.pair(here, here - lag, size=clip.size)

        return read
    engine = scaled_engine(choice, config.motion.flow_scale)
    cache = FlowCache(_flow_folder(config.motion.flow_cache), engine)

    def compute(index: int, frame: Frame, lag: int, other: Frame):
        return cache.pair(frame, other)

    return compute


def read_styles(config: StylizeConfig, size: tuple[int, int]) -> tuple[list[Image], list[str]]:
    """Read the paintings, scaled to the frame, and their checksums.

    A painting's area becomes the frame's times ``style_scale`` squared, its aspect kept.

    Args:
        config: names the paintings and the scale.
        size: (width, height) of the frames, pixels.

    Raises:
        InputError: a file that is missing or no picture.
    """
    images, digests = [], []
    for path in config.input.style:
        picture = read_picture(path)
        digests.append(hashlib.sha256(picture.tobytes()).hexdigest())
        height, width, _ = picture.shape
        scale = config.look.style_scale * (size[0] * size[1] / (width * height)) ** 0.5
        # relu5_1 needs 16 pixels a side.
        scaled = max(round(width * scale), 16), max(round(height * scale), 16)
        images.append(jnp.clip(resize(to_float(jnp.asarray(picture)), size=scaled), 0.0, 1.0))
    return images, digests


def split(
    ready: Iterator[ReadyFrame],
) -> tuple[Iterator[Image], Iterator[dict[int, tuple[np.ndarray, np.ndarray]]]]:
    """Part ready frames into images and flows, for a consumer that takes them in turn."""
    one, two = itertools.tee(ready)
    return (to_float(jnp.asarray(r.frame)) for r in one), (r.motions for r in two)


def _flow_folder(choice: str) -> Path | None:
    if choice == "none":
        return None
    return Path(choice) if choice else user_cache("flow")
