"""The student: its first kernels, its file, and what it becomes at the teacher's scale."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from support.teachers import WIDTH

from jvst.errors import InputError
from jvst.lab.training.export import NOTICE, export_student
from jvst.lab.training.student import (
    Student,
    at_teachers_scale,
    read_student,
    untrained_student,
    write_student,
)
from jvst.network.layers import vgg19_layers
from jvst.network.vgg import features
from jvst.network.weights import EMBEDDED, load_vgg19
from jvst.network.weights.formats.tensor_file import read_metadata, read_safetensors

run = jax.jit(features, static_argnames="layers")
LAYERS = ("relu1_1", "relu2_2", "relu5_1")


@pytest.fixture(scope="module")
def student():
    layers, rng = vgg19_layers(WIDTH), np.random.default_rng(3)
    scales = {
        layer.name: jnp.asarray(rng.uniform(0.5, 20.0, layer.channels), jnp.float32)
        for layer in layers.relus
    }
    return Student(untrained_student(layers, jax.random.key(0)), scales)


@pytest.fixture
def file(student, tmp_path):
    write_student(tmp_path / "student.npz", student)
    return tmp_path / "student.npz"


def changed(file, **arrays):
    held = dict(np.load(file))
    np.savez(file, **held | {name.replace("__", "."): x for name, x in arrays.items()})
    return file


@pytest.fixture(scope="module")
def picture():
    return jax.random.uniform(jax.random.key(1), (34, 45, 3))


def test_first_kernels_keep_the_variance(student):
    kernel, bias = student.network.parameters("conv4_3")
    assert float(jnp.std(kernel)) == pytest.approx((2 / (9 * 32)) ** 0.5, rel=0.05)
    assert not np.any(bias)


def test_folding_multiplies_every_channel_by_its_scale(student, picture):
    found = run(student.network, picture, layers=LAYERS)
    folded = run(at_teachers_scale(student), picture, layers=LAYERS)
    for layer in LAYERS:
        expected = found[layer] * student.scales[layer]
        np.testing.assert_allclose(folded[layer], expected, rtol=1e-3, atol=1e-3)


def test_a_student_survives_its_file(student, file):
    again = read_student(file)
    assert again.network.first_padding == "replicate"
    assert again.network.pooling == "average"
    for one, other in zip(jax.tree.leaves(student), jax.tree.leaves(again), strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_exported_file_answers_as_the_folded_student_and_says_whose_work_it_is(
    student, file, picture, tmp_path
):
    export_student(file, tmp_path / "out.safetensors", origin="made here")
    exported = load_vgg19(
        tmp_path / "out.safetensors", pooling="average", first_padding="replicate"
    )
    expected = run(at_teachers_scale(student), picture, layers=LAYERS)
    for layer, x in run(exported, picture, layers=LAYERS).items():
        np.testing.assert_allclose(x, expected[layer], atol=5e-3 * float(expected[layer].max()))
    metadata = read_metadata(tmp_path / "out.safetensors")
    assert (metadata["network"], metadata["origin"]) == ("embedded", "made here")
    assert metadata["notice"] == NOTICE


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"conv1_1__bias": np.zeros(0)}, "conv1_1.bias"),
        ({"conv2_1__kernel": np.zeros((3, 3, 4, 9))}, "conv2_1 kernel"),
        ({"conv2_1__bias": np.full(8, np.nan)}, "not finite"),
        ({"scale__relu2_1": np.zeros(8)}, "scale.relu2_1"),
        ({"scale__relu2_1": np.full(8, np.nan)}, "scale.relu2_1"),
        ({"scale__relu2_1": np.ones(7)}, "8 positive numbers"),
    ],
)
def test_an_unusable_student_is_refused_in_one_line(file, arrays, said):
    with pytest.raises(InputError, match=said) as error:
        read_student(changed(file, **arrays))
    assert "\n" not in str(error.value)


def test_the_embedded_network_is_the_student_that_was_trained(shared):
    folded = at_teachers_scale(read_student(shared / "network" / "student.npz"))
    tensors, metadata = read_safetensors(EMBEDDED)
    assert float(metadata["width"]) == 0.25
    for layer in folded.layers.convolutions:
        for part, array in zip(("kernel", "bias"), folded.parameters(layer.name), strict=True):
            expected = np.asarray(array).astype(np.float16)
            np.testing.assert_array_equal(tensors[f"{layer.name}.{part}"], expected)


def test_the_embedded_network_states_whose_work_it_is():
    metadata = read_metadata(EMBEDDED)
    assert metadata["licence"] == "Apache-2.0"
    assert metadata["notice"] == NOTICE
    assert all(word in metadata["origin"] for word in ("distillation", "BSDS500", "ImageNet"))
