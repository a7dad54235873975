"""Inputs of a run as arrays: frames, paintings, pictures."""

import contextlib
import dataclasses
import hashlib
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import jax
import jax.numpy as jnp
import numpy as np

from jvst._types import Frame, Image
from jvst.app.options import StylizeConfig, frame_range, frame_size
from jvst.core.image import resize, to_float
from jvst.errors import InputError
from jvst.network.weights import PictureSet
from jvst.synthetic import training_picture
from jvst.video import (
    DamagedClipError,
    Timeline,
    probe,
    read_frames,
    read_picture,
    read_timed_frames,
    timeline,
)
from jvst.video.cuts import chosen_cuts
from jvst.video.pictures import LARGEST_PIXELS

# A file that was normalised over other pictures gets another name in the cache: change this when
# the pictures change.
_PROCEDURAL = "procedural-1"
_PROCEDURAL_COUNT, _PROCEDURAL_SIZE = 16, 160
_SUFFIXES = (".png", ".jpg", ".jpeg", ".ppm", ".webp", ".tif", ".tiff", ".bmp")
# Larger pictures are reduced: a mean activation needs no more positions.
_LONGEST_SIDE, _SHORTEST_SIDE = 512, 16


@dataclasses.dataclass(frozen=True)
class Clip:
    """The part of a clip that is stylized.

    Attributes:
        source: as given.
        start: number of its first frame in the source, from 0.
        count: number of frames.
        size: (width, height) to work at, pixels.
        timeline: when its frames are shown.
        has_times: whether the source says so; pictures don't.
        has_audio: whether the source has sound.
        digest: checksum of the decoded frames.
        cuts: frames, from 0, at which a new shot begins; nothing is carried over into it.
        video_stream: which one of the source's; its default where None.
        notices: what the user should know of how frames are read, a line each.
    """

    source: str
    start: int
    count: int
    size: tuple[int, int]
    timeline: Timeline
    has_times: bool
    has_audio: bool
    digest: str
    cuts: tuple[int, ...] = ()
    video_stream: int | None = None
    notices: tuple[str, ...] = ()

    @property
    def frame_rate(self) -> Fraction:
        """Frames per second; the average where they vary."""
        return self.timeline.frame_rate

    def shot_start(self, index: int) -> int:
        """Return the first frame of the shot that a frame belongs to."""
        return max((cut for cut in self.cuts if cut <= index), default=0)


def open_clip(config: StylizeConfig) -> Clip:
    """Look through the whole clip once: that every frame can be read, how many, and its cuts.

    Decoding takes little time beside stylizing, and damage is found before the work begins.

    Raises:
        InputError: a clip that is missing, damaged or too short, frames too small, or cuts that
            it can't have.
    """
    (source,) = config.input.clips
    start, stop = frame_range(config.input.frames)
    stream = config.input.video_stream
    sound = config.input.audio_stream if config.output.audio else None
    info = probe(source, video_stream=stream, audio_stream=sound)
    size = frame_size(config, info.width, info.height)
    rate = frame_rate_of(config.input.frame_rate) or info.frame_rate
    digest = hashlib.sha256()
    moments: list[tuple[Fraction, Fraction]] = []
    notices = list(info.notices)

    def looked_at() -> Iterator[Frame]:
        for frame, time, duration in read_timed_frames(
            source,
            start=start,
            stop=stop,
            video_stream=stream,
            frame_rate=rate,
            on_notice=notices.append,
        ):
            digest.update(frame.tobytes())
            moments.append((time, duration))
            yield frame

    try:
        cuts = chosen_cuts(
            config.input.cuts,
            looked_at(),
            frame_rate=rate,
            sensitivity=config.input.cut_sensitivity,
        )
    except DamagedClipError as error:
        raise InputError(str(error)) from error
    if not moments:
        raise InputError(f"{source} has no frames; expected a clip of at least 2")
    if stop is not None and start + len(moments) < stop:
        notices.append(
            f"`frames` is {config.input.frames}, and {source} has {start + len(moments)} frames: "
            f"{len(moments)} are stylized"
        )
    return Clip(
        source,
        start,
        len(moments),
        size,
        timeline(moments, tick=info.tick, stated=[info.frame_rate if info.has_times else rate]),
        info.has_times,
        info.has_audio,
        digest.hexdigest(),
        cuts,
        stream,
        tuple(dict.fromkeys(notices)),
    )


