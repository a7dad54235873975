"""The folder of a run: states, pictures and manifest.

``frames/0001.npy`` holds the float32 image of the first frame, ``frames/0001.json`` how its solve
went, ``pictures/0001.png`` the picture to look at; ``interrupted.npz`` the solve that Ctrl-C cut
short, ``carried.npz`` what a frame has handed on (``carried``). A frame is finished once its
``.npy`` is there: it is written last; where states are not kept, an empty ``0001.dropped`` takes
its place. In a run of several passes ``passes/02`` holds what ``frames`` holds for the last pass;
the states of passes that nothing depends on any more are dropped.

Whatever is read is checked (``sealed``; pictures by the checksums of PNG). ``mend`` finds what is
damaged when a run begins, and makes it anew or lets it count as not there. Only files that the
manifest proves to be the run's own are replaced or removed (``claims``).
"""

import json
import shutil
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32

from jvst._files import lock, replacing, set_aside, writing_to
from jvst._types import Frame
from jvst.app import sealed
from jvst.app.claims import (
    CARRIED,
    FILM,
    FRAMES,
    INTERRUPTED,
    MANIFEST,
    PASSES,
    PICTURES,
    PREVIEW,
    REPORT,
    Claims,
    RunFile,
    check_strangers,
    claims_in,
    remove_empty_folders,
    run_files,
    unfinished_files,
)
from jvst.app.manifest import checked_manifest, first_difference, key_of
from jvst.app.sealed import DamagedError
from jvst.app.writing import Writing
from jvst.errors import InputError
from jvst.video import read_picture
from jvst.video.pictures import write_encoded

StoredImage = Float32[np.ndarray, "h w 3"]

DROPPED = ".dropped"

#: The last pass, or the only one: its frames are the result.
LAST = 0
#: How a solve went whose notes are lost.
LOST_INFO: Mapping[str, Any] = {
    "iterations": 0,
    "evaluations": 0,
    "stopped": "unknown",
    "fallback": "none",
    "reports": [],
    "coarse": [],
}


