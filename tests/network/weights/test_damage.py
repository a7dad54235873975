"""Files that lie about their sizes are refused before memory is taken; fuzzing finds nothing."""

import json
import os
import resource
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import h5py
import numpy as np
import pytest
from support import fuzz_weights
from support import published_files as files

from jvst.errors import InputError
from jvst.network.weights.formats.detect import read_published

WIDTH = 1 / 32
KERNELS = files.random_kernels(WIDTH)
LAYER = "block3_conv1/block3_conv1_W_1:0"


@pytest.fixture(autouse=True)
def memory_stays():
    """No test here may take more than 150 MB, whatever its file states."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 150 * 1024


def refused(path, match):
    with pytest.raises(InputError, match=match) as caught:
        read_published(path)
    assert "\n" not in str(caught.value)


@pytest.fixture
def hdf5(tmp_path):
    """A Keras file from which a layer was taken, to be put in otherwise."""
    files.keras(tmp_path / "file", KERNELS)
    with h5py.File(tmp_path / "file", "r+") as file:
        del file[LAYER]
        yield file


def test_hdf5_of_huge_shape_is_refused(hdf5, tmp_path):
    hdf5.create_dataset(LAYER, shape=(2**20, 2**20), dtype="f4", chunks=(1, 64))
    hdf5.close()
    refused(tmp_path / "file", "states 1099511627776 numbers")


def test_hdf5_of_huge_chunks_is_refused(hdf5, tmp_path):
    shape = KERNELS["conv3_1"][0].shape
    maximum, chunks = (None,) * 4, (3, 3, 4096, 4096)
    hdf5.create_dataset(LAYER, shape=shape, maxshape=maximum, chunks=chunks, dtype="f4")
    hdf5.close()
    refused(tmp_path / "file", "a chunk states")


def test_hdf5_that_inflates_without_end_is_refused(hdf5, tmp_path):
    bomb = np.zeros((512, 512, 64), np.float32)  # 67 MB in 65 kB
    hdf5.create_dataset(LAYER, data=bomb, compression="gzip", chunks=(512, 512, 8))
    hdf5.close()
    assert (tmp_path / "file").stat().st_size < 500_000
    refused(tmp_path / "file", "states 16777216 numbers")


def test_hdf5_that_leads_to_other_files_is_refused(hdf5, tmp_path):
    kernel = KERNELS["conv3_1"][0]
    with h5py.File(tmp_path / "other", "w") as other:
        other["x"] = kernel
    hdf5[LAYER] = h5py.ExternalLink(str(tmp_path / "other"), "x")
    hdf5.close()
    with pytest.raises(InputError):
        fuzz_weights_read(tmp_path / "file")


def test_hdf5_of_numbers_elsewhere_is_refused(hdf5, tmp_path):
    kernel = KERNELS["conv3_1"][0]
    (tmp_path / "raw").write_bytes(kernel.tobytes())
    external = [(str(tmp_path / "raw"), 0, kernel.nbytes)]
    hdf5.create_dataset(LAYER, shape=kernel.shape, dtype="f4", external=external)
    hdf5.close()
    refused(tmp_path / "file", "another file")


def test_hdf5_put_together_of_other_datasets_is_refused(hdf5, tmp_path):
    shape = KERNELS["conv3_1"][0].shape
    layout = h5py.VirtualLayout(shape=shape, dtype="f4")
    layout[...] = h5py.VirtualSource(str(tmp_path / "other"), "x", shape=shape)
    hdf5.create_virtual_dataset(LAYER, layout)
    hdf5.close()
    refused(tmp_path / "file", "another file")


def test_hdf5_behind_a_plug_in_is_refused(hdf5, tmp_path):
    kernel = KERNELS["conv3_1"][0]
    hdf5.create_dataset(LAYER, data=kernel, compression="lzf")
    hdf5.close()
    refused(tmp_path / "file", "unknown way")


@pytest.mark.parametrize("data", [np.array(["text"], object), np.ones(3, int), np.ones(2, "c16")])
def test_hdf5_of_no_floating_point_numbers_is_refused(data, hdf5, tmp_path):
    hdf5[LAYER] = data
    hdf5.close()
    refused(tmp_path / "file", "not made of floating-point numbers")


def safetensors(path, header, data=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def entry(shape, begin, end, dtype="F32"):
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


NAME = "features.0.weight"


@pytest.mark.parametrize(
    ("header", "match"),
    [
        ({NAME: entry([2**40], 0, 2**42)}, "shorter than its parts state"),
        ({NAME: entry([2**31, 2**31], 0, 16)}, "does not fit its shape"),
        ({NAME: entry([4], 0, 16), "x": entry([4], 0, 16)}, "overlap"),
        ({NAME: entry([2], 0, 8), "x": entry([1], 12, 16)}, "gaps"),
        ({NAME: entry([2], 0, 8)}, "end elsewhere"),
        ({NAME: entry([4], 16, 0)}, "shorter than its parts state"),
        ({NAME: entry([-4], 0, 16)}, "whole numbers"),
        ({NAME: entry([4.0], 0, 16)}, "whole numbers"),
        ({NAME: entry([True] * 4, 0, 16)}, "whole numbers"),
        ({NAME: entry([1] * 100 + [4], 0, 16)}, "axes"),
        ({NAME: entry([4], 0, 16, "I32")}, "floating-point"),
        ({NAME: entry([4], 0, 16, "F4")}, "unknown type"),
        ({NAME: [1, 2]}, "does not describe"),
        ({NAME: entry([4], 0, 16), "__metadata__": {"a": 1}}, "table of texts"),
        (b'{"a":' * 20_000, "no JSON"),
        (b"{" + b"\xff" * 40 + b"}", "no JSON"),
        (b'{"x":1,"x":1}', "no JSON"),
    ],
)
def test_safetensors_that_lie_are_refused(header, match, tmp_path):
    safetensors(tmp_path / "file", header, bytes(16))
    refused(tmp_path / "file", match)


def test_safetensors_of_a_huge_header_are_refused(tmp_path):
    with (tmp_path / "file").open("wb") as file:
        file.write(struct.pack("<Q", 2**33) + b"{")
        file.truncate(2**33 + 100)  # without taking the room
    refused(tmp_path / "file", "header is impossible")


@pytest.mark.parametrize(
    ("message", "match"),
    [
        (files.field(2, files.field(4, b"conv1_1"))[:-3], "ends outside"),
        (b"\x12" + b"\xff" * 9 + b"\x01" + b"x" * 20, "ends outside"),
        (b"\x12" + b"\xff" * 30, "number without end"),
        (b"\x0b" * 20, "unknown kind"),
        (b"\x0a\x00" * 25_000, "too many fields"),
    ],
)
def test_protobuf_that_lies_is_refused(message, match, tmp_path):
    (tmp_path / "file").write_bytes(files.field(1, b"net") + message)
    refused(tmp_path / "file", match)


@pytest.mark.parametrize(
    ("blob", "match"),
    [
        (files.number_field(1, 2**40) + files.field(5, bytes(16)), "states 1099511627776 numbers"),
        (files.number_field(1, 2**64 - 1) + files.field(5, bytes(16)), "states over"),
        (files.number_field(1, 5) + files.field(5, bytes(16)), "4 numbers where 5 are stated"),
        (files.number_field(1, 4) + files.field(5, bytes(15)), "within a number"),
        (files.field(7, files.field(1, b"\x01" * 50)) + files.field(5, bytes(4)), "too many axes"),
        (files.field(6, bytes(60_000_000)), "too long"),
    ],
)
def test_layers_of_caffe_that_lie_are_refused(blob, match, tmp_path):
    layer = files.field(4, b"conv1_1") + files.field(6, blob)
    (tmp_path / "file").write_bytes(files.field(2, layer))
    refused(tmp_path / "file", match)


def element(kind, data):
    return struct.pack("<2I", kind, len(data)) + data + bytes(-len(data) % 8)


def matrix(kind, shape, *parts, name=b"layers"):
    sizes = struct.pack(f"<{len(shape)}i", *shape)
    flags = element(6, struct.pack("<2I", kind, 0))
    return element(14, flags + element(5, sizes) + element(1, name) + b"".join(parts))


def mat(path, *elements):
    path.write_bytes(b"MATLAB 5.0 MAT-file".ljust(124) + b"\x00\x01IM" + b"".join(elements))


def deep_cells(depth):
    inner = matrix(6, (0, 0), element(9, b""), name=b"")
    for _ in range(depth):
        inner = matrix(1, (1, 1), inner, name=b"layers")
    return inner


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (struct.pack("<2I", 14, 2**31), "shorter than its parts state"),
        (matrix(1, (2**30, 2**30)), "too many elements"),
        (matrix(1, (3, 1)), "ends outside"),
        (matrix(1, (-1, 1)), "impossible shape"),
        (element(14, element(6, struct.pack("<2I", 1, 0)) + element(5, b"6bytes")
         + element(1, b"layers")), "impossible shape"),
        (matrix(2, (2**28, 1), element(5, struct.pack("<i", 8)), element(1, b"")), "too many"),
        (matrix(2, (1, 1), element(5, struct.pack("<i", 0)), element(1, b"")), "names of its"),
        (matrix(1, (1, 1), matrix(6, (4, 1), element(9, bytes(8)))), "does not fit its shape"),
        (matrix(1, (1, 1), matrix(6, (4, 1), element(99, bytes(8)))), "unknown kind"),
        (deep_cells(100), "too deeply"),
        (element(15, zlib.compress(matrix(1, (1, 1)))[:-8]), "truncated|damaged"),
        (element(15, b"no zlib"), "damaged"),
    ],
)  # fmt: skip
def test_matlab_that_lies_is_refused(content, match, tmp_path):
    mat(tmp_path / "file", content)
    refused(tmp_path / "file", match)


def test_matlab_that_inflates_without_end_is_refused_piece_by_piece(tmp_path):
    packer = zlib.compressobj(1)
    head = struct.pack("<2I", 14, 2**31 - 8) + element(6, struct.pack("<2I", 1, 0))
    head += element(5, struct.pack("<2i", 1, 1)) + element(1, b"layers")
    huge = struct.pack("<2I", 14, 2**31 - 100) + element(6, struct.pack("<2I", 7, 0))
    huge += element(5, struct.pack("<2i", 2**14, 2**15)) + element(1, b"")
    packed = packer.compress(head + huge + struct.pack("<2I", 7, 2**31 - 200))
    packed += b"".join(packer.compress(bytes(1 << 20)) for _ in range(64)) + packer.flush()
    mat(tmp_path / "file", element(15, packed))
    refused(tmp_path / "file", "inflates to more|truncated")


def test_every_format_is_refused_wherever_it_is_cut_off(tmp_path):
    for format in ("keras", "safetensors", "legacy pth", "zip pth", "caffe V1", "matconvnet"):
        files.WRITERS[format](tmp_path / "whole", KERNELS)
        data = (tmp_path / "whole").read_bytes()
        # Not the very last bytes, which may be padding or classifier.
        for length in np.linspace(0, len(data) * 0.8, 12, dtype=int):
            (tmp_path / "cut").write_bytes(data[:length])
            with pytest.raises(InputError):
                fuzz_weights_read(tmp_path / "cut")


def fuzz_weights_read(path):
    """Read a file as far as its kernels; raise what a person sees."""
    line = fuzz_weights.read(path)
    if line != "read":
        raise InputError(line)


def run_fuzz(format, count, seed):
    done = subprocess.run(
        [sys.executable, Path(fuzz_weights.__file__), format, str(count), str(seed)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(map(str, Path(__file__).parents[2:4]))},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    outcome = json.loads(done.stdout)
    assert outcome["read"] + outcome["refused"] == count
    assert outcome["refused"] > count / 4  # else nothing was tested
    assert outcome["slowest"] < 5
    assert outcome["megabytes"] < 150


@pytest.mark.slow
@pytest.mark.parametrize("format", fuzz_weights.FORMATS)
def test_two_thousand_mutated_files_of_each_format_are_read_or_refused(format):
    run_fuzz(format, 2000, seed=0)
