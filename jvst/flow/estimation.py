"""Engines by name, and the functions that run one.

To add an engine, write one file in ``engines/`` with a small frozen object that has the three
members of ``Engine``, and name the object in ``ENGINES``. Nothing else changes: callers, the cache
and the checks below see engines only through that protocol. An engine that holds a network loads
it at the first batch, not when it is built, and puts the checksum of the weights into ``settings``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import cv2
import numpy as np
from jaxtyping import Float32, UInt8

from jvst._types import FlowField, Frame
from jvst.errors import InputError
from jvst.flow.engine import Engine, check_pair
from jvst.flow.engines.deepflow import DeepFlow
from jvst.flow.engines.deepflow2 import DeepFlow2
from jvst.flow.engines.deepmatching import DeepMatching
from jvst.flow.engines.dis import Dis
from jvst.flow.engines.epic import Epic
from jvst.flow.engines.epicflow import EpicFlow
from jvst.flow.files import UNKNOWN_ABOVE

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


@dataclass(frozen=True)
class Scaled:
    """An engine that sees frames at another size and whose fields are brought back to theirs.

    Args:
        engine: does the work.
        scale: of both sides, in (0, 1].
    """

    engine: Engine
    scale: float

    @property
    def name(self) -> str:
        """The engine's own."""
        return self.engine.name

    @property
    def settings(self) -> dict[str, str | int | float | bool]:
        """What the result depends on besides the frames."""
        return {**self.engine.settings, "scale": self.scale}

    def estimate_batch(
        self, images_from: UInt8[np.ndarray, "n h w 3"], images_to: UInt8[np.ndarray, "n h w 3"]
    ) -> Float32[np.ndarray, "n h w 2"]:
        """Estimate n fields at the scale; bring sizes and values back.

        Raises:
            InputError: the engine can't run here, or can't use frames so small.
        """
        height, width = images_from.shape[1:3]
        small = max(1, round(width * self.scale)), max(1, round(height * self.scale))
        shrunk = [
            np.stack([cv2.resize(image, small, interpolation=cv2.INTER_AREA) for image in images])
            for images in (images_from, images_to)
        ]
        flows = self.engine.estimate_batch(*shrunk)
        large = [cv2.resize(f, (width, height), interpolation=cv2.INTER_LINEAR) for f in flows]
        # The sides were rounded to whole pixels, each its own way.
        return np.stack(large) * np.array([width / small[0], height / small[1]], np.float32)


def scaled_engine(engine: str | Engine, scale: float = 1.0) -> Engine:
    """Find an engine that works at a scale.

    Args:
        engine: a name in ``ENGINES``, or an engine with settings of its own.
        scale: of both sides, in (0, 1]; 1 is the engine itself.

    Raises:
        InputError: there is none of that name, or the scale is out of range.
    """
    if not 0.0 < scale <= 1.0:
        raise InputError(f"the flow scale is {scale}; expected more than 0 and at most 1")
    found = engine_named(engine) if isinstance(engine, str) else engine
    return found if scale == 1.0 else Scaled(found, scale)
