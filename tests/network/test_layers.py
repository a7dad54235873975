"""The table of layers: what follows from a configuration, and networks that are made of it."""

import json
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from support import reference
from support.networks import SMALL, in_double, small_network

from jvst import features, frame_loss, load_vgg19, save_vgg19, solve_frame
from jvst.network.layers import Step, layer_table, table_from_text, vgg16_layers, vgg19_layers
from jvst.solver.objective import FrameTargets, content_targets, style_targets
from jvst.solver.presets import loss_weights
from jvst.solver.solve import SolverConfig
from jvst.solver.tiles import cut_picture, tiled_features

# An encoder that is no VGG: a linear 1×1 convolution first, a wide kernel, blocks of any width.
ENCODER = layer_table(
    [
        Step("conv0", "conv", 5, kernel=1),
        Step("conv1", "conv", 6, padding="reflect"),
        Step("relu1", "relu"),
        Step("pool1", "pool"),
        Step("conv2", "conv", 4, kernel=5, padding="reflect"),
        Step("relu2", "relu"),
    ]
)


def test_vgg16_has_a_convolution_less_in_its_third_and_fourth_block():
    large, small = vgg19_layers().names, vgg16_layers().names
    assert [name for name in large if name not in small] == [
        "conv3_4",
        "relu3_4",
        "conv4_4",
        "relu4_4",
    ]
    assert [name for name in large if name in small] == list(small)


def test_stride_sight_and_channels_follow_from_the_configuration():
    rows = [(x.stride, x.sight, x.inputs, x.channels) for x in ENCODER]
    assert rows == [
        (1, 0, 3, 5),
        (1, 1, 5, 6),
        (1, 1, 6, 6),
        (2, 1, 6, 6),
        (2, 5, 6, 4),
        (2, 5, 4, 4),
    ]
    assert (vgg19_layers()["relu5_1"].sight, vgg19_layers()["relu5_1"].stride) == (70, 16)


def test_layers_are_found_by_name_and_place():
    assert ENCODER.through(["relu1", "conv0"]) == ENCODER.layers[:3]
    assert ENCODER.through([]) == ()
    assert (ENCODER.deepest(["pool1", "relu1"]).name, ENCODER.deepest([]).name) == (
        "pool1",
        "conv0",
    )
    assert (ENCODER.before("conv0"), ENCODER.after("relu2")) == (None, None)
    assert ENCODER.before("conv2") == ENCODER["pool1"] == ENCODER.after("relu1")
    with pytest.raises(ValueError, match="unknown layer 'relu9'; expected one of conv0"):
        ENCODER["relu9"]


@pytest.mark.parametrize("table", [ENCODER, vgg16_layers(0.3)])
def test_a_table_comes_back_from_its_text(table):
    found = table_from_text(table.to_text())
    assert found == table
    assert hash(found) == hash(table)


@pytest.mark.parametrize(
    "rows",
    [
        {},
        [],
        [["a", "conv", 1, 3]],
        [["a", "conv", 0, 3, "zeros"]],
        [["a", "conv", 1, 2, "zeros"]],
        [["a", "conv", 1.5, 3, "zeros"]],
        [["a", "conv", 10**9, 3, "zeros"]],
        [["a", "tanh", 1, 3, "zeros"]],
        [["a", "conv", 1, 3, "wrap"]],
        [[["a"], "conv", 1, 3, "zeros"]],
        [["a", ["conv"], 1, 3, "zeros"]],
        [["a", "relu", 0, 1, "zeros"]] * 2,
        [["a", "relu", 0, 1, "zeros"]] * 5000,
    ],
)
def test_what_is_no_table_is_refused(rows):
    with pytest.raises(ValueError):
        table_from_text(json.dumps(rows))
    with pytest.raises(ValueError):
        table_from_text("[" * 100_000)


def encoder():
    return small_network(layers=ENCODER)


