"""One command from beginning to end: read, stylize, store, write video and page."""

import contextlib
import dataclasses
import importlib.metadata
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax

from jvst._types import Frame, Grams
from jvst.choices import (
    chosen_network,
    chosen_weights,
    clip_config,
    load_network,
    multipass_config,
)
from jvst.config import StylizeConfig, check_config, frame_options
from jvst.errors import InputError
from jvst.folders import user_cache
from jvst.inputs import Clip, open_clip, read_styles
from jvst.motion import MotionSource
from jvst.objective import LossWeights, style_targets
from jvst.pipeline import ClipConfig
from jvst.run_clip import stylize_frames
from jvst.run_passes import stylize_passes
from jvst.store import RunStore
from jvst.vgg import VGG19
from jvst.video import read_picture, write_video
from jvst.weights.importers import file_sha256

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
    timings: dict[str, float] = {}
    with RunStore(folder) as store:
        store.open_run(manifest, fresh=config.run.fresh)
        with _timed(timings, "style targets"):
            style = jax.jit(_style_grams, static_argnames=("shares", "layers"))(
                vgg,
                styles,
                shares=config.input.style_blend or None,
                layers=config.look.style_layers,
            )
        source = _motion_source(clip, config, store)
        try:
            with _timed(timings, "frames"):
                timings["of which waiting for flow"] = _stylize(
                    config, settings, found.network, clip, source, vgg, style, weights, store
                )
        except KeyboardInterrupt:
            store.flush()
            print(f"\njvst: interrupted; the same command goes on from {folder}", file=sys.stderr)
            return 130
        for notice in source.notices():
            print(f"jvst: {notice}", file=sys.stderr)
        with _timed(timings, "video"):
            write_video(
                output,
                _pictures(store, clip.count),
                frame_rate=clip.frame_rate,
                audio_from=clip.source if config.output.audio and clip.has_audio else None,
                audio_start=float(clip.start / clip.frame_rate),
                quality=config.output.quality,
            )
        infos = [store.load_info(index) for index in range(clip.count)]
        manifest |= {
            "timings": timings,
            "frames": infos,
            "passes": _earlier_passes(config, store, clip),
        }
        if config.run.report:
            with _timed(timings, "report"):
                # Late: plotting takes half a second to import, which `--no-report` saves.
                from jvst.report import write_report  # noqa: PLC0415
                from jvst.run_report import report_frames  # noqa: PLC0415

                frames = report_frames(clip, config, settings, source, store)
                write_report(folder / "report.html", frames, manifest)
        store.write_manifest(manifest)
        print(summary(infos, timings["frames"], output, store))
    return 0


def keep_compiled_programs() -> None:
    """Let the next run of the same size begin at once, unless the person has a place for it."""
    if jax.config.values.get("jax_compilation_cache_dir") is None:
        jax.config.update("jax_compilation_cache_dir", str(user_cache("programs")))


def summary(infos: list[dict[str, Any]], seconds: float, output: str, store: RunStore) -> str:
    """Say at the end where everything is and what went wrong on the way."""
    converged = sum(info["stopped"] == "converged" for info in infos)
    lines = [
        f"video     {output}",
        f"frames    {store.folder / 'pictures'}",
        f"manifest  {store.manifest_path}",
        *([f"report    {page}"] if (page := store.folder / "report.html").exists() else []),
        f"{len(infos)} frames in {seconds:.1f} s; {converged} converged, "
        f"{len(infos) - converged} reached their iteration cap",
    ]
    for number, info in enumerate(infos, start=1):
        if info["fallback"] != "none":
            lines.append(
                f"frame {number}: the loss became non-finite; fell back to the {info['fallback']}"
            )
    return "\n".join(lines)


def _stylize(
    config: StylizeConfig,
    settings: ClipConfig,
    network: str,
    clip: Clip,
    source: MotionSource,
    vgg: VGG19,
    style: Grams,
    weights: LossWeights,
    store: RunStore,
) -> float:
    """Stylize what is not finished; return the seconds that the solver waited for flow."""
    if config.time.passes <= 1:
        return stylize_frames(config, settings, clip, source, vgg, style, weights, store).seconds
    batch = config.time.batch or len(jax.local_devices())
    passes = multipass_config(config, network, batch=batch)
    return stylize_passes(config, passes, clip, source, vgg, style, weights, store).seconds


def _motion_source(clip: Clip, config: StylizeConfig, store: RunStore) -> MotionSource:
    """Choose where motion comes from; several passes need a place where they find it again."""
    several = config.time.passes > 1 and config.motion.flow_cache == "none"
    return MotionSource(clip, config, cache_folder=store.folder / "flow" if several else None)


def _earlier_passes(
    config: StylizeConfig, store: RunStore, clip: Clip
) -> list[list[dict[str, Any]]]:
    """Return how the solves of all passes but the last went."""
    return [
        [store.load_info(index, pass_number=number) for index in range(clip.count)]
        for number in range(1, config.time.passes)
    ]


@contextlib.contextmanager
def _timed(timings: dict[str, float], stage: str) -> Iterator[None]:
    """Note the seconds of a stage."""
    started = time.perf_counter()
    yield
    timings[stage] = round(time.perf_counter() - started, 3)


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
