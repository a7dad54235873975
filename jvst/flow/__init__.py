"""Optical flow between frames: engines, files, a cache.

A field is float32 ``[h w 2]``, (dx, dy) in pixels, on the frame where the arrow starts:
``image_to(p + flow(p)) = image_from(p)``.
"""

from jvst.flow.cache import FlowCache
from jvst.flow.engine import Engine
from jvst.flow.estimation import ENGINES, engine_named, estimate, estimate_pair, scaled_engine
from jvst.flow.files import read_flow, write_flow
from jvst.flow.matching.matches import Matches, match, match_batch
from jvst.flow.patterns import FlowFiles, MaskFiles, read_mask, write_mask

__all__ = [
    "ENGINES",
    "Engine",
    "FlowCache",
    "FlowFiles",
    "MaskFiles",
    "Matches",
    "engine_named",
    "estimate",
    "estimate_pair",
    "match",
    "match_batch",
    "read_flow",
    "read_mask",
    "scaled_engine",
    "write_flow",
    "write_mask",
]
