"""The file of encoders and decoders: what is written is read, and what was changed is found."""

import json

import numpy as np
import pytest
import safetensors.numpy
from support.pairs import small_pair, small_pairs

from jvst.errors import InputError
from jvst.network.pairs import decode, encode
from jvst.network.weights import EMBEDDED, ONE_PASS, load_pairs, load_vgg19, save_pairs
from jvst.network.weights.convert import check_file
from jvst.network.weights.find import find_weights
from jvst.network.weights.formats.tensor_file import read_metadata, read_safetensors
from jvst.network.weights.pair_file import pairs_metadata
from jvst.network.weights.statistics import check_picture


@pytest.fixture
def path(tmp_path):
    save_pairs(tmp_path / "pairs.safetensors", small_pairs(2, 1), licence="MIT", origin="here")
    return tmp_path / "pairs.safetensors"


def changed(path, tensors=None, **metadata):
    """Write a file again with other content."""
    old, said = read_safetensors(path)
    merged = {key: value for key, value in (said | metadata).items() if value is not None}
    kept = {key: x for key, x in {**old, **(tensors or {})}.items() if x is not None}
    safetensors.numpy.save_file(kept, path, merged)


def refused(path, match):
    with pytest.raises(InputError, match=match) as error:
        load_pairs(path)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


def test_saved_pairs_are_loaded_as_they_were(path):
    loaded = load_pairs(path)
    assert list(loaded) == [2, 1]
    for level, pair in loaded.items():
        features = encode(pair, check_picture())
        np.testing.assert_array_equal(features, encode(small_pair(level), check_picture()))
        np.testing.assert_array_equal(decode(pair, features), decode(small_pair(level), features))
    metadata = pairs_metadata(path)
    assert (metadata["network"], metadata["licence"]) == ("onepass", "MIT")
    assert pairs_metadata(EMBEDDED) is None


def test_a_file_passes_its_own_check_and_a_changed_number_does_not(path):
    assert check_file(path).deviation < 1e-5
    bias = read_safetensors(path)[0]["decoder2.conv1_1.bias"].copy()
    bias[0] += 1e-3
    changed(path, {"decoder2.conv1_1.bias": bias})
    with pytest.raises(InputError, match="numbers are not those written"):
        check_file(path)


def test_a_foreign_file_is_refused_by_name(tmp_path):
    refused(EMBEDDED, "holds no encoders and decoders for one pass")
    refused(tmp_path / "none.safetensors", "does not exist")
    (tmp_path / "other").write_bytes(b"no weights at all")
    refused(tmp_path / "other", "no safetensors file")


def test_it_is_refused_as_a_network_for_losses(path):
    with pytest.raises(InputError, match=r"file for pictures in one pass, and no network"):
        find_weights(str(path))
    with pytest.raises(InputError, match="not one of jvst's"):
        load_vgg19(path)


def test_a_file_is_refused_wherever_it_is_cut_off(path):
    whole = path.read_bytes()
    for length in np.linspace(0, len(whole) - 1, 9, dtype=int):
        path.write_bytes(whole[:length])
        refused(path, "truncated or damaged")


def table(*rows):
    return json.dumps(rows)


CONVOLUTION = ["conv1_1", "conv", 5, 3, "reflect"]


@pytest.mark.parametrize(
    ("tensors", "metadata", "match"),
    [
        ({"encoder2.conv1_1.bias": None}, {}, "encoder2 has no conv1_1 bias"),
        (
            {"decoder1.conv1_1.kernel": np.ones((3, 3, 4, 3), np.float32)},
            {},
            "decoder1: conv1_1 kernel",
        ),
        ({"decoder1.conv1_1.bias": np.full(3, np.nan, np.float32)}, {}, "not finite"),
        ({}, {"levels": "2 1 x"}, "no usable levels"),
        ({}, {"levels": None}, "no usable levels"),
        ({}, {"levels": "3 2 1"}, "no usable layers of level 3"),
        ({}, {"encoder2": "{}"}, "no usable layers of level 2"),
        ({}, {"encoder1": table(CONVOLUTION)}, "no usable layers of level 1"),
        ({}, {"decoder1": table(CONVOLUTION)}, "no usable layers of level 1"),
        ({}, {"decoder1": table(["up", "double", 0, 3, "zeros"])}, "no usable layers of level 1"),
    ],
)
def test_unusable_content_is_refused_by_name(tensors, metadata, match, path):
    changed(path, tensors, **metadata)
    refused(path, match)


def test_the_file_that_ships_states_whose_work_it_is():
    metadata = read_metadata(ONE_PASS)
    assert metadata["licence"] == "MIT"
    assert "Copyright (c) 2020 Huan Wang" in metadata["licence_text"]
    assert "CC BY 4.0" in metadata["notice"]
    assert metadata["levels"] == "5 4 3 2 1"


@pytest.mark.slow
def test_the_file_that_ships_passes_its_check():
    assert check_file(ONE_PASS).deviation < 1e-3
