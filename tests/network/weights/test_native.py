"""jvst's own files: what is written is read, and what was changed is found."""

import jax.numpy as jnp
import numpy as np
import pytest
import safetensors.numpy
from support import published_files as files

from jvst.errors import InputError
from jvst.network.layers import vgg19_layers
from jvst.network.vgg import OXFORD, TORCHVISION, features
from jvst.network.weights import import_vgg19, load_vgg19, save_vgg19
from jvst.network.weights.convert import check_file, convert_vgg19
from jvst.network.weights.formats.tensor_file import read_metadata, read_safetensors
from jvst.network.weights.native import build_network
from jvst.network.weights.statistics import (
    TOLERANCE,
    check_picture,
    layer_statistics,
    worst_deviation,
)

WIDTH = 1 / 16


@pytest.fixture(scope="module")
def vgg():
    kernels = files.random_kernels(WIDTH)
    return build_network("source", kernels, layers=vgg19_layers(WIDTH), preprocessing=TORCHVISION)


@pytest.fixture
def path(vgg, tmp_path):
    save_vgg19(tmp_path / "net.safetensors", vgg, network="torchvision", licence="BSD-3-Clause")
    return tmp_path / "net.safetensors"


def changed(path, tensors=None, **metadata):
    """Write a file again with other content."""
    old, said = read_safetensors(path)
    merged = {key: value for key, value in (said | metadata).items() if value is not None}
    safetensors.numpy.save_file({**old, **(tensors or {})}, path, merged)


def test_a_saved_network_is_loaded_as_it_was(vgg, path):
    loaded = load_vgg19(path)
    assert loaded.preprocessing == TORCHVISION
    assert loaded.width == WIDTH
    picture = check_picture()
    for name, found in features(loaded, picture, ["relu1_1", "conv5_1"]).items():
        np.testing.assert_array_equal(found, features(vgg, picture, [name])[name])
    assert import_vgg19(path).preprocessing == TORCHVISION


def test_the_metadata_say_what_the_file_is(path):
    metadata = read_metadata(path)
    wanted = {"network": "torchvision", "licence": "BSD-3-Clause", "layout": "HWIO"}
    assert metadata.items() >= wanted.items()
    assert metadata["channels"] == "RGB"


def test_the_official_library_reads_the_same(path):
    tensors, _ = read_safetensors(path)
    official = safetensors.numpy.load_file(path)
    assert official.keys() == tensors.keys()
    for name, array in official.items():
        np.testing.assert_array_equal(array, tensors[name])


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_a_file_passes_its_own_check(dtype, vgg, tmp_path):
    save_vgg19(tmp_path / "net", vgg, dtype=dtype)
    assert check_file(tmp_path / "net").deviation < 1e-5


def test_the_check_finds_a_changed_bit(path):
    kernel = read_safetensors(path)[0]["conv3_1.kernel"].copy()
    kernel.view(np.uint8)[0, 0, 0, 0] ^= 1
    changed(path, {"conv3_1.kernel": kernel})
    with pytest.raises(InputError, match="numbers are not those written"):
        check_file(path)


@pytest.mark.parametrize(
    "metadata",
    [
        {"channels": "BGR"},
        {"mean": "[0.456, 0.485, 0.406]"},
    ],
)
def test_the_check_finds_another_preprocessing(metadata, path):
    changed(path, **metadata)
    with pytest.raises(InputError, match="standard deviations away"):
        check_file(path)


@pytest.mark.parametrize("turn", [lambda k: k.transpose(1, 0, 2, 3), lambda k: k[::-1, ::-1]])
def test_the_test_picture_tells_kernels_from_turned_ones(turn, vgg):
    kernels = files.random_kernels(WIDTH)
    kernels |= {name: (turn(kernel), bias) for name, (kernel, bias) in kernels.items()}
    turned = build_network("turned", kernels, layers=vgg19_layers(WIDTH), preprocessing=TORCHVISION)
    _, deviation = worst_deviation(layer_statistics(turned), layer_statistics(vgg))
    assert deviation > 5 * TOLERANCE


def test_the_check_needs_something_to_check_against(path, tmp_path):
    changed(path, statistics=None)
    with pytest.raises(InputError, match="no usable statistics"):
        check_file(path)
    changed(path, statistics='{"relu1_1": 3}')
    with pytest.raises(InputError, match="no usable statistics"):
        check_file(path)
    files.tensor_file(tmp_path / "other", {"x": np.ones(3, np.float32)})
    with pytest.raises(InputError, match="not one of jvst's own"):
        check_file(tmp_path / "other")


def test_the_statistics_are_those_of_a_network_as_trained(vgg):
    other = build_network(
        "source",
        files.random_kernels(WIDTH),
        layers=vgg19_layers(WIDTH),
        preprocessing=TORCHVISION,
        pooling="average",
        first_padding="replicate",
    )
    assert layer_statistics(vgg) == layer_statistics(other)
    assert other.pooling == "average"
    relu = np.asarray(features(vgg, check_picture(), ["relu3_2"])["relu3_2"], np.float64)
    np.testing.assert_allclose(
        layer_statistics(vgg)["relu3_2"], [relu.mean(), relu.std()], rtol=1e-4
    )


def test_one_of_jvsts_own_files_can_be_written_anew_with_what_it_says(vgg, path, tmp_path):
    save_vgg19(path, vgg, network="embedded", origin="here", licence="L", dtype=np.float16)
    changed(path, statistics=None, tensors_sha256=None)
    convert_vgg19(path, tmp_path / "new")
    metadata = read_metadata(tmp_path / "new")
    assert (metadata["network"], metadata["origin"]) == ("embedded", "here")
    assert read_safetensors(tmp_path / "new")[0]["conv1_1.kernel"].dtype == np.float16
    check_file(tmp_path / "new")


def test_nothing_is_left_where_a_file_can_not_be_written(vgg, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="can't be written"):
        save_vgg19(tmp_path / "file" / "net.safetensors", vgg)
    (tmp_path / "folder").mkdir()
    with pytest.raises(InputError, match="can't be written"):
        save_vgg19(tmp_path / "folder", vgg)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]


@pytest.mark.parametrize(
    "metadata",
    [
        {"format": "pt"},
        {"width": "none"},
        {"width": "1e9"},
        {"width": "nan"},
        {"channels": "GBR"},
        {"mean": "[1, 2]"},
        {"mean": "[1, 2, NaN]"},
        {"std": "[1, 0, 1]"},
        {"scale": None},
        {"scale": "-1"},
    ],
)
def test_unusable_metadata_are_refused(metadata, path):
    changed(path, **metadata)
    with pytest.raises(InputError):
        load_vgg19(path)


def test_bfloat16_is_read(path, tmp_path):
    tensors = {"x": np.array([[1.0, -2.5], [0.15625, 3e38]], np.float32)}
    bits = (tensors["x"].view(np.uint32) >> 16).astype(np.uint16)
    head = b'{"x":{"dtype":"BF16","shape":[2,2],"data_offsets":[0,8]}}'
    (tmp_path / "bf16").write_bytes(len(head).to_bytes(8, "little") + head + bits.tobytes())
    found = read_safetensors(tmp_path / "bf16")[0]["x"]
    np.testing.assert_allclose(found, tensors["x"], rtol=2**-7)
    assert jnp.asarray(found).dtype == jnp.float32


def test_the_preprocessing_of_the_oxford_weights_is_the_default():
    assert OXFORD.channels == "BGR"
    assert OXFORD.mean == (103.939, 116.779, 123.68)
