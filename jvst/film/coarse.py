"""The solve of a frame in stages, coarse to fine.

Each stage begins where the one before ended.
"""

import functools
from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Array, Float

from jvst._types import Image, StyleTargets
from jvst.core.image import resize
from jvst.network.vgg import VGG19
from jvst.solver.curvature import Curvature
from jvst.solver.objective import FrameTargets, LossWeights
from jvst.solver.solve import Report, SolveInfo, SolverConfig, SolveState, solve_frame

#: Half and a quarter of the sides; more steps, or more iterations, were measured to buy nothing.
COARSE = (0.25, 0.5)
# Below this the deepest layer sees next to nothing of the frame.
_SMALLEST_SIDE = 32  # pixels
# Iterations at a scale, times its factor: 120 at a quarter of the sides and 60 at half cost
# as much as 22 at the full size.
_ITERATIONS = 30


class Scale(NamedTuple):
    """A smaller size at which a frame is solved first, and the style there."""

    factor: float  # of the sides, below 1
    style: StyleTargets  # of the paintings, shrunk as much


def scaled_size(shape: Sequence[int], factor: float) -> tuple[int, int]:
    """Return (width, height) of a picture at a scale.

    Args:
        shape: height, width, … of the picture, pixels.
        factor: of the sides.
    """
    return max(round(shape[1] * factor), 1), max(round(shape[0] * factor), 1)


def usable(factors: Sequence[float], shape: Sequence[int]) -> tuple[float, ...]:
    """Return the scales, the coarsest first, at which the network still sees a frame.

    Args:
        factors: of the sides.
        shape: height, width, … of the frame, pixels.
    """
    return tuple(
        factor
        for factor in sorted(set(factors))
        if factor < 1.0 and min(scaled_size(shape, factor)) >= _SMALLEST_SIDE
    )


def iterations_at(factor: float, cap: int) -> int:
    """Return the cap at a scale.

    Args:
        factor: of the sides.
        cap: iterations of the frame at its full size.
    """
    return min(round(_ITERATIONS / factor), cap)


class Stage(NamedTuple):
    """Where a frame's solve stands: its leaves are what continues it, see ``solve_in_stages``."""

    number: int  # from 0
    state: SolveState


class Goal(NamedTuple):
    """What a stage draws the frame to.

    Its size is that of ``targets``. A stage of the same size as the one before goes on counting.
    """

    targets: FrameTargets
    cap: int  # iterations, at which the stage ends at the latest


def solve_in_stages(
    start: Image,
    vgg: VGG19,
    goals: Sequence[Goal],
    weights: LossWeights,
    *,
    config: SolverConfig,
    chunk: int = 50,
    resume: Sequence[Array | np.ndarray] | None = None,
    on_chunk: Callable[[Report, Stage | None], None] | None = None,
    on_stage: Callable[[FrameTargets, int], None] | None = None,
    curvature: Curvature | None = None,
) -> tuple[Image, SolveInfo]:
    """Solve for one goal after the other.

    A stage at another size begins at the start, resized, plus what the stage before changed of its
    own start: what is fine in the start is kept.

    Args:
        start: where the first stage begins, RGB in [0, 1], of the size of the last goal.
        vgg: the network.
        goals: at least one.
        weights: weights of the terms.
        config: the solver.
        chunk: see ``solve_frame``.
        resume: leaves (``jax.tree.leaves``) of the last stage that ``on_chunk`` was given.
        on_chunk: told where the solve stands; without a stage once a fallback is under way.
        on_stage: told before each stage what it draws the frame to, and the iterations at which
            its size is done with at the latest.
        curvature: what the first stage begins with, see ``solve_frame``. A stage of the same size
            as the one before begins with what that has handed on.

    Returns:
        The image, and how the stages of the last goal's size went, with the coarser ones in
        ``SolveInfo.coarse``.

    Raises:
        ValueError: ``resume`` names a stage that is not there.
    """
    begun, leaves = (0, None) if resume is None else (int(resume[0]), resume[1:])
    if begun >= len(goals):
        raise ValueError(f"resume names stage {begun}; expected at most {len(goals) - 1}")
    coarse: tuple[SolveInfo, ...] = ()
    image, info, size = start, None, start.shape
    for number, (targets, cap) in list(enumerate(goals))[begun:]:
        if on_stage is not None:
            shape = targets.warped.shape
            on_stage(targets, max(own for other, own in goals if other.warped.shape == shape))
        before, size = size, targets.warped.shape[1:]
        if info is not None and size != before:
            image, coarse, info = carried(start, image, size=size), (*coarse, info), None
            curvature = None
        elif size != image.shape:
            image = resized(start, size=size)

        def told(report: Report, state: SolveState | None, number: int = number) -> None:
            if on_chunk is not None:
                on_chunk(report, None if state is None else Stage(number, state))

        image, info = solve_frame(
            image,
            vgg,
            targets,
            weights,
            cap,
            config=config,
            chunk=chunk,
            resume=leaves if number == begun else None,
            on_chunk=told,
            after=info,
            curvature=curvature,
        )
        curvature = info.curvature
    assert info is not None  # there is a goal
    return image, info._replace(coarse=coarse)


@functools.partial(jax.jit, static_argnames="size")
def carried(
    start: Image, image: Float[Array, "h2 w2 3"], *, size: tuple[int, ...]
) -> Float[Array, "h3 w3 3"]:
    """Bring what a stage changed to another size.

    Args:
        start: where the frame's solve began, at its full size, RGB.
        image: what a stage that began there, resized, made of it, RGB.
        size: height, width, … to bring it to, pixels.
    """
    change = image - resized(start, size=image.shape)
    return resized(start, size=size) + resized(change, size=size)


def resized(image: Image, *, size: tuple[int, ...]) -> Float[Array, "h2 w2 3"]:
    """Resample a picture unless it has its size already.

    Args:
        image: ``[h w c]``.
        size: height, width, … in pixels.
    """
    if image.shape[:2] == tuple(size[:2]):
        return image
    return resize(image, size=(size[1], size[0]))