class RunStore:
    """One run's folder, locked against a second run while it is open.

    Args:
        folder: made where it is missing.

    Attributes:
        folder: the folder.
        claims: what the run lays claim to, once it is open.
        broken: files that ``mend`` has found damaged and that count as not there.

    Raises:
        InputError: the folder can't be written, or another run works in it.
    """

    def __init__(self, folder: str | Path):
        self.folder = Path(folder)
        self.claims = Claims()
        self.broken: set[Path] = set()
        self._key = b""
        try:
            for name in (FRAMES, PICTURES):
                (self.folder / name).mkdir(parents=True, exist_ok=True)
            self._lock = (self.folder / "lock").open("a")  # it may be somebody's: "w" empties it
        except OSError as error:
            raise InputError(
                f"the run folder {folder} can't be written ({error.strerror}); choose another with "
                "`run_dir`"
            ) from error
        try:
            lock(self._lock)
        except OSError as error:
            self._lock.close()
            raise InputError(
                f"another run works in {folder}; wait for it or choose another `run_dir`"
            ) from error
        self._writing = Writing()

    def __enter__(self) -> "RunStore":
        """Return the store itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Wait for what is being written and release the lock."""
        self._writing.close()
        self._lock.close()

    @property
    def manifest_path(self) -> Path:
        """Where the manifest stands."""
        return self.folder / MANIFEST

    def open_run(
        self, manifest: Mapping[str, Any], *, fresh: bool, claims: Claims | None = None
    ) -> None:
        """Begin a run, or go on with one.

        Args:
            manifest: holds ``options`` and ``inputs``, which the frames depend on, and anything
                else worth keeping.
            fresh: forget what an earlier run made here; its pictures stay until they are replaced.
            claims: what the run lays claim to; its frames alone when left out.

        Raises:
            InputError: the folder holds a run with other options or inputs (names the first), or
                files that no run is known to have made.
        """
        plain = json.loads(json.dumps(manifest))
        if claims is None:
            claims = Claims(frames=int(plain.get("inputs", {}).get("frames", 0)))
        old = None
        if self.manifest_path.exists():
            old = checked_manifest(self.manifest_path)
            if not fresh and (difference := first_difference(old, plain)):
                raise InputError(
                    f"{self.folder} holds a run with another {difference}; choose another "
                    "`run_dir`, or `fresh` to begin again"
                )
        own = None if old is None else claims_in(old, self.folder)
        check_strangers(self.folder, claims, own)
        self.claims = claims.merged(own or Claims())
        if fresh and own is not None:
            for file in list(run_files(self.folder)):
                if own.covers(file) and not _stays(file):
                    _remove(file.path)
            remove_empty_folders(self.folder)
        for path in unfinished_files(self.folder):
            _remove(path)
        self._key = key_of(plain)
        self.write_manifest(manifest)

    def begin_shot(self, manifest: Mapping[str, Any]) -> None:
        """Begin again in the folder of a shot, where only workers have files."""
        for file in list(run_files(self.folder)):
            _remove(file.path)
        self.open_run(manifest, fresh=True)

    def write_manifest(self, manifest: Mapping[str, Any]) -> None:
        """Write the manifest, atomically."""
        sealed.write_json(self.manifest_path, {**manifest, "files": self.claims.plain()}, indent=2)

    def save(
        self,
        index: int,
        image: StoredImage,
        picture: Frame,
        info: Mapping[str, Any],
        *,
        pass_number: int = LAST,
        drop: Iterable[int] = (),
    ) -> None:
        """Write a finished frame, on a thread.

        Args:
            index: number of the frame, from 0.
            image: its state.
            picture: the one to look at; a later pass replaces it.
            info: how its solve went.
            pass_number: a pass before the last, from 1.
            drop: frames of which nothing but the picture is needed once this one is written.

        Raises:
            InputError: an earlier frame could not be written.
        """
        self._writing.make_room()
        state = self.state_path(index, pass_number)
        encoded = self._writing.encoded(picture, self.picture_path(index).suffix)
        self._writing.then(self._save, index, state, image, encoded, info)
        for old in drop:
            self._writing.then(self._drop, self.state_path(old, pass_number))

    def flush(self) -> None:
        """Wait until every frame is written.

        Raises:
            InputError: a frame could not be written.
        """
        self._writing.flush()

    def load(self, index: int, *, pass_number: int = LAST) -> StoredImage:
        """Return the state of a finished frame.

        Raises:
            InputError: it is damaged; ``mend`` would have found that, so it was whole then.
        """
        try:
            return read_state(self.state_path(index, pass_number))
        except DamagedError as error:
            raise InputError(f"{error} by now; run the same command again to mend it") from error

    def load_info(self, index: int, *, pass_number: int = LAST) -> dict[str, Any]:
        """Return how the solve of a finished frame went; ``LOST_INFO`` where that is damaged."""
        try:
            return sealed.read_json(self.state_path(index, pass_number).with_suffix(".json"))
        except DamagedError:
            return dict(LOST_INFO)

    def load_shown(self, index: int) -> StoredImage:
        """Return the state of a finished frame, or its picture where states are not kept."""
        try:
            return read_state(self.state_path(index))
        except DamagedError:
            return read_picture(self.picture_path(index)).astype(np.float32) / 255.0

    def has_state(self, index: int, *, pass_number: int = LAST) -> bool:
        """Tell whether the state of a frame is there, as far as ``mend`` knows whole."""
        return self.holds(self.state_path(index, pass_number))

    def is_finished(self, index: int, *, pass_number: int = LAST) -> bool:
        """Tell whether a frame has its picture, and a state unless that was dropped."""
        state = self.state_path(index, pass_number)
        there = self.holds(state) or state.with_suffix(DROPPED).is_file()
        return there and self.holds(self.picture_path(index))

    def finished(self, order: Iterable[int], *, pass_number: int = LAST) -> int:
        """Count the frames finished without a gap, in the order in which they are made."""
        count = 0
        for index in order:
            if not self.is_finished(index, pass_number=pass_number):
                break
            count += 1
        return count

    def adopt(
        self, index: int, other: "RunStore", place: int, *, passes: Iterable[int] = ()
    ) -> None:
        """Take a finished frame of another run over as this run's own.

        Args:
            index: number of the frame here.
            other: the run that it comes from, on the same disk or another.
            place: its number there.
            passes: earlier passes whose notes come along.

        Raises:
            InputError: the disk is full.
        """
        state, here = other.state_path(place), self.state_path(index)
        pairs = [(other.state_path(place, n), self.state_path(index, n)) for n in (*passes, LAST)]
        pairs = [(one.with_suffix(".json"), two.with_suffix(".json")) for one, two in pairs]
        pairs.insert(-1, (other.picture_path(place), self.picture_path(index)))
        dropped = not state.exists()
        if not dropped:
            pairs.append((state, here))  # the last: it says that the frame is finished
        for source, target in pairs:
            set_aside(target)
            with replacing(target) as path, writing_to(target):
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, path)
            self.broken.discard(target)
        if dropped:
            self._drop(here)

    def kept(self, *, pass_number: int = LAST) -> list[int]:
        """Return the numbers of a pass's frames whose states are there."""
        folder = self.state_path(0, pass_number).parent
        names = (state.stem for state in folder.glob("*.npy") if self.holds(state))
        found = (int(name) - 1 for name in names if name.isdecimal())
        return sorted(index for index in found if 0 <= index < self.claims.frames)

    def drop_states(self, pass_number: int) -> None:
        """Remove the states of a pass, and keep its pictures and how its solves went."""
        for index in self.kept(pass_number=pass_number):
            self._drop(self.state_path(index, pass_number))

    def drop_leftovers(self, frames: int) -> None:
        """Remove the pictures that an earlier, longer run left behind the last frame."""
        for file in run_files(self.folder):
            if file.kind == "picture" and frames < file.number <= self.claims.frames:
                _remove(file.path)

    def picture_path(self, index: int) -> Path:
        """Return the path of a finished frame's picture."""
        return self.folder / PICTURES / f"{index + 1:04d}.png"

    def save_interrupted(
        self, indices: Sequence[int], leaves: Sequence[np.ndarray], *, pass_number: int = LAST
    ) -> None:
        """Keep the solve of a frame, or of several at once, that is not finished."""
        self.save_kept(INTERRUPTED, [pass_number, *indices], leaves)

    def load_interrupted(self, index: int, *, pass_number: int = LAST) -> list[np.ndarray] | None:
        """Return the kept solve that a frame is part of, if there is one.

        One that is damaged, or of another run, is none: the frame begins at its start.
        """
        (number, *indices), leaves = self.load_kept(INTERRUPTED) or ([-1], [])
        return leaves if number == pass_number and index in indices else None

    def save_kept(self, name: str, place: Sequence[int], leaves: Sequence[np.ndarray]) -> None:
        """Keep arrays to go on from, with numbers that say of what they are."""
        sealed.write_kept(self.folder / name, place, leaves, self._key)

    def load_kept(self, name: str) -> tuple[list[int], list[np.ndarray]] | None:
        """Return the numbers and the arrays; None where they are not to be used."""
        return sealed.read_kept(self.folder / name, self._key)

    def forget_interrupted(self) -> None:
        """Remove a kept solve, which nothing can go on with."""
        _remove(self.folder / INTERRUPTED)

    def forget_carried(self) -> None:
        """Remove what a frame has handed on, which nothing can go on with."""
        _remove(self.folder / CARRIED)

    def _save(
        self,
        index: int,
        state: Path,
        image: StoredImage,
        picture: Future[bytes],
        info: Mapping[str, Any],
    ) -> None:
        shown_as = self.picture_path(index)
        set_aside(shown_as)
        write_encoded(shown_as, picture.result())
        sealed.write_json(state.with_suffix(".json"), info)
        sealed.write_array(state, image)
        self.broken -= {shown_as, state}
        self.forget_interrupted()

    def _drop(self, state: Path) -> None:
        # In this order: a frame that is finished stays so.
        mark = state.with_suffix(DROPPED)
        set_aside(mark)
        with replacing(mark) as path, writing_to(state):
            path.touch()
        self.broken.discard(state)
        _remove(state)

    def state_path(self, index: int, pass_number: int = LAST) -> Path:
        """Return the path of a frame's state, there or not."""
        place = Path(FRAMES) if pass_number == LAST else Path(PASSES) / f"{pass_number:02d}"
        return self.folder / place / f"{index + 1:04d}.npy"

    def holds(self, path: Path) -> bool:
        """Tell whether a file of the run is there, as far as ``mend`` knows whole."""
        return path.is_file() and path not in self.broken


def _remove(path: Path) -> None:
    """Remove a file of the run's own; a folder in its place is put aside.

    Raises:
        InputError: it can't be removed.
    """
    set_aside(path)
    with writing_to(path):
        path.unlink(missing_ok=True)


def _stays(file: RunFile) -> bool:
    """Tell whether a file of the run before stays until another takes its place."""
    return file.kind == "picture" or file.path.name in (MANIFEST, PREVIEW, REPORT, FILM)


def read_state(path: Path) -> StoredImage:
    """Read a state.

    Raises:
        DamagedError: it is missing or damaged.
    """
    state = sealed.read_array(path)
    if state.ndim != 3 or state.shape[2] != 3 or state.dtype != np.float32:
        raise DamagedError(f"{path} is damaged")
    return state
