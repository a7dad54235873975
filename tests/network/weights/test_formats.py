"""Every published format, written by hand, gives the network that was written."""

import os

import h5py
import jax.numpy as jnp
import numpy as np
import pytest
from support import published_files as files

from jvst.errors import InputError
from jvst.network.layers import vgg16_layers, vgg19_layers
from jvst.network.vgg import TORCHVISION, features
from jvst.network.weights import import_vgg19
from jvst.network.weights.formats.detect import read_published
from jvst.network.weights.native import build_network

WIDTH = 1 / 16
KERNELS = files.random_kernels(WIDTH)
KERNELS_16 = files.random_kernels(WIDTH, layers=vgg16_layers)
LAYERS = ("relu1_1", "relu2_2", "relu4_2", "relu5_1")


@pytest.fixture(scope="module")
def picture():
    return jnp.asarray(np.random.default_rng(1).uniform(0, 1, (33, 47, 3)), jnp.float32)


@pytest.fixture(scope="module")
def expected(picture):
    oxford = build_network(
        "source", KERNELS, layers=vgg19_layers(WIDTH), preprocessing=files.OXFORD
    )
    return features(oxford, picture, LAYERS)


@pytest.mark.parametrize("format", files.WRITERS)
def test_every_format_gives_the_activations_of_its_source(format, picture, expected, tmp_path):
    path = tmp_path / "file without a telling name"
    files.WRITERS[format](path, KERNELS)
    found = features(import_vgg19(path), picture, LAYERS)
    for name in LAYERS:
        # RGB kernels sum the channels in another order: equal to rounding, not to the bit.
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-4, atol=2e-3)


@pytest.mark.parametrize("format", files.WRITERS)
def test_a_filter_for_red_sees_red_in_every_format(format, tmp_path):
    kernels = dict(KERNELS)
    kernel = np.zeros_like(kernels["conv1_1"][0])
    kernel[1, 1, 2] = 1  # the third channel of BGR
    kernels["conv1_1"] = (kernel, np.full_like(kernels["conv1_1"][1], 130))
    files.WRITERS[format](tmp_path / "file", kernels)
    vgg = import_vgg19(tmp_path / "file")
    red, blue = (jnp.zeros((16, 16, 3)).at[..., channel].set(1.0) for channel in (0, 2))
    np.testing.assert_allclose(features(vgg, red, ["relu1_1"])["relu1_1"], 261.32, rtol=1e-5)
    np.testing.assert_allclose(features(vgg, blue, ["relu1_1"])["relu1_1"], 6.32, rtol=1e-5)


@pytest.mark.parametrize("format", files.WRITERS)
def test_every_format_tells_vgg16_by_its_content(format, tmp_path):
    files.WRITERS[format](tmp_path / "file", KERNELS_16)
    found = read_published(tmp_path / "file")
    assert found.layers == vgg16_layers(WIDTH)
    assert found.network == "vgg16"
    assert found.origin.startswith("VGG-16")
    assert found.kernels.keys() == KERNELS_16.keys()
    turn = found.preprocessing.channels == "RGB"
    for name, (kernel, bias) in KERNELS_16.items():
        first = kernel[:, :, ::-1] if turn and name == "conv1_1" else kernel
        np.testing.assert_array_equal(found.kernels[name][0], first)
        np.testing.assert_array_equal(found.kernels[name][1], bias)


def test_torchvisions_own_vgg16_has_a_preset_of_its_own(tmp_path):
    files.zip_pth(tmp_path / "file", files.torch_names(KERNELS_16, rgb=True))
    found = read_published(tmp_path / "file")
    assert (found.layers, found.preprocessing) == (vgg16_layers(WIDTH), TORCHVISION)
    assert found.network == "torchvision-vgg16"


@pytest.mark.parametrize("left_out", ["conv1_2", "conv3_3", "conv3_4", "conv4_4", "conv5_1"])
def test_a_network_that_lacks_a_layer_is_not_taken_for_the_other(left_out, tmp_path):
    for kernels in (KERNELS, KERNELS_16):
        if left_out in kernels:
            files.matconvnet(tmp_path / "file", {k: v for k, v in kernels.items() if k != left_out})
            with pytest.raises(InputError, match=f"has no {left_out} kernel"):
                import_vgg19(tmp_path / "file")