def frame_rate_of(given: float) -> Fraction:
    """Return the rate that a decimal number such as 29.97 means."""
    return Fraction(given).limit_denominator(1001)


def clip_frames(clip: Clip, *, first: int = 0) -> Iterator[Frame]:
    """Yield the clip's frames from number ``first`` on, at the size to work at."""
    frames = read_frames(
        clip.source,
        start=clip.start + first,
        stop=clip.start + clip.count,
        video_stream=clip.video_stream,
    )
    for frame in frames:
        height, width, _ = frame.shape
        if (width, height) != clip.size:
            shrink = clip.size[0] * clip.size[1] < width * height
            frame = cv2.resize(  # noqa: PLW2901
                frame, clip.size, interpolation=cv2.INTER_AREA if shrink else cv2.INTER_CUBIC
            )
        yield frame


def read_styles(
    config: StylizeConfig,
    size: tuple[int, int],
    *,
    on_notice: Callable[[str], object] = lambda _: None,
) -> tuple[list[Image], list[str]]:
    """Read the paintings, scaled to the frame, and their checksums.

    A painting's area becomes the frame's times ``style_scale`` squared, its aspect kept.

    Args:
        config: names the paintings and the scale.
        size: (width, height) of the frames, pixels.
        on_notice: told of a painting that is read reduced, and the like.

    Raises:
        InputError: a file that is missing or no picture.
    """
    images, digests = [], []
    for path in config.input.style:
        picture = read_picture(path, largest=LARGEST_PIXELS, on_notice=on_notice)
        digests.append(hashlib.sha256(picture.tobytes()).hexdigest())
        height, width, _ = picture.shape
        scale = config.look.style_scale * (size[0] * size[1] / (width * height)) ** 0.5
        # relu5_1 needs 16 pixels a side.
        scaled = max(round(width * scale), 16), max(round(height * scale), 16)
        with _on_the_host():
            image = jnp.clip(resize(to_float(jnp.asarray(picture)), size=scaled), 0.0, 1.0)
        images.append(jnp.asarray(np.asarray(image)))
    return images, digests


def _on_the_host() -> contextlib.AbstractContextManager[Any]:
    """Compute on the CPU what is computed once: a GPU takes seconds to compile as much."""
    try:
        return jax.default_device(jax.local_devices(backend="cpu")[0])
    except RuntimeError:  # the user has named JAX's platforms, and left this out
        return contextlib.nullcontext()


def procedural_pictures() -> PictureSet:
    """Return the drawn pictures that ``vgg19-normalised`` is normalised over by default."""
    return PictureSet(
        _PROCEDURAL,
        lambda: [
            to_float(jnp.asarray(training_picture(seed, _PROCEDURAL_SIZE, _PROCEDURAL_SIZE)))
            for seed in range(_PROCEDURAL_COUNT)
        ],
    )


def folder_pictures(folder: str | Path) -> PictureSet:
    """Return the pictures of a folder, to normalise over.

    Raises:
        InputError: there is no such folder, or no picture in it. Drawing raises it for a damaged
            picture.
    """
    paths = picture_paths(folder)
    digest = hashlib.sha256()
    for path in paths:
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return PictureSet(f"folder-{digest.hexdigest()[:16]}", lambda: [*map(_reduced, paths)])


def picture_paths(folder: str | Path) -> list[Path]:
    """List the pictures of a folder, to normalise over.

    Raises:
        InputError: there is no such folder, or no picture in it.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"{folder} is no folder; expected one of pictures to normalise over")
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in _SUFFIXES)
    if not paths:
        raise InputError(
            f"{folder} holds no picture; expected some, as {', '.join(_SUFFIXES)}, to normalise "
            "over"
        )
    return paths


def _reduced(path: Path) -> Image:
    picture = to_float(jnp.asarray(read_picture(path, largest=LARGEST_PIXELS)))
    height, width = picture.shape[:2]
    scale = min(1.0, _LONGEST_SIDE / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    if min(size) < _SHORTEST_SIDE:
        raise InputError(
            f"{path} is {width}×{height}; expected at least {_SHORTEST_SIDE} pixels a side; "
            "remove it from the folder"
        )
    return picture if scale == 1.0 else resize(picture, size=size)
