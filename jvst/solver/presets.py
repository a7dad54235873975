"""Published loss weights by picture size, and networks' presets."""

import dataclasses
from collections.abc import Mapping
from typing import Literal

import numpy as np

from jvst.core.statistics import STATISTICS
from jvst.errors import InputError
from jvst.network.convolution import Precision
from jvst.solver.objective import CONTENT_LAYERS, LossWeights

# Ruder et al. 2016, section 6 (width × height -> β, γ; α is 1 throughout).
PUBLISHED = {(450, 350): (20.0, 200.0), (768, 432): (40.0, 200.0), (1024, 436): (100.0, 400.0)}


# Pixels of the smallest published size.
_REFERENCE = 450 * 350


#: ``noise``, the paper's, the same for every frame; the frame's own ``content``; its content in the
#: paintings' ``colours``; or the frame painted in one pass.
Start = Literal["noise", "content", "colours", "onepass"]


@dataclasses.dataclass(frozen=True)
class NetworkPreset:
    """Where a network is best used, and how its losses compare with the Oxford weights'.

    Attributes:
        content: factor on the published content weight.
        style: factor on the published style weight.
        wasserstein: factor on the published style weight for the Wasserstein statistic, which is
            relative to the painting; scripts/fit_presets.py --style-statistic wasserstein prints
            it, times 20, and factors of single layers, 0.7 to 1.7, that are left out. The default
            was measured on a network of half VGG-19's width, not on the Oxford weights.
        total_variation: weight of the TV term on levels of 255; the Torch code's 1e-3, at its
            content weight of 5, is 2e-4 at 1.
        mean_variation: the TV weight holds at 450×350 and is divided by the number of pixels
            elsewhere. The Torch code's sum over pixels counts for more in a larger picture.
        style_layers: factors on single style layers.
        content_layers: where the content is compared.
        init: where a frame starts that is tied to no other.
        precision: of the convolutions on GPUs and TPUs, where the user leaves it open.
    """

    content: float = 1.0
    style: float = 1.0
    wasserstein: float = 1.26e5
    total_variation: float = 2e-4
    mean_variation: bool = False
    style_layers: Mapping[str, float] = dataclasses.field(default_factory=dict)
    content_layers: tuple[str, ...] = CONTENT_LAYERS
    init: Start = "onepass"
    precision: Precision = "bfloat16"


# Its input, in units of a standard deviation, is some 57.6 (255 times 0.226) times smaller than the
# Oxford networks' levels. A network of ReLUs answers in proportion, so the content, a square, is
# 57.6² times smaller and the style, a fourth power, 57.6⁴ times. An estimate:
# scripts/fit_presets.py measures it where the weights are at hand.
_TORCHVISION = NetworkPreset(content=3.3e3, style=1.1e7)

NETWORKS = {
    "vgg19": NetworkPreset(),
    # The published weights, which were tuned for VGG-19, taken over and not measured: the same
    # training, with layers of the same names and widths.
    "vgg16": NetworkPreset(),
    "torchvision": _TORCHVISION,
    "torchvision-vgg16": _TORCHVISION,
    # scripts/fit_presets.py --contents … --styles … prints these numbers, over the photographs and
    # paintings that docs/weights.md names. Each term is divided by its own size, relu1_1 counts 5
    # times and relu2_1 3 times as much, for they hold the colours, and the whole is brought to the
    # scale of the published temporal weight. Style is what it prints over β, 20; total variation
    # what it prints for 224x168 times 224·168 / (450·350).
    "embedded": NetworkPreset(
        content=1.42e5,
        style=1.77e7,
        wasserstein=1.16e7,
        total_variation=9.46e-5,
        mean_variation=True,
        style_layers={
            "relu1_1": 0.0697,
            "relu2_1": 0.0385,
            "relu3_1": 0.931,
            "relu4_1": 45.6,
            "relu5_1": 8.78,
        },
        content_layers=("relu4_2",),
        # With bfloat16 a solve ends at a loss that is a fifth higher (docs/benchmarks.md).
        precision="tf32",
    ),
}


def style_factors(network: str, statistic: str = "gram") -> tuple[float, Mapping[str, float]]:
    """Return the factor on the published style weight, and those on single layers.

    Args:
        network: a key of ``NETWORKS``.
        statistic: a key of ``core.statistics.STATISTICS``.
    """
    fitted = NETWORKS[network]
    if statistic == "wasserstein":
        return fitted.wasserstein, {}
    return fitted.style, fitted.style_layers


def loss_weights(
    network: str, size: tuple[int, int], *, preset: str = "auto", statistic: str = "gram"
) -> LossWeights:
    """Return the published weights for a picture size, fitted to a network.

    Args:
        network: a key of ``NETWORKS``.
        size: (width, height) of the frames in pixels.
        preset: ``auto`` interpolates the published β and γ by the number of pixels, and
            keeps the nearest beyond them; or one of the published sizes, as ``450x350``.
        statistic: what of the style layers is compared, a key of ``core.statistics.STATISTICS``.

    Raises:
        InputError: an unknown network, preset or statistic.

    Source: Ruder et al. 2016, section 6.
    """
    if network not in NETWORKS:
        raise InputError(f"unknown network {network!r}; expected one of {', '.join(NETWORKS)}")
    if statistic not in STATISTICS:
        raise InputError(
            f"unknown style statistic {statistic!r}; expected one of {', '.join(STATISTICS)}"
        )
    here = size[0] * size[1]
    names = {f"{width}x{height}": weights for (width, height), weights in PUBLISHED.items()}
    if preset == "auto":
        pixels = [width * height for width, height in PUBLISHED]
        beta, gamma = (
            float(np.interp(here, pixels, [weights[i] for weights in PUBLISHED.values()]))
            for i in range(2)
        )
    elif preset in names:
        beta, gamma = names[preset]
    else:
        raise InputError(f"unknown preset {preset!r}; expected auto, {', '.join(names)}")
    fitted = NETWORKS[network]
    style, style_layers = style_factors(network, statistic)
    return LossWeights(
        content=fitted.content,
        style=style * beta,
        temporal=gamma,
        total_variation=fitted.total_variation
        * (_REFERENCE / here if fitted.mean_variation else 1.0),
        style_layers=dict(style_layers),
    )
