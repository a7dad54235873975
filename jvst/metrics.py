"""Metrics of stability under their public name; see ``jvst.core.metrics``."""

from jvst.core.metrics import (
    endpoint_error,
    gradient_energy,
    luminance_drift,
    masked_warping_error,
    warping_error,
)

__all__ = [
    "endpoint_error",
    "gradient_energy",
    "luminance_drift",
    "masked_warping_error",
    "warping_error",
]
