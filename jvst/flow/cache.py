"""A cache of flow fields on disk."""

import contextlib
import hashlib
import json
import os
import re
import threading
import time
from pathlib import Path

import numpy as np

from jvst._files import is_temporary
from jvst._types import FlowField, Frame
from jvst.errors import InputError
from jvst.flow.engine import Engine, check_pair
from jvst.flow.estimation import engine_named, estimate_pair
from jvst.flow.files import read_flow, write_flow

#: Part of every key: a change of what a cached field means makes all old ones unknown.
FORMAT_VERSION = 1
#: About 2,400 fields of 1024×436 pixels.
DEFAULT_LIMIT_BYTES = 8 * 2**30

_FOLDER = re.compile(r"[0-9a-f]{2}")
_FILE = re.compile(r"[0-9a-f]{38}\.flo")
#: Room made beyond what is needed, so that the folder isn't listed again at the next field.
_KEPT_FRACTION = 0.9
#: No writer needs this long; an older temporary file is what a killed one left.
_STALE_SECONDS = 3600.0


class FlowCache:
    """Flow of pairs of frames by one engine, each pair computed once.

    A field is found by the content of both frames, the engine's name and settings, and a
    format version: not by file names, so a clip that is renamed, cut or run again finds its
    fields. Each direction is a ``.flo`` file, ``folder/ab/cdef….flo``. Threads and processes
    may share a folder: files appear whole, and two writers of one field write the same bytes.
    A damaged file is computed again, and counted.

    Args:
        folder: where the fields are kept, made if need be; None keeps nothing.
        engine: a name in ``jvst.flow.ENGINES``, or an engine with settings of its own.
        limit_bytes: about how much the folder may hold; what was used longest ago goes first.
            Each process counts its own writes, so several may overrun it for a while.

    Raises:
        InputError: there is no such engine, or the folder can't be made.
    """

    #: Why this cache no longer writes (a full disk, say), or None while it does. It still
    #: reads, and still returns every field.
    stopped: str | None
    #: How many fields were found damaged and computed again.
    damaged: int

    def __init__(
        self,
        folder: str | Path | None,
        engine: str | Engine,
        *,
        limit_bytes: int = DEFAULT_LIMIT_BYTES,
    ) -> None:
        """Make the folder; count nothing yet."""
        self.folder = None if folder is None else Path(folder)
        self.engine = engine_named(engine) if isinstance(engine, str) else engine
        self.limit_bytes = limit_bytes
        self.stopped = None
        self.damaged = 0
        self._held_bytes: int | None = None  # not counted before the first write
        self._lock = threading.Lock()
        if self.folder is not None:
            try:
                self.folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise InputError(
                    f"the flow cache {self.folder} can't be made ({error.strerror or error}); "
                    "give another folder, or none"
                ) from error

    def pair(self, image_from: Frame, image_to: Frame) -> tuple[FlowField, FlowField]:
        """Find or compute the flow between two frames, both ways.

        Args:
            image_from: a frame, 8-bit RGB.
            image_to: another, of the same size.

        Returns:
            The field from ``image_from`` to ``image_to`` and the one back, (dx, dy) in pixels.

        Raises:
            InputError: the engine can't run here, or can't use these frames.
        """
        check_pair(image_from, image_to)
        if self.folder is None:
            return estimate_pair(self.engine, image_from, image_to)
        digest_from, digest_to = _digest(image_from), _digest(image_to)
        path = self._path(self.folder, digest_from, digest_to)
        path_back = self._path(self.folder, digest_to, digest_from)
        size = (image_from.shape[1], image_from.shape[0])
        kept, kept_back = self._load(path, size), self._load(path_back, size)
        if kept is not None and kept_back is not None:
            return kept, kept_back
        flow, flow_back = estimate_pair(self.engine, image_from, image_to)
        if kept is None:
            self._store(path, flow)
        if kept_back is None:
            self._store(path_back, flow_back)
        return flow, flow_back

    def notices(self) -> list[str]:
        """Return what the user should know: damage, and why nothing is kept any more."""
        said = []
        if self.damaged:
            said.append(f"{self.damaged} damaged fields in the flow cache, computed again")
        if self.stopped:
            said.append(f"the flow cache holds no more: {self.stopped}")
        return said

    def _path(self, folder: Path, digest_from: bytes, digest_to: bytes) -> Path:
        about = json.dumps([FORMAT_VERSION, self.engine.name, self.engine.settings], sort_keys=True)
        key = hashlib.blake2b(digest_from + digest_to + about.encode(), digest_size=20).hexdigest()
        return folder / key[:2] / f"{key[2:]}.flo"

    def _load(self, path: Path, size: tuple[int, int]) -> FlowField | None:
        """Read a field and note its use; None if it is missing or damaged."""
        try:
            flow = read_flow(path, size=size)
        except InputError:
            if path.exists():
                with self._lock:
                    self.damaged += 1
            return None
        with contextlib.suppress(OSError):  # a folder that can only be read still serves
            os.utime(path)  # the time of last access, which many file systems don't keep
        return flow

    def _store(self, path: Path, flow: FlowField) -> None:
        """Write a field; what keeps it from being written is noted, and ends the writing."""
        if self.stopped is not None or flow.nbytes > self.limit_bytes:
            return
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_flow(path, flow)
            self._make_room(path.parent.parent, path.stat().st_size)
        except FileNotFoundError:
            pass  # removed again by another process that makes room
        except (OSError, InputError) as error:
            self.stopped = str(error)

    def _make_room(self, folder: Path, added: int) -> None:
        """Keep to the limit; the folder is listed once, and then only when it is passed."""
        with self._lock:
            if self._held_bytes is not None:
                self._held_bytes += added
            if self._held_bytes is None or self._held_bytes > self.limit_bytes:
                self._held_bytes = _trim(folder, self.limit_bytes)


def _trim(folder: Path, limit_bytes: int) -> int:
    """Remove what was used longest ago, if need be; return the bytes that stay."""
    fields = sorted(_fields(folder))
    held = sum(size for _, size, _ in fields)
    if held <= limit_bytes:
        return held
    for _, size, path in fields:
        if held <= _KEPT_FRACTION * limit_bytes:
            break
        path.unlink(missing_ok=True)  # another process may have been faster
        held -= size
    return held


def _digest(image: Frame) -> bytes:
    shape = np.array(image.shape, "<i8").tobytes()
    return hashlib.blake2b(shape + np.ascontiguousarray(image).tobytes(), digest_size=20).digest()


def _fields(folder: Path) -> list[tuple[int, int, Path]]:
    """List the time of last use, the bytes and the path of every field; skip other files.

    What killed writers left is removed on the way.
    """
    fields = []
    for path in folder.glob("??/*"):
        if not _FOLDER.fullmatch(path.parent.name):
            continue
        with contextlib.suppress(FileNotFoundError):  # another process makes room, too
            status = path.stat()
            if _FILE.fullmatch(path.name):
                fields.append((status.st_mtime_ns, status.st_size, path))
            elif is_temporary(path) and time.time() - status.st_mtime > _STALE_SECONDS:
                path.unlink()
    return fields
