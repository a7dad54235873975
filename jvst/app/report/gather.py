"""Numbers and pictures for the page, gathered in one pass."""

import heapq
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float32

from jvst._types import FlowField, Frame
from jvst.app.report.slices import Slices
from jvst.app.report.thumbnails import SheetRow, Thumbnail, sheet_row, thumbnail
from jvst.core.image import LUMA
from jvst.core.metrics import warping_error
from jvst.flow.pictures import warped_difference

_SHEET_ROWS = 8
_WORST = 3
#: How much brighter a frame's change is shown: at 1 even visible flicker is nearly black.
DIFFERENCE_GAIN = 8.0

StylizedImage = Float32[np.ndarray, "h w 3"]
HostMask = Float32[np.ndarray, "h w"]


class RunFrame(NamedTuple):
    """One frame of a finished run, as the page needs it."""

    index: int  # from 0
    source: Frame  # the input at the size worked at
    image: StylizedImage  # the stylized state, not clipped
    info: dict[str, Any]  # how its solve went, as ``frames/NNNN.json`` holds it
    flow: FlowField | None  # to the frame before; None for the first frame and at cuts
    mask: HostMask | None  # trust in that flow, 1 = trust


class FrameNumbers(NamedTuple):
    """What is measured of one frame; NaN where there is no frame before."""

    index: int  # from 0
    info: dict[str, Any]  # without its reports
    error: float  # warping error of the output
    floor: float  # warping error of the input, by the same flow and mask
    trust: float  # mean of the mask
    drift: float  # mean luminance of the output minus that of the input
    spread: float  # standard deviation of the output's luminance
    source_spread: float  # the same of the input


class WorstFrame(NamedTuple):
    """A frame that changes more along the motion than others do."""

    error: float
    index: int
    output: Thumbnail
    difference: Thumbnail  # what warping the frame before leaves, where the flow is trusted


@dataclass
class Gathered:
    """A run's numbers and the few pictures that the page shows."""

    slices: Slices
    numbers: list[FrameNumbers] = field(default_factory=list)
    sheet: list[SheetRow] = field(default_factory=list)
    reports: dict[int, list[dict[str, Any]]] = field(default_factory=dict)  # first, middle, last
    worst: list[WorstFrame] = field(default_factory=list)  # the worst first


def gather(frames: Iterable[RunFrame], count: int) -> Gathered:
    """Look at every frame once, and keep numbers, one row in a few places, and few thumbnails.

    Args:
        frames: in order; may be lazy.
        count: how many there will be.

    Raises:
        ValueError: no frames.
    """
    gathered = Gathered(Slices(count))
    shown_in_sheet = set(_evenly(count, _SHEET_ROWS))
    with_reports = {0, count // 2, count - 1}
    worst: list[WorstFrame] = []
    before: tuple[StylizedImage, StylizedImage] | None = None
    for frame in frames:
        # As it is shown; the state itself may leave [0, 1].
        output = np.clip(np.nan_to_num(frame.image), 0.0, 1.0)
        source = frame.source.astype(np.float32) / np.float32(255.0)
        numbers = _measure(frame, source, output, before)
        gathered.numbers.append(numbers)
        gathered.slices.add(frame.index, frame.source, _picture(output), _motion(frame))
        if frame.index in shown_in_sheet:
            row = sheet_row(frame.index, frame.source, _picture(output), frame.flow, frame.mask)
            gathered.sheet.append(row)
        if frame.index in with_reports and frame.info.get("reports"):
            gathered.reports[frame.index] = frame.info["reports"]
        if before is not None and _among_worst(numbers.error, worst):
            heapq.heappush(worst, _worst_frame(frame, numbers.error, output, before[1]))
            if len(worst) > _WORST:
                heapq.heappop(worst)  # the least of them
        before = source, output
    if not gathered.numbers:
        raise ValueError("a run of no frames; expected at least 1")
    gathered.worst = sorted(worst, key=lambda one: -one.error)
    return gathered


_warping_error = jax.jit(warping_error)


def _measure(
    frame: RunFrame,
    source: StylizedImage,
    output: StylizedImage,
    before: tuple[StylizedImage, StylizedImage] | None,
) -> FrameNumbers:
    error = floor = trust = float("nan")
    if before is not None and frame.flow is not None:
        mask = _mask(frame)
        motion = jnp.asarray(frame.flow), jnp.asarray(mask)
        floor, error = (
            float(_warping_error(jnp.asarray(now), jnp.asarray(then), *motion))
            for now, then in zip((source, output), before, strict=True)
        )
        trust = float(mask.mean())
    luma = np.asarray(LUMA, np.float32)
    light, source_light = output @ luma, source @ luma
    return FrameNumbers(
        frame.index,
        {name: value for name, value in frame.info.items() if name != "reports"},
        error,
        floor,
        trust,
        float(light.mean() - source_light.mean()),
        float(light.std()),
        float(source_light.std()),
    )


def _worst_frame(
    frame: RunFrame, error: float, output: StylizedImage, before: StylizedImage
) -> WorstFrame:
    assert frame.flow is not None  # there is no error without
    picture = _picture(output)
    left = warped_difference(picture, _picture(before), frame.flow, gain=DIFFERENCE_GAIN)
    trusted = (left * _mask(frame)[..., None]).astype(np.uint8)
    return WorstFrame(error, frame.index, thumbnail(picture), thumbnail(trusted))


def _among_worst(error: float, worst: list[WorstFrame]) -> bool:
    return bool(np.isfinite(error)) and (len(worst) < _WORST or error > worst[0].error)


def _motion(frame: RunFrame) -> HostMask | None:
    """Return the length of the motion where it is trusted, 0 elsewhere, pixels."""
    if frame.flow is None:
        return None
    return np.linalg.norm(frame.flow, axis=-1) * _mask(frame)


def _mask(frame: RunFrame) -> HostMask:
    """Return the mask, or trust everywhere where there is none."""
    return np.ones(frame.source.shape[:2], np.float32) if frame.mask is None else frame.mask


def _picture(image: StylizedImage) -> Frame:
    """Return 8-bit RGB of an image in [0, 1]."""
    return np.rint(image * 255.0).astype(np.uint8)


def _evenly(count: int, most: int) -> list[int]:
    """Return up to ``most`` of the numbers below ``count``, the first and the last among them."""
    return sorted({round(place) for place in np.linspace(0, count - 1, min(most, count))})
