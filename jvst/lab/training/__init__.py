"""Training of the embedded network on pictures that jvst draws itself."""

from jvst.lab.training.network import fold
from jvst.lab.training.train import TrainingConfig, train_embedded

__all__ = ["TrainingConfig", "fold", "train_embedded"]
