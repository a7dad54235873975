"""Edge-aware interpolation of sparse matches, around OpenCV's faults."""

import cv2
import numpy as np
from jaxtyping import Float32

from jvst._types import FlowField, Frame
from jvst.flow.engine import contrib_function

Points = Float32[np.ndarray, "m 2"]

#: OpenCV asserts fewer than 32767 matches.
MOST_MATCHES = 32000
#: Fewer describe no field of motion.
FEWEST_MATCHES = 64
_JITTER_SEED = 7


def interpolate(
    image_from: Frame,
    image_to: Frame,
    points_from: Points,
    points_to: Points,
    *,
    neighbours: int,
    jitter: float = 0.02,
    engine: str,
) -> FlowField | None:
    """Fit a locally affine motion to the matches nearest along paths that avoid edges.

    Args:
        image_from: the frame on which the arrows start; its edges stop the motion.
        image_to: the frame to which they point.
        points_from: (x, y) in pixels, inside the first frame.
        points_to: where each is in the other frame.
        neighbours: matches that each fit uses.
        jitter: noise on the targets, uniform in ± this, in pixels. Without it OpenCV returns
            zero motion, silently, where all neighbours move alike: its inlier threshold is then
            0, no match passes, and the motion of no match is none.
        engine: who asks, for the message when contrib is missing.

    Returns:
        (dx, dy) in pixels, or None: too few matches, or OpenCV's result is unusable.

    Raises:
        InputError: this OpenCV comes without its contrib modules.

    Source: Revaud et al. 2015 (EpicFlow), as OpenCV's EdgeAwareInterpolator has it.
    """
    create = contrib_function("ximgproc", "createEdgeAwareInterpolator", engine=engine)
    points_from, points_to = _one_a_pixel(points_from, points_to, image_from.shape[:2])
    count = len(points_from)
    if count < FEWEST_MATCHES:
        return None
    interpolator = create()
    # With more neighbours than matches OpenCV reads outside its arrays: noise or a crash.
    interpolator.setK(neighbours if count >= 2 * neighbours else max(8, count // 2))
    interpolator.setSigma(0.05)
    interpolator.setLambda(999.0)
    interpolator.setUsePostProcessing(False)
    noise = np.random.default_rng(_JITTER_SEED).uniform(-jitter, jitter, points_to.shape)
    flow = interpolator.interpolate(
        _bgr(image_from),
        points_from.astype(np.float32),
        _bgr(image_to),
        (points_to + noise).astype(np.float32),
    )
    # A fit to a handful of matches in a line can be anything; no motion exceeds the frame.
    largest = float(np.hypot(*image_from.shape[:2]))
    if flow is None or not np.all(np.abs(flow) <= largest):
        return None
    return flow


def grid_step(height: int, width: int) -> int:
    """Return the distance of grid points in pixels, at least 3, so that OpenCV takes them all."""
    step = 3
    while -(-height // step) * -(-width // step) > MOST_MATCHES:
        step += 1
    return step


def _one_a_pixel(
    points_from: np.ndarray, points_to: np.ndarray, shape: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Keep the first match of each pixel, and no more than OpenCV takes.

    OpenCV rounds sources to pixels and keeps one of each, but counts them all.
    """
    height, width = shape
    x, y = np.rint(points_from).astype(np.int64).T
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    # In an order that doesn't depend on that of the matches.
    points_from, points_to = points_from[inside], points_to[inside]
    order = np.lexsort(np.hstack([points_to, points_from]).T)
    points_from, points_to = points_from[order], points_to[order]
    pixel = (y[inside] * width + x[inside])[order]
    _, first = np.unique(pixel, return_index=True)
    if len(first) > MOST_MATCHES:
        first = first[np.linspace(0, len(first) - 1, MOST_MATCHES).astype(np.int64)]
    return points_from[first], points_to[first]


def _bgr(image: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
