"""Schemes of solving a frame: time, work and loss.

To compare another one, write a function ``(problem, iterations) -> list[Point]`` that keeps its
points in a ``Course``, and name it in ``SCHEMES``.
"""

import time
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Int

from jvst._types import Image, Scalar
from jvst.core.image import resize
from jvst.film.coarse import (
    COARSE,
    Goal,
    Stage,
    iterations_at,
    resized,
    scaled_size,
    solve_in_stages,
    usable,
)
from jvst.lab.benchmark import torch_scheme
from jvst.lab.benchmark.problems import FrameProblem, at_size, exact_loss
from jvst.network.vgg import VGG19
from jvst.solver.lbfgs import IDENTITY
from jvst.solver.objective import LEVELS, FrameTargets, LossWeights, frame_loss
from jvst.solver.solve import Report, SolverConfig, SolveState, solve_frame

_DEFAULTS = SolverConfig()
#: Iterations between two points.
CHUNK = 10

# style-transfer-pytorch: rate, decay of both moments, decay of the average of iterates, sizes.
_RATE, _DECAYS, _AVERAGE_DECAY, _GROWTH = 0.02, (0.9, 0.99), 0.99, 2**0.5
_SMALLEST = 128  # pixels of the longer side, where the frame is more than twice as large


class Point(NamedTuple):
    """Where a solve stands."""

    seconds: float  # so far, evaluating the loss for this table left out
    evaluations: float  # of the full size, smaller ones counted by their pixels
    loss: float  # at full size, in float32


class Course:
    """The points of a solve; its clock stands while a point is looked at."""

    def __init__(self, problem: FrameProblem):
        self.points: list[Point] = []
        self._problem = problem
        self._spent, self._since = 0.0, time.perf_counter()

    def note(self, evaluations: float | int, image: Image) -> None:
        """Add a point: evaluations of full size so far, and the picture of full size."""
        jax.block_until_ready(image)
        self._spent += time.perf_counter() - self._since
        loss = exact_loss(self._problem, image)
        self.points.append(Point(self._spent, evaluations, loss))
        self._since = time.perf_counter()


def torch_code(problem: FrameProblem, iterations: int) -> list[Point]:
    """Solve as the Torch code: single scale, L-BFGS without line search, history 100, float32."""
    course = Course(problem)
    vgg = problem.network.exact
    rest = (jnp.zeros_like(problem.start), vgg, problem.targets, problem.weights)
    start = jnp.ravel(problem.start) * LEVELS
    state = torch_scheme.begin(start, *rest, evaluate=_on_levels)
    course.note(1, problem.start)
    for done in range(0, iterations, CHUNK):
        count = min(CHUNK, iterations - done)
        state = torch_scheme.advance(state, count, *rest, evaluate=_on_levels)
        image = state.x.reshape(problem.start.shape) / LEVELS
        course.note(1 + done + count, image)
    return course.points


def jvst_default(problem: FrameProblem, iterations: int) -> list[Point]:
    """Solve at one size as jvst does, with its own stop."""
    return _solve(problem, iterations, _DEFAULTS)


def unpreconditioned(problem: FrameProblem, iterations: int) -> list[Point]:
    """Solve so, too, but with an inverse Hessian that begins as the identity."""
    return _solve(problem, iterations, SolverConfig(preconditioner=IDENTITY))


def coarse_to_fine(problem: FrameProblem, iterations: int) -> list[Point]:
    """Solve at a quarter and half of the sides first, as jvst does with frames from noise."""
    course = Course(problem)
    full = problem.start.shape
    factors = usable(COARSE, full)
    sizes = [*(scaled_size(full, factor) for factor in factors), problem.size]
    goals = [
        *(
            Goal(at_size(problem, size).targets, iterations_at(factor, iterations))
            for factor, size in zip(factors, sizes, strict=False)
        ),
        Goal(problem.targets, iterations),
    ]
    parts = [size[0] * size[1] / (full[0] * full[1]) for size in sizes]
    spent = dict.fromkeys(range(len(goals)), 0.0)

    def on_chunk(report: Report, stage: Stage | None) -> None:
        if stage is not None:
            spent[stage.number] = parts[stage.number] * report.evaluations
            course.note(sum(spent.values()), resized(stage.state.image, size=full))

    solve_in_stages(
        problem.start,
        problem.network.vgg,
        goals,
        problem.weights,
        config=_DEFAULTS,
        chunk=CHUNK,
        on_chunk=on_chunk,
    )
    return course.points


