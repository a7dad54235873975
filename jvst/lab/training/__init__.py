"""Distillation of the embedded network, and the loss weights that fit a network.

``train_embedded`` trains a small network to answer as a teacher does: ``teacher`` and ``pictures``
read what it needs, ``crops`` draws the batches, ``loss`` compares, ``train`` takes the steps,
``checkpoint`` keeps what an interrupted run needs to go on, ``student`` holds what comes out and
``export`` makes a file of weights of it. ``check`` compares a network with the teacher, and
``calibrate`` measures the weights of the loss. ``pairs`` makes the file of the encoders and
decoders of one pass.
"""

from jvst.lab.training.check import check_student
from jvst.lab.training.export import export_student
from jvst.lab.training.pairs import export_pairs
from jvst.lab.training.train import TrainingConfig, train_embedded

__all__ = ["TrainingConfig", "check_student", "export_pairs", "export_student", "train_embedded"]
