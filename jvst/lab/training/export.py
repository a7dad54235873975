"""A file of weights from a trained student."""

from pathlib import Path

import numpy as np

from jvst.lab.training.student import at_teachers_scale, read_student
from jvst.network.weights.native import save_vgg19

#: Of the numbers of a student that this project trained.
LICENCE = "Apache-2.0"
#: Whose work a student comes from; the teacher's own licence asks for it.
NOTICE = (
    "Distilled from the relu5_1 encoder of Wang et al. 2020, Collaborative Distillation for "
    "Ultra-Resolution Universal Style Transfer (MIT License, Copyright (c) 2020 Huan Wang), itself "
    "distilled from VGG-19 of the Visual Geometry Group, University of Oxford (CC BY 4.0)."
)


def export_student(
    student: Path, output: Path, *, origin: str, licence: str = LICENCE, notice: str = NOTICE
) -> None:
    """Write a student at the teacher's own scale, in jvst's format, rounded to float16.

    Args:
        student: .npz of the training: kernels, biases and the scales of the channels.
        output: file of weights to write.
        origin: how the student was made, in words.
        licence: of the numbers.
        notice: whose work they come from.

    Raises:
        InputError: the student is unusable or the output can't be written.
    """
    network = at_teachers_scale(read_student(student))
    save_vgg19(
        output,
        network,
        network="embedded",
        origin=origin,
        licence=licence,
        notice=notice,
        dtype=np.float16,
    )