@pytest.mark.parametrize("write", [files.tensor_file, files.legacy_pth, files.zip_pth])
def test_torchvisions_training_takes_normalised_rgb(write, picture, tmp_path):
    write(tmp_path / "file", files.torch_names(KERNELS, rgb=True))
    vgg = import_vgg19(tmp_path / "file")
    assert vgg.preprocessing == TORCHVISION
    # The same filters, written for BGR levels. The padding is another colour: compare inside.
    std, mean = np.array(TORCHVISION.std[::-1]), np.array(TORCHVISION.mean[::-1])
    kernel, bias = KERNELS["conv1_1"]
    rewritten = (kernel / (255 * std)[:, None]).astype(np.float32)
    shift = (files.OXFORD.mean - 255 * mean) @ rewritten.sum((0, 1), dtype=np.float64)
    kernels = KERNELS | {"conv1_1": (rewritten, (bias + shift).astype(np.float32))}
    oxford = build_network(
        "source", kernels, layers=vgg19_layers(WIDTH), preprocessing=files.OXFORD
    )
    found, wanted = (features(net, picture, ["relu1_1"])["relu1_1"] for net in (vgg, oxford))
    np.testing.assert_allclose(found[1:-1, 1:-1], wanted[1:-1, 1:-1], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("spelling", "folder"),
    [
        ("{0}/{0}_{1}_1:0", ""),
        ("{0}/{0}/{1}:0", ""),
        ("{0}/{1}:0", ""),
        ("{0}/{0}/{1}", "model_weights/"),
    ],
)
def test_keras_spellings_of_each_version_are_read(spelling, folder, tmp_path):
    files.keras(tmp_path / "file", KERNELS, spelling=spelling, folder=folder)
    _same_kernels(tmp_path / "file")


def test_keras_files_may_be_compressed_by_hdf5_itself(tmp_path):
    files.keras(tmp_path / "file", KERNELS, compression="gzip", shuffle=True, fletcher32=True)
    _same_kernels(tmp_path / "file")


@pytest.mark.parametrize("write", [files.legacy_pth, files.zip_pth])
@pytest.mark.parametrize(
    "prefix",
    [
        *("features.", "module.features.", "", "features.module.", "model.features."),
        *("net.module.backbone.vgg.features.", "encoder.", "0.", "classifier_of_mine.features."),
    ],
)
def test_state_dicts_are_found_in_checkpoints_and_under_prefixes(write, prefix, tmp_path):
    tensors = files.torch_names(KERNELS, prefix=prefix)
    write(tmp_path / "file", tensors, extra={"epoch": 3, "rate": 0.5, "note": None})
    _same_kernels(tmp_path / "file")


@pytest.mark.parametrize("prefix", ["module.", "net.encoder."])
def test_gatys_names_are_found_behind_a_prefix(prefix, tmp_path):
    tensors = {f"{prefix}{name}": x for name, x in files.gatys_names(KERNELS).items()}
    files.zip_pth(tmp_path / "file", tensors)
    _same_kernels(tmp_path / "file")


# Numbers of the convolutions of torchvision's own networks, as their modules list them.
OTHERS = {
    "VGG-11": (0, 3, 6, 8, 11, 13, 16, 18),
    "VGG-13": (0, 2, 5, 7, 10, 12, 15, 17, 20, 22),
    "VGG-16-BN": (0, 3, 7, 10, 14, 17, 20, 24, 27, 30, 34, 37, 40),
    "VGG-19-BN": (0, 3, 7, 10, 14, 17, 20, 23, 27, 30, 33, 36, 40, 43, 46, 49),
    "a ResNet": (),
}


@pytest.mark.parametrize("title", OTHERS)
@pytest.mark.parametrize("prefix", ["features.", "module.features."])
@pytest.mark.parametrize("write", [files.zip_pth, files.tensor_file])
def test_other_networks_are_named_as_what_they_are(title, prefix, write, tmp_path):
    kernel = np.zeros((4, 3, 3, 3), np.float32)
    tensors = {f"{prefix}{n}.weight": kernel for n in OTHERS[title]}
    tensors |= {f"{prefix}{n}.bias": kernel[:, 0, 0, 0] for n in OTHERS[title]}
    if title.endswith("BN"):
        for n in OTHERS[title]:
            tensors[f"{prefix}{n + 1}.weight"] = kernel[:, 0, 0, 0]
            tensors[f"{prefix}{n + 1}.running_mean"] = kernel[:, 0, 0, 0]
    if title == "a ResNet":
        tensors = {"conv1.weight": kernel, "layer1.0.conv1.weight": kernel}
    write(tmp_path / "file", tensors)
    with pytest.raises(InputError, match=f"is {title},"):
        read_published(tmp_path / "file")


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_every_protocol_of_pickle_from_2_on_is_read(protocol, tmp_path):
    files.zip_pth(tmp_path / "file", files.gatys_names(KERNELS), protocol=protocol)
    _same_kernels(tmp_path / "file")


@pytest.mark.parametrize("write", [files.legacy_pth, files.zip_pth])
@pytest.mark.parametrize("dtype", [np.float16, np.float64])
def test_halves_and_doubles_are_read(write, dtype, tmp_path):
    tensors = {name: x.astype(dtype) for name, x in files.gatys_names(KERNELS).items()}
    write(tmp_path / "file", tensors)
    found = read_published(tmp_path / "file")
    kernel = KERNELS["conv5_1"][0].astype(dtype).astype(np.float32)
    np.testing.assert_array_equal(found.kernels["conv5_1"][0], kernel)


