"""The training loop: steps, log, checkpoints, and the file of weights at the end."""

import csv
import dataclasses
import functools
import time
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import safetensors
import safetensors.numpy
from jaxtyping import Array, Float, Int, PRNGKeyArray

from jvst._files import replacing
from jvst.core.image import to_float
from jvst.errors import InputError
from jvst.lab.training.crops import noisy_pairs, texture_pairs
from jvst.lab.training.network import activations, fold, initial_parameters
from jvst.lab.training.objectives import DECODED, Terms, denoise_terms, initial_heads, style_terms
from jvst.lab.training.pools import Pool, cached_pool
from jvst.network.weights.native import save_vgg19
from jvst.synthetic import training_picture

STYLE_WEIGHT, GRAM_WEIGHT, DENOISE_WEIGHT = 1.0, 0.5, 2.0
# Restoring from the layer of the content term weighs most: a solve from noise finds only what
# that layer holds.
DECODED_SHARES = {"relu2_1": 0.2, "relu3_1": 0.3, "relu4_2": 0.5}
_WEIGHT_DECAY = 1e-4
_WARM_UP = 50
_FINAL_PICTURES = 16
_FINAL_SIZE = 160
# Apart from the seeds of the pool.
_FINAL_SEED = 1_000_000


@dataclasses.dataclass(frozen=True)
class Phase:
    """Steps of one crop size, which is one compiled program.

    Attributes:
        share: part of all steps.
        size: side of a crop in pixels, a multiple of 16.
        groups: groups of 4 textures (2 patterns × 2 palettes), each seen twice.
        restored: crops of pictures to restore.
    """

    share: float
    size: int
    groups: int
    restored: int


# At 32 pixels relu5_1 sees almost nothing, at 96 a step takes three times as long.
PHASES = (Phase(0.65, 32, 6, 16), Phase(0.27, 64, 3, 8), Phase(0.08, 96, 2, 4))


@dataclasses.dataclass(frozen=True)
class TrainingConfig:
    """A training run, from which the same kind of machine repeats the same weights.

    Attributes:
        steps: steps of the optimizer.
        batch: factor on the number of crops a step; 1 suits two processors, 16 a GPU.
        seed: draws the first kernels and every crop.
        width: factor on the channels, see ``VGG19``.
        learning_rate: the highest, of a cosine that ends at 0.
        fields: textures in the pool.
        pictures: pictures in the pool.
        style: weight of telling textures apart by the heads.
        gram: weight of telling them apart by the Gram matrices.
        denoise: weight of restoring pictures.
    """

    steps: int = 3000
    batch: int = 1
    seed: int = 0
    width: float = 0.5
    learning_rate: float = 2e-3
    fields: int = 1500
    pictures: int = 800
    style: float = STYLE_WEIGHT
    gram: float = GRAM_WEIGHT
    denoise: float = DENOISE_WEIGHT


class State(NamedTuple):
    """All that a run needs to go on."""

    step: Int[Array, ""]
    parameters: Any  # "network" and "heads"
    optimizer: Any


