"""A network and its preset are one thing, whoever loads it."""

import numpy as np
import pytest
from flax import nnx

import jvst
from jvst.errors import InputError
from jvst.network.weights.formats.tensor_file import read_metadata
from jvst.solver.presets import NETWORKS, loss_weights


@pytest.fixture
def path(tmp_path):
    """A file of a network that is run in an unusual way."""
    vgg = jvst.VGG19(width=1 / 16, pooling="average", first_padding="replicate", rngs=nnx.Rngs(0))
    jvst.save_vgg19(tmp_path / "net.safetensors", vgg, network="torchvision", notice="Look out.")
    return tmp_path / "net.safetensors"


def test_the_embedded_network_is_run_as_it_was_made_to_be():
    found = jvst.find_weights("embedded")
    for vgg in (jvst.load_vgg19(found.path), jvst.load_network("embedded").weights):
        assert (vgg.pooling, vgg.first_padding) == ("average", "replicate")
    assert jvst.load_vgg19(found.path, pooling="max").pooling == "max"
    assert jvst.load_network("embedded", pooling="max").weights.pooling == "max"


def test_a_file_says_how_its_network_is_run(path):
    vgg = jvst.load_vgg19(path)
    assert (vgg.pooling, vgg.first_padding) == ("average", "replicate")
    assert read_metadata(path)["pooling"] == "average"
    assert jvst.load_vgg19(path, first_padding="zeros").first_padding == "zeros"


def test_a_file_of_an_unknown_pooling_is_refused(path, tmp_path):
    content = path.read_bytes().replace(b'"average"', b'"overage"')
    (tmp_path / "other").write_bytes(content)
    with pytest.raises(InputError, match="no usable metadata"):
        jvst.load_vgg19(tmp_path / "other")


@pytest.mark.parametrize("kind", [str, lambda path: path])
def test_a_network_comes_with_the_preset_that_its_file_names(kind, path):
    network = jvst.load_network(kind(path))
    assert (network.name, network.notice) == ("torchvision", "Look out.")
    assert network.preset == NETWORKS["torchvision"]
    size = (96, 64)
    assert network.loss_weights(size) == loss_weights("torchvision", size)
    found = network.loss_weights(size, preset="450x350", statistic="wasserstein")
    expected = loss_weights("torchvision", size, preset="450x350", statistic="wasserstein")
    assert found == expected
    image = np.full((32, 32, 3), 0.5, np.float32)
    assert jvst.features(network.weights, image, network.preset.content_layers)


def test_a_file_of_a_network_without_a_preset_is_refused(tmp_path):
    vgg = jvst.VGG19(width=1 / 16, rngs=nnx.Rngs(0))
    jvst.save_vgg19(tmp_path / "net.safetensors", vgg, network="mine")
    with pytest.raises(InputError, match="of the network 'mine'; expected one of vgg19"):
        jvst.load_network(tmp_path / "net.safetensors")
