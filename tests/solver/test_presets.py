"""Published weights: the paper's at its sizes, between them, and for every network."""

import dataclasses
import re

import numpy as np
import pytest

from jvst.errors import InputError
from jvst.network.vgg import TORCHVISION
from jvst.solver.objective import STYLE_LAYERS, LossWeights
from jvst.solver.presets import NETWORKS, loss_weights

# Ruder et al. 2016, section 6: α is 1; β and γ by the size of the frames.
PAPER = {(450, 350): (20, 200), (768, 432): (40, 200), (1024, 436): (100, 400)}


def weights_for_pixels(pixels):
    weights = loss_weights("vgg19", (pixels, 1))
    return weights.style, weights.temporal


@pytest.mark.parametrize(("size", "published"), PAPER.items(), ids=str)
def test_published_sizes_give_the_published_weights(size, published):
    weights = loss_weights("vgg19", size)
    assert weights.content == 1.0
    assert (weights.style, weights.temporal) == published
    # The Torch code: 1e-3 at a content weight of 5.
    assert weights.total_variation == pytest.approx(1e-3 / 5)
    assert weights.style_layers == {}


@pytest.mark.parametrize(("size", "published"), PAPER.items(), ids=str)
def test_a_named_preset_holds_for_every_size(size, published):
    weights = loss_weights("vgg19", (31, 17), preset=f"{size[0]}x{size[1]}")
    assert (weights.style, weights.temporal) == published


def test_the_smallest_published_size_is_the_default_of_loss_weights():
    assert loss_weights("vgg19", (450, 350)) == LossWeights()


def test_weights_between_two_sizes_lie_on_the_line_between_them():
    small, middle, large = (width * height for width, height in PAPER)
    style, temporal = weights_for_pixels((small + middle) // 2)
    assert style == pytest.approx(30, rel=1e-4)
    assert temporal == 200
    style, temporal = weights_for_pixels((middle + large) // 2)
    assert style == pytest.approx(70, rel=1e-4)
    assert temporal == pytest.approx(300, rel=1e-4)


def test_weights_grow_with_the_picture():
    found = [weights_for_pixels(pixels) for pixels in range(100_000, 500_000, 20_000)]
    assert found == sorted(found)


@pytest.mark.parametrize(("size", "published"), [((16, 16), (20, 200)), ((3840, 2160), (100, 400))])
def test_weights_beyond_the_published_sizes_are_the_nearest(size, published):
    weights = loss_weights("vgg19", size)
    assert (weights.style, weights.temporal) == published


def test_a_portrait_counts_as_the_landscape_of_as_many_pixels():
    assert loss_weights("vgg19", (350, 450)) == loss_weights("vgg19", (450, 350))


@pytest.mark.parametrize("network", NETWORKS)
def test_every_network_scales_the_published_style_weight(network):
    fitted = NETWORKS[network]
    small, large = loss_weights(network, (450, 350)), loss_weights(network, (1024, 436))
    assert small.style == pytest.approx(20 * fitted.style)
    assert large.style == pytest.approx(100 * fitted.style)
    assert small.content == large.content == fitted.content
    # The terms on pixels know no network.
    assert (small.temporal, large.temporal) == (200, 400)
    assert set(fitted.style_layers) <= set(STYLE_LAYERS)


def test_weights_can_be_changed_without_changing_the_preset():
    weights = loss_weights("embedded", (450, 350))
    before = dataclasses.asdict(NETWORKS["embedded"])
    assert isinstance(weights.style_layers, dict)
    weights.style_layers["relu1_1"] = 0.0
    assert dataclasses.asdict(NETWORKS["embedded"]) == before


@pytest.mark.parametrize(
    ("network", "preset", "given", "expected"),
    [
        ("vgg13", "auto", "vgg13", "embedded"),
        ("", "auto", "''", "vgg19"),
        ("vgg19", "640x480", "640x480", "768x432"),
        ("vgg19", "AUTO", "AUTO", "auto"),
    ],
)
def test_unknown_network_or_preset_is_one_line_with_what_was_expected(
    network, preset, given, expected
):
    with pytest.raises(InputError, match=re.escape(given)) as error:
        loss_weights(network, (450, 350), preset=preset)
    assert expected in str(error.value)
    assert "\n" not in str(error.value)


def test_torchvisions_factors_undo_the_smaller_range_of_its_input():
    # Levels over deviations; ReLU networks answer in proportion, content is a square of that,
    # style a fourth power.
    ratio = 255.0 * float(np.mean(TORCHVISION.std))
    preset = NETWORKS["torchvision"]
    assert preset.content == pytest.approx(ratio**2, rel=0.05)
    assert preset.style == pytest.approx(ratio**4, rel=0.05)
