"""The frames of a task, in one pass or several."""

import contextlib
import dataclasses
import functools
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
from jax import monitoring
from jaxtyping import Array, Float

from jvst._programs import program
from jvst._types import StyleTargets
from jvst.app.budget import fit_task, tile_of
from jvst.app.claims import FLOW
from jvst.app.effort import is_instant
from jvst.app.events import Notice, Teller
from jvst.app.instant import stylize_instant
from jvst.app.motion import MotionSource
from jvst.app.options import StylizeConfig, coarse_factors
from jvst.app.passes import stylize_passes
from jvst.app.single import stylize_frames
from jvst.app.store import RunStore
from jvst.app.task import Task, multipass_config, network_of
from jvst.core.image import resize
from jvst.core.statistics import STATISTICS, StyleStatistic
from jvst.film.ahead import Ahead, Job, Programs, clip_programs, compiled
from jvst.film.coarse import COARSE, Scale, scaled_size, usable
from jvst.film.one_pass import compile_statistics, painting_statistics, shipped_pairs
from jvst.film.starts import OF_PAINTINGS
from jvst.network.vgg import VGG19
from jvst.solver.objective import blended_style, style_targets
from jvst.solver.tiles import tiled_moments


class Compiling:
    """Seconds that XLA spent on compiling since the beginning of a ``with``."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self, event: str, duration_secs: float, **kwargs: str | int) -> None:
        """Hear of an event of JAX's."""
        del kwargs
        if event == "/jax/core/compile/backend_compile_duration":
            self.seconds += duration_secs


@contextlib.contextmanager
def compiling() -> Iterator[Compiling]:
    """Count the seconds that XLA spends on compiling, or on reading what it compiled before."""
    count = Compiling()
    monitoring.register_event_duration_secs_listener(count)
    try:
        yield count
    finally:
        monitoring.unregister_event_duration_listener(count)


#: Each of its own size.
Painting = Float[Array, "_h _w 3"]


def stylize_task(task: Task, store: RunStore, tell: Teller) -> None:
    """Stylize the frames of a task that are not finished.

    Args:
        task: the run.
        store: its folder.
        tell: told of every step.

    Raises:
        InputError: a frame or field can't be read, or the disk is full.
        KeyboardInterrupt: after the solve under way has been kept.
        StoppedError: likewise, when the run is cancelled or a listener raised.
    """
    config, shares = task.config, task.config.input.style_blend or None
    if is_instant(config):
        paintings = painting_statistics(task.styles, shares=shares)
        source = motion_source(task, store)
        stylize_instant(task, source, paintings, store, tell, tile=tile_of(config))
        _tell_notices(source, tell)
        return
    vgg = network_of(config, task.found).weights
    with Ahead(tell.check) as ahead:
        ahead.begin(_programs(task, vgg))
        fit = fit_task(task, vgg, store, tell)
    solver = dataclasses.replace(task.settings.solver.with_history(fit.history), tile=fit.tile)
    settings = dataclasses.replace(task.settings, solver=solver)
    style = _style_of(vgg, task.styles, **_style_options(config, fit.tile))
    paintings = None
    if settings.init in OF_PAINTINGS:
        paintings = painting_statistics(task.styles, shares=shares)
    source = motion_source(task, store)
    if config.time.passes > 1:
        passes = multipass_config(config, settings, batch=fit.batch)
        stylize_passes(task, passes, source, vgg, style, paintings, store, tell)
    else:
        scales = _scales(task, vgg, tile=fit.tile)
        stylize_frames(task, settings, source, vgg, style, paintings, scales, store, tell)
    _tell_notices(source, tell)


def _programs(task: Task, vgg: VGG19) -> Programs:
    """Return what compiles the programs of a run that is solved as the options say."""
    config, settings = task.config, task.settings
    solver = dataclasses.replace(settings.solver, tile=tile_of(config))
    settings = dataclasses.replace(settings, solver=solver)
    options = _style_options(config, solver.tile)
    first: list[Job] = [lambda: compiled(_style_of, vgg, task.styles, **options)]
    paintings = None
    if settings.init in OF_PAINTINGS:
        pairs = shipped_pairs()
        first.insert(0, lambda: compile_statistics(task.styles, pairs))
        paintings = jax.eval_shape(
            functools.partial(painting_statistics, shares=options["shares"], pairs=pairs),
            task.styles,
        )
    later: list[Job] = []
    if config.time.passes == 1:
        style = jax.eval_shape(functools.partial(_style_of, **options), vgg, task.styles)
        of_clip = clip_programs(
            task.clip.size, vgg, style, task.weights, config=settings, paintings=paintings
        )
        first, later = first + of_clip.first, of_clip.later
    return Programs(first, later)


def _tell_notices(source: MotionSource, tell: Teller) -> None:
    for notice in source.notices():
        tell(Notice(notice))


def motion_source(task: Task, store: RunStore) -> MotionSource:
    """Choose where motion comes from; several passes need a place where they find it again."""
    config = task.config
    place = store.folder / FLOW if config.time.passes > 1 else None
    return MotionSource(task.clip, config, cache_folder=place)


def solve_infos(task: Task, store: RunStore) -> dict[str, Any]:
    """Return how every solve went, for the manifest: of the last pass, and of those before."""
    frames = range(task.clip.count)
    return {
        "frames": [store.load_info(index) for index in frames],
        "passes": [
            [store.load_info(index, pass_number=number) for index in frames]
            for number in range(1, task.config.time.passes)
        ],
    }


def _scales(task: Task, vgg: VGG19, *, tile: tuple[int, int] | None) -> list[Scale]:
    """Make the smaller sizes at which frames from noise are solved first."""
    config = task.config
    if task.settings.init != "noise":
        return []
    factors = coarse_factors(config.solver.scales)
    factors = COARSE if factors is None else factors
    for shape in [task.clip.size, *(style.shape for style in task.styles)]:
        factors = usable(factors, shape)
    scales = []
    for factor in factors:
        sizes = [scaled_size(style.shape, factor) for style in task.styles]
        # Cubic kernels overshoot, and a painting is a picture.
        shrunk = [
            jnp.clip(resize(style, size=size), 0.0, 1.0)
            for style, size in zip(task.styles, sizes, strict=True)
        ]
        grams = _style_of(vgg, shrunk, **_style_options(config, tile))
        scales.append(Scale(factor, grams))
    return scales


def _style_options(config: StylizeConfig, tile: tuple[int, int] | None) -> dict[str, Any]:
    """Return what ``_style_of`` is told of a run, by name."""
    return {
        "shares": config.input.style_blend or None,
        "layers": config.look.style_layers,
        "statistic": STATISTICS[config.look.style_statistic],
        "tile": tile,
    }


@program("clip", static_argnames=("shares", "layers", "tile", "statistic"))
def _style_of(
    vgg: VGG19,
    styles: list[Painting],
    *,
    shares: tuple[float, ...] | None,
    layers: tuple[str, ...],
    tile: tuple[int, int] | None,
    statistic: StyleStatistic,
) -> StyleTargets:
    """Return the style of the paintings, mixed; compiled once for pictures of one size."""
    if tile is None:
        return style_targets(vgg, styles, shares=shares, layers=layers, statistic=statistic)
    found = [tiled_moments(vgg, image, layers, tile=tile, statistic=statistic) for image in styles]
    return blended_style(found, shares=shares, statistic=statistic)
