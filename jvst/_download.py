"""Downloads that resume, with a checksum."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from jvst._files import lock
from jvst.errors import InputError

#: Seconds to connect, and seconds without a byte, after which a server counts as gone.
TIMEOUTS = (10.0, 30.0)
_TRIES = 3
# What is lost, at most, when a connection breaks.
_PIECE = 1 << 14

#: Told the bytes that are there and those that there will be, None while unknown.
OnBytes = Callable[[int, int | None], None]


class RemoteFile(NamedTuple):
    """A file on a server.

    Attributes:
        url: where it is; its last part names the file.
        checksum: ``md5:``, ``sha1:`` or ``sha256:`` and hexadecimal digits, of which the first
            may do.
        size: in bytes; None where it isn't known.
        most_bytes: a server that sends more is cut off; counts where ``size`` is None.
    """

    url: str
    checksum: str
    size: int | None
    most_bytes: int


def fetch_file(remote: RemoteFile, folder: Path, *, on_bytes: OnBytes | None = None) -> Path:
    """Fetch a file, or the rest of it, and check it.

    Bytes gather in a ``.partial`` file, which a later call continues. Proxies are taken from the
    environment (``HTTPS_PROXY`` and the like).

    Args:
        remote: which.
        folder: where to put it.
        on_bytes: told how far it is.

    Returns:
        The file, whose checksum is right.

    Raises:
        InputError: it can't be had; the message says why. After a wrong checksum nothing is
            kept.
    """
    target = folder / remote.url.rpartition("/")[2]
    partial = target.with_name(f"{target.name}.partial")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with partial.open("ab") as file:
            _hold(file, partial)
            _receive_all(remote, file, on_bytes)
            if not checksum_fits(partial, remote.checksum):
                partial.unlink()
                raise InputError(
                    f"what came from {remote.url} has another checksum than {remote.checksum}; it "
                    "was removed; try again, or get the file by hand"
                )
            partial.replace(target)
    except OSError as error:
        raise InputError(f"{folder} can't be written: {error.strerror}; set JVST_CACHE") from error
    return target


def checksum_fits(path: Path, checksum: str) -> bool:
    """Tell whether a file has a checksum, given as ``kind:digits``, of which the first may do."""
    kind, _, digits = checksum.partition(":")
    with path.open("rb") as file:
        return hashlib.file_digest(file, kind).hexdigest().startswith(digits)


def _hold(file: BinaryIO, path: Path) -> None:
    """Hold off a second process that fetches the same."""
    try:
        lock(file)
    except BlockingIOError as error:
        raise InputError(
            f"{path} is being fetched by another process; wait until it is done"
        ) from error


def _receive_all(remote: RemoteFile, file: BinaryIO, on_bytes: OnBytes | None) -> None:
    """Append what is missing, reconnecting where the connection breaks."""
    for _ in range(_TRIES):
        have = file.tell()
        if have and have == remote.size:
            return
        with _request(remote, have) as response:
            if response.status_code == 416:
                # Nothing is missing, or what is here is no beginning of that file; the checksum
                # tells.
                return
            if response.status_code == 200:
                # The server sends the whole file, whatever was asked for.
                file.truncate(0)
            elif not response.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
                raise InputError(
                    f"{remote.url} sent another part than asked for; get the file by hand"
                )
            if _receive(remote, response, file, on_bytes):
                return
    raise InputError(
        f"{remote.url} broke off after {file.tell() / 1e6:.1f} MB; run the same again to fetch "
        "the rest"
    )


def _request(remote: RemoteFile, have: int) -> Any:
    """Ask for the file, from byte ``have`` on; the answer is one of ``requests``."""
    import requests  # noqa: PLC0415  here, for it takes long to import

    # Without the first the server may compress, and bytes would no longer be the file's.
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    try:
        response = requests.get(remote.url, headers=headers, stream=True, timeout=TIMEOUTS)
    except (requests.RequestException, ValueError) as error:
        raise InputError(
            f"{remote.url} could not be reached ({type(error).__name__}); connect to a network, "
            "check the proxy settings, or get the file elsewhere and give its path"
        ) from error
    if response.status_code not in (200, 206, 416):
        response.close()
        raise InputError(
            f"{remote.url} can't be fetched: the server answers {response.status_code}; get the "
            "file elsewhere and give its path"
        )
    return response


def _receive(remote: RemoteFile, response: Any, file: BinaryIO, on_bytes: OnBytes | None) -> bool:
    """Append what one answer brings; return whether that was all."""
    import requests  # noqa: PLC0415  as above

    length = response.headers.get("Content-Length", "")
    have = file.seek(0, 2)
    total = have + int(length) if length.isdigit() else remote.size
    most = remote.size or remote.most_bytes
    try:
        for piece in response.iter_content(_PIECE):
            file.write(piece)
            have += len(piece)
            if on_bytes is not None:
                on_bytes(have, total)
            if have > most:
                file.truncate(0)
                raise InputError(
                    f"{remote.url} sends more than the {most / 1e6:.0f} MB expected; get the "
                    "file elsewhere and give its path"
                )
    except requests.RequestException:
        file.flush()
        return False
    file.flush()
    return total is None or file.tell() == total
