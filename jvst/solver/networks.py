"""A network with the preset that fits it."""

import dataclasses
from pathlib import Path

import jax

from jvst.core.arguments import check_kind
from jvst.errors import InputError
from jvst.network.convolution import Pooling, Precision
from jvst.network.vgg import VGG19
from jvst.network.weights import Found, find_weights, load_vgg19
from jvst.solver.objective import LossWeights
from jvst.solver.presets import NETWORKS, NetworkPreset, loss_weights


@dataclasses.dataclass(frozen=True, eq=False)
class Network:
    """A network, and where and with which weights its losses work.

    Attributes:
        weights: what ``features``, ``frame_loss`` and the solvers take.
        preset: content layers, start and factors of the loss that fit it.
        name: of the preset, such as ``vgg19`` or ``embedded``.
        notice: what to tell the user about the choice; empty when there is nothing to say.
    """

    weights: VGG19
    preset: NetworkPreset
    name: str
    notice: str = ""

    def loss_weights(
        self, size: tuple[int, int], *, preset: str = "auto", statistic: str = "gram"
    ) -> LossWeights:
        """Return the published weights for a picture size, fitted to this network.

        Args:
            size: (width, height) of the frames in pixels.
            preset: see ``loss_weights``.
            statistic: see ``loss_weights``.

        Raises:
            InputError: an unknown preset or statistic.
        """
        return loss_weights(self.name, size, preset=preset, statistic=statistic)


def load_network(
    choice: str | Path | Found,
    *,
    pooling: Pooling | None = None,
    precision: Precision | None = None,
) -> Network:
    """Find a network and load it as it is meant to be run.

    Args:
        choice: ``embedded``, ``vgg19``, another name of ``jvst weights list`` (fetched where it
            isn't there), ``auto``, or a file of weights; see ``find_weights``, whose result it may
            be.
        pooling: see ``VGG19``; as fits the network when left out.
        precision: see ``VGG19``; when left out float32 on CPUs, elsewhere as fits the network.

    Raises:
        InputError: weights that can't be had or used.
    """
    if not isinstance(choice, Found):
        check_kind("choice", choice, str | Path, "'embedded', 'vgg19' or a file of weights")
        choice = find_weights(str(choice))
    if choice.network not in NETWORKS:
        raise InputError(
            f"{choice.path} is of the network {choice.network!r}; expected one of "
            f"{', '.join(NETWORKS)}: save it with save_vgg19(..., network=ONE_OF_THEM)"
        )
    preset = NETWORKS[choice.network]
    if precision is None:
        precision = "float32" if jax.default_backend() == "cpu" else preset.precision
    weights = load_vgg19(choice.path, pooling=pooling, precision=precision)
    return Network(weights, preset, choice.network, choice.notice)
