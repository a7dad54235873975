"""The engines by name, and the two functions that run one.

To add an engine, write one file with a small frozen object that has the three members of
``Engine``, and name the object in ``ENGINES``. Nothing else changes: callers, the cache and the
checks below see engines only through that protocol. An engine that holds a network loads it at
the first batch, not when it is built, and puts the checksum of the weights into ``settings``.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float32, UInt8

from jvst._types import FlowField, Frame
from jvst.errors import InputError
from jvst.flow.deepflow import DeepFlow
from jvst.flow.deepflow2 import DeepFlow2
from jvst.flow.deepmatching import DeepMatching
from jvst.flow.dis import Dis
from jvst.flow.epic import Epic
from jvst.flow.epicflow import EpicFlow
from jvst.flow.frames import check_pair
from jvst.flow.io import UNKNOWN_ABOVE


@runtime_checkable
class Engine(Protocol):
    """What an optical flow engine has; it is safe to call from several threads."""

    @property
    def name(self) -> str:
        """The word that selects the engine."""
        ...

    @property
    def settings(self) -> dict[str, str | int | float | bool]:
        """Everything besides the frames that the field depends on, versions included.

        Plain values: they are part of the cache's key.
        """
        ...

    def estimate_batch(
        self, images_from: UInt8[np.ndarray, "n h w 3"], images_to: UInt8[np.ndarray, "n h w 3"]
    ) -> Float32[np.ndarray, "n h w 2"]:
        """Estimate the flow of n pairs of RGB frames, all of one size."""
        ...


#: The engines that a name selects.
ENGINES: Mapping[str, Engine] = MappingProxyType(
    {one.name: one for one in (Dis(), DeepFlow(), DeepFlow2(), Epic(), DeepMatching(), EpicFlow())}
)


def engine_named(name: str) -> Engine:
    """Find an engine by its name.

    Raises:
        InputError: there is none of that name.
    """
    if name in ENGINES:
        return ENGINES[name]
    if name.startswith("files:"):
        raise InputError(
            f"{name} names fields computed elsewhere, which need frame numbers, not images; "
            "read them with jvst.flow.FlowFiles"
        )
    raise InputError(
        f"there is no flow engine {name!r}; use one of {', '.join(ENGINES)}, or files:PATTERN"
    )


def estimate(engine: str | Engine, image_from: Frame, image_to: Frame) -> FlowField:
    """Estimate where every pixel of one frame is in another.

    .. math:: I_{to}(p + flow(p)) = I_{from}(p)

    Args:
        engine: a name in ``ENGINES``, or an engine with settings of its own.
        image_from: the frame on which the arrows start, 8-bit RGB.
        image_to: the frame to which they point, of the same size.

    Returns:
        (dx, dy) in pixels, every value finite.

    Raises:
        InputError: there is no such engine, it can't run here, or it can't use these frames.
    """
    check_pair(image_from, image_to)
    return _estimate_batch(engine, image_from[None], image_to[None])[0]


def estimate_pair(
    engine: str | Engine, image_from: Frame, image_to: Frame
) -> tuple[FlowField, FlowField]:
    """Estimate the flow both ways, as one batch of two.

    Args:
        engine: a name in ``ENGINES``, or an engine with settings of its own.
        image_from: a frame, 8-bit RGB.
        image_to: another, of the same size.

    Returns:
        The field from ``image_from`` to ``image_to`` and the one back, (dx, dy) in pixels,
        each as seen on the frame where its arrows start.

    Raises:
        InputError: there is no such engine, it can't run here, or it can't use these frames.
    """
    check_pair(image_from, image_to)
    both = _estimate_batch(
        engine, np.stack([image_from, image_to]), np.stack([image_to, image_from])
    )
    return both[0], both[1]


def _estimate_batch(
    engine: str | Engine, images_from: np.ndarray, images_to: np.ndarray
) -> np.ndarray:
    """Run an engine and refuse a field that nothing downstream could use."""
    engine = engine_named(engine) if isinstance(engine, str) else engine
    flows = np.asarray(engine.estimate_batch(images_from, images_to), np.float32)
    if flows.shape != (*images_from.shape[:3], 2):
        raise ValueError(
            f"engine {engine.name} returned {list(flows.shape)} for frames "
            f"{list(images_from.shape)}; expected [n, height, width, 2]"
        )
    if not np.all(np.abs(flows) <= UNKNOWN_ABOVE):  # false for NaN too
        raise InputError(
            f"the flow engine {engine.name} found no finite flow between two frames; "
            "use another engine for this clip"
        )
    return flows  # [n h w 2]
