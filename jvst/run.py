"""One command from beginning to end: read, stylize, store, write the video."""

import dataclasses
import importlib.metadata
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jvst._types import Frame, Grams
from jvst.config import StylizeConfig, check_config, frame_options, mask_knobs
from jvst.errors import InputError
from jvst.folders import user_cache
from jvst.image import to_uint8
from jvst.inputs import Clip, open_clip, read_styles, ready_frames, split
from jvst.objective import LossWeights, style_targets
from jvst.pipeline import ClipConfig, Motion, StylizedFrame, stylize_clip
from jvst.prefetch import Waiting
from jvst.presets import NETWORKS, loss_weights
from jvst.progress import ClipProgress
from jvst.solver import Report, SolverConfig, SolveState
from jvst.store import RunStore
from jvst.vgg import VGG19
from jvst.video import read_picture, write_video
from jvst.weights import Found, find_weights, load_vgg19, normalised
from jvst.weights.importers import file_sha256
from jvst.weights_cli import folder_pictures, procedural_pictures

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


def run(config: StylizeConfig) -> int:
    """Stylize a clip as configured and return the exit status.

    Raises:
        InputError: something given can't be used.
    """
    check_config(config)
    keep_compiled_programs()
    clip = open_clip(config)
    found = chosen_network(config)
    if found.notice:
        print(f"jvst: {found.notice}", file=sys.stderr)
    weights = chosen_weights(config, found.network, clip.size)
    if clip.count == 1 and float(weights.temporal) > 0.0:
        raise InputError(
            f"{clip.source} has 1 frame; a temporal term needs at least 2 (or --temporal-weight 0)"
        )
    vgg = load_network(config, found)
    styles, style_digests = read_styles(config, clip.size)
    folder = Path(config.output.run_dir or _default_folder(config))
    output = config.output.output or str(folder / "stylized.mp4")
    settings = clip_config(config, found.network)
    manifest = {
        "options": {
            **frame_options(config),
            "content_layers": list(settings.content_layers),
            "init": settings.init,
            "loss_weights": _plain(weights),
        },
        "inputs": {
            "clip": clip.digest,
            "styles": style_digests,
            "weights": file_sha256(found.path),
            "size": f"{clip.size[0]}x{clip.size[1]}",
            "frames": clip.count,
        },
        "config": dataclasses.asdict(config),
        "network": found.network,
        "versions": {name: importlib.metadata.version(name) for name in _PACKAGES},
        "device": jax.devices()[0].device_kind,
    }
    with RunStore(folder) as store:
        done = store.open_run(manifest, fresh=config.run.fresh)
        style = jax.jit(_style_grams, static_argnames=("shares", "layers"))(
            vgg, styles, shares=config.input.style_blend or None, layers=config.look.style_layers
        )
        try:
            seconds = _stylize(config, settings, clip, vgg, style, weights, store, done)
        except KeyboardInterrupt:
            store.flush()
            print(f"\njvst: interrupted; the same command goes on from {folder}", file=sys.stderr)
            return 130
        infos = [store.load_info(index) for index in range(clip.count)]
        store.write_manifest({**manifest, "frames": infos})
        write_video(
            output,
            _pictures(store, clip.count),
            frame_rate=clip.frame_rate,
            audio_from=clip.source if config.output.audio and clip.has_audio else None,
            audio_start=float(clip.start / clip.frame_rate),
            quality=config.output.quality,
        )
        print(summary(infos, seconds, output, store))
    return 0


def keep_compiled_programs() -> None:
    """Let the next run of the same size begin at once, unless the person has a place for it."""
    if jax.config.values.get("jax_compilation_cache_dir") is None:
        jax.config.update("jax_compilation_cache_dir", str(user_cache("programs")))


def chosen_weights(config: StylizeConfig, network: str, size: tuple[int, int]) -> LossWeights:
    """Return the preset's weights with what the person set in their place.

    A weight that is given counts as published: it is multiplied by the network's factor, so
    that ``--style-weight 40`` means the same with every network.
    """
    weights = loss_weights(network, size, preset=config.look.preset)
    factors = NETWORKS[network]
    look = config.look
    given = {
        "content": None if look.content_weight is None else look.content_weight * factors.content,
        "style": None if look.style_weight is None else look.style_weight * factors.style,
        "temporal": look.temporal_weight,
        "total_variation": look.tv_weight,
    }
    return weights._replace(**{name: value for name, value in given.items() if value is not None})


def chosen_network(config: StylizeConfig) -> Found:
    """Find the file of weights, normalised where that is asked for.

    Raises:
        InputError: the weights, or the pictures to normalise over, can't be had.
    """
    folder = config.network.normalise_on
    pictures = folder_pictures(folder) if folder else procedural_pictures()
    choice, progress = config.network.weights, not config.run.quiet
    found = find_weights(choice, pictures=pictures, progress=progress)
    # vgg19-normalised is normalised already; any other file once a folder is given.
    return normalised(found, pictures) if folder and choice != "vgg19-normalised" else found


