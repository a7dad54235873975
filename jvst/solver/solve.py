"""Minimization of the energy of one frame.

A solve goes in chunks to its stop. When it fails, it is done again with shorter steps.
"""

import dataclasses
import functools
from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Int

from jvst._programs import program
from jvst._types import AnyArray, Count, Image, ImageLike, Scalar
from jvst.core.arguments import check_kind, check_least, check_range, check_solvable
from jvst.network.vgg import VGG19
from jvst.solver.curvature import Curvature
from jvst.solver.objective import (
    FrameTargets,
    LossTerms,
    LossWeights,
    problem_arrays,
    settled,
)
from jvst.solver.optimizers import (
    ExtraLoss,
    SolverConfig,
    handed_on,
    known_at_first,
    optimizer_of,
    times_dropped,
)

_DEFAULTS = SolverConfig()

Stopped = Literal["converged", "iteration limit", "non-finite loss"]
Fallback = Literal["none", "smaller step", "start image"]

RUNNING, CONVERGED, ITERATION_LIMIT, NON_FINITE, BEGUN = range(5)
STOPPED: dict[int, Stopped] = {
    CONVERGED: "converged",
    ITERATION_LIMIT: "iteration limit",
    NON_FINITE: "non-finite loss",
}


class SolveState(NamedTuple):
    """A solve between two chunks: all that is needed to go on, as arrays."""

    image: Image
    optimizer: Any
    loss: Scalar
    terms: LossTerms
    iteration: Int[Array, ""]
    evaluations: Int[Array, ""]
    window_loss: Scalar  # the loss when the stop rule last looked
    window_start: Int[Array, ""]
    begun: Int[Array, ""]  # the iteration that this solve goes on from
    status: Int[Array, ""]  # ``BEGUN`` until the start has been evaluated


class Report(NamedTuple):
    """Where a solve stands at the end of a chunk, in host memory."""

    iteration: int
    evaluations: int
    loss: float
    terms: LossTerms


class SolveInfo(NamedTuple):
    """How a solve went."""

    iterations: int
    evaluations: int
    stopped: Stopped
    fallback: Fallback  # what had to be done about a non-finite loss
    reports: tuple[Report, ...]  # one a chunk, the start first
    coarse: tuple["SolveInfo", ...] = ()  # at smaller sizes before, see ``stages``
    dropped: int = 0  # times that what another solve had handed on misled and was dropped
    curvature: Curvature | None = None  # what this solve hands on, with ``SolverConfig.carry``


def solve_frame(
    init: ImageLike,
    vgg: VGG19,
    targets: FrameTargets,
    weights: LossWeights,
    max_iterations: Count,
    *,
    config: SolverConfig = _DEFAULTS,
    chunk: Count = 50,
    resume: Sequence[Array | np.ndarray] | None = None,
    on_chunk: Callable[[Report, SolveState | None], None] | None = None,
    after: SolveInfo | None = None,
    extra_loss: ExtraLoss | None = None,
    curvature: Curvature | None = None,
) -> tuple[Image, SolveInfo]:
    """Minimize ``frame_loss`` over the image.

    Iterations run on the device in chunks; between chunks the host reads a few numbers,
    calls ``on_chunk``, and may be interrupted: when the leaves of the state that it was last
    given (``jax.tree.leaves``) come back as ``resume``, the solve goes on from there, bit for
    bit.

    Args:
        init: where to start, RGB in [0, 1], float32 or float64.
        vgg: the network.
        targets: what the frame is drawn to.
        weights: weights of the terms: numbers of any kind, never a reason to compile again.
        max_iterations: iterations at the most, those of ``after`` included; likewise.
        config: the solver.
        chunk: iterations between two reports; no effect on the result.
        resume: the leaves of a state that ``on_chunk`` was given.
        on_chunk: told after every chunk; without a state once a fallback is under way.
        after: how an earlier stage went, of which this one goes on: counts and reports are added
            to its own.
        extra_loss: see ``SolverConfig``.
        curvature: what a solve of a similar loss has handed on (``SolveInfo.curvature``), to begin
            with; it needs ``SolverConfig.carry``. That of the frame before is best warped along,
            see ``film.carrying``. It is dropped where it misleads; of no effect with ``resume``,
            whose state has it.

    Returns:
        The image, RGB, about [0, 1], not clipped; and how it went. A loss that turns
        non-finite makes the solve go on from the last good image with steps a tenth as
        long; if that fails too, or the very first loss is non-finite, ``init`` comes back.

    Raises:
        ValueError: arguments that can't be meant, such as levels of 0 to 255 or a chunk of 0.
    """
    check_solving(config, max_iterations, chunk)
    if extra_loss is not None:
        config = dataclasses.replace(config, extra_loss=extra_loss)
    init, *_ = problem_arrays("init", init, targets)
    check_solvable("init", init)
    check_range("init", init)
    weights = settled(weights, vgg, targets.style, init.dtype)
    most, few = np.int32(max_iterations), np.int32(chunk)
    reports = list(after.reports) if after else []
    fallback: Fallback = "none"
    known = known_at_first(config, init.shape, init.dtype, curvature)
    if resume is None:
        state = begin(init, config, known)
        if after is not None:
            state = _counted_on(state, after.iterations, after.evaluations)
        state = advance(state, vgg, targets, weights, most, np.int32(0), config)
    else:
        like = jax.eval_shape(functools.partial(begin, config=config), init)
        state = jax.tree.unflatten(jax.tree.structure(like), [jnp.asarray(x) for x in resume])
    begun_at = after.iterations if after else 0
    while True:
        report, status = _look(state)
        reports.append(report)
        if on_chunk is not None:
            on_chunk(report, state if fallback == "none" else None)
        if status == RUNNING:
            state = advance(state, vgg, targets, weights, most, few, config)
        elif status != NON_FINITE:
            break
        elif fallback == "none" and report.iteration > begun_at:
            fallback, config = "smaller step", _shorter(config)
            state = begin(state.image, config, known_at_first(config, init.shape, init.dtype))
            state = _counted_on(state, report.iteration, report.evaluations)
            state = advance(state, vgg, targets, weights, most, np.int32(0), config)
        else:
            fallback, state = "start image", state._replace(image=init)
            break
    if after is not None and fallback == "none":
        fallback = after.fallback
    info = SolveInfo(
        report.iteration,
        report.evaluations,
        STOPPED[status],
        fallback,
        tuple(reports),
        dropped=times_dropped(state.optimizer),
        curvature=handed_on(state.optimizer, config) if fallback == "none" else None,
    )
    return state.image, info


