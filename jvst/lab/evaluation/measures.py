"""Stability of one clip: metrics 1 to 3 and others.

Motion is true motion from a frame to a later one, so that errors are those of the later frame
brought back onto the earlier one. Every number is None where nothing could be measured.
"""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float32

from jvst._types import FlowField, Frame
from jvst.core.metrics import luminance_drift, masked_warping_error, warping_error
from jvst.lab.evaluation.truths import TrueClip, TrueMotion

#: A stylized frame in host memory: RGB in [0, 1].
Shown = Float32[np.ndarray, "h w 3"]
#: Name -> number; see ``stability`` and ``appearance.appearance`` for the names.
Numbers = dict[str, float | None]

_STEADY = 0.5  # pixels of motion since the first frame that count as none
_ENOUGH = 0.1  # share of steady pixels from which they represent the whole picture


def stability(images: Sequence[Shown], inputs: Sequence[Frame], clip: TrueClip) -> Numbers:
    """Measure how stable a clip is.

    Args:
        images: the stylized frames, clipped to [0, 1] here; may be fewer than the clip's.
        inputs: the frames that they were made from.
        clip: frames with known motion.

    Returns:
        ``warping_error`` (metric 1) and ``masked_error`` (metric 2), means over pairs of
        neighbours; ``lag J`` and ``first``, metric 2 over long distances (metric 3);
        ``reappearing`` and ``reappearing_pixels``, see there; ``drift``, ``deviation_drift`` and
        ``steady``, see ``drift``.

    Source: Ruder et al. 2016, section 6.2; Lai et al. 2018 for metric 2.
    """
    shown = [np.clip(image, 0.0, 1.0) for image in images]
    neighbours, masked = [], []
    for index in range(len(shown) - 1):
        if (truth := clip.truth(index)) is not None:
            neighbours.append(_error(shown[index], shown[index + 1], truth))
            masked.append(_masked(shown[index], shown[index + 1], truth))
    numbers: Numbers = {"warping_error": mean_known(neighbours), "masked_error": mean_known(masked)}
    for lag in clip.lags:
        errors = [
            _masked(shown[index], shown[index + lag], truth)
            for index in range(len(shown) - lag)
            if (truth := clip.truth(index, lag)) is not None
        ]
        numbers[f"lag {lag}"] = mean_known(errors)
    numbers["first"] = mean_known(
        [
            _masked(shown[0], shown[index], truth)
            for index in range(1, len(shown))
            if (truth := clip.truth_from_first(index)) is not None
        ]
    )
    return {**numbers, **reappearing(shown, clip), **drift(shown, inputs, clip)}


def reappearing(images: Sequence[Shown], clip: TrueClip) -> Numbers:
    """Measure metric 2 over what was hidden for a while and is seen again.

    These are the pixels that are visible over a long lag and hidden over a shorter one: what
    long-term terms are for. All lags and frames count together, every pixel alike.

    Args:
        images: the stylized frames, RGB in [0, 1].
        clip: frames with known motion.

    Returns:
        ``reappearing``, and ``reappearing_pixels``, the number of pixels that it is the mean of.
    """
    total, pixels = 0.0, 0
    for lag in clip.lags:
        shorter = (1, *(other for other in clip.lags if other < lag))
        for index in range(len(images) - lag):
            truth = clip.truth(index, lag)
            between = [clip.truth(index, other) for other in shorter]
            hidden = [~motion.visible for motion in between if motion is not None]
            if truth is None or not hidden:
                continue
            again = truth.visible & np.any(hidden, axis=0)
            count = int(np.count_nonzero(again))
            if count:
                flow = _finite(truth)
                mask = again.astype(np.float32)
                error = _masked_warping_error(images[index], images[index + lag], flow, mask)
                total += float(error) * count
                pixels += count
    return {"reappearing": total / pixels if pixels else None, "reappearing_pixels": float(pixels)}


def drift(images: Sequence[Shown], inputs: Sequence[Frame], clip: TrueClip) -> Numbers:
    """Measure how much lighter a clip has become at its end than its input has.

    Where at least a tenth of the pixels neither move nor are hidden in any frame, they alone
    count; else the whole picture does.

    Args:
        images: the stylized frames, RGB in [0, 1].
        inputs: the frames that they were made from.
        clip: frames with known motion.

    Returns:
        ``drift`` of the mean of luminance and ``deviation_drift`` of its standard deviation, from
        the first frame to the last, both less the input's; ``steady``, the share of pixels
        that count.
    """
    mask = steady_pixels(clip, len(images), inputs[0].shape[:2])
    changes = []
    for ends in ((images[0], images[-1]), (to_unit(inputs[0]), to_unit(inputs[len(images) - 1]))):
        mean, deviation = luminance_drift(jnp.stack(ends), jnp.asarray(mask, jnp.float32))
        changes.append((float(mean[1] - mean[0]), float(deviation[1] - deviation[0])))
    return {
        "drift": changes[0][0] - changes[1][0],
        "deviation_drift": changes[0][1] - changes[1][1],
        "steady": float(np.mean(mask)),
    }


def steady_pixels(clip: TrueClip, frames: int, shape: tuple[int, int]) -> Bool[np.ndarray, "h w"]:
    """Find the pixels that show the same point in every frame; all, if they are too few."""
    mask = np.ones(shape, bool)
    for index in range(1, frames):
        truth = clip.truth_from_first(index)
        if truth is None:
            return np.ones(shape, bool)
        mask &= truth.visible & (np.linalg.norm(truth.flow, axis=-1) < _STEADY)
    return mask if np.mean(mask) >= _ENOUGH else np.ones(shape, bool)


_warping_error = jax.jit(warping_error)
_masked_warping_error = jax.jit(masked_warping_error)


def _error(image: Shown, other: Shown, truth: TrueMotion) -> float:
    mask = truth.visible.astype(np.float32)
    return float(_warping_error(*map(jnp.asarray, (image, other, _finite(truth), mask))))


def _masked(image: Shown, other: Shown, truth: TrueMotion) -> float | None:
    """Return metric 2 of a pair, or None where nothing is visible in both."""
    if not np.any(truth.visible):
        return None
    mask = truth.visible.astype(np.float32)
    return float(_masked_warping_error(*map(jnp.asarray, (image, other, _finite(truth), mask))))


def _finite(truth: TrueMotion) -> FlowField:
    """Return the flow, 0 where it says nothing: files mark unknown motion by huge numbers."""
    return np.where(truth.visible[..., None], truth.flow, np.float32(0.0))


def to_unit(frame: Frame) -> Shown:
    """Bring an 8-bit frame to [0, 1]."""
    return frame.astype(np.float32) / np.float32(255.0)


def mean_known(values: Sequence[float | None]) -> float | None:
    """Return the mean of what could be measured, or None."""
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None