def load_network(config: StylizeConfig, found: Found) -> VGG19:
    """Load the network with the pooling and precision that were chosen or that fit it."""
    preset = NETWORKS[found.network]
    precision = config.network.precision
    if precision == "auto":
        precision = "float32" if jax.default_backend() == "cpu" else "tf32"
    pooling = preset.pooling if config.network.pooling == "auto" else config.network.pooling
    return load_vgg19(
        found.path,
        pooling=pooling,  # type: ignore[arg-type]
        first_padding=preset.first_padding,
        precision=precision,  # type: ignore[arg-type]
    )


def clip_config(config: StylizeConfig, network: str) -> ClipConfig:
    """Return what the single pass needs of the options."""
    solver = SolverConfig(
        optimizer=config.solver.optimizer,  # type: ignore[arg-type]
        tolerance=config.solver.tolerance,
    )
    init = NETWORKS[network].init if config.solver.init == "auto" else config.solver.init
    return ClipConfig(
        init=init,  # type: ignore[arg-type]
        first_iterations=config.solver.iterations[0],
        next_iterations=config.solver.iterations[1],
        mask=config.motion.mask,  # type: ignore[arg-type]
        knobs=mask_knobs(config.motion),
        content_layers=config.look.content_layers or NETWORKS[network].content_layers,
        solver=solver,
        chunk=10,  # often enough for the bar and for Ctrl-C
    )


def _stylize(
    config: StylizeConfig,
    settings: ClipConfig,
    clip: Clip,
    vgg: VGG19,
    style: Grams,
    weights: LossWeights,
    store: RunStore,
    done: int,
) -> float:
    """Stylize the frames that are not finished and return the seconds that it took."""
    waiting = Waiting()
    progress = ClipProgress(
        clip.count, done, config.solver.iterations, waiting=waiting, quiet=config.run.quiet
    )
    latest: tuple[int, SolveState | None] | None = None

    def on_chunk(index: int, report: Report, state: SolveState | None) -> None:
        nonlocal latest
        latest = index, state
        progress.chunk(index, report)

    ready = ready_frames(clip, config, lags=settings.lags, first=done, waiting=waiting)
    started = time.perf_counter()
    stylized = stylize_clip(
        *_part(ready),
        vgg,
        style,
        weights,
        config=settings,
        key=jax.random.key(config.solver.seed),
        first=done,
        earlier={
            index: jnp.asarray(store.load(index))
            for index in range(max(done - max(settings.lags), 0), done)
        },
        resume=store.load_interrupted(done),
        on_chunk=on_chunk,
    )
    try:
        before = time.perf_counter()
        for frame in stylized:
            picture = np.asarray(to_uint8(frame.image))
            info = frame_info(frame, time.perf_counter() - before)
            store.save(frame.index, np.asarray(frame.image), picture, info)
            before = time.perf_counter()
        store.flush()
    except KeyboardInterrupt:
        if latest is not None and latest[1] is not None:
            leaves = [np.asarray(leaf) for leaf in jax.tree.leaves(latest[1])]
            store.flush()
            store.save_interrupted(latest[0], leaves)
        raise
    finally:
        progress.close()
        ready.close()
    return time.perf_counter() - started


def frame_info(frame: StylizedFrame, seconds: float) -> dict[str, Any]:
    """Return how a frame's solve went, as plain values for the manifest."""
    info = frame.info
    return {
        "iterations": info.iterations,
        "evaluations": info.evaluations,
        "stopped": info.stopped,
        "fallback": info.fallback,
        "loss": info.reports[-1].loss,
        "terms": info.reports[-1].terms._asdict(),
        "seconds": round(seconds, 3),
    }


def summary(infos: list[dict[str, Any]], seconds: float, output: str, store: RunStore) -> str:
    """Say at the end where everything is and what went wrong on the way."""
    converged = sum(info["stopped"] == "converged" for info in infos)
    lines = [
        f"video     {output}",
        f"frames    {store.folder / 'pictures'}",
        f"manifest  {store.manifest_path}",
        f"{len(infos)} frames in {seconds:.1f} s; {converged} converged, "
        f"{len(infos) - converged} reached their iteration cap",
    ]
    for number, info in enumerate(infos, start=1):
        if info["fallback"] != "none":
            lines.append(
                f"frame {number}: the loss became non-finite; fell back to the {info['fallback']}"
            )
    return "\n".join(lines)


def _part(ready: Iterator) -> tuple[Iterator, Iterator]:
    """Part ready frames into images and motions on the device."""
    images, flows = split(ready)
    motions = (
        {lag: Motion(jnp.asarray(to), jnp.asarray(back)) for lag, (to, back) in found.items()}
        for found in flows
    )
    return images, motions


def _style_grams(vgg, images, shares, layers):
    return style_targets(vgg, images, shares=shares, layers=layers)


def _pictures(store: RunStore, count: int) -> Iterator[Frame]:
    for index in range(count):
        yield read_picture(store.picture_path(index))


def _plain(weights: LossWeights) -> dict[str, Any]:
    return {
        name: dict(value) if isinstance(value, dict) else float(value)
        for name, value in weights._asdict().items()
    }


def _default_folder(config: StylizeConfig) -> Path:
    """Name the run after the clip, or the folder of a pattern, and the paintings."""
    clip = Path(config.input.clip)
    if set("*?[%") & set(clip.name):
        clip = clip.parent.resolve()
    names = [clip.stem, *(Path(style).stem for style in config.input.style)]
    return Path("runs") / "-".join(names)