def check_solving(config: SolverConfig, max_iterations: Count, chunk: Count) -> None:
    """Refuse what no solve can be made of.

    Raises:
        InputError: as said.
    """
    check_kind("config", config, SolverConfig, "jvst.SolverConfig")
    check_least("max_iterations", max_iterations, 0)
    check_least("chunk", chunk, 1)


def _counted_on(state: SolveState, iterations: int, evaluations: int) -> SolveState:
    """Let a solve that has just begun count on from an earlier one."""
    return state._replace(
        iteration=jnp.asarray(iterations, jnp.int32),
        evaluations=jnp.asarray(evaluations, jnp.int32),
        window_start=jnp.asarray(iterations, jnp.int32),
        begun=jnp.asarray(iterations, jnp.int32),
    )


@program("iteration", static_argnames="config")
def begin(init: ImageLike, config: SolverConfig, curvature: Curvature | None = None) -> SolveState:
    """Return the state that a solve begins with. Pure: jits, and vmaps over frames.

    Nothing is evaluated: ``advance`` does that first, so that the network is compiled once.

    Args:
        init: where to start, RGB in [0, 1].
        config: the solver; static.
        curvature: see ``solve_frame``; no two forms, None or arrays, share a program.
    """
    init = jnp.asarray(init)
    zero = jnp.zeros((), init.dtype)
    # Typed: a weakly typed start would make the first chunk a program of its own.
    none = jnp.asarray(0, jnp.int32)
    return SolveState(
        image=init,
        optimizer=optimizer_of(config).begin(init, curvature),
        loss=zero,
        terms=LossTerms(*[zero] * len(LossTerms._fields)),
        iteration=none,
        evaluations=none,
        window_loss=zero,
        window_start=none,
        begun=none,
        status=jnp.asarray(BEGUN, jnp.int32),
    )


