"""Optical flow between 8-bit frames: engines, files, and a cache on disk.

A field is float32 ``[h w 2]``, (dx, dy) in pixels, on the frame where the arrow starts:
``image_to(p + flow(p)) = image_from(p)``.
"""

from jvst.flow.cache import FlowCache
from jvst.flow.engines import ENGINES, Engine, engine_named, estimate, estimate_pair
from jvst.flow.files import FlowFiles
from jvst.flow.io import read_flow, write_flow
from jvst.flow.mask_files import MaskFiles, read_mask, write_mask
from jvst.flow.matching import Matches, match, match_batch
from jvst.flow.scaled import scaled_engine

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
