"""The result of a run: its files and outcome."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Result:
    """What a run leaves behind.

    Attributes:
        folder: the run's folder.
        pictures: the folder of the stylized frames, as PNG files.
        manifest: the file that says what the frames depend on and how they were made.
        video: the film; None when the run was cancelled.
        report: the page, where there is one.
        frames: how the solve of each frame went, in the last pass.
        passes: the same of the passes before.
        timings: seconds of each stage.
        cancelled: whether it ended early; then the same run goes on from its folder.
    """

    folder: Path
    pictures: Path
    manifest: Path
    video: Path | None = None
    report: Path | None = None
    frames: Sequence[Mapping[str, Any]] = ()
    passes: Sequence[Sequence[Mapping[str, Any]]] = ()
    timings: Mapping[str, float] = field(default_factory=dict)
    cancelled: bool = False
