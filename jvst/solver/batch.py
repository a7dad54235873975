"""Many frames minimized together, shared out among devices.

One ``vmap`` goes over the frames.

The devices may be those of several processes (``jax.distributed``), as on several hosts. Then
every process makes the same call with the same arguments, works on the frames of its own devices
and is given the result of all.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental import multihost_utils
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jaxtyping import Array, Float

from jvst._programs import program
from jvst._types import AnyArray, Count, Device
from jvst.core.arguments import check_range, check_solvable, floats
from jvst.network.vgg import VGG19
from jvst.solver.objective import FrameTargets, LossTerms, LossWeights, settled
from jvst.solver.solve import (
    NON_FINITE,
    RUNNING,
    STOPPED,
    Report,
    SolveInfo,
    SolverConfig,
    SolveState,
    advance,
    begin,
    check_solving,
    solve_frame,
)

_DEFAULTS = SolverConfig()
# Frames share the style and have all else of their own.
_FRAME_AXES: Any = FrameTargets(content=0, style=None, warped=0, trust=0)  # type: ignore[arg-type]
_TOGETHER = "together"  # the axis of those that one device solves
_BY_FRAME, _WHOLE = PartitionSpec("frames"), PartitionSpec()
_SPLIT: Any = FrameTargets(content=_BY_FRAME, style=_WHOLE, warped=_BY_FRAME, trust=_BY_FRAME)  # type: ignore[arg-type]


def stack_targets(targets: Sequence[FrameTargets]) -> FrameTargets:
    """Put the targets of several frames on a leading axis; the style stays as it is."""
    return FrameTargets(
        content=jax.tree.map(lambda *arrays: jnp.stack(arrays), *(t.content for t in targets)),
        style=targets[0].style,
        warped=jnp.stack([t.warped for t in targets]),
        trust=jnp.stack([t.trust for t in targets]),
    )


def solve_frames(
    inits: Float[AnyArray, "n h w 3"],
    vgg: VGG19,
    targets: FrameTargets,
    weights: LossWeights,
    max_iterations: Count,
    *,
    config: SolverConfig = _DEFAULTS,
    chunk: Count = 50,
    devices: Sequence[Device] | None = None,
    resume: Sequence[Array | np.ndarray] | None = None,
    on_chunk: Callable[[list[Report], SolveState], None] | None = None,
) -> tuple[Float[Array, "n h w 3"], list[SolveInfo]]:
    """Minimize ``frame_loss`` over several images of one style at once.

    Every frame has its own line search and its own stop; one that has ended waits for the others
    unchanged. Each device goes through its share of the frames by itself.

    Args:
        inits: where to start, RGB in [0, 1]; as many as a multiple of the devices.
        vgg: the network.
        targets: as made by ``stack_targets``.
        weights: weights of the terms.
        max_iterations: iterations at the most, for each frame.
        config: the solver.
        chunk: iterations between two reports; no effect on the result.
        devices: share the frames out among these; the default device alone when left out. When
            some are another process's, every process must make this call.
        resume: the leaves of a state that ``on_chunk`` was given.
        on_chunk: told after every chunk where each frame stands. With devices of several
            processes the state's arrays are shared out, too, and to be read through
            ``jax.experimental.multihost_utils.process_allgather``.

    Returns:
        The images, not clipped, and how each went. A frame whose loss turns non-finite is solved
        again by itself, see ``solve_frame``.

    Raises:
        ValueError: a number of frames that the devices can't share evenly, or arguments that
            can't be meant.
    """
    check_solving(config, max_iterations, chunk)
    inits, *_ = floats(
        **{
            "inits": (inits, "n h w 3"),
            "targets.warped": (targets.warped, "n j h w 3"),
            "targets.trust": (targets.trust, "n j h w"),
        }
    )
    check_solvable("inits", inits)
    check_range("inits", inits)
    weights = settled(weights, vgg, targets.style, inits.dtype)
    most, few = np.int32(max_iterations), np.int32(chunk)
    devices = tuple(devices or ())
    if devices and len(inits) % len(devices):
        raise ValueError(
            f"{len(inits)} frames for {len(devices)} devices; expected a multiple of that"
        )
    start, go_on = _programs(config, devices)
    begins, problem = inits, (vgg, targets, weights)
    leaves = None if resume is None else [jnp.asarray(leaf) for leaf in resume]
    several = any(device.process_index != jax.process_index() for device in devices)
    if several:
        begins, problem, leaves = _shared_out(devices, (begins, problem, leaves))
    if leaves is None:
        state = go_on(start(begins), *problem, most, np.int32(0))
    else:
        like = jax.eval_shape(start, begins)
        state = jax.tree.unflatten(jax.tree.structure(like), leaves)
    history: list[list[Report]] = []
    while True:
        reports, statuses = _look(state)
        history.append(reports)
        if on_chunk is not None:
            on_chunk(reports, state)
        if not np.any(statuses == RUNNING):
            break
        state = go_on(state, *problem, most, few)
    images, infos = state.image, []
    if several:
        images = jnp.asarray(_gathered(images))
    for k, status in enumerate(statuses):
        if status == NON_FINITE:
            alone = jax.tree.map(lambda array, k=k: array[k], targets._replace(style={}))
            image, info = solve_frame(
                inits[k],
                vgg,
                alone._replace(style=targets.style),
                weights,
                max_iterations,
                config=config,
                chunk=chunk,
            )
            images = images.at[k].set(image)
        else:
            # A frame that ended early says the same at every later look.
            own = tuple(dict.fromkeys(reports[k] for reports in history))
            last = own[-1]
            info = SolveInfo(last.iteration, last.evaluations, STOPPED[int(status)], "none", own)
        infos.append(info)
    return images, infos


@functools.lru_cache(maxsize=8)
def _programs(
    config: SolverConfig, devices: tuple[Device, ...]
) -> tuple[Callable[..., SolveState], Callable[..., SolveState]]:
    """Compile ``begin`` and ``advance`` over a leading axis of frames."""
    problem = (None, _FRAME_AXES, None, None, None)
    start: Any = jax.vmap(functools.partial(begin, config=config))
    go_on: Any = jax.vmap(
        functools.partial(advance, config=config, axis=_TOGETHER),
        in_axes=(0, *problem),
        axis_name=_TOGETHER,
    )
    if devices:
        problem = (_WHOLE, _SPLIT, _WHOLE, _WHOLE, _WHOLE)
        # Each device loops by itself: no frame waits for those of another device.
        shared: Any = functools.partial(
            jax.shard_map, mesh=_mesh(devices), out_specs=_BY_FRAME, check_vma=False
        )
        start = shared(start, in_specs=(_BY_FRAME,))
        go_on = shared(go_on, in_specs=(_BY_FRAME, *problem))
    return program("iteration")(start), program("iteration")(go_on)


def _mesh(devices: tuple[Device, ...]) -> Mesh:
    return Mesh(np.asarray(devices), ("frames",))


def _shared_out(devices: tuple[Device, ...], arguments: Any) -> Any:
    """Make arrays over the devices of all processes of what each process holds whole.

    A process alone may only hand over arrays of its own devices, and each holds all frames.
    """

    def share(spec: PartitionSpec, held: Any) -> Any:
        sharding = NamedSharding(_mesh(devices), spec)

        def place(array: Array) -> Array:
            if isinstance(array, jax.Array) and not array.is_fully_addressable:
                return array  # a state's leaf, as it was given out
            host = np.asarray(jnp.asarray(array))
            return jax.make_array_from_callback(host.shape, sharding, lambda part: host[part])

        return jax.tree.map(place, held)

    problem = (_WHOLE, _SPLIT, _WHOLE)
    return jax.tree.map(share, (_BY_FRAME, problem, _BY_FRAME), arguments)


def _look(state: SolveState) -> tuple[list[Report], np.ndarray]:
    """Read the few numbers of each frame that the host needs."""
    numbers = (state.iteration, state.evaluations, state.loss, state.terms, state.status)
    # Every process reads those of all frames, so that all go on or stop together.
    read = jax.device_get if state.status.is_fully_addressable else _gathered
    iterations, evaluations, losses, terms, statuses = read(numbers)
    reports = [
        Report(
            int(iterations[k]),
            int(evaluations[k]),
            float(losses[k]),
            LossTerms(*(float(term[k]) for term in terms)),
        )
        for k in range(len(statuses))
    ]
    return reports, statuses


def _gathered(shared: Any) -> Any:
    """Read what is shared out among processes; each must do so at the same time."""
    return multihost_utils.process_allgather(shared, tiled=True)
