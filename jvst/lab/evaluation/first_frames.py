"""Losses of a first frame by where it starts."""

from collections.abc import Mapping, Sequence

import jax
import jax.numpy as jnp
from jaxtyping import PRNGKeyArray

from jvst._types import Image
from jvst.film.one_pass import painting_statistics
from jvst.film.starts import Starts
from jvst.network.vgg import VGG19
from jvst.solver.objective import FrameTargets, LossWeights, content_targets, style_targets
from jvst.solver.presets import Start
from jvst.solver.solve import Report, SolveInfo, SolverConfig, solve_frame

#: The title of each start.
STARTS: Mapping[Start, str] = {
    "noise": "noise",
    "content": "the content",
    "colours": "the content, colours matched",
    "onepass": "one pass",
}
_EVERY = 4  # iterations; the losses asked for are those of a report


def loss_courses(
    frame: Image,
    painting: Image,
    vgg: VGG19,
    weights: LossWeights,
    *,
    layers: tuple[str, ...],
    iterations: Sequence[int],
    starts: Sequence[Start],
    key: PRNGKeyArray,
) -> dict[Start, list[float]]:
    """Solve a first frame from several starts.

    Args:
        frame: the content, RGB in [0, 1].
        painting: RGB in [0, 1].
        vgg: the network of the losses.
        weights: weights of the terms.
        layers: content layers.
        iterations: at which the loss is told, multiples of 4.
        starts: which.
        key: draws the noise.

    Returns:
        Start -> the loss after each number of iterations.
    """
    targets = FrameTargets(
        content=jax.jit(content_targets, static_argnames="layers")(vgg, frame, layers=layers),
        style=jax.jit(style_targets)(vgg, [painting]),
        warped=jnp.zeros((1, *frame.shape)),
        trust=jnp.zeros((1, *frame.shape[:2])),
    )
    paintings = painting_statistics([painting])
    return {
        kind: _losses(
            solve_frame(
                Starts(kind, key, paintings).alone(frame),
                vgg,
                targets,
                weights,
                max(iterations),
                config=SolverConfig(tolerance=0.0),
                chunk=_EVERY,
            )[1],
            iterations,
        )
        for kind in starts
    }


def markdown(courses: Mapping[Start, Sequence[float]], iterations: Sequence[int]) -> str:
    """Return the table of losses."""
    head = ["loss after … iterations, from", *map(str, iterations)]
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    for kind, losses in courses.items():
        lines.append("| " + " | ".join([STARTS[kind], *(f"{x:.2g}" for x in losses)]) + " |")
    return "\n".join(lines)


def _losses(info: SolveInfo, iterations: Sequence[int]) -> list[float]:
    """Return the losses at some iterations; that of the last report where a solve ended before."""

    def at(count: int) -> Report:
        return max(
            (report for report in info.reports if report.iteration <= count),
            key=lambda report: report.iteration,
        )

    return [at(count).loss for count in iterations]
