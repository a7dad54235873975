"""Measures of change between two pictures, without motion."""

import cv2
import numpy as np
from jaxtyping import Float32, UInt8
from scenedetect.detectors import ContentDetector
from scenedetect.stats_manager import StatsManager

from jvst._types import Frame

#: A frame, shrunk: 8-bit RGB.
Picture = UInt8[np.ndarray, "_h _w 3"]
#: Counts of colours, 8 shares of red, green and blue each.
Histogram = Float32[np.ndarray, "8 8 8"]


def shrunk(frame: Frame, side: int) -> Picture:
    """Shrink a frame so that its longer side is at most a number of pixels."""
    height, width, _ = frame.shape
    scale = side / max(height, width)
    if scale >= 1.0:
        return frame
    size = max(round(width * scale), 1), max(round(height * scale), 1)
    return cv2.resize(frame, size, interpolation=cv2.INTER_AREA)  # type: ignore


def as_bgr(frame: Picture) -> Picture:
    """Turn red, green, blue around, as PySceneDetect wants them."""
    return np.ascontiguousarray(frame[..., ::-1])


def content_change(before: Picture, after: Picture) -> float:
    """Average the change of hue, saturation and value, in 8-bit levels: PySceneDetect's score."""
    # Each pair has a detector of its own: the score is public only through the statistics, which
    # would grow with the film.
    detector, statistics = ContentDetector(), StatsManager()
    detector.stats_manager = statistics
    detector.process_frame(0, as_bgr(before))
    detector.process_frame(1, as_bgr(after))
    return float(statistics.get_metrics(1, [ContentDetector.FRAME_SCORE_KEY])[0])


def colours(frame: Picture) -> Histogram:
    """Count the colours of a frame; they sum to 1."""
    counts = cv2.calcHist([frame], [0, 1, 2], None, [8, 8, 8], [0, 256] * 3)
    return counts / counts.sum()


def colour_change(before: Histogram, after: Histogram) -> float:
    """Compute the Bhattacharyya distance: 0 for the same colours, 1 for none in common."""
    return float(cv2.compareHist(before, after, cv2.HISTCMP_BHATTACHARYYA))


def likeness(before: Picture, after: Picture) -> float:
    """Correlate two pictures, whatever their light: 1 for the same, 0 for unrelated ones."""
    first, second = (
        picture.astype(np.float32) - picture.mean((0, 1), dtype=np.float32)
        for picture in (before, after)
    )
    size = float(np.linalg.norm(first) * np.linalg.norm(second))
    return float(np.vdot(first, second)) / size if size > 0.0 else 0.0
