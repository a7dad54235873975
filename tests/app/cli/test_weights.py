"""``jvst weights`` and the scripts: one line for bad input, status 2, no output."""

import functools
import os
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
from support import published_files as files

from jvst.app.cli.weights import main
from jvst.app.inputs import folder_pictures, procedural_pictures
from jvst.errors import InputError
from jvst.network.weights import find, load_vgg19
from jvst.video import write_picture

ROOT = Path(__file__).resolve().parents[3]
KERNELS = files.random_kernels(1 / 32)


@pytest.fixture(autouse=True)
def alone(tmp_path, monkeypatch):
    monkeypatch.setenv("JVST_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(find, "CHECKOUT_WEIGHTS", tmp_path / "checkout")
    monkeypatch.setattr("jvst.app.cli.weights.CHECKOUT_WEIGHTS", tmp_path / "checkout")


@pytest.fixture
def keras(tmp_path):
    files.keras(tmp_path / "keras.h5", KERNELS)
    return tmp_path / "keras.h5"


def fails(arguments, capsys, match):
    """Status 2, one line on standard error, nothing on standard output."""
    assert main([str(argument) for argument in arguments]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.count("\n") == 1
    assert match in shown.err


def test_a_converted_file_describes_itself_and_is_sound(keras, tmp_path, capsys):
    target = tmp_path / "new" / "net.safetensors"
    assert main(["convert", str(keras), str(target)]) == 0
    assert main(["info", str(target)]) == 0
    assert main(["check", str(target)]) == 0
    shown = capsys.readouterr().out
    for said in ("channels: BGR", "CC BY 4.0", "Oxford", "(Keras HDF5)", "network: vgg19"):
        assert said in shown
    assert f"source_sha256: {find.file_sha256(keras)}" in shown
    assert "is sound" in shown
    assert load_vgg19(target).width == 1 / 32


def test_a_published_file_is_described_too(keras, capsys):
    assert main(["info", str(keras)]) == 0
    shown = capsys.readouterr().out
    assert "format: Keras HDF5" in shown
    assert "mean: [103.939, 116.779, 123.68]" in shown


def test_convert_without_a_target_puts_the_file_where_it_is_found(keras, tmp_path, capsys):
    assert main(["convert", str(keras)]) == 0
    assert capsys.readouterr().out.strip() == str(tmp_path / "cache/weights/vgg19.safetensors")
    assert find.find_weights("vgg19").path.name == "vgg19.safetensors"
    (tmp_path / "checkout").mkdir()
    assert main(["convert", str(keras)]) == 0
    assert (tmp_path / "checkout" / "vgg19.safetensors").exists()


def test_channels_are_said_on_the_command_line(tmp_path, capsys):
    files.zip_pth(tmp_path / "a.pth", files.torch_names(KERNELS))
    target = tmp_path / "net.safetensors"
    assert main(["convert", str(tmp_path / "a.pth"), str(target)]) == 0
    assert "--channels BGR" in capsys.readouterr().err
    assert load_vgg19(target).preprocessing.channels == "RGB"
    assert main(["convert", str(tmp_path / "a.pth"), str(target), "--channels", "BGR"]) == 0
    assert capsys.readouterr().err == ""
    assert load_vgg19(target).preprocessing.channels == "BGR"


def test_bad_files_give_one_line_status_2_and_no_output(keras, tmp_path, capsys):
    target = tmp_path / "out.safetensors"
    fails(["convert", tmp_path / "missing", target], capsys, "does not exist")
    fails(["convert", tmp_path, target], capsys, "is a folder")
    (tmp_path / "text").write_text("hello")
    for command in (["convert", tmp_path / "text", target], ["info", tmp_path / "text"]):
        fails(command, capsys, "not a known file of weights")
    fails(["check", tmp_path / "text"], capsys, "no safetensors file")
    (tmp_path / "cut").write_bytes(keras.read_bytes()[:20_000])
    fails(["convert", tmp_path / "cut", target], capsys, "damaged")
    fails(["convert", keras, keras], capsys, "name another one")
    fails(["convert", keras, tmp_path / "text" / "x"], capsys, "can't be written")
    fails(["fetch", "vgg13"], capsys, "expected one of vgg19")
    fails(["fetch", "gatys-normalised"], capsys, "by hand")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cut", "keras.h5", "text"]


def test_a_file_of_jvsts_own_needs_a_target_to_be_written_anew(keras, tmp_path, capsys):
    target = tmp_path / "net.safetensors"
    assert main(["convert", str(keras), str(target)]) == 0
    capsys.readouterr()
    fails(["convert", target], capsys, "in jvst's format already")
    assert main(["convert", str(target), str(tmp_path / "again.safetensors")]) == 0
    assert target.read_bytes() == (tmp_path / "again.safetensors").read_bytes()


def test_the_list_shows_what_is_here_and_what_can_be_fetched(keras, tmp_path, capsys):
    assert main(["convert", str(keras)]) == 0
    (tmp_path / "cache" / "weights" / "broken.safetensors").write_text("x")
    capsys.readouterr()
    assert main(["list"]) == 0
    shown = capsys.readouterr().out
    assert "vgg19.safetensors: 0.1 MB, vgg19, CC BY 4.0" in shown
    assert "broken.safetensors: damaged" in shown
    assert "80 MB  CC BY 4.0" in shown
    assert "BSD-3-Clause" in shown


def test_a_folder_of_pictures_is_known_by_its_content(tmp_path):
    rng = np.random.default_rng(0)
    for name, size in (("a.png", (20, 600)), ("b.png", (40, 30))):
        write_picture(tmp_path / "set" / name, rng.integers(0, 256, (*size, 3), np.uint8))
    (tmp_path / "set" / "notes.txt").write_text("no picture")
    chosen = folder_pictures(tmp_path / "set")
    assert [picture.shape for picture in chosen.draw()] == [(17, 512, 3), (40, 30, 3)]
    assert folder_pictures(tmp_path / "set").name == chosen.name
    (tmp_path / "set" / "b.png").unlink()
    assert folder_pictures(tmp_path / "set").name != chosen.name
    (tmp_path / "empty").mkdir()
    for folder in ("empty", "missing", "set/notes.txt"):
        with pytest.raises(InputError):
            folder_pictures(tmp_path / folder)


def test_pictures_too_small_or_damaged_are_refused(tmp_path):
    write_picture(tmp_path / "set" / "a.png", np.zeros((8, 90, 3), np.uint8))
    with pytest.raises(InputError, match="at least 16 pixels"):
        folder_pictures(tmp_path / "set").draw()
    (tmp_path / "set" / "a.png").write_bytes(b"no picture")
    with pytest.raises(InputError, match="not a picture"):
        folder_pictures(tmp_path / "set").draw()


def test_the_drawn_pictures_are_named_and_drawn_only_when_needed():
    chosen = procedural_pictures()
    assert chosen.name.startswith("procedural")


def run(script, *arguments):
    return subprocess.run(
        [sys.executable, ROOT / "scripts" / script, *arguments],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )


def test_the_script_ends_with_status_2_and_one_line(tmp_path):
    done = run("convert_vgg19.py", tmp_path / "missing")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""


@functools.cache
def top():
    """The first layer of the classifier, 411 MB."""
    numbers = np.random.default_rng(0).standard_normal(1_000_003, np.float32)
    return np.resize(numbers, (4096, 25088))


def full_size(path, format, kernels):
    """Write a file as long as the published one."""
    if format == "keras":
        files.keras(path, kernels)
        with h5py.File(path, "r+") as file:
            file["fc1/fc1_W_1:0"] = top().T
    elif format == "safetensors":
        files.tensor_file(path, files.torch_names(kernels) | {"pre_logits.fc1.weight": top()})
    elif format == "legacy pth":
        files.legacy_pth(path, files.torch_names(kernels) | {"classifier.0.weight": top()})
    elif format == "zip pth":
        files.zip_pth(path, files.torch_names(kernels) | {"classifier.1.weight": top()})
    elif format.startswith("caffe"):
        files.caffemodel(path, kernels, encoding=format[-2:])
        new = format == "caffe V2"
        blob = files.blob(top(), new_shape=new)
        layer = files.field(1 if new else 4, b"fc6") + files.field(7 if new else 6, blob)
        with path.open("ab") as file:
            file.write(files.field(100 if new else 2, layer))
    else:
        files.matconvnet(path, kernels, compressed=format == "matconvnet", top=top())


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="measures memory as on Linux")
@pytest.mark.parametrize(
    "format",
    ["keras", "safetensors", "legacy pth", "zip pth", "caffe V2", "matconvnet"],
)
def test_a_file_of_full_size_converts_in_a_minute_and_two_gigabytes(format, tmp_path):
    full_size(tmp_path / "file", format, files.random_kernels(1.0))
    target = tmp_path / "net.safetensors"
    # A child's ru_maxrss begins with its parent's, which holds the file: Linux has the child's own.
    code = (
        "import re, sys, time; from jvst.app.cli.weights import main\n"
        "status = main(['convert', *sys.argv[1:]])\n"
        "peak = int(re.search(r'VmHWM:\\s+(\\d+)', open('/proc/self/status').read())[1]) / 1e6\n"
        "print(status, time.process_time(), peak)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "file", target],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
        timeout=900,
    )
    (tmp_path / "file").unlink()
    status, seconds, gigabytes = map(float, done.stdout.split()[-3:])
    assert status == 0, done.stderr
    assert seconds < 60
    assert gigabytes < 2
    print(f"{format}: {seconds:.1f} s, {gigabytes:.2f} GB")
    assert load_vgg19(target).width == 1.0
