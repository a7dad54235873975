"""The training loop: steps, their schedule, log and checkpoints."""

import dataclasses
import functools
import hashlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx
from jaxtyping import Array, Float, Int, PRNGKeyArray

from jvst._types import Scalar
from jvst.errors import InputError
from jvst.lab.training.checkpoint import (
    append_row,
    drop_rows_after,
    read_checkpoint,
    write_checkpoint,
)
from jvst.lab.training.crops import Crops, random_crops
from jvst.lab.training.export import LICENCE, NOTICE, export_student
from jvst.lab.training.loss import channel_scale, distillation_loss
from jvst.lab.training.pictures import Pictures, read_pictures
from jvst.lab.training.student import Scales, Student, untrained_student, write_student
from jvst.lab.training.teacher import read_teacher
from jvst.network.layers import vgg19_layers
from jvst.network.vgg import VGG, features

# Batches over which the teacher's scales are measured, and the seed of the first.
_SCALE_BATCHES, _SCALE_SEED = 8, 1000
# Added to the run's seed, which draws the kernels: the crops are drawn from others.
_CROP_SEED = 6
# Where the cosine ends, as a part of the highest rate.
_LAST_RATE = 0.002


@dataclasses.dataclass(frozen=True)
class TrainingConfig:
    """A training run, from which the same kind of machine repeats the same numbers.

    Attributes:
        steps: steps of the optimizer, a multiple of ``steps_per_call``.
        batch: crops a step.
        crop: side of a crop in pixels, a multiple of 16.
        rate: the highest learning rate.
        schedule: of the learning rate: a cosine from ``rate`` to almost 0, or constant.
        warm_up: steps over which the rate of the cosine rises from 0.
        steps_per_call: steps of one call of the compiled program, and of one row of the log.
        seed: draws the first kernels and every crop.
    """

    steps: int = 5880
    batch: int = 64
    crop: int = 128
    rate: float = 2e-3
    schedule: Literal["cosine", "constant"] = "cosine"
    warm_up: int = 400
    steps_per_call: int = 40
    seed: int = 1

    def check(self) -> None:
        """Check the numbers.

        Raises:
            InputError: one of them can't be.
        """
        if min(self.steps, self.batch, self.crop, self.steps_per_call) < 1 or self.warm_up < 0:
            raise InputError(f"{self}: expected numbers of at least 1")
        if self.steps % self.steps_per_call:
            raise InputError(
                f"{self.steps} steps; expected a multiple of the {self.steps_per_call} of one call"
            )
        if self.crop % 16:
            raise InputError(f"crops of {self.crop} pixels; expected a multiple of 16")
        if not 0.0 < self.rate < float("inf"):
            raise InputError(f"the rate is {self.rate}; expected a positive number")


class State(NamedTuple):
    """What changes with every step."""

    step: Int[Array, ""]
    parameters: Any  # of the student
    optimizer: Any


class Run(NamedTuple):
    """What stays the same over a run, on the device."""

    teacher: VGG
    pictures: Array
    scales: Scales


def train_embedded(
    teacher: Path,
    pictures: Path,
    folder: Path,
    output: Path,
    *,
    config: TrainingConfig = TrainingConfig(),
    every: int = 400,
    until: int | None = None,
    licence: str = LICENCE,
    notice: str = NOTICE,
) -> None:
    """Train a student, or go on with what an earlier call left in the folder, and write it.

    Args:
        teacher: .npz of the relu5_1 encoder of Wang et al. 2020.
        pictures: folder of pictures of one size, no side below twice that of a crop.
        folder: gets log.csv, checkpoint.safetensors and at the end student.npz.
        output: the file of weights to write at the end, in jvst's own format, float16.
        config: the run; the same as before when going on.
        every: steps between two checkpoints.
        until: leave off after this step, to go on another time.
        licence: stated in the file of weights.
        notice: stated there too: whose work the numbers come from.

    Raises:
        InputError: unusable input, another run's checkpoint, or a loss that is not finite.
    """
    config.check()
    network, drawn = read_teacher(teacher), read_pictures(pictures, least=2 * config.crop)
    identity = {
        **dataclasses.asdict(config),
        "teacher": hashlib.sha256(teacher.read_bytes()).hexdigest(),
        "pictures": hashlib.sha256(drawn.tobytes()).hexdigest(),
    }
    folder.mkdir(parents=True, exist_ok=True)
    checkpoint, log = folder / "checkpoint.safetensors", folder / "log.csv"
    run, first, graph = begin(network, drawn, config)
    if checkpoint.exists():
        first = read_checkpoint(checkpoint, first, identity)
    drop_rows_after(log, int(first.step))
    begun, saved, state = time.monotonic(), int(first.step), first
    for state, loss, terms in steps_from(first, run, graph, config):
        done = int(state.step)
        if not np.isfinite(loss):
            raise InputError(
                f"the loss is {loss} at step {done}; the checkpoint of step {saved} is kept: "
                "lower the rate, in another folder"
            )
        figures = {"loss": loss, **terms}
        seconds = f"{time.monotonic() - begun:.1f}"
        append_row(
            log,
            {"step": str(done), "seconds": seconds}
            | {name: f"{figure:.6g}" for name, figure in figures.items()},
        )
        last = done >= config.steps or (until is not None and done >= until)
        if last or done - saved >= every:
            write_checkpoint(checkpoint, state, identity)
            saved = done
            print(f"step {done} of {config.steps}: loss {loss:.4g}, {seconds} s", flush=True)
        if last:
            break
    if int(state.step) < config.steps:
        return
    student = Student(nnx.merge(graph, state.parameters), run.scales)
    write_student(folder / "student.npz", student)
    origin = (
        f"trained by scripts/train_embedded.py with {config}, from {teacher.name} "
        f"(sha256 {identity['teacher'][:16]}) over {len(drawn)} pictures"
    )
    export_student(folder / "student.npz", output, origin=origin, licence=licence, notice=notice)


