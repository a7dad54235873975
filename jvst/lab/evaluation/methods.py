"""Ways of stylizing a clip, by name."""

import dataclasses
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Literal, NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import PRNGKeyArray

from jvst._types import FlowField, Frame, Image, StyleTargets
from jvst.core.image import to_float
from jvst.errors import InputError
from jvst.film.clip import ClipConfig, stylize_clip
from jvst.film.multipass import stylize_multipass
from jvst.film.neighbours import Motion
from jvst.film.one_pass import PaintingStatistics
from jvst.film.pass_clip import CarryConfig, carry_clip
from jvst.film.schedule import MultipassConfig
from jvst.flow import engine_named
from jvst.lab.evaluation.measures import Shown
from jvst.network.vgg import VGG19
from jvst.solver.objective import LossWeights

#: First words of the names, in the order of the tables' rows; the input is the floor.
KINDS = (
    "independent",
    "passes",
    "prev",
    "prev-warped",
    "instant",
    "short",
    "long",
    "multipass",
    "frames",
    "input",
)
#: Lags of ``long`` when it names none: the paper's.
LONG_TERM_LAGS = (1, 10, 20, 40)
_EXPECTED = (
    "independent, passes, prev, prev-warped, instant, instant:ENGINE, short, short:ENGINE, long, "
    "long:1,5,10, multipass, multipass:parallel or frames:LABEL=DIR"
)


@dataclasses.dataclass(frozen=True)
class Method:
    """One way of stylizing a clip, or where another program's frames lie.

    Attributes:
        name: whole, as ``short:dis`` or ``long:1,5,10``.
        kind: one of ``KINDS``.
        engine: makes the flow; empty where none is needed.
        lags: distances to the earlier frames that a frame is tied to.
        schedule: order of multi-pass.
        folder: holds a folder of frames for each clip; for the kind ``frames``.
    """

    name: str
    kind: str
    engine: str = ""
    lags: tuple[int, ...] = (1,)
    schedule: Literal["sequential", "parallel"] = "sequential"
    folder: str = ""

    @property
    def folder_name(self) -> str:
        """The name without signs that some file systems refuse."""
        return self.name.replace(":", "-").replace(",", "-")


class Problem(NamedTuple):
    """What all methods share."""

    vgg: VGG19
    style: StyleTargets
    weights: LossWeights
    config: ClipConfig  # its lags are the method's
    key: PRNGKeyArray
    paintings: PaintingStatistics | None = None


class Passes(NamedTuple):
    """Length of multi-pass; every pass of every frame gets the same iterations."""

    count: int
    iterations: int
    batch: int = 1  # frames that are solved at once, where they can be


class MadeFrame(NamedTuple):
    """A finished frame."""

    index: int
    image: Shown  # not clipped
    iterations: int
    seconds: float  # of its solve; without flow


#: Flow between two frames: to the second, and back.
Between = Callable[[Frame, Frame], tuple[FlowField, FlowField]]


def parse_method(text: str, *, engine: str) -> Method:
    """Read a method's name.

    Args:
        text: as in ``--methods``.
        engine: of the methods that don't name one.

    Raises:
        InputError: there is no such method, engine or schedule, or the lags are no lags.
    """
    kind, _, rest = text.partition(":")
    if text in ("independent", "passes", "prev"):
        return Method(text, text)
    if kind == "frames":
        label, equals, folder = rest.partition("=")
        if not (label and equals and folder):
            raise InputError(f"{rest!r} names no frames; expected LABEL=DIR, as peer=out/frames")
        return Method(f"frames:{label}", kind, folder=folder)
    own = engine_named(rest if kind in ("instant", "short") and rest else engine).name
    if text == "prev-warped":
        return Method(text, text, own)
    if kind in ("instant", "short"):
        return Method(f"{kind}:{own}", kind, own)
    if kind == "long":
        lags = _lags(text, rest) if rest else LONG_TERM_LAGS
        return Method(f"long:{','.join(map(str, lags))}", kind, own, lags)
    if text in ("multipass", "multipass:parallel"):
        return Method(text, kind, own, schedule="parallel" if rest else "sequential")
    raise InputError(f"there is no method {text!r}; expected {_EXPECTED}")


