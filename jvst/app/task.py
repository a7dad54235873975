"""All that a run is made of, found and checked."""

import contextlib
import dataclasses
import importlib.metadata
import threading
from typing import Any

import jax
from jaxtyping import Array, Float

from jvst._files import unwritable, user_cache
from jvst.app.assembly import film_plan
from jvst.app.checks import check_config, check_layers
from jvst.app.effort import contradictions, effort_of, is_instant, means_of
from jvst.app.events import Fetching, Listener, LookingThrough, Notice, nobody
from jvst.app.inputs import Clip, folder_pictures, open_clip, procedural_pictures, read_styles
from jvst.app.options import StylizeConfig, frame_options, mask_knobs
from jvst.film.clip import ClipConfig
from jvst.film.schedule import MultipassConfig
from jvst.flow.engine import has_contrib
from jvst.flow.engines.epic import SMALLEST_SIDE as EPIC_SMALLEST_SIDE
from jvst.network.weights import Found, find_weights, normalised
from jvst.network.weights.formats.detect import file_sha256
from jvst.network.weights.native import read_layers
from jvst.solver.networks import Network, load_network
from jvst.solver.objective import LossWeights
from jvst.solver.presets import NETWORKS, loss_weights, style_factors
from jvst.solver.solve import SolverConfig

#: Iterations between two looks at a solve: often enough for the bar and for Ctrl-C; ...
_CHUNK, _LONGEST_CHUNK = 10, 100
#: ... on a GPU those of a fifth of a second, at what an H200 does (docs/benchmarks.md): at each
#: look it stands still for a few milliseconds, which are as many iterations.
_PIXELS_A_CHUNK = 4.5e7


def chosen_weights(config: StylizeConfig, network: str, size: tuple[int, int]) -> LossWeights:
    """Return the preset's weights, replaced where the user set one.

    A weight that is given counts as published: it is multiplied by the network's factor, so
    that ``--style-weight 40`` means the same with every network.
    """
    look = config.look
    statistic = look.style_statistic
    weights = loss_weights(network, size, preset=look.preset, statistic=statistic)
    content_factor, (style_factor, _) = NETWORKS[network].content, style_factors(network, statistic)
    given = {
        "content": None if look.content_weight is None else look.content_weight * content_factor,
        "style": None if look.style_weight is None else look.style_weight * style_factor,
        "temporal": look.temporal_weight,
        "total_variation": look.tv_weight,
    }
    return weights._replace(**{name: value for name, value in given.items() if value is not None})


def chosen_engine(config: StylizeConfig, size: tuple[int, int]) -> str:
    """Return the flow engine, or the pattern of files.

    ``auto`` is ``epic`` where a frame takes the solver longer than a pair takes the engine, as a
    long solve on a CPU: it halves the flicker where much moves (docs/quality.md). Beside a GPU, or
    a short solve, the solver would wait for it.

    Args:
        config: the options.
        size: (width, height) of the frames, pixels.
    """
    choice = config.motion.flow
    if choice != "auto":
        return choice
    slow = jax.default_backend() == "cpu" and means_of(config).best_flow
    large = config.motion.flow_scale * min(size) >= EPIC_SMALLEST_SIDE
    return "epic" if slow and large and has_contrib() else "dis"


def chosen_network(config: StylizeConfig, on_event: Listener = nobody) -> Found:
    """Find the file of weights, normalised where that is asked for.

    Args:
        config: the options.
        on_event: told of a file that is being fetched.

    Raises:
        InputError: the weights, or the pictures to normalise over, can't be had.
    """
    folder = config.network.normalise_on
    pictures = folder_pictures(folder) if folder else procedural_pictures()
    choice = config.network.weights

    def fetching(name: str, have: int, total: int | None) -> None:
        on_event(Fetching(name, have, total))

    found = find_weights(choice, pictures=pictures, on_fetch=fetching)
    # vgg19-normalised is normalised already; any other file once a folder is given.
    return normalised(found, pictures) if folder and choice != "vgg19-normalised" else found


def network_of(config: StylizeConfig, found: Found) -> Network:
    """Load the network with the pooling and precision that were chosen or that fit it."""
    chosen = config.network
    return load_network(
        found,
        pooling=None if chosen.pooling == "auto" else chosen.pooling,
        precision=None if chosen.precision == "auto" else chosen.precision,
    )


def iterations_a_look(config: StylizeConfig, size: tuple[int, int]) -> int:
    """Return for how many iterations a solve goes on between two looks at it.

    Args:
        config: the options.
        size: (width, height) of the frames, pixels.
    """
    chunk = _CHUNK
    if jax.default_backend() != "cpu":
        chunk = min(max(round(_PIXELS_A_CHUNK / (size[0] * size[1])), _CHUNK), _LONGEST_CHUNK)
    return min(chunk, config.run.preview or chunk)


