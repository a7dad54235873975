"""``jvst weights``: the sub-commands for files of VGG weights."""

import contextlib
import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import tyro

from jvst.app.cli.command import parsed, status_of
from jvst.app.cli.progress import FetchProgress
from jvst.app.cli.spelling import legible
from jvst.errors import InputError
from jvst.network.weights import EMBEDDED
from jvst.network.weights.convert import check_file, convert_vgg19
from jvst.network.weights.find import CHECKOUT_WEIGHTS, cache_folder, converted_file, fetch_weights
from jvst.network.weights.formats.detect import read_published
from jvst.network.weights.formats.imported import width_of
from jvst.network.weights.formats.source import is_remote
from jvst.network.weights.formats.tensor_file import read_metadata
from jvst.network.weights.known import KNOWN_FILES, known_by_name
from jvst.network.weights.native import FORMAT, check_kernels
from jvst.network.weights.pair_file import pairs_metadata


@dataclasses.dataclass(frozen=True)
class List:
    """Show what is here and what can be fetched."""

    def __call__(self) -> None:
        """Do it."""
        _list()


@dataclasses.dataclass(frozen=True)
class Fetch:
    """Fetch, check and convert a published file."""

    name: tyro.conf.Positional[str] = KNOWN_FILES[0].name
    """Which, as in the list."""

    def __call__(self) -> None:
        """Do it."""
        _fetch(self.name)


@dataclasses.dataclass(frozen=True)
class Info:
    """Tell what a file is."""

    file: tyro.conf.Positional[str]
    """The file, or the address of one."""

    def __call__(self) -> None:
        """Do it."""
        _info(self.file)


@dataclasses.dataclass(frozen=True)
class Check:
    """Hold a file against its metadata."""

    file: tyro.conf.Positional[str]
    """The file."""

    def __call__(self) -> None:
        """Do it."""
        _check(self.file)


@dataclasses.dataclass(frozen=True)
class Convert:
    """Turn a published file into jvst's format."""

    source: tyro.conf.Positional[str]
    """A file or the address of one."""
    target: tyro.conf.Positional[str] = ""
    """A .safetensors file; in weights/ or the user's cache when left out."""
    channels: Literal["RGB", "BGR"] | None = None
    """For files under torchvision's names, where the content may leave it open: RGB for
    torchvision's training, BGR for the Oxford weights."""

    def __call__(self) -> None:
        """Do it."""
        _convert(self)


Command = List | Fetch | Info | Check | Convert


def main(arguments: Sequence[str]) -> int:
    """Run ``jvst weights``: files of VGG weights, see weights/README.md.

    Args:
        arguments: what follows ``weights`` on the command line.

    Returns:
        The exit status: 0, or 2 after one line on standard error.
    """

    def work() -> int:
        command: Any = parsed(Command, arguments, prog="jvst weights")
        command()
        return 0

    return status_of("jvst weights", work, arguments=arguments)


def _list() -> None:
    print("here:")
    here = [EMBEDDED] if EMBEDDED.exists() else []
    for folder in (CHECKOUT_WEIGHTS, cache_folder()):
        if folder.is_dir():
            here += sorted(path for path in folder.glob("*.safetensors") if path not in here)
    for path in here:
        print(legible(f"  {_row_of(path)}"))
    if not here:
        print("  nothing")
    print("to fetch (NAME, size, licence):")
    for known in KNOWN_FILES:
        size = f"{known.size / 1e6:.0f} MB" if known.size else "575 MB"
        state = "" if known.checksum else "; by hand only"
        state = "; here" if converted_file(known) else state
        print(f"  {known.name:17} {size:>7}  {known.licence:12}  {known.about}{state}")


def _row_of(path: Path) -> str:
    """Describe a file in a line; a damaged one too."""
    try:
        metadata = read_metadata(path)
    except InputError:
        return f"{path}: damaged"
    megabytes = path.stat().st_size / 1e6
    return (
        f"{path}: {megabytes:.1f} MB, {metadata.get('network', 'unknown network')}, "
        f"{metadata.get('licence') or 'no licence stated'}"
    )


def _fetch(name: str) -> None:
    known = known_by_name(name)
    if known is None:
        names = ", ".join(known.name for known in KNOWN_FILES)
        raise InputError(f"unknown file {name!r}; expected one of {names}")
    path = converted_file(known)
    if path is None:
        with contextlib.closing(FetchProgress(known.name)) as bar:
            path = fetch_weights(known, on_bytes=bar.show)
    print(legible(str(path)))


def _info(file: str) -> None:
    if not is_remote(file) and (metadata := pairs_metadata(file)):
        print(f"format: {metadata['format']}")
        for key in ("network", "levels", "origin", "licence", "source_sha256", "notice"):
            print(f"{key}: {metadata.get(key, '')}")
        return
    found = read_published(file)
    if found is None:
        metadata = read_metadata(file)
        print(f"format: {FORMAT}")
        for key in ("network", "width", "channels", "scale", "mean", "std", "origin", "licence"):
            print(f"{key}: {metadata.get(key, '')}")
        for key in ("source_sha256", "normalised", "notice"):
            if metadata.get(key):
                print(f"{key}: {metadata[key]}")
        return
    check_kernels(file, found.kernels, layers=found.layers)
    preprocessing = found.preprocessing
    print(f"format: {found.format}")
    print(f"network: {found.network}")
    print(f"width: {width_of(found.kernels)}")
    print(f"channels: {preprocessing.channels}")
    print(f"scale: {preprocessing.scale}")
    print(f"mean: {[*preprocessing.mean]}")
    print(f"std: {[*preprocessing.std]}")
    print(f"origin: {found.origin}")
    print(f"licence: {found.licence}")
    if found.notice:
        print(f"notice: {found.notice}")


def _check(file: str) -> None:
    checked = check_file(file)
    print(
        f"{file} is sound: its numbers are those written, and the network answers the "
        f"test picture as then, to {checked.deviation:.1e} standard deviations ({checked.layer})"
    )


def _convert(options: Convert) -> None:
    found = read_published(options.source, channels=options.channels)
    if options.target:
        target = Path(options.target)
    elif found is None:
        raise InputError(
            f"{options.source} is in jvst's format already; give it as --weights FILE, or name "
            "another file to write it anew"
        )
    else:
        folder = CHECKOUT_WEIGHTS if CHECKOUT_WEIGHTS.is_dir() else cache_folder()
        target = folder / f"{found.network}.safetensors"
    if not is_remote(options.source) and target.resolve() == Path(options.source).resolve():
        raise InputError(f"{target} is the file to convert; name another one to write")
    convert_vgg19(options.source, target, channels=options.channels)
    if found is not None and found.notice:
        print(f"jvst weights: {found.notice}", file=sys.stderr)
    print(target)
