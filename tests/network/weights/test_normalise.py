"""Every filter's mean activation is 1 afterwards, and the network is the same up to scale."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from support import published_files as files

from jvst.errors import InputError
from jvst.network import vgg as networks
from jvst.network.layers import vgg19_layers
from jvst.network.vgg import OXFORD
from jvst.network.weights import load_vgg19, normalise_activations, save_vgg19
from jvst.network.weights.formats.tensor_file import read_metadata
from jvst.network.weights.native import build_network
from jvst.network.weights.normalise import PictureSet, mean_activations, normalise_file

WIDTH = 1 / 16
features = jax.jit(networks.features, static_argnums=2)
CONVOLUTIONS = tuple(layer.name for layer in vgg19_layers().convolutions)
RELUS = tuple(name.replace("conv", "relu") for name in CONVOLUTIONS)


def network():
    """A network of average pooling, as most style transfer has it."""
    kernels = files.random_kernels(WIDTH)
    return build_network(
        "source", kernels, layers=vgg19_layers(WIDTH), preprocessing=OXFORD, pooling="average"
    )


@pytest.fixture(scope="module")
def pictures():
    rng = np.random.default_rng(3)
    return [
        jnp.asarray(rng.uniform(0, 1, (*size, 3)), jnp.float32) for size in [(40, 56), (33, 32)]
    ]


@pytest.fixture(scope="module")
def pair(pictures):
    """A network and its normalised version."""
    vgg = network()
    return vgg, normalise_activations(vgg, pictures)


def test_every_filter_has_mean_one_over_pictures_and_positions(pair, pictures):
    answers = [features(pair[1], picture, RELUS) for picture in pictures]
    for name in RELUS:
        flat = [np.asarray(a[name], np.float64).reshape(-1, a[name].shape[2]) for a in answers]
        flat = np.concatenate(flat)
        alive = flat.max(axis=0) > 0
        assert alive.mean() > 0.4
        np.testing.assert_allclose(flat.mean(axis=0)[alive], 1, rtol=1e-4)


def test_the_function_is_the_same_up_to_one_factor_a_filter(pair, pictures):
    vgg, normalised = pair
    means = mean_activations(vgg, pictures)
    other = pictures[1][::-1] ** 2
    before, after = features(vgg, other, RELUS), features(normalised, other, RELUS)
    for name in RELUS:
        alive = np.asarray(means[name]) > 0
        found = np.asarray(after[name] * means[name])[..., alive]
        scale = float(jnp.max(before[name]))
        np.testing.assert_allclose(
            found, np.asarray(before[name])[..., alive], rtol=1e-3, atol=1e-5 * scale
        )


def test_normalising_twice_is_normalising_once(pair, pictures):
    once = pair[1]
    twice = normalise_activations(once, pictures)
    for name in CONVOLUTIONS:
        np.testing.assert_allclose(
            twice.convolutions[name].kernel[...],
            once.convolutions[name].kernel[...],
            rtol=1e-3,
            atol=1e-5,
        )


def test_the_network_given_is_left_as_it_is(pictures):
    vgg = network()
    before = np.array(vgg.convolutions["conv1_1"].kernel[...])
    normalise_activations(vgg, pictures)
    np.testing.assert_array_equal(vgg.convolutions["conv1_1"].kernel[...], before)


def test_a_silent_filter_stays_finite_and_is_scaled_like_its_neighbours(pictures):
    kernels = files.random_kernels(WIDTH)
    bias = kernels["conv1_1"][1].copy()
    bias[1] = -1e6
    kernels["conv1_1"] = (kernels["conv1_1"][0], bias)
    vgg = build_network(
        "s", kernels, layers=vgg19_layers(WIDTH), preprocessing=OXFORD, pooling="average"
    )
    means = np.asarray(mean_activations(vgg, pictures)["relu1_1"])
    assert means[1] == 0
    normalised = normalise_activations(vgg, pictures)
    median = np.median(means[means > 0])
    scaled = normalised.convolutions["conv1_1"].bias[...]
    np.testing.assert_allclose(scaled[1], -1e6 / median, rtol=1e-5)
    for name in CONVOLUTIONS:
        assert bool(jnp.all(jnp.isfinite(normalised.convolutions[name].kernel[...])))


def test_no_pictures_are_refused():
    with pytest.raises(InputError, match="no pictures"):
        normalise_activations(network(), [])


def test_a_normalised_file_says_so_and_is_made_once(pictures, tmp_path):
    save_vgg19(tmp_path / "net.safetensors", network(), origin="here", licence="CC BY 4.0")
    drawn = []
    chosen = PictureSet("some", lambda: drawn.append(1) or pictures)
    paths = {
        normalise_file(tmp_path / "net.safetensors", chosen, tmp_path / "cache") for _ in range(2)
    }
    other = normalise_file(
        tmp_path / "net.safetensors", chosen._replace(name="others"), tmp_path / "cache"
    )
    assert len(paths) == 1
    assert other not in paths
    assert len(drawn) == 2
    metadata = read_metadata(other)
    wanted = {"normalised": "others", "origin": "here", "licence": "CC BY 4.0", "network": "vgg19"}
    assert metadata.items() >= wanted.items()
    means = mean_activations(load_vgg19(other), pictures)
    np.testing.assert_allclose(means["relu1_2"][means["relu1_2"] > 0], 1, rtol=1e-5)
