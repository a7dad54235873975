"""Options of the evaluation."""

import dataclasses
from collections.abc import Sequence
from typing import Literal

import tyro

from jvst.app.checks import check_config
from jvst.app.cli.command import parsed
from jvst.app.options import (
    InputOptions,
    LookOptions,
    MotionOptions,
    NetworkOptions,
    RunOptions,
    SolverOptions,
    StylizeConfig,
)
from jvst.errors import InputError


@dataclasses.dataclass(frozen=True)
class EvaluateOptions:
    """Measure ways of stylizing the clips of a data set with known motion (MPI Sintel's layout).

    Prints Markdown tables; OUT keeps them beside results.json, results.csv, the frames and their
    float states. The same command again goes on where it stopped.
    """

    data: str = ""
    """Folder of the data set."""
    style: str = ""
    """Painting: a picture, or painting:NAME for one of our own, as painting:swirls."""
    methods: tuple[str, ...] = ()
    """independent, passes, prev, prev-warped, instant, instant:ENGINE, short, short:ENGINE, long,
    long:1,5,10, multipass, multipass:parallel; what names no engine uses --flow."""
    frames: tuple[str, ...] = ()
    """LABEL=DIR: frames of another program in DIR/SEQUENCE/frame_0001.png and so on."""
    out: str = ""
    """Folder of the results."""
    names: tuple[str, ...] = ()
    """Which sequences; all when left out."""
    limit: int = 0
    """Frames of each sequence, from its first; 0: all."""
    size: str = ""
    """Size to work at, WIDTHxHEIGHT in pixels; the data's own when left out."""
    iterations: tuple[int, int] = (300, 150)
    """For a frame that starts from nothing (each of the independent ones), and for the others."""
    passes: int = 10
    """Passes of multi-pass."""
    pass_iterations: int = 30
    """Iterations of every frame in every pass."""
    batch: int = 1
    """Frames that multi-pass solves at once, where they don't depend on each other."""
    flow: str = "dis"
    """Engine of methods that name none: dis, epic, deepflow, …"""
    mask: Literal["binary", "soft", "ijcv", "photometric"] = "photometric"
    """Trust in the flow, as for jvst --mask."""
    flow_cache: str = ""
    """Folder that keeps computed flow; OUT/flow when left out, 'none' for no cache."""
    flow_workers: int = 2
    """Threads that compute flow."""
    style_scale: float = 1.0
    """Size of the painting relative to the frame (side to side)."""
    weights: str = "auto"
    """auto, vgg19, vgg19-normalised, embedded, another name of `jvst weights list`, or a file."""
    init: Literal["auto", "noise", "content", "colours", "onepass"] = "auto"
    """Where a frame that starts from nothing starts, as on jvst's command line."""
    kernel: Literal["bilinear", "catmull-rom"] = "catmull-rom"
    """How stylized frames are read along the flow, as on jvst's command line."""
    carry: int = 0
    """Steps with which a frame's solve begins, as on jvst's command line; a method that was
    stopped begins anew."""
    seed: int = 0
    """Seed of the noise."""
    fresh: bool = False
    """Begin again in a folder that holds other results."""
    measure_again: bool = False
    """Measure the frames that are there again."""
    quiet: bool = False
    """No progress."""


def parse(arguments: Sequence[str]) -> EvaluateOptions:
    """Turn a command line into options.

    Raises:
        InputError: an unknown option, a value of the wrong kind, something missing.
    """
    configured = tyro.conf.configure(tyro.conf.FlagCreatePairsOff)(EvaluateOptions)
    options = parsed(configured, arguments, prog="evaluate")
    for name, expected in (("data", "DIR"), ("style", "PAINTING"), ("out", "DIR")):
        if not getattr(options, name):
            raise InputError(f"no {name} was given; expected --{name} {expected}")
    if not options.methods and not options.frames:
        raise InputError("no methods were given; expected --methods METHOD … or --frames LABEL=DIR")
    least_values = {"limit": 0, "passes": 1, "pass_iterations": 0, "batch": 1, "flow_workers": 1}
    for name, least in least_values.items():
        if getattr(options, name) < least:
            given = f"--{name.replace('_', '-')} is {getattr(options, name)}"
            raise InputError(f"{given}; expected at least {least}")
    if options.limit == 1:
        raise InputError("--limit is 1; motion needs at least 2 frames")
    return options


def stylize_config(options: EvaluateOptions) -> StylizeConfig:
    """Return the options of a run that stylizes as the evaluation does.

    Every frame gets all its iterations: a method must not look better for stopping later.

    Raises:
        InputError: a value out of range.
    """
    config = StylizeConfig(
        input=InputOptions(clip=options.data, style=(options.style,), size=options.size),
        look=LookOptions(style_scale=options.style_scale),
        network=NetworkOptions(weights=options.weights),
        motion=MotionOptions(flow=options.flow, mask=options.mask, kernel=options.kernel),
        solver=SolverOptions(
            iterations=options.iterations,
            init=options.init,
            tolerance=0.0,
            carry=options.carry,
            seed=options.seed,
        ),
        run=RunOptions(quiet=options.quiet),
    )
    check_config(config)
    return config
