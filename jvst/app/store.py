"""The folder of a run: states, pictures and manifest.

``frames/0001.npy`` holds the float32 image of the first frame, ``frames/0001.json`` how its solve
went, ``pictures/0001.png`` the picture to look at; ``interrupted.npz`` the solve that Ctrl-C cut
short. A frame is finished once its ``.npy`` is there: it is written last; where states are not
kept, an empty ``0001.dropped`` takes its place. In a run of several passes ``passes/02`` holds what
``frames`` holds for the last pass; the states of passes that nothing depends on any more are
dropped.
"""

import itertools
import json
import shutil
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32

from jvst._files import lock, replacing, writing_to
from jvst._types import Frame
from jvst.errors import InputError
from jvst.video import read_picture, write_picture

StoredImage = Float32[np.ndarray, "h w 3"]

_FOLDERS = ("frames", "pictures")
_PASSES = "passes"
_DROPPED = ".dropped"
_INTERRUPTED = "interrupted.npz"

#: The last pass, or the only one: its frames are the result.
LAST = 0


class RunStore:
    """One run's folder, locked against a second run while it is open.

    Args:
        folder: made where it is missing.

    Raises:
        InputError: the folder can't be written, or another run works in it.
    """

    def __init__(self, folder: str | Path):
        self.folder = Path(folder)
        try:
            for name in _FOLDERS:
                (self.folder / name).mkdir(parents=True, exist_ok=True)
            self._lock = (self.folder / "lock").open("w")
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
        # One thread: frames are finished in order.
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="store")
        self._pending: list[Future[None]] = []

    def __enter__(self) -> "RunStore":
        """Return the store itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Wait for what is being written and release the lock."""
        self._writer.shutdown(wait=True)
        self._lock.close()

    @property
    def manifest_path(self) -> Path:
        """Where the manifest stands."""
        return self.folder / "manifest.json"

    def open_run(self, manifest: Mapping[str, Any], *, fresh: bool) -> int:
        """Begin a run, or go on with one, and return the number of finished frames.

        Args:
            manifest: holds ``options`` and ``inputs``, which the frames depend on, and anything
                else worth keeping.
            fresh: throw away what is there.

        Raises:
            InputError: the folder holds a run with other options or inputs; names the first.
        """
        if fresh:
            self._clear()
        if self.manifest_path.exists():
            old = read_manifest(self.manifest_path)
            difference = first_difference(old, json.loads(json.dumps(manifest)))
            if difference:
                raise InputError(
                    f"{self.folder} holds a run with another {difference}; choose another "
                    "`run_dir`, or `fresh` to begin again"
                )
        elif self.finished(itertools.count()):
            raise InputError(
                f"{self.folder} holds frames without a manifest; choose another `run_dir`, or "
                "`fresh` to begin again"
            )
        self.write_manifest(manifest)
        return self.finished(itertools.count())

    def write_manifest(self, manifest: Mapping[str, Any]) -> None:
        """Write the manifest, atomically."""
        text = json.dumps(manifest, indent=2) + "\n"
        with replacing(self.manifest_path) as path, writing_to(self.manifest_path):
            path.write_text(text)

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
        self._collect(wait=len(self._pending) > 2)
        state = self._state(index, pass_number)
        self._pending.append(self._writer.submit(self._save, index, state, image, picture, info))
        for old in drop:
            self._pending.append(self._writer.submit(self._drop, self._state(old, pass_number)))

    def flush(self) -> None:
        """Wait until every frame is written.

        Raises:
            InputError: a frame could not be written.
        """
        self._collect(wait=True)

    def load(self, index: int, *, pass_number: int = LAST) -> StoredImage:
        """Return the state of a finished frame."""
        return np.load(self._state(index, pass_number), allow_pickle=False)

    def load_info(self, index: int, *, pass_number: int = LAST) -> dict[str, Any]:
        """Return how the solve of a finished frame went."""
        return json.loads(self._state(index, pass_number).with_suffix(".json").read_text())

    def load_shown(self, index: int) -> StoredImage:
        """Return the state of a finished frame, or its picture where states are not kept."""
        if self._state(index, LAST).exists():
            return self.load(index)
        return read_picture(self.picture_path(index)).astype(np.float32) / 255.0

    def finished(self, order: Iterable[int], *, pass_number: int = LAST) -> int:
        """Count the frames finished without a gap, in the order in which they are made."""
        count = 0
        for index in order:
            state = self._state(index, pass_number)
            there = state.exists() or state.with_suffix(_DROPPED).exists()
            if not (there and self.picture_path(index).exists()):
                break
            count += 1
        return count

    def next_frame(self, frames: int, reach: int) -> int:
        """Return the frame to go on with: the first unfinished one whose past is there.

        Args:
            frames: number of frames of the clip.
            reach: how many states before a frame its solve needs.
        """
        done = self.finished(range(frames))
        kept = set(self.kept())
        if done < frames:
            while not kept.issuperset(range(max(done - reach, 0), done)):
                done -= 1
        return done

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
        pairs = [
            (other._state(place, number).with_suffix(".json"), self._state(index, number))
            for number in passes
        ]
        pairs = [(source, target.with_suffix(".json")) for source, target in pairs]
        state, here = other._state(place, LAST), self._state(index, LAST)
        pairs += [
            (other.picture_path(place), self.picture_path(index)),
            (state.with_suffix(".json"), here.with_suffix(".json")),
        ]
        dropped = not state.exists()
        if not dropped:
            pairs.append((state, here))  # the last: it says that the frame is finished
        for source, target in pairs:
            with replacing(target) as path, writing_to(target):
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, path)
        if dropped:
            self._drop(here)

    def kept(self, *, pass_number: int = LAST) -> list[int]:
        """Return the numbers of the frames of a pass whose states are there."""
        folder = self._state(0, pass_number).parent
        return sorted(int(state.stem) - 1 for state in folder.glob("[0-9]*.npy"))

    def drop_states(self, pass_number: int) -> None:
        """Remove the states of a pass, and keep its pictures and how its solves went."""
        for index in self.kept(pass_number=pass_number):
            self._drop(self._state(index, pass_number))

    def _drop(self, state: Path) -> None:
        # In this order: a frame that is finished stays so.
        with writing_to(state):
            state.with_suffix(_DROPPED).touch()
            state.unlink(missing_ok=True)

    def picture_path(self, index: int) -> Path:
        """Return the path of a finished frame's picture."""
        return self.folder / "pictures" / f"{index + 1:04d}.png"

    def save_interrupted(
        self, indices: Sequence[int], leaves: Sequence[np.ndarray], *, pass_number: int = LAST
    ) -> None:
        """Keep the solve of a frame, or of several at once, that is not finished."""
        kept = self.folder / _INTERRUPTED
        with replacing(kept) as path, writing_to(kept), path.open("wb") as file:
            np.savez(file, np.asarray([pass_number, *indices]), *leaves)

    def load_interrupted(self, index: int, *, pass_number: int = LAST) -> list[np.ndarray] | None:
        """Return the kept solve that a frame is part of, if there is one."""
        path = self.folder / _INTERRUPTED
        if not path.exists():
            return None
        with np.load(path, allow_pickle=False) as kept:
            place, *leaves = (kept[f"arr_{i}"] for i in range(len(kept.files)))
        number, *indices = place.tolist()
        return leaves if number == pass_number and index in indices else None

    def _save(
        self,
        index: int,
        state: Path,
        image: StoredImage,
        picture: Frame,
        info: Mapping[str, Any],
    ) -> None:
        write_picture(self.picture_path(index), picture)
        with writing_to(state):
            state.parent.mkdir(parents=True, exist_ok=True)
        notes = state.with_suffix(".json")
        with replacing(notes) as path, writing_to(notes):
            path.write_text(json.dumps(info))
        with replacing(state) as path, writing_to(state), path.open("wb") as file:
            np.save(file, image)
        (self.folder / _INTERRUPTED).unlink(missing_ok=True)

    def _state(self, index: int, pass_number: int) -> Path:
        place = Path("frames") if pass_number == LAST else Path(_PASSES) / f"{pass_number:02d}"
        return self.folder / place / f"{index + 1:04d}.npy"

    def _collect(self, *, wait: bool) -> None:
        """Raise what went wrong on the thread."""
        while self._pending and (wait or self._pending[0].done()):
            self._pending.pop(0).result()

    def _clear(self) -> None:
        """Remove what a run writes, and nothing else."""
        for name in _FOLDERS:
            shutil.rmtree(self.folder / name)
            (self.folder / name).mkdir()
        for name in (_PASSES, "shots"):
            shutil.rmtree(self.folder / name, ignore_errors=True)
        for name in ("manifest.json", "plan.json", _INTERRUPTED):
            (self.folder / name).unlink(missing_ok=True)


def read_manifest(path: Path) -> dict[str, Any]:
    """Read a manifest.

    Raises:
        InputError: a file that is missing or no manifest.
    """
    try:
        manifest = json.loads(path.read_text())
        if not isinstance(manifest.get("options"), dict):
            raise ValueError("no options")
    except (OSError, ValueError, AttributeError) as error:
        raise InputError(f"{path} is not a manifest of a run ({error})") from error
    return manifest


def first_difference(old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    """Name the first option or input that differs, with both values."""
    for part in ("options", "inputs"):
        before, after = old.get(part, {}), new.get(part, {})
        for name in sorted({*before, *after}):
            if before.get(name) != after.get(name):
                return f"{name} ({before.get(name)} there, {after.get(name)} now)"
    return ""