def train_embedded(
    folder: str | Path,
    output: str | Path,
    *,
    config: TrainingConfig = TrainingConfig(),
    every: int = 100,
    until: int | None = None,
) -> None:
    """Train, or go on with what an earlier call left in the folder, and write the weights.

    Args:
        folder: gets the pool, ``log.csv`` and ``checkpoint.safetensors``.
        output: the file of weights, in jvst's own format, float16.
        config: the run; the same as before when going on.
        every: steps between two checkpoints.
        until: leave off after this step, to go on another time.

    Raises:
        InputError: the folder holds another run's checkpoint.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    pool = cached_pool(folder / "pool.npz", config.fields, config.pictures)
    checkpoint = folder / "checkpoint.safetensors"
    state = begin(config)
    if checkpoint.exists():
        state = read_checkpoint(checkpoint, state)
    begun, first, log = time.monotonic(), int(state.step), folder / "log.csv"
    totals: list[np.ndarray] = []
    last = config.steps if until is None else min(until, config.steps)
    for step in range(first, last):
        phase = phase_of(step, config.steps)
        state, terms = advance(state, pool, phase, config)
        totals.append(np.concatenate([np.ravel(term) for term in jax.device_get(terms)]))
        done = step + 1
        if done % 25 == 0 or done == last:
            write_row(log, done, phase, time.monotonic() - begun, np.mean(totals, axis=0))
            totals = []
        if done % every == 0 or done == last:
            write_checkpoint(checkpoint, state)
    export(output, state, config)


def begin(config: TrainingConfig) -> State:
    """Draw the first parameters."""
    network_key, heads_key = jax.random.split(jax.random.key(config.seed))
    parameters = {
        "network": initial_parameters(network_key, width=config.width),
        "heads": initial_heads(heads_key, width=config.width),
    }
    return State(jnp.zeros((), jnp.int32), parameters, _optimizer(config).init(parameters))


def phase_of(step: int, steps: int) -> Phase:
    """Tell which phase a step belongs to."""
    end = 0.0
    for phase in PHASES:
        end += phase.share
        if step < round(end * steps):
            return phase
    return PHASES[-1]


@functools.partial(jax.jit, static_argnames=("phase", "config"), donate_argnames="state")
def advance(state: State, pool: Pool, phase: Phase, config: TrainingConfig) -> tuple[State, Terms]:
    """Take one step. The crops depend on the seed and the number of the step alone."""
    key = jax.random.fold_in(jax.random.key(config.seed + 1), state.step)
    gradient, terms = jax.grad(loss, has_aux=True)(state.parameters, pool, key, phase, config)
    update, moments = _optimizer(config).update(gradient, state.optimizer, state.parameters)
    parameters = optax.apply_updates(state.parameters, update)
    return State(state.step + 1, parameters, moments), terms


def loss(
    parameters: dict[str, Any],
    pool: Pool,
    key: PRNGKeyArray,
    phase: Phase,
    config: TrainingConfig,
) -> tuple[Float[Array, ""], Terms]:
    """Draw a batch and evaluate it."""
    texture_key, picture_key, channel_key = jax.random.split(key, 3)
    first, second = texture_pairs(
        texture_key, pool.fields, groups=phase.groups * config.batch, size=phase.size
    )
    noisy, clean = noisy_pairs(
        picture_key,
        pool.pictures,
        pool.fields,
        count=phase.restored * config.batch,
        size=phase.size,
    )
    found = activations(parameters["network"], jnp.concatenate([first, second, noisy]))
    textures = 2 * first.shape[0]
    heads = parameters["heads"]
    style, accuracy, gram, gram_accuracy = style_terms(
        channel_key, heads, {layer: x[:textures] for layer, x in found.items()}
    )
    restored = denoise_terms(heads, {layer: x[textures:] for layer, x in found.items()}, clean)
    shares = jnp.asarray([DECODED_SHARES[layer] for layer in DECODED])
    terms = Terms(
        jnp.mean(style), jnp.mean(gram), shares @ restored, accuracy, gram_accuracy, restored
    )
    total = config.style * terms.style + config.gram * terms.gram + config.denoise * terms.denoise
    return total, terms


def export(output: str | Path, state: State, config: TrainingConfig) -> None:
    """Fold the normalisation into kernels and write them."""
    drawn = [
        to_float(jnp.asarray(training_picture(_FINAL_SEED + seed, _FINAL_SIZE, _FINAL_SIZE)))
        for seed in range(_FINAL_PICTURES)
    ]
    vgg = fold(state.parameters["network"], jnp.stack(drawn), width=config.width)
    origin = (
        "trained by scripts/train_embedded.py on procedural pictures only: "
        f"step {int(state.step)} of {config}"
    )
    save_vgg19(
        output, vgg, network="embedded", origin=origin, licence="Apache-2.0", dtype=np.float16
    )


def write_checkpoint(path: Path, state: State) -> None:
    """Write all arrays of a state, atomically."""
    leaves = jax.device_get(jax.tree.leaves(state))
    arrays = {f"{number:05d}": np.asarray(leaf) for number, leaf in enumerate(leaves)}
    with replacing(path) as partial:
        partial.write_bytes(safetensors.numpy.save(arrays))


def read_checkpoint(path: Path, like: State) -> State:
    """Read a state of the same structure.

    Raises:
        InputError: the checkpoint is damaged or of another network.
    """
    try:
        arrays = safetensors.numpy.load(path.read_bytes())
    except (safetensors.SafetensorError, OSError) as error:
        raise InputError(
            f"{path} is damaged ({error}); expected a checkpoint: delete it to begin anew"
        ) from error
    leaves, structure = jax.tree.flatten(like)
    found = [arrays.get(f"{number:05d}") for number in range(len(leaves))]
    fits = (
        new is not None and new.shape == old.shape for new, old in zip(found, leaves, strict=True)
    )
    if len(arrays) != len(leaves) or not all(fits):
        raise InputError(
            f"{path} is a checkpoint of another network; expected one of this configuration: "
            "choose another folder"
        )
    return jax.tree.unflatten(structure, [jnp.asarray(array) for array in found])


def write_row(path: Path, step: int, phase: Phase, seconds: float, terms: np.ndarray) -> None:
    """Append means over the last steps to the log."""
    layers = [f"{part}_{i}" for part in ("accuracy", "gram_accuracy") for i in range(1, 6)]
    names = ["style", "gram", "denoise", *layers, *(f"restored_{name}" for name in DECODED)]
    new = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        if new:
            writer.writerow(["step", "size", "seconds", *names])
        writer.writerow([step, phase.size, f"{seconds:.0f}", *(f"{term:.4f}" for term in terms)])


def _optimizer(config: TrainingConfig) -> optax.GradientTransformation:
    schedule = optax.warmup_cosine_decay_schedule(
        0.0, config.learning_rate, min(_WARM_UP, config.steps // 10), config.steps
    )
    return optax.chain(
        optax.clip_by_global_norm(1.0), optax.adamw(schedule, weight_decay=_WEIGHT_DECAY)
    )