def clip_config(config: StylizeConfig, network: str) -> ClipConfig:
    """Return what the single pass needs of the options."""
    means = means_of(config)
    solver = SolverConfig(
        optimizer=config.solver.optimizer, tolerance=means.tolerance, carry=means.carry
    )
    from_files = config.motion.mask.startswith("files:")
    return ClipConfig(
        lags=tuple(sorted(config.time.lags)),
        long_term_after=config.time.long_term_after,
        init=means.init or NETWORKS[network].init,
        first_iterations=means.iterations[0],
        next_iterations=means.iterations[1],
        mask="binary" if from_files else config.motion.mask,  # type: ignore[arg-type]
        knobs=mask_knobs(config.motion),
        kernel=means.kernel,
        content_layers=config.look.content_layers or NETWORKS[network].content_layers,
        solver=solver,
        chunk=_CHUNK,
    )


def multipass_config(config: StylizeConfig, clip: ClipConfig, *, batch: int) -> MultipassConfig:
    """Return what several passes need of the options.

    Args:
        config: the options.
        clip: what the single pass needs of them.
        batch: frames solved at once.
    """
    time = config.time
    return MultipassConfig(
        passes=time.passes,
        pass_iterations=time.pass_iterations,
        blend=time.blend,
        temporal_from=time.temporal_from,
        schedule=time.schedule,
        batch=batch,
        clip=clip,
    )


_PACKAGES = ("jvst", "jax", "jaxlib", "flax", "optax", "numpy")
#: Any of them provides cv2.
_OPENCV = (
    "opencv-contrib-python-headless",
    "opencv-contrib-python",
    "opencv-python-headless",
    "opencv-python",
)


def _versions() -> dict[str, str]:
    """Return the versions of what a run depends on, as far as a package says so.

    jvst itself need not be installed to be run from a checkout.
    """
    found = {}
    for name in (*_PACKAGES, *_OPENCV):
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found


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
                "iterations": [self.settings.first_iterations, self.settings.next_iterations],
                "tolerance": self.settings.solver.tolerance,
                "kernel": self.settings.kernel,
                "carry": self.settings.solver.carry,
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
            "effort": effort_of(config),
            "cuts": list(clip.cuts),
            "network": self.found.network,
            "versions": _versions(),
            "device": jax.devices()[0].device_kind,
        }


def prepare_task(
    config: StylizeConfig, *, clip: Clip | None = None, on_event: Listener = nobody
) -> Task:
    """Look at everything that a run needs.

    Args:
        config: the options.
        clip: the clip, where it has been looked through already.
        on_event: told what is looked at, and what the user should know of the choices.

    Raises:
        InputError: something given can't be used.
    """
    check_config(config)
    threading.Thread(target=_wake_the_devices, daemon=True).start()
    for notice in contradictions(config):
        on_event(Notice(notice))
    if notice := keep_compiled_programs():
        on_event(Notice(notice))
    if clip is None:
        on_event(LookingThrough(config.input.clips[0]))
        clip = open_clip(config)
        for notice in (*clip.notices, *film_plan(clip, config).notices):
            on_event(Notice(notice))
    if is_instant(config):
        config = _without_losses(config)
    engine = chosen_engine(config, clip.size)
    config = dataclasses.replace(config, motion=dataclasses.replace(config.motion, flow=engine))
    found = chosen_network(config, on_event)
    if found.notice:
        on_event(Notice(found.notice))
    check_layers(config.look, read_layers(found.path))
    settings = dataclasses.replace(
        clip_config(config, found.network), chunk=iterations_a_look(config, clip.size)
    )
    styles, digests = read_styles(config, clip.size, on_notice=lambda text: on_event(Notice(text)))
    return Task(
        config=config,
        clip=clip,
        found=found,
        weights=chosen_weights(config, found.network, clip.size),
        styles=styles,
        style_digests=digests,
        settings=settings,
    )


def _wake_the_devices() -> None:
    """Look for the devices, which takes a GPU seconds, while the clip is looked through."""
    with contextlib.suppress(Exception):  # said by whoever needs one
        jax.local_devices()


def _without_losses(config: StylizeConfig) -> StylizeConfig:
    """Name the network that is there: a run without a solve has no use for one, nor fetches it."""
    if config.network.weights != "auto":
        return config
    return dataclasses.replace(
        config, network=dataclasses.replace(config.network, weights="embedded")
    )


def keep_compiled_programs() -> str:
    """Let the next run of the same size begin at once, unless the user has a place for it.

    Returns:
        Why that can't be, in a line; empty where it can.
    """
    if jax.config.values.get("jax_compilation_cache_dir") is not None:
        return ""
    folder = user_cache("programs")
    if why := unwritable(folder):
        return f"{folder} can't be written ({why}); programs are compiled anew each time"
    jax.config.update("jax_compilation_cache_dir", str(folder))
    # By default JAX keeps none that took less than a second: over a hundred of a run's.
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
    return ""


def _plain(weights: LossWeights) -> dict[str, Any]:
    return {
        name: dict(value) if isinstance(value, dict) else float(value)
        for name, value in weights._asdict().items()
    }
