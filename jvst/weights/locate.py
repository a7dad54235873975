"""Which file of weights to use: what is here, what can be fetched, what ships with jvst."""

import hashlib
import os
from pathlib import Path
from typing import NamedTuple

import platformdirs
import pooch

from jvst.errors import InputError
from jvst.weights.importers import read_published
from jvst.weights.native import build_vgg19, read_safetensors, save_vgg19

KERAS_URL = (
    "https://storage.googleapis.com/tensorflow/keras-applications/vgg19/"
    "vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5"
)
# Published by Keras Applications.
KERAS_MD5 = "253f8cb515780f3b799900260a226db6"

_PACKAGE = Path(__file__).resolve().parents[1]
#: Folder of a checkout where converted files may lie.
CHECKOUT_WEIGHTS = _PACKAGE.parent / "weights"
#: The small network that ships with jvst: beside a checkout, inside an installed package.
EMBEDDED = next(
    (
        path
        for path in (
            _PACKAGE / "data" / "embedded.safetensors",
            CHECKOUT_WEIGHTS / "embedded.safetensors",
        )
        if path.exists()
    ),
    CHECKOUT_WEIGHTS / "embedded.safetensors",
)
_CONVERTED = "vgg19.safetensors"


class Found(NamedTuple):
    """A file of weights and what to tell the person about the choice."""

    path: Path
    network: str  # "vgg19", "torchvision" or "embedded": which preset of loss weights fits
    notice: str  # empty when there is nothing to say


def find_weights(choice: str = "auto", *, progress: bool = True) -> Found:
    """Resolve ``auto``, ``vgg19``, ``embedded`` or a path to a file in jvst's own format.

    ``auto`` takes a converted file from ``weights/`` or the user's cache, else fetches the
    Keras file (80 MB) and converts it, else takes the embedded network and says so.

    Args:
        choice: what the person asked for.
        progress: show a bar while fetching.

    Raises:
        InputError: ``vgg19`` is asked for and can't be had, or the path is no usable file.
    """
    if choice == "embedded":
        return Found(EMBEDDED, "embedded", "")
    if choice not in ("auto", "vgg19"):
        return _from_path(Path(choice))
    for folder in (CHECKOUT_WEIGHTS, cache_folder()):
        if (folder / _CONVERTED).exists():
            return Found(folder / _CONVERTED, "vgg19", "")
    try:
        return Found(fetch_vgg19(progress=progress), "vgg19", "")
    except InputError as error:
        if choice == "vgg19":
            raise
        return Found(
            EMBEDDED,
            "embedded",
            f"{error}; using the small embedded network, whose pictures are plainer",
        )


def fetch_vgg19(*, progress: bool = True) -> Path:
    """Fetch the Keras file of the Oxford weights, check it, convert it into the user's cache.

    Raises:
        InputError: no network, a wrong checksum, or a cache that can't be written.
    """
    target = cache_folder() / _CONVERTED
    try:
        source = pooch.retrieve(
            KERAS_URL, known_hash=f"md5:{KERAS_MD5}", path=cache_folder(), progressbar=progress
        )
    except Exception as error:  # requests, urllib3 and pooch each raise kinds of their own
        raise InputError(
            "the pretrained VGG-19 (80 MB) is not here and could not be fetched "
            f"({type(error).__name__}); get {KERAS_URL} on a machine with a network and give "
            "it as --weights FILE"
        ) from error
    convert_vgg19(source, target)
    Path(source).unlink()
    return target


def convert_vgg19(source: str | Path, target: str | Path) -> None:
    """Turn a published file into one of jvst's own, with its origin in the metadata.

    Raises:
        InputError: a file that is missing, damaged, of no known format, or already converted.
    """
    found = read_published(source)
    if found is None:
        raise InputError(f"{source} is in jvst's format already; give it as --weights FILE")
    vgg = build_vgg19(source, found.kernels, preprocessing=found.preprocessing)
    save_vgg19(
        target,
        vgg,
        network=found.network,
        origin=found.origin,
        licence=found.licence,
        source_sha256=file_sha256(source),
    )


def cache_folder() -> Path:
    """Return the user's cache for weights; ``JVST_CACHE`` moves it."""
    base = os.environ.get("JVST_CACHE") or platformdirs.user_cache_dir("jvst")
    return Path(base) / "weights"


def file_sha256(path: str | Path) -> str:
    """Return the checksum of a file, in hexadecimal."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _from_path(path: Path) -> Found:
    """Use a file as it is, or its conversion, kept in the user's cache by checksum."""
    if read_published(path) is not None:
        target = cache_folder() / f"converted-{file_sha256(path)[:16]}.safetensors"
        if not target.exists():
            convert_vgg19(path, target)
        path = target
    _, metadata = read_safetensors(path, prefix="nothing but the metadata")
    return Found(path, metadata.get("network", "vgg19"), "")