def test_strided_tensors_are_read_as_their_strides_say(tmp_path):
    # As torch.save writes tensors in the memory format channels_last.
    tensors = files.gatys_names(KERNELS)
    for name in [name for name in tensors if name.endswith("weight")]:
        last = np.ascontiguousarray(tensors[name].transpose(0, 2, 3, 1))
        tensors[name] = last.transpose(0, 3, 1, 2)
    files.zip_pth(tmp_path / "file", tensors)
    _same_kernels(tmp_path / "file")


@pytest.mark.parametrize(
    ("top", "channels", "unsure"),
    [
        ("classifier.1.weight", "BGR", False),  # Johnson's
        ("pre_logits.fc1.weight", "RGB", False),  # timm's
        ("classifier.0.weight", "RGB", True),
    ],
)
def test_whose_training_a_file_is_shows_in_the_layers_on_top(top, channels, unsure, tmp_path):
    tensors = files.torch_names(KERNELS) | {top: np.ones((3, 3), np.float32)}
    files.zip_pth(tmp_path / "file", tensors)
    found = read_published(tmp_path / "file")
    assert found.preprocessing.channels == channels
    assert bool(found.notice) == unsure


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_torchvisions_training_is_known_by_its_first_numbers(dtype, tmp_path):
    tensors = files.torch_names(KERNELS)
    # As "print(next(vgg19.parameters()))" shows them.
    tensors["features.0.weight"][0, 0, 0] = [-5.3474e-02, -4.9257e-02, -6.7942e-02]
    files.zip_pth(tmp_path / "file", {name: x.astype(dtype) for name, x in tensors.items()})
    found = read_published(tmp_path / "file")
    assert (found.preprocessing.channels, found.notice) == ("RGB", "")


def test_the_person_has_the_last_word_on_the_order_of_channels(tmp_path):
    files.zip_pth(tmp_path / "file", files.torch_names(KERNELS))
    assert read_published(tmp_path / "file", channels="BGR").network == "vgg19"
    assert read_published(tmp_path / "file", channels="RGB").network == "torchvision"
    files.keras(tmp_path / "keras", KERNELS)
    with pytest.raises(InputError, match="always has BGR kernels"):
        read_published(tmp_path / "keras", channels="RGB")


def test_a_known_checksum_settles_the_order_of_channels(tmp_path, monkeypatch):
    files.legacy_pth(tmp_path / "file", files.torch_names(KERNELS))
    size = (tmp_path / "file").stat().st_size
    with (tmp_path / "file").open("ab") as file:
        file.truncate(200_000_000)  # as long as a whole network, without taking the room
    assert size < 200_000_000
    assert read_published(tmp_path / "file").preprocessing.channels == "RGB"
    monkeypatch.setattr(
        "jvst.network.weights.formats.detect.file_sha256", lambda _: "d01eb7cb" + 56 * "0"
    )
    assert read_published(tmp_path / "file").preprocessing.channels == "BGR"


def test_what_is_no_network_is_named_as_such(tmp_path):
    other = {"weight": np.ones(3, np.float32)}
    files.tensor_file(tmp_path / "safetensors", other)
    files.zip_pth(tmp_path / "zip", other)
    files.legacy_pth(tmp_path / "legacy", other)
    with h5py.File(tmp_path / "hdf5", "w") as file:
        file["x"] = np.ones(3)
    files.scipy.io.savemat(tmp_path / "mat", {"x": np.ones(3)})
    files.caffemodel(tmp_path / "caffe", {})
    (tmp_path / "text").write_text("<!DOCTYPE html><html>moved</html>")
    (tmp_path / "empty").write_bytes(b"")
    for path in tmp_path.iterdir():
        with pytest.raises(InputError, match="expected VGG-19 or VGG-16 as Keras"):
            import_vgg19(path)
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "missing", tmp_path / "a\0b", tmp_path / "pipe"):
        with pytest.raises(InputError):
            import_vgg19(path)


def test_a_network_without_a_layer_or_of_another_shape_is_refused(tmp_path):
    files.keras(tmp_path / "few", dict(list(KERNELS.items())[:-1]))
    with pytest.raises(InputError, match="has no conv5_1 kernel"):
        import_vgg19(tmp_path / "few")
    files.caffemodel(tmp_path / "other", KERNELS | {"conv3_1": KERNELS["conv3_2"]})
    with pytest.raises(InputError, match=r"conv3_1 kernel is \(3, 3, 16, 16\)"):
        import_vgg19(tmp_path / "other")
    bad = KERNELS["conv3_1"][1].copy()
    bad[3] = np.nan
    files.matconvnet(tmp_path / "nan", KERNELS | {"conv3_1": (KERNELS["conv3_1"][0], bad)})
    with pytest.raises(InputError, match="not finite"):
        import_vgg19(tmp_path / "nan")


def _same_kernels(path):
    found = read_published(path).kernels
    for name in KERNELS:
        for part in (0, 1):
            np.testing.assert_array_equal(found[name][part], KERNELS[name][part])
