"""Reading the teacher: what it answers, and files that are none."""

import jax
import numpy as np
import pytest
from scipy.signal import correlate2d
from support.teachers import WIDTH, teacher_arrays, write_teacher

from jvst.errors import InputError
from jvst.lab.training.teacher import read_teacher
from jvst.network.layers import vgg19_layers
from jvst.network.vgg import features

run = jax.jit(features, static_argnames="layers")


def convolved(x, weight, bias):
    """Correlate in float64, the picture continued by reflection."""
    margin = weight.shape[-1] // 2
    x = np.pad(x, ((margin, margin), (margin, margin), (0, 0)), mode="reflect")
    planes = [sum(correlate2d(x[..., i], k, "valid") for i, k in enumerate(ks)) for ks in weight]
    return np.stack(planes, axis=-1) + bias


def test_a_teacher_reflects_and_pools_by_maximum(tmp_path):
    arrays = {name: x.astype(float) for name, x in teacher_arrays().items()}
    picture = np.random.default_rng(2).uniform(size=(18, 21, 3))
    x, expected = convolved(picture, arrays["conv0.weight"], arrays["conv0.bias"]), {}
    for name in ("11", "12", "21"):
        if name == "21":
            x = x[:18, :20].reshape(9, 2, 10, 2, -1).max(axis=(1, 3))
        convolution = arrays[f"conv{name}.weight"], arrays[f"conv{name}.bias"]
        x = expected[f"relu{name[0]}_{name[1]}"] = np.maximum(convolved(x, *convolution), 0.0)
    teacher = read_teacher(write_teacher(tmp_path / "teacher.npz"))
    for layer, found in run(teacher, picture.astype(np.float32), layers=tuple(expected)).items():
        np.testing.assert_allclose(found, expected[layer], rtol=1e-4, atol=1e-3)


def test_a_teacher_has_the_layers_of_vgg19_at_its_width(tmp_path):
    teacher = read_teacher(write_teacher(tmp_path / "teacher.npz"))
    expected = [(layer.name, layer.channels) for layer in vgg19_layers(WIDTH).relus]
    assert [(layer.name, layer.channels) for layer in teacher.layers.relus] == expected


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"conv11__bias": None}, "conv11.bias"),
        ({"conv31__weight": None}, "conv3_1 kernel"),
        ({"conv31__weight": np.zeros((16, 9, 3, 3))}, "conv3_1 kernel is \\(3, 3, 9, 16\\)"),
        ({"conv31__weight": np.zeros((16, 8))}, "conv3_1 kernel"),
        ({"conv41__bias": np.full(32, np.nan)}, "conv4_1 bias.*not finite"),
    ],
)
def test_a_teacher_of_another_shape_is_refused_in_one_line(tmp_path, changed, said):
    with pytest.raises(InputError, match=said) as error:
        read_teacher(write_teacher(tmp_path / "teacher.npz", **changed))
    assert "\n" not in str(error.value)


def test_what_is_no_file_of_arrays_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"none\.npz"):
        read_teacher(tmp_path / "none.npz")
    (tmp_path / "text.npz").write_text("no arrays")
    np.save(tmp_path / "lone.npy", np.zeros(3))
    np.savez(tmp_path / "objects.npz", **{"conv11.bias": np.array([{}])})
    for name in ("text.npz", "lone.npy", "objects.npz"):
        with pytest.raises(InputError, match="of arrays"):
            read_teacher(tmp_path / name)


def test_the_published_teacher_is_read(shared):
    teacher = read_teacher(shared / "network" / "teacher.npz")
    expected = [(layer.name, layer.channels) for layer in vgg19_layers(0.25).relus]
    assert [(layer.name, layer.channels) for layer in teacher.layers.relus] == expected
