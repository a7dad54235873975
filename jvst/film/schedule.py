"""Order, neighbours and batches of several passes over a clip."""

import dataclasses
from typing import Literal

from jvst.core.arguments import check_choices, check_least
from jvst.core.blend import pass_order
from jvst.film.clip import ClipConfig

_CLIP = ClipConfig()


@dataclasses.dataclass(frozen=True)
class MultipassConfig:
    """How a clip is stylized in several passes.

    Attributes:
        passes: number of passes over the clip; in the first every frame is solved alone.
        pass_iterations: cap of each frame in each pass.
        blend: δ, the share of the warped neighbour in a frame's start.
        temporal_from: the first pass with the temporal term; None: the Torch code's 8 of 15,
            in proportion.
        schedule: ``sequential`` is the paper's: passes alternate in direction, and a frame is
            blended with its neighbour's result of the same pass. ``parallel`` blends every frame
            with both neighbours' results of the pass before, so that a whole pass can be
            solved at once.
        batch: frames that are solved at once, in pass 1 and in parallel passes.
        clip: mask, start of pass 1, content layers and solver; lags and caps have no effect.

    Source: Ruder et al. 2016, section 5.4: 100 iterations, about 10 passes, δ = 0.5.
    """

    passes: int = 10
    pass_iterations: int = 100
    blend: float = 0.5
    temporal_from: int | None = None
    schedule: Literal["sequential", "parallel"] = "sequential"
    batch: int = 1
    clip: ClipConfig = _CLIP

    def __post_init__(self) -> None:
        """Refuse unknown words, and numbers that can't be meant."""
        check_choices(self)
        for name, least in (("passes", 1), ("pass_iterations", 0), ("batch", 1)):
            check_least(name, getattr(self, name), least)
        if self.temporal_from is not None:
            check_least("temporal_from", self.temporal_from, 1)

    @property
    def goes_both_ways(self) -> bool:
        """Whether a frame is held to the one after it, too."""
        return self.passes > (1 if self.schedule == "parallel" else 2)

    def has_temporal_term(self, pass_number: int) -> bool:
        """Tell whether a pass, counted from 1, holds frames to their neighbours."""
        first = self.temporal_from
        if first is None:
            first = 1 + 7 * self.passes // 15
        return pass_number >= max(first, 2)

    def is_batched(self, pass_number: int) -> bool:
        """Tell whether the frames of a pass, counted from 1, are independent of each other."""
        return pass_number == 1 or self.schedule == "parallel"

    def order(self, frames: int, pass_number: int) -> range:
        """Return the order in which a pass visits the frames."""
        return range(frames) if self.is_batched(pass_number) else pass_order(frames, pass_number)


def batches(frames: int, most: int, devices: int = 1) -> list[range]:
    """Divide the frames into batches of equal size; only the last may have fewer.

    Args:
        frames: number of frames.
        most: frames in a batch at the most.
        devices: the size is a multiple of this where it can be.
    """
    count = -(-frames // max(most, 1))
    size = -(-frames // count)
    size = -(-size // devices) * devices
    return [range(start, min(start + size, frames)) for start in range(0, frames, size)]


def neighbours_in_pass(
    config: MultipassConfig, frames: int, pass_number: int, index: int
) -> list[tuple[int, int] | None]:
    """Return (pass, frame) of what a frame is blended with, None in an empty slot.

    One slot in a sequential pass, (before, after) in a parallel one; no slot is ever filled in
    the first pass.
    """
    slots = 2 if config.schedule == "parallel" else 1
    if pass_number == 1:
        return [None] * slots
    if config.schedule == "parallel":
        return [
            (pass_number - 1, other) if 0 <= other < frames else None
            for other in (index - 1, index + 1)
        ]
    other = index - 1 if pass_order(frames, pass_number).step > 0 else index + 1
    return [(pass_number, other) if 0 <= other < frames else None]
