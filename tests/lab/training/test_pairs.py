"""The published encoders and decoders: what becomes of them in jvst's file."""

import cv2
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jvst.errors import InputError
from jvst.film.one_pass import one_pass, painting_statistics
from jvst.lab.training.pairs import (
    LICENCE_TEXT,
    NOTICE,
    export_pairs,
    read_pairs,
    strongest_answers,
    without_silent_channels,
)
from jvst.network.pairs import decode, encode
from jvst.network.weights import ONE_PASS, load_pairs
from jvst.network.weights.formats.tensor_file import read_metadata

BLOCKS = ((2, 4), (2, 9), (4, 9), (4, 10), (1, 9))
SILENT = 3  # the number of a channel that never answers, in every layer but the last


def published_arrays():
    """Random encoders and decoders of the published names; one channel of each layer is silent."""
    rng, arrays = np.random.default_rng(0), {}

    def put(name, outputs, inputs, side=3):
        kernel = rng.normal(size=(outputs, inputs, side, side)) * (2 / (side**2 * inputs)) ** 0.5
        bias = np.full(outputs, 0.1)
        if side == 3 and outputs > SILENT:
            kernel[SILENT], bias[SILENT] = 0.0, -1.0
        arrays[f"{name}.weight"], arrays[f"{name}.bias"] = kernel.astype("f4"), bias.astype("f4")

    for level in range(1, 6):
        put(f"encoder{level}.conv0", 3, 3, side=1)
        arrays[f"encoder{level}.conv0.bias"][:] = -0.5
        names, inputs = [], 3
        for block in range(1, level + 1):
            count, channels = BLOCKS[block - 1]
            for index in range(1, (count if block < level else 1) + 1):
                put(f"encoder{level}.conv{block}{index}", channels, inputs)
                names.append((f"conv{block}{index}", channels, inputs))
                inputs = channels
        for name, inputs, outputs in reversed(names):
            put(f"decoder{level}.{name}", outputs, inputs)
    return arrays


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    path = tmp_path_factory.mktemp("pairs") / "pairs.npz"
    np.savez(path, **published_arrays())
    return path


@pytest.fixture(scope="module")
def pictures():
    rng = np.random.default_rng(1)
    return [jnp.asarray(rng.uniform(size=(32, 48, 3)), jnp.float32) for _ in range(3)]


def convolved(x, arrays, name):
    kernel = jnp.asarray(arrays[f"{name}.weight"]).transpose(2, 3, 1, 0)
    margin = kernel.shape[0] // 2
    x = jnp.pad(x, ((margin, margin), (margin, margin), (0, 0)), mode="reflect")
    axes = ("NHWC", "HWIO", "NHWC")
    y = jax.lax.conv_general_dilated(x[None], kernel, (1, 1), "VALID", dimension_numbers=axes)
    return y[0] + arrays[f"{name}.bias"]


def test_an_encoder_is_the_published_one_with_its_first_convolution_folded(published, pictures):
    arrays = published_arrays()
    x = convolved(pictures[0], arrays, "encoder2.conv0")
    for name in ("conv11", "conv12", "pool", "conv21"):
        if name == "pool":
            x = x.reshape(16, 2, 24, 2, -1).max((1, 3))
        else:
            x = jax.nn.relu(convolved(x, arrays, f"encoder2.{name}"))
    pair = read_pairs(published)[2]
    found = encode(pair, pictures[0])
    np.testing.assert_allclose(found, x, atol=1e-5)
    for name in ("conv21", "double", "conv12", "conv11"):
        if name == "double":
            x = x.repeat(2, 0).repeat(2, 1)
        else:
            x = jax.nn.relu(convolved(x, arrays, f"decoder2.{name}"))
    np.testing.assert_allclose(decode(pair, found), x.clip(0, 1), atol=1e-5)


@pytest.mark.slow
def test_without_silent_channels_the_pictures_stay(published, pictures):
    pairs = read_pairs(published)
    smaller = without_silent_channels(pairs, strongest_answers(pairs, pictures))
    widths = [x.channels for x in smaller[5].encoder.layers.convolutions]
    # Three of four are fewer than eight; of ten nine may answer, and eight be too few.
    assert widths[:2] == [4, 4]
    assert set(widths[2:]) <= {8, 10}
    # One of the ways that were looked at: the first picture, the second as its painting.
    found, expected = (
        one_pass(pictures[0], painting_statistics([pictures[1]], pairs=each), strength=0.6)
        for each in (smaller, pairs)
    )
    np.testing.assert_allclose(found, expected, atol=1e-4)


@pytest.mark.slow
def test_the_exported_file_computes_the_same_and_says_whose_work_it_is(published, tmp_path):
    (tmp_path / "pictures").mkdir()
    for number in range(3):
        picture = np.random.default_rng(number).integers(0, 256, (32, 48, 3), np.uint8)
        cv2.imwrite(str(tmp_path / "pictures" / f"{number}.png"), picture)
    out = tmp_path / "out.safetensors"
    export_pairs(published, tmp_path / "pictures", out, origin="made here", every=2)
    picture = jnp.asarray(np.random.default_rng(7).uniform(size=(32, 48, 3)), jnp.float32)
    for level, pair in load_pairs(out).items():
        whole = read_pairs(published)[level]
        expected = decode(whole, encode(whole, picture))
        found = decode(pair, encode(pair, picture))
        # Half-precision numbers of up to 13 layers, and another picture than those looked at.
        assert float(jnp.mean(jnp.abs(found - expected))) < 1e-2
    metadata = read_metadata(out)
    assert (metadata["origin"], metadata["licence"]) == ("made here", "MIT")
    assert (metadata["notice"], metadata["licence_text"]) == (NOTICE, LICENCE_TEXT)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"encoder4.conv31.bias": np.zeros(0)}, "encoder4.conv3_1"),
        ({"encoder5.conv0.weight": np.zeros((3, 3, 3, 3))}, "conv0 and conv11"),
        ({"decoder2.conv12.weight": np.zeros((4, 4, 3, 5))}, "decoder2: conv1_2 kernel"),
        ({"decoder2.conv12.bias": np.full(4, np.nan)}, "not finite"),
    ],
)
def test_unusable_numbers_are_refused_in_one_line(change, said, tmp_path):
    np.savez(tmp_path / "pairs.npz", **published_arrays() | change)
    with pytest.raises(InputError, match=said) as error:
        read_pairs(tmp_path / "pairs.npz")
    assert "\n" not in str(error.value)


@pytest.mark.slow
def test_the_file_that_ships_paints_as_the_published_numbers_do(shared):
    published = read_pairs(shared / "network" / "pairs.npz")
    read = [cv2.imread(str(path)) for path in sorted((shared / "styles").glob("*.jpg"))]
    content, *paintings = (
        jnp.asarray(cv2.resize(x, (96, 64), interpolation=cv2.INTER_AREA)[..., ::-1] / 255.0)
        for x in (cv2.imread(str(shared / "tubingen.jpg")), *read)
    )
    for painting in map(jnp.float32, paintings[::2]):
        ours, theirs = (
            one_pass(jnp.float32(content), painting_statistics([painting], pairs=pairs))
            for pairs in (load_pairs(ONE_PASS), published)
        )
        # Half-precision numbers, through five levels: two levels of 255 on average.
        assert float(jnp.mean(jnp.abs(ours - theirs))) < 2 / 255
