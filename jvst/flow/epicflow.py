"""``epicflow``: DeepMatching's matches, spread along edges, refined; as the paper had it."""

from dataclasses import dataclass, field

import cv2
import jax
import numpy as np
from jaxtyping import Float32, UInt8

from jvst._types import FlowField, Frame
from jvst.flow.contrib import contrib_function
from jvst.flow.deepmatching import fill
from jvst.flow.interpolation import interpolate
from jvst.flow.matching import Matches, match_batch
from jvst.flow.refinement import refine
from jvst.flow.search import grey_of

#: Revaud et al. 2015: matches that each fit uses.
_NEIGHBOURS = 100
#: Pixels: a match that differs more from what lies around it is taken for wrong.
_OUTLIER = 5.0
#: Matches lie on a 2 px grid but for their fraction; see ``interpolate`` for what equal ones do.
_JITTER = 0.1


@dataclass(frozen=True)
class EpicFlow:
    """EpicFlow (Revaud et al. 2015) over DeepMatching, the second of the paper's two flows.

    Differs from the original: OpenCV's interpolator follows edges of its own gradient cost, not
    of a learned detector, and the refinement is that of ``dis``.

    Args:
        radius: how far patches are looked for, pixels; None for ``default_radius``.
        refinements: rounds of variational refinement.
    """

    radius: int | None = None
    refinements: int = 3
    name: str = field(default="epicflow", init=False)

    @property
    def settings(self) -> dict[str, str | int | float | bool]:
        """What the result depends on besides the frames."""
        return {
            "opencv": cv2.__version__,
            "jax": jax.__version__,
            "device": jax.default_backend(),
            "radius": self.radius or 0,
            "refinements": self.refinements,
        }

    def estimate_batch(
        self, images_from: UInt8[np.ndarray, "n h w 3"], images_to: UInt8[np.ndarray, "n h w 3"]
    ) -> Float32[np.ndarray, "n h w 2"]:
        """Estimate n fields; all are matched in one program.

        Raises:
            InputError: this OpenCV comes without its contrib modules, or a side is shorter than
                40 px.
        """
        contrib_function("ximgproc", "createEdgeAwareInterpolator", engine=self.name)
        found = match_batch(images_from, images_to, radius=self.radius)
        each = zip(images_from, images_to, found, strict=True)
        return np.stack([self._estimate(*one) for one in each])

    def _estimate(self, image_from: Frame, image_to: Frame, matches: Matches) -> FlowField:
        if np.array_equal(image_from, image_to):
            return np.zeros((*image_from.shape[:2], 2), np.float32)  # the jitter would move it
        filled = fill(matches, image_from.shape[:2])
        x, y = matches.points_from.astype(np.intp).T
        around = filled[y, x]
        usual = np.linalg.norm(matches.points_to - matches.points_from - around, axis=-1) < _OUTLIER
        flow = interpolate(
            image_from,
            image_to,
            matches.points_from[usual],
            matches.points_to[usual],
            neighbours=_NEIGHBOURS,
            jitter=_JITTER,
            engine=self.name,
        )
        flow = filled if flow is None else flow
        return refine(flow, grey_of(image_from), grey_of(image_to), rounds=self.refinements)