def _solve(problem: FrameProblem, iterations: int, config: SolverConfig) -> list[Point]:
    course = Course(problem)

    def on_chunk(report: Report, state: SolveState | None) -> None:
        if state is not None:
            course.note(report.evaluations, state.image)

    solve_frame(
        problem.start,
        problem.network.vgg,
        problem.targets,
        problem.weights,
        iterations,
        config=config,
        chunk=CHUNK,
        on_chunk=on_chunk,
    )
    return course.points


def adam_pyramid(problem: FrameProblem, iterations: int) -> list[Point]:
    """Solve as style-transfer-pytorch: Adam from coarse to fine, the iterates averaged.

    Sizes grow by √2, each begun from the one before, enlarged; the coarsest takes all iterations
    and each other half as many. Adam's moments begin anew at each size.

    Source: github.com/crowsonkb/style-transfer-pytorch, by its description.
    """
    course = Course(problem)
    spent, image = 0.0, problem.start
    for number, size in enumerate(pyramid_sizes(problem.size)):
        here = at_size(problem, size)
        part = size[0] * size[1] / (problem.size[0] * problem.size[1])
        count = iterations if number == 0 else max(iterations // 2, 1)
        state = _adam_begin(resize(image, size=size))
        rest = (here.network.vgg, here.targets, here.weights)
        for done in range(0, count, CHUNK):
            state = _adam_advance(state, min(CHUNK, count - done), *rest)
            spent += part * min(CHUNK, count - done)
            if size == problem.size:
                course.note(spent, _average(state))
        image = _average(state)
        if size != problem.size:
            course.note(spent, resize(image, size=problem.size))
    return course.points


def pyramid_sizes(size: tuple[int, int]) -> list[tuple[int, int]]:
    """Return (width, height) from the coarsest to the full size, a factor of √2 apart."""
    longest = max(size)
    sides = [float(min(_SMALLEST, longest // 2))]
    while sides[-1] * _GROWTH < longest * 0.99:
        sides.append(sides[-1] * _GROWTH)
    coarse = [(round(size[0] * s / longest), round(size[1] * s / longest)) for s in sides]
    return [*(one for one in coarse if min(one) >= 16), size]


#: Name -> how a frame is solved; the first is what the others are measured against.
SCHEMES: Mapping[str, Callable[[FrameProblem, int], list[Point]]] = MappingProxyType(
    {
        "Torch code": torch_code,
        "jvst": jvst_default,
        "jvst, unpreconditioned": unpreconditioned,
        "jvst, coarse to fine": coarse_to_fine,
        "Adam, coarse to fine": adam_pyramid,
    }
)


def _on_levels(
    flat: Array, like: Image, vgg: VGG19, targets: FrameTargets, weights: LossWeights
) -> tuple[Array, Array]:
    """Evaluate a picture on levels of 255, the Torch code's unit, in which its first step is 1."""

    def loss(flat: Array) -> Array:
        return frame_loss(flat.reshape(like.shape) / LEVELS, vgg, targets, weights)[0]

    return jax.value_and_grad(loss)(flat)


class _AdamState(NamedTuple):
    image: Image
    mean: Image
    square: Image
    average: Image
    count: Scalar  # of iterations; a power's exponent, and so of the type of its base


@jax.jit
def _adam_begin(image: Image) -> _AdamState:
    nothing = jnp.zeros_like(image)
    return _AdamState(image, nothing, nothing, nothing, jnp.asarray(0.0, image.dtype))


@jax.jit
def _average(state: _AdamState) -> Image:
    return state.average / (1.0 - _AVERAGE_DECAY**state.count)


@jax.jit
def _adam_advance(state: _AdamState, iterations: Int[Array, ""] | int, *rest: Any) -> _AdamState:
    """Go on for some iterations. Source: Kingma and Ba 2015, algorithm 1; clipped to [0, 1]."""
    first, second = _DECAYS

    def iterate(_: Any, state: _AdamState) -> _AdamState:
        gradient, _terms = jax.grad(frame_loss, has_aux=True)(state.image, *rest)
        count = state.count + 1
        mean = first * state.mean + (1.0 - first) * gradient
        square = second * state.square + (1.0 - second) * jnp.square(gradient)
        step = mean / (1.0 - first**count)
        step = step / (jnp.sqrt(square / (1.0 - second**count)) + 1e-8)
        image = jnp.clip(state.image - _RATE * step, 0.0, 1.0)
        average = _AVERAGE_DECAY * state.average + (1.0 - _AVERAGE_DECAY) * image
        return _AdamState(image, mean, square, average, count)

    return jax.lax.fori_loop(0, iterations, iterate, state)
