"""Programs of a clip, compiled ahead.

Side by side: one after the other they are most of the time until the first picture. JAX hands none
of them on to the calls that need them but through its cache on disk
(``jax_compilation_cache_dir``), which must be set.
"""

import functools
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jvst._types import StyleTargets
from jvst.film import one_pass
from jvst.film.carrying import along
from jvst.film.clip import ClipConfig, prepare, prepare_options
from jvst.film.neighbours import Neighbours
from jvst.film.starts import uncover
from jvst.network.vgg import VGG19
from jvst.solver.objective import FrameTargets, LossWeights, settled
from jvst.solver.optimizers import known_at_first
from jvst.solver.solve import advance, begin

_CHECK_SECONDS = 0.2

#: Makes a program, and keeps it where the call that needs it finds it.
Job = Callable[[], object]


class Programs(NamedTuple):
    """What compiles some programs, the longest first."""

    first: list[Job]  # needed for the first frame
    later: list[Job]


def clip_programs(
    size: tuple[int, int],
    vgg: VGG19,
    style: StyleTargets,
    weights: LossWeights,
    *,
    config: ClipConfig,
    paintings: one_pass.PaintingStatistics | None = None,
) -> Programs:
    """Return what compiles the programs that ``stylize_clip`` needs.

    Args:
        size: (width, height) of the frames, pixels.
        vgg: the network.
        style: of the paintings; shapes (``jax.eval_shape``) suffice, here and below.
        weights: weights of the terms.
        config: of the clip.
        paintings: see ``stylize_clip``.
    """
    width, height = size
    shaped = functools.partial(jax.ShapeDtypeStruct, dtype=jnp.float32)
    frame: Any = shaped((height, width, 3))
    flow: Any = shaped((height, width, 2))
    options = prepare_options(config)
    neighbours = _slots(len(config.lags), frame.shape)
    targets: FrameTargets = jax.eval_shape(
        functools.partial(prepare, **options), frame, vgg, style, neighbours
    )
    solver = config.solver
    known = known_at_first(solver, frame.shape, jnp.dtype(jnp.float32))
    numbers = settled(weights, vgg, style, jnp.dtype(jnp.float32))
    problem, most = (vgg, targets, numbers), np.int32(1)
    state = jax.eval_shape(functools.partial(begin, config=solver), frame)
    jobs: list[Job] = [
        lambda: compiled(advance, state, *problem, most, most, solver),
        lambda: compiled(prepare, frame, vgg, style, neighbours, **options),
        lambda: compiled(begin, frame, solver, known),
    ]
    if paintings is not None and config.init == "onepass":
        jobs.insert(0, lambda: one_pass.compile_pass(frame, paintings, tile=solver.tile))
    later: list[Job] = []
    if config.init != "noise":
        later.append(lambda: compiled(uncover, frame, frame, flow, flow, edge=config.edge))
    if known is not None:
        later.append(lambda: compiled(along, known, flow, kernel=config.kernel))
    return Programs(jobs, later)


class Ahead:
    """Compiles on threads; ends when what the first frame needs is there.

    Args:
        check: called a few times a second while it is waited for; what it raises ends that.
    """

    def __init__(self, check: Callable[[], object]) -> None:
        self._check = check
        self._pool = ThreadPoolExecutor(16, thread_name_prefix="compile")
        self._first: list[Future[object]] = []

    def __enter__(self) -> "Ahead":
        """Return itself."""
        return self

    def begin(self, programs: Programs) -> None:
        """Begin with some programs, where there is a place to keep them."""
        if jax.config.values.get("jax_compilation_cache_dir"):
            self._first += [self._pool.submit(job) for job in programs.first]
            for job in programs.later:
                self._pool.submit(job)

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Wait; what can't be compiled is told by the call that needs it."""
        left = set(self._first) if kind is None else set()
        try:
            while left:
                left = wait(left, timeout=_CHECK_SECONDS).not_done
                self._check()
        except BaseException:
            kind = BaseException
            raise
        finally:
            self._pool.shutdown(wait=False, cancel_futures=kind is not None)


def _slots(lags: int, shape: tuple[int, ...]) -> Neighbours:
    """Return the shapes of some slots for neighbours."""
    height, width, _ = shape
    shaped: Any = functools.partial(jax.ShapeDtypeStruct, dtype=jnp.float32)
    field = shaped((lags, height, width, 2))
    picture = shaped((lags, height, width, 3))
    number = shaped((lags,))
    mask = shaped((lags, height, width))
    return Neighbours(picture, field, field, number, picture, number, mask, number)


def compiled(function: Any, *args: Any, **options: Any) -> object:
    """Compile a jitted function.

    Args:
        function: the function.
        args: its arguments, or their shapes.
        options: its static arguments.
    """
    return function.lower(*args, **options).compile()