@program("iteration", static_argnames=("config", "axis"))
def advance(
    state: SolveState,
    vgg: VGG19,
    targets: FrameTargets,
    weights: LossWeights,
    max_iterations: Int[AnyArray, ""] | np.integer | int,
    chunk: Int[AnyArray, ""] | np.integer | int,
    config: SolverConfig,
    axis: str | None = None,
) -> SolveState:
    """Go on with a solve on the device. Pure: jits, and vmaps over frames.

    A start that has not been evaluated is, before the first iteration.

    Args:
        state: where it stands.
        vgg: the network.
        targets: what the frame is drawn to.
        weights: weights of the terms.
        max_iterations: iterations at the most, from the start on.
        chunk: iterations at the most now; 0 evaluates the start and no more.
        config: the solver; static.
        axis: name of the axis of a ``vmap`` over frames that are to stay together: a frame that has
            ended waits for the others; static. It saves the selection, at every iteration, between
            the old and the new of all that a frame has learnt, which is as large as sixty
            pictures. Of a frame that has ended the oldest step is lost.
    """
    optimizer = optimizer_of(config, vgg.precision)
    end = state.iteration + chunk

    def active(state: SolveState) -> Bool[Array, ""]:
        running = (state.status == RUNNING) & (state.iteration < end)
        return running | (state.status == BEGUN)

    def unfinished(state: SolveState) -> Bool[Array, ""]:
        own = active(state)
        return own if axis is None else jax.lax.pmax(own.astype(jnp.int32), axis) > 0

    def iterate(state: SolveState) -> SolveState:
        # One that waits for others is evaluated for nothing: once, as where a solve begins.
        first = (state.status == BEGUN) | ~active(state)
        image, loss, terms, inner, evaluations = optimizer.step(
            state.image, state.optimizer, first, vgg, targets, weights
        )
        iteration = state.iteration + jnp.where(first, 0, 1).astype(jnp.int32)
        good = jnp.isfinite(loss)
        told = good | first
        change, little = (
            jnp.abs(state.window_loss - loss),
            jnp.abs(config.tolerance * state.window_loss),
        )
        look = iteration - state.window_start >= config.window
        converged = look & (change < little)
        # A frame that begins where it will end, as in a static shot, need not wait for the window.
        early = iteration - state.begun == config.first_look
        share = min(config.first_look / config.window, 1.0)
        converged |= early & (change < share * little)
        status = jnp.where(iteration >= max_iterations, ITERATION_LIMIT, RUNNING)
        status = jnp.where(converged & ~first, CONVERGED, status)
        return SolveState(
            image=jnp.where(good, image, state.image),
            optimizer=inner,
            loss=jnp.where(told, loss, state.loss),
            terms=jax.tree.map(lambda new, old: jnp.where(told, new, old), terms, state.terms),
            iteration=iteration,
            evaluations=state.evaluations + evaluations,
            window_loss=jnp.where(look | first, loss, state.window_loss),
            window_start=jnp.where(look, iteration, state.window_start),
            begun=state.begun,
            status=jnp.where(good, status, NON_FINITE).astype(jnp.int32),
        )

    def iterate_the_active(state: SolveState) -> SolveState:
        on, new = active(state), iterate(state)
        inner = optimizer.where(on, new.optimizer, state.optimizer)
        old, new = state._replace(optimizer=()), new._replace(optimizer=())
        chosen = jax.tree.map(lambda now, before: jnp.where(on, now, before), new, old)
        return chosen._replace(optimizer=inner)

    turn = iterate if axis is None else iterate_the_active
    return jax.lax.while_loop(unfinished, turn, state)


def minimize(
    init: ImageLike,
    vgg: VGG19,
    targets: FrameTargets,
    weights: LossWeights,
    max_iterations: Int[AnyArray, ""] | Count,
    *,
    config: SolverConfig = _DEFAULTS,
) -> SolveState:
    """Minimize ``frame_loss`` over the image in one loop. Pure: jits, and vmaps over frames.

    Unlike ``solve_frame`` it is not driven by the host: it tells nothing on the way, can't be
    interrupted, and leaves a loss that turns non-finite at the last good image.

    Args:
        init: where to start, RGB in [0, 1], float32 or float64.
        vgg: the network.
        targets: what the frame is drawn to.
        weights: weights of the terms.
        max_iterations: iterations at the most.
        config: the solver; static under jit.

    Returns:
        The image, RGB, not clipped, with loss, terms and counts.
    """
    state = begin(init, config)
    return advance(state, vgg, targets, weights, max_iterations, max_iterations, config)


def _shorter(config: SolverConfig) -> SolverConfig:
    """Return a tenth of every step length."""
    return dataclasses.replace(
        config,
        first_step=0.1 * config.first_step,
        max_step=0.1 * config.max_step,
        learning_rate=0.1 * config.learning_rate,
    )


def _look(state: SolveState) -> tuple[Report, int]:
    """Read the few numbers that the host needs."""
    iteration, evaluations, loss, terms, status = jax.device_get(
        (state.iteration, state.evaluations, state.loss, state.terms, state.status)
    )
    terms = LossTerms(*(float(term) for term in terms))
    return Report(int(iteration), int(evaluations), float(loss), terms), int(status)