def test_any_kernel_size_and_reflection_give_what_float64_numpy_gives():
    network, image = encoder(), np.random.default_rng(1).uniform(size=(18, 23, 3))
    weights = reference.parameters(network)
    expected = reference.convolution(reference.levels(image), weights["conv0"][0], margin=0)
    expected = reference.convolution(
        expected + weights["conv0"][1], weights["conv1"][0], edge="reflect"
    )
    expected = reference.pool(np.maximum(expected + weights["conv1"][1], 0), "max")
    expected = reference.convolution(expected, weights["conv2"][0], margin=2, edge="reflect")
    expected = np.maximum(expected + weights["conv2"][1], 0)
    found = features(network, jnp.asarray(image, jnp.float32), ["relu2"])["relu2"]
    assert reference.relative_error(found, expected) < 1e-4


def test_the_gradient_of_any_kernel_size_is_a_slope():
    image, step = np.random.default_rng(2).uniform(size=(2, 9, 12, 3))

    @jax.jit
    def loss(image, network):
        return jnp.mean(jnp.square(features(network, image, ["relu2"])["relu2"]))

    with jax.enable_x64(True):
        network = in_double(encoder())
        ahead, behind = (loss(jnp.asarray(image + sign * 1e-6 * step), network) for sign in (1, -1))
        slope = np.sum(np.asarray(jax.jit(jax.grad(loss))(jnp.asarray(image), network)) * step)
    assert slope == pytest.approx(float(ahead - behind) / 2e-6, rel=1e-6)


def test_windows_are_as_wide_as_the_table_says():
    image = jnp.asarray(np.random.default_rng(3).uniform(size=(41, 58, 3)), jnp.float32)
    whole = features(encoder(), image, ["relu1", "relu2"])
    tiled = tiled_features(encoder(), image, ["relu1", "relu2"], tile=(8, 12))
    assert cut_picture(41, 58, ENCODER, frozenset(whole), (8, 12)).count > 4
    for name, layer in whole.items():
        assert reference.relative_error(tiled[name], layer) < 1e-5


def test_a_network_of_any_table_is_saved_and_loaded(tmp_path):
    save_vgg19(tmp_path / "file", encoder(), network="own")
    loaded = load_vgg19(tmp_path / "file")
    assert loaded.layers == ENCODER
    image = jnp.ones((8, 8, 3))
    np.testing.assert_array_equal(
        features(loaded, image, ["relu2"])["relu2"], features(encoder(), image, ["relu2"])["relu2"]
    )


@pytest.mark.parametrize("kernel", [0, 2])
def test_an_even_kernel_is_refused(kernel):
    with pytest.raises(ValueError, match=re.escape(f"a kernel of {kernel}")):
        layer_table([Step("conv1", "conv", 4, kernel=kernel)])


def test_the_table_is_static_and_equal_tables_share_a_program():
    traces = []

    @jax.jit
    def run(vgg, image):
        traces.append(vgg.layers)
        return features(vgg, image, ["relu1"])["relu1"]

    for table in (ENCODER, table_from_text(ENCODER.to_text())):
        run(small_network(layers=table), jnp.zeros((8, 8, 3)))
    assert traces == [ENCODER]


@pytest.mark.slow
def test_a_vgg16_is_made_saved_loaded_and_paints_whole_and_in_tiles(tmp_path):
    save_vgg19(tmp_path / "file", small_network(layers=vgg16_layers(SMALL)))
    vgg = load_vgg19(tmp_path / "file")
    assert vgg.layers == vgg16_layers(SMALL)
    drawn = np.random.default_rng(0).uniform(size=(3, 176, 48, 3))
    content, style, start = jnp.asarray(drawn, jnp.float32)
    targets = FrameTargets(
        content_targets(vgg, content),
        style_targets(vgg, [style]),
        warped=content[None],
        trust=jnp.zeros((1, 176, 48)),
    )
    weights, tile = loss_weights("vgg16", (48, 176)), (16, 48)
    assert cut_picture(176, 48, vgg.layers, frozenset(["relu5_1"]), tile).count == 3
    loss, terms = frame_loss(start, vgg, targets, weights)
    assert loss == pytest.approx(float(sum(terms)))
    found = {}
    for how in (None, tile):
        config = SolverConfig("adam", learning_rate=1e-3, tile=how)
        _, info = solve_frame(start, vgg, targets, weights, 1, config=config)
        found[how] = info.reports[-1].loss
    assert found[None] < loss
    assert found[tile] == pytest.approx(found[None], rel=1e-4)
