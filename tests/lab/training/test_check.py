"""The check of a student: its errors, and those of the file that ships."""

import jax.numpy as jnp
import numpy as np
import pytest
from support.teachers import write_teacher

from jvst.errors import InputError
from jvst.lab.training.check import check_student, layer_errors
from jvst.lab.training.pictures import read_tile
from jvst.lab.training.student import at_teachers_scale, read_scales, read_student
from jvst.lab.training.teacher import read_teacher
from jvst.network.weights import EMBEDDED, load_vgg19


def test_a_network_has_no_error_against_itself(tmp_path):
    teacher = read_teacher(write_teacher(tmp_path / "teacher.npz"))
    scales = {layer.name: jnp.ones(layer.channels) for layer in teacher.layers.relus}
    picture = np.random.default_rng(0).integers(0, 256, (33, 40, 3), np.uint8)
    errors = layer_errors(teacher, teacher, scales, picture)
    assert len(errors) == 13 + 5
    assert not any(errors.values())


@pytest.mark.slow
def test_the_shipped_file_has_the_errors_of_the_student_that_it_was_made_of(shared):
    folder = shared / "network"
    teacher, student = read_teacher(folder / "teacher.npz"), read_student(folder / "student.npz")
    scales = read_scales(
        folder / "student.npz", {layer.name: layer.channels for layer in teacher.layers.relus}
    )
    shipped = load_vgg19(EMBEDDED, pooling="average", first_padding="replicate")
    picture = read_tile(shared / "tubingen.jpg", width=96, height=80)
    found = layer_errors(shipped, teacher, scales, picture)
    expected = layer_errors(at_teachers_scale(student), teacher, scales, picture)
    assert found == pytest.approx(expected, rel=0.01)
    # As far as a student of these few steps comes; one that was not trained has errors of about 1.
    assert max(found[layer] for layer in ("relu1_1", "relu3_1", "relu5_1")) < 0.2


def test_nothing_to_compare_on_is_refused(shared):
    folder = shared / "network"
    with pytest.raises(InputError, match="no pictures"):
        check_student(EMBEDDED, folder / "teacher.npz", folder / "student.npz", [])
