"""A scene written as a sequence, with its true motion."""

import re
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from jvst._files import replacing, writing_to
from jvst.errors import InputError
from jvst.flow.files import write_flow
from jvst.lab.evaluation.sintel.layout import PixelMask, beside, ending, outside_frame
from jvst.synthetic import Scene, clip, exact_flow, exact_occlusion
from jvst.video.pictures import write_picture


def write_sequence(
    folder: str | Path, name: str, scene: Scene, frames: int, *, lags: Sequence[int] = (5, 10, 20)
) -> None:
    """Draw a scene as a sequence with all that is true of it; each file appears whole.

    Args:
        folder: that shall hold ``final``, ``flow`` and the others; made if missing.
        name: of the sequence, which ``folder`` doesn't hold yet.
        scene: what to draw, at times 0, 1, ….
        frames: how many, at least 2.
        lags: distances for the long flow, in frames, each at least 2; those beyond the last
            frame write nothing.

    Raises:
        InputError: a number is out of range, the sequence is there, or a file can't be written.
    """
    folder = Path(folder)
    if not re.fullmatch(r"\w[\w-]*", name):
        raise InputError(f"{name!r} can't name a sequence; give letters, digits, - and _")
    if frames < 2:
        raise InputError(f"a sequence of {frames} frames has no motion; ask for at least 2")
    check_lags(lags)
    if (folder / "final" / name).exists():
        raise InputError(
            f"{folder / 'final' / name} exists already; give another folder or name, or remove "
            "the old sequence with its flow and occlusions"
        )
    for index, picture in enumerate(clip(scene, frames)):
        frame = Path(f"frame_{index + 1:04d}.png")
        write_picture(beside(folder, "final", name, frame, ".png"), picture)
        for lag in (1, *lags):
            if index + lag < frames:
                times = (index, index + lag)
                _write_truth(folder, ending(lag), name, frame, scene, times)
        if index > 0:
            _write_truth(folder, "_first", name, frame, scene, (0, index))


def check_lags(lags: Sequence[int]) -> None:
    """Refuse distances that ``write_sequence`` can't write.

    Raises:
        InputError: one is under 2 or stands there twice.
    """
    if min(lags, default=2) < 2 or len(set(lags)) < len(lags):
        raise InputError(
            f"long lags are {' '.join(map(str, lags))}; expected different numbers from 2 on "
            "(the flow to the next frame is always written)"
        )


def _write_truth(
    folder: Path, kind: str, name: str, frame: Path, scene: Scene, times: tuple[int, int]
) -> None:
    """Write the motion between two times; ``kind`` ends the names of its folders."""
    flow, hidden = exact_flow(scene, *times), exact_occlusion(scene, *times)
    if not kind:
        outside = outside_frame(flow)
        _write_pixels(beside(folder, "invalid", name, frame, ".png"), outside)
        hidden &= ~outside
    _write_pixels(beside(folder, f"occlusions{kind}", name, frame, ".png"), hidden)
    path = beside(folder, f"flow{kind}", name, frame, ".flo")
    with writing_to(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_flow(path, flow)


def _write_pixels(path: Path, marked: PixelMask) -> None:
    """Write a mask as an 8-bit grey picture, 255 where it holds."""
    _, encoded = cv2.imencode(".png", marked.astype(np.uint8) * 255)
    with replacing(path) as temporary, writing_to(path):
        temporary.write_bytes(encoded.tobytes())