def begin(teacher: VGG, pictures: Pictures, config: TrainingConfig) -> tuple[Run, State, Any]:
    """Draw the first kernels and measure the teacher.

    Returns:
        The run, its first state, and the student's graph for ``advance``.
    """
    width = teacher.layers["relu1_1"].channels / vgg19_layers()["relu1_1"].channels
    student = untrained_student(vgg19_layers(width), jax.random.key(config.seed))
    graph, parameters = nnx.split(student, nnx.Param)
    state = State(jnp.zeros((), jnp.int32), parameters, _optimizer().init(parameters))
    data = jnp.asarray(pictures)
    return Run(teacher, data, measured_scales(teacher, data, config)), state, graph


def measured_scales(teacher: VGG, pictures: Array, config: TrainingConfig) -> Scales:
    """Measure the root mean square of the teacher's channels over a few batches."""
    totals = None
    for number in range(_SCALE_BATCHES):
        key = jax.random.key(_SCALE_SEED + number)
        found = _mean_squares(key, teacher, pictures, config)
        totals = found if totals is None else jax.tree.map(jnp.add, totals, found)
    return channel_scale(jax.tree.map(lambda total: total / _SCALE_BATCHES, totals))


def steps_from(
    state: State, run: Run, graph: Any, config: TrainingConfig
) -> Iterator[tuple[State, float, dict[str, float]]]:
    """Take steps to the end of the run, and give state, loss and its terms after each call.

    The crops depend on the seed and the number of the step alone.
    """
    first = int(state.step) // config.steps_per_call
    for call in range(first, config.steps // config.steps_per_call):
        key = jax.random.key(config.seed + _CROP_SEED + call)
        state, loss, terms = advance(state, run, key, graph, config)
        yield state, float(loss), {name: float(term) for name, term in terms.items()}


@functools.partial(jax.jit, static_argnames=("graph", "config"))
def advance(
    state: State, run: Run, key: PRNGKeyArray, graph: Any, config: TrainingConfig
) -> tuple[State, Scalar, dict[str, Scalar]]:
    """Take the steps of one call; the loss and its terms are means over them."""

    def step(state: State, key: PRNGKeyArray) -> tuple[State, tuple[Scalar, dict[str, Scalar]]]:
        crops = random_crops(key, run.pictures, count=config.batch, size=config.crop)
        compare = jax.value_and_grad(_loss, has_aux=True)
        (loss, terms), slope = compare(state.parameters, graph, run, crops)
        # Adam raises a float to the power of a counter.
        with jax.numpy_dtype_promotion("standard"):
            direction, moments = _optimizer().update(slope, state.optimizer)
        rate = learning_rate(state.step, config)
        parameters = jax.tree.map(lambda x, d: x - rate * d, state.parameters, direction)
        return State(state.step + 1, parameters, moments), (loss, terms)

    keys = jax.random.split(key, config.steps_per_call)
    state, (losses, terms) = jax.lax.scan(step, state, keys)
    return state, jnp.mean(losses), jax.tree.map(jnp.mean, terms)


def learning_rate(step: Int[Array, ""], config: TrainingConfig) -> Scalar:
    """Return the learning rate of a step, counted from 0."""
    if config.schedule == "constant":
        return jnp.asarray(config.rate)
    done = step.astype(jnp.float32)
    rise = jnp.minimum((done + 1.0) / max(config.warm_up, 1), 1.0)
    fall = 0.5 * (1.0 + jnp.cos(jnp.pi * done / config.steps))
    return config.rate * rise * (fall + _LAST_RATE)


def _loss(parameters: Any, graph: Any, run: Run, crops: Crops) -> tuple[Scalar, dict[str, Scalar]]:
    student: VGG = nnx.merge(graph, parameters)
    wanted = {layer: x / run.scales[layer] for layer, x in _answers(run.teacher, crops).items()}
    return distillation_loss(_answers(student, crops), wanted)


def _answers(network: VGG, crops: Crops) -> dict[str, Float[Array, "n _ _ _"]]:
    """Run a batch through a network, as far as its last ReLU."""
    names = tuple(layer.name for layer in network.layers.relus)
    return jax.vmap(lambda crop: features(network, crop, names))(crops)


@functools.partial(jax.jit, static_argnames="config")
def _mean_squares(
    key: PRNGKeyArray, teacher: VGG, pictures: Array, config: TrainingConfig
) -> dict[str, Float[Array, " _"]]:
    crops = random_crops(key, pictures, count=config.batch, size=config.crop)
    return {
        layer: jnp.mean(jnp.square(x), axis=(0, 1, 2))
        for layer, x in _answers(teacher, crops).items()
    }


def _optimizer() -> optax.GradientTransformation:
    return optax.chain(optax.clip_by_global_norm(1.0), optax.scale_by_adam())
