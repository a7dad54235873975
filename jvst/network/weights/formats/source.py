"""Bytes of a file by offset, local or remote."""

import os
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from jvst._download import TIMEOUTS
from jvst.errors import InputError
from jvst.network.weights.formats.imported import DamagedFileError


@runtime_checkable
class Source(Protocol):
    """Something that ``size`` bytes can be read from, in any order."""

    size: int

    def read(self, offset: int, count: int) -> bytes:
        """Return exactly ``count`` bytes from ``offset`` on.

        Raises:
            DamagedFileError: they are not all there.
        """
        ...


def is_remote(path: str | Path) -> bool:
    """Tell whether a path is the address of a file on a server."""
    return str(path).startswith(("http://", "https://"))


def open_source(path: str | Path) -> AbstractContextManager[Source]:
    """Open a file, or an address on a server that sends parts of files.

    Raises:
        InputError: it is missing or can't be read.
    """
    return RemoteSource(str(path)) if is_remote(path) else LocalSource(path)


class LocalSource:
    """A file on the disk."""

    def __init__(self, path: str | Path):
        """Open it; InputError where that fails."""
        path = Path(path)
        # Opening a pipe would wait for someone to write into it.
        if path.exists() and not path.is_file():
            what = "a folder" if path.is_dir() else "no ordinary file"
            raise InputError(f"{path} is {what}; expected a file of VGG weights")
        try:
            self._file = path.open("rb")
        except FileNotFoundError as error:
            raise InputError(
                f"{path} does not exist; expected a file of VGG weights; check the path"
            ) from error
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise InputError(f"{path} can't be read: {reason}; check the path") from error
        self.size = os.fstat(self._file.fileno()).st_size

    def read(self, offset: int, count: int) -> bytes:
        """See ``Source``."""
        check_span(offset, count, self.size)
        self._file.seek(offset)
        data = self._file.read(count)
        if len(data) != count:
            raise DamagedFileError("it became shorter while it was read")
        return data

    def __enter__(self) -> "LocalSource":
        """Return itself."""
        return self

    def __exit__(self, *_: Any) -> None:
        """Close the file."""
        self._file.close()


class RemoteSource:
    """A file on a server, read by range requests: what isn't asked for isn't sent."""

    def __init__(self, url: str):
        """Ask the server how long it is; InputError where that fails."""
        import requests  # noqa: PLC0415  few files come from servers, and it takes long to import

        self._url = url
        self._session, self._failure = requests.Session(), requests.RequestException
        self.size = 0
        first = self._request(0, 0)
        self.size = self._stated_size(first)
        first.close()

    def read(self, offset: int, count: int) -> bytes:
        """See ``Source``; InputError where the server fails."""
        check_span(offset, count, self.size)
        if count == 0:
            return b""
        response = self._request(offset, offset + count - 1)
        with response:
            if self._stated_size(response) != self.size:
                raise InputError(f"{self._url} changed while it was read; try again")
            data = bytearray()
            try:
                for piece in response.iter_content(1 << 18):
                    data += piece
                    if len(data) > count:
                        break
            except self._failure as error:
                raise self._unreachable(error) from error
        if len(data) != count:
            raise InputError(f"{self._url} sent {len(data)} bytes where {count} were asked for")
        return bytes(data)

    def __enter__(self) -> "RemoteSource":
        """Return itself."""
        return self

    def __exit__(self, *_: Any) -> None:
        """Close the connection."""
        self._session.close()

    def _request(self, first: int, last: int) -> Any:
        # Without this the server may compress, and bytes would no longer be the file's.
        headers = {"Range": f"bytes={first}-{last}", "Accept-Encoding": "identity"}
        try:
            response = self._session.get(self._url, headers=headers, stream=True, timeout=TIMEOUTS)
        except (self._failure, ValueError) as error:
            raise self._unreachable(error) from error
        if response.status_code == 206:
            return response
        response.close()
        if response.status_code == 200:
            raise InputError(
                f"{self._url} comes from a server that sends no parts of files; download the "
                "whole file and give its path"
            )
        raise InputError(
            f"{self._url} can't be read: the server answers {response.status_code}; check the "
            "address"
        )

    def _stated_size(self, response: Any) -> int:
        total = response.headers.get("Content-Range", "").rpartition("/")[2]
        if not (total.isascii() and total.isdigit() and len(total) < 16):
            response.close()
            raise InputError(f"{self._url}: the server does not say how long the file is")
        return int(total)

    def _unreachable(self, error: Exception) -> InputError:
        return InputError(
            f"{self._url} could not be reached ({type(error).__name__}); check the address and "
            "the network"
        )


def check_span(offset: int, count: int, size: int) -> None:
    """Refuse bytes that aren't all within a file.

    Raises:
        DamagedFileError: the span begins or ends outside of ``size`` bytes.
    """
    if offset < 0 or count < 0 or offset + count > size:
        raise DamagedFileError(f"it is {size} bytes long, shorter than its parts state")
