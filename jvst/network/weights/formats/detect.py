"""Published files of VGG weights, recognised by their content.

To add a format: a reader that returns ``Imported``, a line in ``_read`` that recognises it, a
writer in ``tests/support/published_files.py``.
"""

import hashlib
from collections.abc import Callable
from pathlib import Path

from jvst.errors import InputError
from jvst.network.vgg import VGG19
from jvst.network.weights.formats.caffe import FIRST_BYTES, read_caffe
from jvst.network.weights.formats.imported import (
    DamagedFileError,
    ForeignFileError,
    Imported,
)
from jvst.network.weights.formats.matconvnet import read_matconvnet
from jvst.network.weights.formats.source import Source, is_remote, open_source
from jvst.network.weights.formats.tensor_file import read_header, read_tensor
from jvst.network.weights.formats.torch_file import read_torch
from jvst.network.weights.formats.torchvision import (
    Channels,
    find_prefix,
    from_torchvision,
    wanted_names,
)
from jvst.network.weights.known import known_by_sha256
from jvst.network.weights.native import FORMAT, build_network, load_vgg19
from jvst.network.weights.pair_file import FORMAT as PAIRS_FORMAT

_HDF5 = b"\x89HDF\r\n\x1a\n"  # first bytes
_EXPECTED = (
    "expected VGG-19 or VGG-16 as Keras .h5, safetensors, PyTorch .pth, .caffemodel or "
    "MatConvNet .mat"
)


def import_vgg19(path: str | Path, *, channels: Channels | None = None) -> VGG19:
    """Read VGG-19, or VGG-16, from a published file or from one of jvst's own.

    Knows Keras ``.h5`` (with and without top), safetensors and ``.pth`` with torchvision's names
    (torchvision, timm, Johnson), Gatys' ``.pth``, ``.caffemodel`` and MatConvNet's ``.mat``.

    Args:
        path: the file, or the address of a safetensors file or ``.pth`` on a server, of which
            only the convolutions are fetched. What it is, and of which network, is told from its
            content.
        channels: what conv1_1 expects, for files under torchvision's names, where the content
            may leave it open: ``RGB`` for torchvision's training, ``BGR`` for the Oxford
            weights.

    Raises:
        InputError: a file that is missing, damaged, hostile or of no known format.
    """
    found = read_published(path, channels=channels)
    if found is None:
        return load_vgg19(path)
    return build_imported(path, found)


def build_imported(path: str | Path, found: Imported) -> VGG19:
    """Put what a reader found into a network.

    Raises:
        InputError: a layer is missing, has another shape, or holds a number that isn't finite.
    """
    return build_network(
        path, found.kernels, layers=found.layers, preprocessing=found.preprocessing
    )


def read_published(path: str | Path, *, channels: Channels | None = None) -> Imported | None:
    """Read a published file; None for one that is jvst's own.

    Args:
        path: see ``import_vgg19``.
        channels: see ``import_vgg19``.

    Raises:
        InputError: see ``import_vgg19``.
    """
    try:
        with open_source(path) as source:
            found = _read(path, source, channels)
    except DamagedFileError as error:
        raise InputError(f"{path} is damaged or unsafe: {error}; get it again") from error
    except ForeignFileError as error:
        raise InputError(f"{path} is {error}; {_EXPECTED}") from error
    if found is not None and channels not in (None, found.preprocessing.channels):
        raise InputError(
            f"{path} ({found.format}) always has {found.preprocessing.channels} kernels, not "
            f"{channels}; leave the order of the channels out"
        )
    return found


def _read(path: str | Path, source: Source, channels: Channels | None) -> Imported | None:
    head = source.read(0, min(source.size, 128))
    if head[8:9] == b"{":
        return _read_safetensors(path, source, channels)
    if head[:4] == b"PK\x03\x04" or (head[:1] == b"\x80" and head[1:2] <= b"\x05"):
        return read_torch(source, channels, _lookup(path, source))
    if is_remote(path):
        raise InputError(
            f"{path} is neither safetensors nor .pth, which alone are read from a server; "
            "download it and give its path"
        )
    if head[:8] == _HDF5:
        # Here, for libhdf5 takes long to import.
        from jvst.network.weights.formats.keras import read_keras  # noqa: PLC0415

        return read_keras(path)
    if head[:10] == b"MATLAB 5.0" and head[124:128] in (b"\0\1IM", b"\1\0MI"):
        return read_matconvnet(source)
    if head[:1] and head[0] in FIRST_BYTES:
        return read_caffe(source)
    raise ForeignFileError("not a known file of weights")


def _read_safetensors(
    path: str | Path, source: Source, channels: Channels | None
) -> Imported | None:
    header = read_header(source)
    if header.metadata.get("format") == FORMAT:
        return None
    if header.metadata.get("format") == PAIRS_FORMAT:
        raise ForeignFileError("jvst's file for pictures in one pass, and no network for losses")
    prefix = find_prefix(header.entries)
    if prefix is None:
        raise ForeignFileError("a safetensors file, but no VGG under torchvision's names")
    tensors = {}
    for pair in wanted_names(prefix, header.entries).values():
        for name in pair:
            if name in header.entries:
                tensors[name] = read_tensor(source, header.entries[name])
    return from_torchvision(
        "safetensors, torchvision's names",
        tensors,
        prefix,
        header.entries,
        channels=channels,
        known_channels=_lookup(path, source),
    )


def _lookup(path: str | Path, source: Source) -> Callable[[], Channels | None]:
    """Return what looks a file's checksum up among the published ones."""

    def look_up() -> Channels | None:
        # Only whole files have these checksums, and they are long: 575 MB.
        if is_remote(path) or source.size < 100_000_000:
            return None
        known = known_by_sha256(file_sha256(path))
        return known.channels if known is not None else None

    return look_up


def file_sha256(path: str | Path) -> str:
    """Return the checksum of a file, in hexadecimal."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
