"""What one word for time and quality comes to."""

import dataclasses
from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

import jax

from jvst.app.options import StylizeConfig
from jvst.core.warp import Kernel
from jvst.solver.presets import Start

Level = Literal["instant", "draft", "normal", "high", "paper"]


@dataclasses.dataclass(frozen=True)
class Means:
    """What a film is made by.

    Attributes:
        iterations: caps: for a frame that starts from nothing, and for each later one.
        tolerance: see ``SolverConfig``.
        init: see ``solver.presets.Start``; None: as fits the network.
        kernel: see ``core.warp.warp``.
        carry: see ``SolverConfig``.
        best_flow: whether frames take so long that the best flow can be had beside them on a CPU.
    """

    iterations: tuple[int, int]
    tolerance: float = 1e-4
    init: Start | None = None
    kernel: Kernel = "catmull-rom"
    carry: int = 10
    best_flow: bool = False


#: From a few seconds a frame to minutes; docs/quality.md shows what each is good for.
LEVELS: Mapping[Level, Means] = MappingProxyType(
    {
        # No solve, and no network of losses: ``app.instant``.
        "instant": Means((0, 0), carry=0),
        "draft": Means((24, 3)),
        "normal": Means((80, 12)),
        "high": Means((300, 100), best_flow=True),
        # Ruder et al. 2016, with the Torch code's caps.
        "paper": Means((2000, 1000), init="noise", kernel="bilinear", carry=0, best_flow=True),
    }
)


def effort_of(config: StylizeConfig) -> Level:
    """Return the effort that was chosen, or that fits the device.

    Args:
        config: the options.
    """
    if config.solver.effort != "auto":
        return config.solver.effort
    return "normal" if jax.default_backend() == "cpu" else "high"


def means_of(config: StylizeConfig) -> Means:
    """Return what the options come to: the effort's means, but for those that were given.

    Args:
        config: the options.
    """
    means, motion, solver = LEVELS[effort_of(config)], config.motion, config.solver
    given = {
        "iterations": tuple(solver.iterations) or None,
        "tolerance": solver.tolerance,
        "init": None if solver.init == "auto" else solver.init,
        "kernel": None if motion.kernel == "auto" else motion.kernel,
        "carry": solver.carry,
    }
    return dataclasses.replace(means, **{k: v for k, v in given.items() if v is not None})


def is_instant(config: StylizeConfig) -> bool:
    """Tell whether frames are painted without a solve; iterations that are given ask for one.

    Args:
        config: the options.
    """
    return effort_of(config) == "instant" and not config.solver.iterations


def contradictions(config: StylizeConfig) -> list[str]:
    """Say which options were given that an effort, given too, would have otherwise.

    Args:
        config: the options.
    """
    if config.solver.effort == "auto":
        return []
    level, means = LEVELS[effort_of(config)], means_of(config)
    changed = [
        f"`{field.name}`"
        for field in dataclasses.fields(Means)
        if getattr(level, field.name) != getattr(means, field.name)
    ]
    if not changed:
        return []
    return [f"`effort` {config.solver.effort}, but for {', '.join(changed)} as given"]
