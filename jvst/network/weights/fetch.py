"""Fetches published files: resumed where they broke off, used only if their checksum is right."""

import contextlib
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import requests
from tqdm import tqdm

from jvst.errors import InputError
from jvst.network.weights.formats.source import TIMEOUTS
from jvst.network.weights.known import KnownFile

# The largest published file has 575 MB; a server that sends more is cut off.
_MOST_BYTES = 700_000_000
_TRIES = 3
# What is lost, at most, when a connection breaks.
_PIECE = 1 << 14


def fetch_file(known: KnownFile, folder: Path, *, progress: bool = True) -> Path:
    """Fetch a published file, or the rest of it, and check it.

    Bytes gather in a ``.partial`` file, which a later call continues. Proxies are taken from the
    environment (``HTTPS_PROXY`` and the like).

    Args:
        known: which.
        folder: where to put it.
        progress: show a bar.

    Returns:
        The file, whose checksum is right.

    Raises:
        InputError: it can't be had; the message says why. After a wrong checksum nothing is
            kept.
    """
    if not known.url or not known.checksum:
        raise InputError(
            f"{known.name} ({known.about}) can't be fetched, for it has no published checksum; "
            "get the file by hand and convert it with jvst weights convert FILE"
        )
    target = folder / known.url.rpartition("/")[2]
    partial = target.with_name(f"{target.name}.partial")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with partial.open("ab") as file, _alone(file, partial):
            _receive_all(known, file, progress=progress)
            if not checksum_fits(partial, known.checksum):
                partial.unlink()
                raise InputError(
                    f"what came from {known.url} has another checksum than {known.checksum}; it "
                    "was removed; try again, or get the file by hand"
                )
            partial.replace(target)
    except OSError as error:
        raise InputError(f"{folder} can't be written: {error.strerror}; set JVST_CACHE") from error
    return target


def checksum_fits(path: Path, checksum: str) -> bool:
    """Whether a file has a checksum, given as ``kind:digits``, of which the first may do."""
    kind, _, digits = checksum.partition(":")
    with path.open("rb") as file:
        return hashlib.file_digest(file, kind).hexdigest().startswith(digits)


def _receive_all(known: KnownFile, file: BinaryIO, *, progress: bool) -> None:
    """Append what is missing, reconnecting where the connection breaks."""
    for _ in range(_TRIES):
        have = file.tell()
        if have and have == known.size:
            return
        with _request(known, have) as response:
            if response.status_code == 416:
                # Nothing is missing, or what is here is no beginning of that file; the checksum
                # tells.
                return
            if response.status_code == 200:
                # The server sends the whole file, whatever was asked for.
                file.truncate(0)
            elif not response.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
                raise InputError(
                    f"{known.url} sent another part than asked for; get the file by hand"
                )
            if _receive(known, response, file, progress=progress):
                return
    raise InputError(
        f"{known.url} broke off after {file.tell() / 1e6:.1f} MB; run the same again to fetch "
        "the rest"
    )


def _request(known: KnownFile, have: int) -> requests.Response:
    """Ask for the file, from byte ``have`` on."""
    # Without the first the server may compress, and bytes would no longer be the file's.
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    try:
        response = requests.get(known.url, headers=headers, stream=True, timeout=TIMEOUTS)
    except (requests.RequestException, ValueError) as error:
        raise InputError(
            f"{known.url} could not be reached ({type(error).__name__}); connect to a network, "
            "check the proxy settings, or get the file elsewhere and give its path"
        ) from error
    if response.status_code not in (200, 206, 416):
        response.close()
        raise InputError(
            f"{known.url} can't be fetched: the server answers {response.status_code}; get the "
            "file elsewhere and give its path"
        )
    return response


def _receive(
    known: KnownFile, response: requests.Response, file: BinaryIO, *, progress: bool
) -> bool:
    """Append what one answer brings; return whether that was all."""
    length = response.headers.get("Content-Length", "")
    start = file.seek(0, 2)
    total = start + int(length) if length.isdigit() else known.size
    most = known.size or _MOST_BYTES
    bar = tqdm(
        total=total,
        initial=start,
        unit="B",
        unit_scale=True,
        desc=known.name,
        disable=not progress,
    )
    with bar:
        try:
            for piece in response.iter_content(_PIECE):
                file.write(piece)
                bar.update(len(piece))
                if file.tell() > most:
                    file.truncate(0)
                    raise InputError(
                        f"{known.url} sends more than the {most / 1e6:.0f} MB expected; get the "
                        "file elsewhere and give its path"
                    )
        except requests.RequestException:
            file.flush()
            return False
    file.flush()
    return total is None or file.tell() == total


@contextlib.contextmanager
def _alone(file: BinaryIO, path: Path) -> Iterator[None]:
    """Hold off a second process that fetches the same, where the system can lock files."""
    try:
        import fcntl  # noqa: PLC0415
    except ImportError:  # Windows
        yield
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise InputError(
            f"{path} is being fetched by another process; wait until it is done"
        ) from error
    yield
