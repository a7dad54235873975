"""The training: it learns, goes on bit for bit, and says in a line what it can't use."""

import csv
import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from support.teachers import write_pictures, write_teacher

from jvst.errors import InputError
from jvst.lab.training.train import TrainingConfig, learning_rate, train_embedded

TINY = TrainingConfig(
    steps=24, batch=4, crop=32, rate=2e-3, schedule="constant", steps_per_call=2, seed=0
)


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("inputs")
    return write_teacher(folder / "teacher.npz"), write_pictures(folder / "photos")


@pytest.fixture(scope="module")
def whole(inputs, tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    train_embedded(*inputs, folder, folder / "out.safetensors", config=TINY)
    return folder


def rows_of(folder):
    """The log without the time that it took."""
    with (folder / "log.csv").open() as file:
        return [{k: v for k, v in row.items() if k != "seconds"} for row in csv.DictReader(file)]


@pytest.mark.slow
def test_the_loss_falls(whole):
    losses = [float(row["loss"]) for row in rows_of(whole)]
    assert len(losses) == 12
    assert np.mean(losses[-3:]) < 0.5 * losses[0]


@pytest.mark.slow
def test_an_interrupted_run_goes_on_bit_for_bit(inputs, whole, tmp_path):
    output = tmp_path / "out.safetensors"
    train_embedded(*inputs, tmp_path, output, config=TINY, every=6, until=10)
    assert not output.exists()
    # A run that is cut off has rows of steps after its checkpoint.
    log = tmp_path / "log.csv"
    log.write_text(log.read_text() + log.read_text().splitlines()[-1].replace("10,", "12,", 1))
    train_embedded(*inputs, tmp_path, output, config=TINY)
    assert rows_of(tmp_path) == rows_of(whole)
    for name in ("student.npz", "out.safetensors", "checkpoint.safetensors"):
        assert (tmp_path / name).read_bytes() == (whole / name).read_bytes(), name


@pytest.mark.slow
def test_a_run_that_is_done_writes_its_file_again_and_takes_no_step(inputs, whole, tmp_path):
    train_embedded(*inputs, whole, tmp_path / "again.safetensors", config=TINY)
    expected = (whole / "out.safetensors").read_bytes()
    assert (tmp_path / "again.safetensors").read_bytes() == expected


@pytest.mark.slow
def test_another_run_in_the_same_folder_is_refused(inputs, whole, tmp_path):
    other = dataclasses.replace(TINY, rate=1e-3, seed=5)
    with pytest.raises(InputError, match="another rate, seed"):
        train_embedded(*inputs, whole, tmp_path / "out.safetensors", config=other)


@pytest.mark.slow
def test_a_damaged_checkpoint_is_refused(inputs, whole, tmp_path):
    content = (whole / "checkpoint.safetensors").read_bytes()
    (tmp_path / "checkpoint.safetensors").write_bytes(content[:-40])
    with pytest.raises(InputError, match="damaged") as error:
        train_embedded(*inputs, tmp_path, tmp_path / "out.safetensors", config=TINY)
    assert "\n" not in str(error.value)


@pytest.mark.slow
def test_a_loss_that_is_not_finite_ends_the_run_in_one_line(inputs, tmp_path):
    # Finite numbers whose products are not.
    loud = write_teacher(
        tmp_path / "loud.npz", conv11__weight=np.full((4, 3, 3, 3), 1e38, np.float32)
    )
    with pytest.raises(InputError, match=r"loss is (nan|inf) at step .*lower the rate") as error:
        train_embedded(loud, inputs[1], tmp_path, tmp_path / "out.safetensors", config=TINY)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "out.safetensors").exists()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"steps": 25}, "multiple of the 2"),
        ({"crop": 40}, "multiple of 16"),
        ({"batch": 0}, "at least 1"),
        ({"rate": float("nan")}, "rate is nan"),
    ],
)
def test_impossible_numbers_are_refused(changed, said):
    with pytest.raises(InputError, match=said):
        dataclasses.replace(TINY, **changed).check()


def test_the_cosine_rises_to_the_rate_and_falls_to_almost_nothing():
    config = TrainingConfig(steps=1000, steps_per_call=1, rate=1.0, warm_up=100)
    rates = np.asarray(jax.vmap(lambda step: learning_rate(step, config))(jnp.arange(1000)))
    assert rates[0] == pytest.approx(0.01, rel=0.01)
    assert np.argmax(rates) in range(95, 100)
    assert rates[549] == pytest.approx(0.5 * (1 + np.cos(0.549 * np.pi)) + 0.002, rel=1e-3)
    assert 0 < rates[-1] < 0.003
