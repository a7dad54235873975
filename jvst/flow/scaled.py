"""Flow at a fraction of the size: less time, less detail."""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float32, UInt8

from jvst.errors import InputError
from jvst.flow.engines import Engine, engine_named


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
