"""Fetching of published files of weights."""

from pathlib import Path

from jvst._download import OnBytes, RemoteFile, fetch_file
from jvst.errors import InputError
from jvst.network.weights.known import KnownFile

# The largest published file has 575 MB.
_MOST_BYTES = 700_000_000


def fetch_known(known: KnownFile, folder: Path, *, on_bytes: OnBytes | None = None) -> Path:
    """Fetch a published file, or the rest of it, and check it.

    Args:
        known: which.
        folder: where to put it.
        on_bytes: told how far it is.

    Returns:
        The file, whose checksum is right.

    Raises:
        InputError: it can't be had; the message says why.
    """
    if not known.url or not known.checksum:
        raise InputError(
            f"{known.name} ({known.about}) can't be fetched, for it has no published checksum; "
            "get the file by hand and convert it with jvst weights convert FILE"
        )
    remote = RemoteFile(known.url, known.checksum, known.size, _MOST_BYTES)
    return fetch_file(remote, folder, on_bytes=on_bytes)
