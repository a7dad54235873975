"""Motion in flat areas, where no engine can see it."""

import cv2
import numpy as np
from jaxtyping import Bool, Float32

from jvst._types import FlowField, Frame
from jvst.flow.dense.hypotheses import Chosen
from jvst.flow.dense.interpolation import FEWEST_MATCHES
from jvst.flow.dense.search import grey_of
from jvst.flow.dense.smoother import smooth_along

#: Side in pixels of the window in which the structure tensor is summed.
_WINDOW = 9
#: Its smaller eigenvalue for white noise of one grey level, after a blur of one pixel (median).
_NOISE = 0.01445
#: The weakest part of a frame is taken for bare noise, and twice that for hold. Rounding to 8 bits
#: is noise too, and frames with texture everywhere have no bare noise: hence the limits.
_WEAKEST, _LEAST_HOLD, _MOST_HOLD = 5.0, 0.5, 8.0
#: Side in pixels of the window in which pixels with hold are counted, and the shares of it from
#: which a field is believed in part and wholly. An outline alone fills less: dense search
#: gives the flat area beside an outline the motion of the wrong side, both ways alike.
_AREA, _SOME, _FULL = 31, 0.75, 1.0
#: Levels a pixel that make an edge strong, the width in pixels of an outline made of such edges,
#: the share of them that is texture, and the share of other pixels that is too few to judge by.
#: A smaller share suits drawn scenes better (IoU +.02 on "demo" at .4), but then the outlines of a
#: star in fog count as its texture, and its motion fills the fog ("fog", seed 3: .90 falls to .39).
_STRONG, _OUTLINE, _CROWDED, _FEW = 6.0, 7, 0.6, 0.1
_SOBEL = 8.0  # what the kernel of 3 px makes of a slope of 1
#: Of the edge-preserving smoother: how far it carries, and how many levels make an edge.
_REACH, _EDGE = 2e4, 1.5
#: Pixels that the overall motion is fitted to, at most, and how well they obey it, pixels.
_FITTED, _OBEYS = 3000, 1.0


def has_hold(image: Frame) -> Bool[np.ndarray, "h w"]:
    """Tell where texture, outlines left out, rises above the frame's own noise in every direction.

    An outline has two sides, and says nothing of the motion of the flat one.

    Args:
        image: a frame, RGB, 8 bits.
    """
    return _hold(image, _but_outlines(_without_noise(image)))


def _hold(image: Frame, counted: Float32[np.ndarray, "h w"]) -> Bool[np.ndarray, "h w"]:
    """Tell where the pixels that count have texture; each counts 1 or 0."""
    smooth = cv2.GaussianBlur(grey_of(image).astype(np.float32), (0, 0), 1.0)
    across, down = cv2.Sobel(smooth, cv2.CV_32F, 1, 0), cv2.Sobel(smooth, cv2.CV_32F, 0, 1)
    share = cv2.blur(counted, (_WINDOW, _WINDOW))
    xx, xy, yy = (
        cv2.blur(counted * product, (_WINDOW, _WINDOW)) / np.maximum(share, _FEW)
        for product in (across * across, across * down, down * down)
    )
    smaller = (xx + yy) / 2 - np.sqrt(((xx - yy) / 2) ** 2 + xy**2)
    strength = smaller / _SOBEL**2 / _NOISE
    noise = np.percentile(strength, _WEAKEST)
    hold = (strength > np.clip(2 * noise, _LEAST_HOLD, _MOST_HOLD)) & (share > _FEW)
    return cv2.medianBlur(hold.astype(np.uint8), 5) > 0  # noise has hold here and there


def _but_outlines(guide: Frame) -> Float32[np.ndarray, "h w"]:
    """Return 0 on strong edges of a frame without noise, 1 elsewhere; many edges are texture."""
    colours = guide.astype(np.float32)
    across, down = (cv2.Sobel(colours, cv2.CV_32F, *axis) / _SOBEL for axis in ((1, 0), (0, 1)))
    strong = np.square(across) + np.square(down)
    edges = (strong.sum(-1) > _STRONG**2).astype(np.uint8)
    edges = cv2.dilate(edges, np.ones((_OUTLINE, _OUTLINE), np.uint8))
    crowded = cv2.blur(edges.astype(np.float32), (_AREA, _AREA)) > _CROWDED
    return np.where((edges > 0) & ~crowded, np.float32(0), np.float32(1))


def _without_noise(image: Frame) -> Frame:
    return cv2.medianBlur(cv2.medianBlur(image, 5), 5)


def fill_flat(image: Frame, flow: FlowField, seeds: Chosen) -> FlowField:
    """Replace a field in flat areas by what surrounds them, up to the next edge.

    There, any motion matches as well as another, so what an engine finds differs from frame to
    frame and from one direction to the other. The frame's overall affine motion, and what its
    textured parts add to it, carried on smoothly, is the same every time.

    Args:
        image: the frame on which the arrows start.
        flow: (dx, dy) in pixels; not changed.
        seeds: a field to carry on, from where it is consistent and has hold.

    Returns:
        the field, as it was where the frame has texture, blended over to the filled one.
    """
    guide = _without_noise(image)
    counted = _but_outlines(guide)
    hold = _hold(image, counted)
    share = cv2.blur(hold * counted, (_AREA, _AREA)) / np.maximum(
        cv2.blur(counted, (_AREA, _AREA)), _FEW
    )
    trusted = seeds.consistent & hold & (share > _SOME)
    if share.min() >= _FULL or np.count_nonzero(trusted) < FEWEST_MATCHES:
        return flow
    overall = _overall_motion(seeds.flow, trusted)
    weight = trusted.astype(np.float32)
    seeded = np.dstack([(seeds.flow - overall) * weight[..., None], weight])
    carried = smooth_along(guide, seeded, reach=_REACH, edge=_EDGE)
    filled = overall + carried[..., :2] / np.maximum(carried[..., 2:], 1e-9)
    believed = np.clip((share - _SOME) / (_FULL - _SOME), 0, 1)[..., None]
    believed = believed * believed * (3 - 2 * believed)
    return (believed * flow + (1 - believed) * filled).astype(np.float32)


def _overall_motion(flow: FlowField, trusted: np.ndarray) -> FlowField:
    """Fit one affine motion that most of the trusted pixels obey, or none."""
    height, width = trusted.shape
    y, x = np.nonzero(trusted)
    some = slice(None, None, -(-len(x) // _FITTED))
    points = np.stack([x, y], -1)[some].astype(np.float32)
    # RANSAC, with OpenCV's own generator that starts alike at each call.
    matrix, _ = cv2.estimateAffine2D(
        points, points + flow[y[some], x[some]], ransacReprojThreshold=_OBEYS
    )
    if matrix is None:
        return np.zeros_like(flow)
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    change = (matrix - np.eye(2, 3)).astype(np.float32)
    return np.stack([x, y], -1) @ change[:, :2].T + change[:, 2]
