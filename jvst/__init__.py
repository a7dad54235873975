"""Moving paintings from film clips, in functional JAX.

Ruder, Dosovitskiy, Brox: *Artistic style transfer for videos*, 2016, arXiv:1604.08610. Images are
RGB float32 in [0, 1], ``[h w 3]``; flow is (dx, dy) in pixels, ``[h w 2]``; functions are
unbatched: batch them with ``jax.vmap``.
"""

from jvst import metrics
from jvst.core.blend import blend, pass_order
from jvst.core.image import to_float, to_uint8
from jvst.core.losses import content_loss, gram_matrix, style_loss, temporal_loss, total_variation
from jvst.core.masks import consistency_mask, long_term_weights
from jvst.core.warp import bilinear_sample, catmull_rom_sample, warp
from jvst.errors import InputError
from jvst.film.clip import ClipConfig, StylizedFrame, stylize_clip
from jvst.film.coarse import Scale
from jvst.film.multipass import PassFrame, stylize_multipass
from jvst.film.neighbours import Motion
from jvst.film.one_pass import one_pass, painting_statistics
from jvst.film.pass_clip import CarriedFrame, CarryConfig, carry_clip
from jvst.film.schedule import MultipassConfig
from jvst.network.layers import LAYERS
from jvst.network.vgg import VGG19, features
from jvst.network.weights import find_weights, import_vgg19, load_vgg19, save_vgg19
from jvst.solver.networks import Network, load_network
from jvst.solver.objective import (
    FrameTargets,
    LossTerms,
    LossWeights,
    content_targets,
    frame_loss,
    style_targets,
)
from jvst.solver.optimizers import SolverConfig
from jvst.solver.presets import loss_weights
from jvst.solver.solve import (
    Report,
    SolveInfo,
    SolveState,
    advance,
    begin,
    minimize,
    solve_frame,
)

__all__ = [
    "LAYERS",
    "VGG19",
    "CarriedFrame",
    "CarryConfig",
    "ClipConfig",
    "FrameTargets",
    "InputError",
    "LossTerms",
    "LossWeights",
    "Motion",
    "MultipassConfig",
    "Network",
    "PassFrame",
    "Report",
    "Scale",
    "SolveInfo",
    "SolveState",
    "SolverConfig",
    "StylizedFrame",
    "advance",
    "begin",
    "bilinear_sample",
    "blend",
    "carry_clip",
    "catmull_rom_sample",
    "consistency_mask",
    "content_loss",
    "content_targets",
    "features",
    "find_weights",
    "frame_loss",
    "gram_matrix",
    "import_vgg19",
    "load_network",
    "load_vgg19",
    "long_term_weights",
    "loss_weights",
    "metrics",
    "minimize",
    "one_pass",
    "painting_statistics",
    "pass_order",
    "save_vgg19",
    "solve_frame",
    "style_loss",
    "style_targets",
    "stylize_clip",
    "stylize_multipass",
    "temporal_loss",
    "to_float",
    "to_uint8",
    "total_variation",
    "warp",
]