def run_method(
    method: Method,
    frames: Sequence[Frame],
    between: Between,
    problem: Problem,
    *,
    passes: Passes,
    first: int = 0,
    earlier: Mapping[int, Image] | None = None,
    on_step: Callable[[], object] = lambda: None,
) -> Iterator[MadeFrame]:
    """Stylize a clip in one of the ways.

    A frame that starts from nothing gets ``config.first_iterations``: each of the independent
    ones, and the first of the others.

    Args:
        method: which way; not of the kind ``frames``.
        frames: the whole clip.
        between: estimates flow.
        problem: what all methods share.
        passes: length of multi-pass.
        first: number of the first frame to make; multi-pass and what solves nothing make all.
        earlier: finished frames before it, as far back as the lags reach.
        on_step: called once a frame, in multi-pass once a frame and pass.

    Yields:
        The frames in order.
    """
    if method.kind == "multipass":
        yield from _multipass(method, frames, between, problem, passes=passes, on_step=on_step)
        return
    if method.kind in ("passes", "instant"):
        yield from _without_a_solve(method, frames, between, problem, on_step=on_step)
        return
    weights = problem.weights
    if method.kind in ("independent", "prev", "prev-warped"):
        weights = weights._replace(temporal=0.0)
    fetching = 0.0

    def motions() -> Iterator[dict[int, Motion]]:
        nonlocal fetching
        for index in range(first, len(frames)):
            started = time.perf_counter()
            found = _motions(method, frames, index, between)
            fetching += time.perf_counter() - started
            yield found

    made = stylize_clip(
        (to_float(jnp.asarray(frame)) for frame in frames[first:]),
        motions(),
        problem.vgg,
        problem.style,
        weights,
        config=dataclasses.replace(problem.config, lags=method.lags),
        key=problem.key,
        paintings=problem.paintings,
        first=first,
        earlier=earlier,
    )
    started = time.perf_counter()
    for frame in made:
        image = np.asarray(frame.image)
        seconds = time.perf_counter() - started - fetching
        on_step()
        yield MadeFrame(frame.index, image, frame.info.iterations, seconds)
        fetching, started = 0.0, time.perf_counter()


def _motions(
    method: Method, frames: Sequence[Frame], index: int, between: Between
) -> dict[int, Motion]:
    """Return the flow from a frame to those that the method ties it to."""
    if method.kind in ("independent", "passes"):
        return {}
    if method.kind == "prev":
        still = jnp.zeros((*frames[0].shape[:2], 2))
        return {1: Motion(still, still)} if index else {}
    found = {}
    for lag in (lag for lag in method.lags if lag <= index):
        other = frames[index - lag]
        flow, flow_back = between(frames[index], other)
        found[lag] = Motion(jnp.asarray(flow), jnp.asarray(flow_back), to_float(jnp.asarray(other)))
    return found


def _without_a_solve(
    method: Method,
    frames: Sequence[Frame],
    between: Between,
    problem: Problem,
    *,
    on_step: Callable[[], object],
) -> Iterator[MadeFrame]:
    """Paint every frame in one pass, alone or held along the flow."""
    assert problem.paintings is not None  # as a study has them
    motions = [_motions(method, frames, index, between) for index in range(len(frames))]
    made = carry_clip(
        [to_float(jnp.asarray(frame)) for frame in frames],
        motions,
        problem.paintings,
        config=CarryConfig(mask=problem.config.mask),
    )
    started = time.perf_counter()
    for frame in made:
        image = np.asarray(frame.image)
        seconds = time.perf_counter() - started
        on_step()
        yield MadeFrame(frame.index, image, 0, seconds)
        started = time.perf_counter()


def _multipass(
    method: Method,
    frames: Sequence[Frame],
    between: Between,
    problem: Problem,
    *,
    passes: Passes,
    on_step: Callable[[], object],
) -> Iterator[MadeFrame]:
    """Stylize in passes and yield the last; a frame's seconds are its share of usual passes."""
    motions = [None, *(_motions(method, frames, i, between)[1] for i in range(1, len(frames)))]
    config = MultipassConfig(
        passes=passes.count,
        pass_iterations=passes.iterations,
        schedule=method.schedule,
        batch=passes.batch,
        clip=dataclasses.replace(problem.config, lags=(1,)),
    )
    images: dict[int, Image] = {}
    iterations = [0] * len(frames)
    seconds = [0.0] * passes.count
    started = time.perf_counter()
    for made in stylize_multipass(
        [to_float(jnp.asarray(frame)) for frame in frames],
        motions,
        problem.vgg,
        problem.style,
        problem.weights,
        config=config,
        key=problem.key,
        paintings=problem.paintings,
    ):
        images[made.index] = made.image
        iterations[made.index] += made.info.iterations
        seconds[made.pass_number - 1] += time.perf_counter() - started
        on_step()
        started = time.perf_counter()
    # The median leaves out the pass that compiled.
    share = float(np.median(seconds)) * passes.count / len(frames)
    for index in range(len(frames)):
        yield MadeFrame(index, np.asarray(images[index]), iterations[index], share)


def _lags(text: str, rest: str) -> tuple[int, ...]:
    parts = rest.split(",")
    lags = tuple(int(part) for part in parts if part.isdecimal())
    if len(lags) != len(parts) or lags[0] < 1 or list(lags) != sorted(set(lags)):
        raise InputError(
            f"{text!r} has no lags that can be used; expected rising numbers from 1, as long:1,5,10"
        )
    return lags
