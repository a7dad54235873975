"""Refusal of clips that can't be meant, in words."""

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence, Sized
from typing import Any

import jax
import jax.numpy as jnp

from jvst._types import Image, ImageLike
from jvst.core.arguments import check_kind, check_range, check_solvable, floats
from jvst.errors import InputError
from jvst.film.neighbours import Motion
from jvst.network.vgg import VGG

_NONE_LEFT = object()


def check_clip(vgg: Any, style: Any, key: Any) -> None:
    """Refuse what no clip can be stylized with.

    Raises:
        InputError: something else than a network, than style targets, or than a key.
    """
    check_kind("vgg", vgg, VGG, "a network, such as jvst.load_network('embedded').weights")
    check_kind("style", style, Mapping, "what jvst.style_targets returns")
    if not (
        isinstance(key, jax.Array)
        and (jnp.issubdtype(key.dtype, jax.dtypes.prng_key) or key.dtype == jnp.uint32)
    ):
        raise InputError(f"key is {key!r}; expected a key of JAX: jax.random.key(0)")


def check_counts(frames: Iterable[Any], motions: Iterable[Any]) -> None:
    """Refuse another number of motions than of frames, where both are known already.

    Raises:
        InputError: as said.
    """
    if isinstance(frames, Sized) and isinstance(motions, Sized) and len(frames) != len(motions):
        raise InputError(
            f"there are {len(motions)} motions for {len(frames)} frames; expected one for each "
            "frame, the first frame's included"
        )


def checked_frame(index: int, frame: ImageLike, like: Image | None) -> Image:
    """Return a frame as a JAX array.

    Args:
        index: its number.
        frame: RGB in [0, 1].
        like: an earlier frame of the clip.

    Raises:
        InputError: no RGB picture in [0, 1], or of another size than the earlier one.
    """
    before = {} if like is None else {"the frame before": (like, "h w 3")}
    name = f"frames[{index}]"
    frame = floats(**before, **{name: (frame, "h w 3")})[-1]
    check_solvable(name, frame)
    check_range(name, frame)
    return frame


def check_motion(name: str, motion: Any, index: int, frame: Image) -> None:
    """Refuse motion that can't be that of a frame.

    Args:
        name: of the motion, for the message.
        motion: looked at.
        index: number of the frame.
        frame: as it came from the clip.

    Raises:
        InputError: no motion, or arrays of other shapes, types or ranges.
    """
    check_kind(name, motion, Motion, "a jvst.Motion, optical flow both ways")
    given = {"flow": (motion.flow, "h w 2"), "flow_back": (motion.flow_back, "h w 2")}
    more = {"other": "h w 3", "mask": "h w", "mask_back": "h w"}
    given |= {
        part: (getattr(motion, part), shape)
        for part, shape in more.items()
        if getattr(motion, part) is not None
    }
    named = {f"{name}.{part}": each for part, each in given.items()}
    floats(**{f"frames[{index}]": (frame, "h w 3")}, **named)
    for part in more.keys() & given.keys():
        check_range(f"{name}.{part}", given[part][0])


def in_step(
    frames: Iterable[ImageLike], motions: Iterable[Mapping[int, Motion]], first: int
) -> Iterator[tuple[int, Image, Mapping[int, Motion]]]:
    """Go through frames and their motions, checked as they come.

    Args:
        frames: see ``stylize_clip``.
        motions: see ``stylize_clip``.
        first: number of the first frame.

    Yields:
        Number of the frame, the frame and its motions by lag.

    Raises:
        InputError: what can't be meant, at its frame.
    """
    like = None
    both: Any = itertools.zip_longest(frames, motions, fillvalue=_NONE_LEFT)
    for index, (frame, motion) in enumerate(both, start=first):
        if frame is _NONE_LEFT or motion is _NONE_LEFT:
            ended = "frames" if frame is _NONE_LEFT else "motions"
            raise InputError(
                f"{ended} end before number {index}; expected as many motions as frames, empty "
                "where a frame has none"
            )
        like = checked_frame(index, frame, like)
        check_kind(
            f"motions[{index}]", motion, Mapping, "lag -> jvst.Motion, {} where there is none"
        )
        for lag, each in motion.items():
            check_motion(f"motions[{index}][{lag}]", each, index, like)
        yield index, like, motion


def check_both_ways(motion: Motion, name: str) -> None:
    """Refuse a mask for one direction alone, where passes go in both.

    Raises:
        InputError: as said.
    """
    if (motion.mask is None) != (motion.mask_back is None):
        given, missing = "mask", "mask_back"
        if motion.mask is None:
            given, missing = missing, given
        raise InputError(
            f"{name} has a {given} and no {missing}; expected both where passes go forward and "
            "backward: give trust in the flow back, too, or neither, and jvst makes its own"
        )


def check_motions(motions: Sequence[Any], *, both_ways: bool) -> None:
    """Look through motions that are all there; others are looked at when their turn comes.

    Args:
        motions: see ``stylize_multipass``.
        both_ways: passes go in both directions.

    Raises:
        InputError: no motion, or a mask for one direction alone.
    """
    if not isinstance(motions, list | tuple):
        return
    for index, motion in enumerate(motions):
        if motion is not None:
            name = f"motions[{index}]"
            check_kind(name, motion, Motion, "a jvst.Motion, or None where there is none")
            if both_ways:
                check_both_ways(motion, name)
