"""``jvst weights``: what is here, fetching, converting and checking files of VGG weights."""

import argparse
import contextlib
import sys
from pathlib import Path

from jvst.app.cli.progress import FetchProgress
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


def main(arguments: list[str]) -> int:
    """Run ``jvst weights``.

    Args:
        arguments: what follows ``weights`` on the command line.

    Returns:
        The exit status: 0, or 2 after one line on standard error.
    """
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
    except InputError as error:
        print(f"jvst weights: {error}", file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="jvst weights", description="Files of VGG weights; see weights/README.md."
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    command = commands.add_parser("list", help="what is here and what can be fetched")
    command.set_defaults(run=_list)

    command = commands.add_parser("fetch", help="fetch, check and convert a published file")
    command.add_argument("name", metavar="NAME", nargs="?", default=KNOWN_FILES[0].name)
    command.set_defaults(run=_fetch)

    command = commands.add_parser("info", help="what a file is")
    command.add_argument("file", metavar="FILE")
    command.set_defaults(run=_info)

    command = commands.add_parser("check", help="hold a file against its metadata")
    command.add_argument("file", metavar="FILE")
    command.set_defaults(run=_check)

    command = commands.add_parser("convert", help="turn a published file into jvst's format")
    command.add_argument("source", metavar="IN", help="a file or the address of one")
    command.add_argument("target", metavar="OUT", nargs="?", help="a .safetensors file")
    command.add_argument(
        "--channels",
        choices=("RGB", "BGR"),
        help="for files under torchvision's names, where the content may leave it open: RGB for "
        "torchvision's training, BGR for the Oxford weights",
    )
    command.set_defaults(run=_convert)
    return parser


def _list(_: argparse.Namespace) -> None:
    print("here:")
    here = [EMBEDDED] if EMBEDDED.exists() else []
    for folder in (CHECKOUT_WEIGHTS, cache_folder()):
        if folder.is_dir():
            here += sorted(path for path in folder.glob("*.safetensors") if path not in here)
    for path in here:
        print(f"  {_row_of(path)}")
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


def _fetch(options: argparse.Namespace) -> None:
    known = known_by_name(options.name)
    if known is None:
        names = ", ".join(known.name for known in KNOWN_FILES)
        raise InputError(f"unknown file {options.name!r}; expected one of {names}")
    path = converted_file(known)
    if path is None:
        with contextlib.closing(FetchProgress(known.name)) as bar:
            path = fetch_weights(known, on_bytes=bar.show)
    print(path)


def _info(options: argparse.Namespace) -> None:
    found = read_published(options.file)
    if found is None:
        metadata = read_metadata(options.file)
        print(f"format: {FORMAT}")
        for key in ("network", "width", "channels", "scale", "mean", "std", "origin", "licence"):
            print(f"{key}: {metadata.get(key, '')}")
        for key in ("source_sha256", "normalised", "notice"):
            if metadata.get(key):
                print(f"{key}: {metadata[key]}")
        return
    check_kernels(options.file, found.kernels, layers=found.layers)
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


def _check(options: argparse.Namespace) -> None:
    checked = check_file(options.file)
    print(
        f"{options.file} is sound: its numbers are those written, and the network answers the "
        f"test picture as then, to {checked.deviation:.1e} standard deviations ({checked.layer})"
    )


def _convert(options: argparse.Namespace) -> None:
    found = read_published(options.source, channels=options.channels)
    if options.target is not None:
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
