"""``epicflow``: the paper's EpicFlow, on DeepMatching."""

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float32, UInt8

from jvst._types import Frame
from jvst.flow.dense.search import dense_search, grey_of
from jvst.flow.dense.spread import PIPELINE, Guesses, spread_batch
from jvst.flow.engine import contrib_function
from jvst.flow.engines.deepmatching import fill
from jvst.flow.matching.matches import match_batch, matcher_settings


@dataclass(frozen=True)
class EpicFlow:
    """EpicFlow (Revaud et al. 2015) over DeepMatching, the second of the paper's two flows.

    Differs from the original: matches, which lie on a grid of 2 px, are made exact by a dense
    search that starts from them, and checked both ways (without, the error is two times that of
    ``epic`` and the masks are no better than those of ``dis``). The interpolator follows edges of
    OpenCV's own gradient cost, not of a learned detector.

    Args:
        radius: how far patches are looked for, pixels; None for ``default_radius``.
    """

    radius: int | None = None
    name: str = field(default="epicflow", init=False)

    @property
    def settings(self) -> dict[str, str | int | float | bool]:
        """What the result depends on besides the frames."""
        return {**matcher_settings(self.radius), "pipeline": PIPELINE}

    def estimate_batch(
        self, images_from: UInt8[np.ndarray, "n h w 3"], images_to: UInt8[np.ndarray, "n h w 3"]
    ) -> Float32[np.ndarray, "n h w 2"]:
        """Estimate n fields; all are matched in one program.

        Raises:
            InputError: this OpenCV comes without its contrib modules, or a side is shorter than
                40 px.
        """
        contrib_function("ximgproc", "createEdgeAwareInterpolator", engine=self.name)
        return spread_batch(images_from, images_to, self._guess, engine=self.name)

    def _guess(self, image_from: Frame, image_to: Frame) -> Guesses:
        there, back = match_batch(
            np.stack([image_from, image_to]),
            np.stack([image_to, image_from]),
            radius=self.radius,
        )
        grey_from, grey_to = grey_of(image_from), grey_of(image_to)
        size = image_from.shape[:2]
        flow = dense_search(grey_from, grey_to, start=fill(there, size))
        flow_back = dense_search(grey_to, grey_from, start=fill(back, size))
        return [(flow, flow_back)]
