"""All that one run is made of, found and checked before any work is done."""

import dataclasses
import importlib.metadata
from typing import Any

import jax
from jaxtyping import Array, Float

from jvst.checks import check_config
from jvst.choices import chosen_engine, chosen_network, chosen_weights, clip_config
from jvst.config import StylizeConfig, frame_options
from jvst.film.clip import ClipConfig
from jvst.folders import user_cache
from jvst.inputs import Clip, open_clip, read_styles
from jvst.network.weights import Found
from jvst.network.weights.formats.detect import file_sha256
from jvst.solver.objective import LossWeights

_PACKAGES = (
    "jvst",
    "jax",
    "jaxlib",
    "flax",
    "jaxopt",
    "optax",
    "numpy",
    "opencv-contrib-python-headless",
)


@dataclasses.dataclass(frozen=True)
class Task:
    """What a run works on.

    Attributes:
        config: the options.
        clip: the part of the clip.
        found: the file of weights.
        weights: weights of the loss.
        styles: the paintings, scaled.
        style_digests: their checksums.
        settings: what the solver takes.
    """

    config: StylizeConfig
    clip: Clip
    found: Found
    weights: LossWeights
    styles: list[Float[Array, "_h _w 3"]]  # each of its own size
    style_digests: list[str]
    settings: ClipConfig

    def manifest(self) -> dict[str, Any]:
        """Return what the frames depend on, and what is worth knowing of a run."""
        config, clip = self.config, self.clip
        return {
            "options": {
                **frame_options(config),
                "content_layers": list(self.settings.content_layers),
                "init": self.settings.init,
                "loss_weights": _plain(self.weights),
                "cuts": list(clip.cuts),
            },
            "inputs": {
                "clip": clip.digest,
                "styles": self.style_digests,
                "weights": file_sha256(self.found.path),
                "size": f"{clip.size[0]}x{clip.size[1]}",
                "frames": clip.count,
            },
            "config": dataclasses.asdict(config),
            "cuts": list(clip.cuts),
            "network": self.found.network,
            "versions": {name: importlib.metadata.version(name) for name in _PACKAGES},
            "device": jax.devices()[0].device_kind,
        }


def prepare_task(config: StylizeConfig, *, clip: Clip | None = None) -> Task:
    """Look at everything that a run needs.

    Args:
        config: the options.
        clip: the clip, where it has been looked through already.

    Raises:
        InputError: something given can't be used.
    """
    check_config(config)
    keep_compiled_programs()
    clip = clip or open_clip(config)
    engine = chosen_engine(config, clip.size)
    config = dataclasses.replace(config, motion=dataclasses.replace(config.motion, flow=engine))
    found = chosen_network(config)
    styles, digests = read_styles(config, clip.size)
    return Task(
        config=config,
        clip=clip,
        found=found,
        weights=chosen_weights(config, found.network, clip.size),
        styles=styles,
        style_digests=digests,
        settings=clip_config(config, found.network),
    )


def keep_compiled_programs() -> None:
    """Let the next run of the same size begin at once, unless the person has a place for it."""
    if jax.config.values.get("jax_compilation_cache_dir") is None:
        jax.config.update("jax_compilation_cache_dir", str(user_cache("programs")))


def _plain(weights: LossWeights) -> dict[str, Any]:
    return {
        name: dict(value) if isinstance(value, dict) else float(value)
        for name, value in weights._asdict().items()
    }
