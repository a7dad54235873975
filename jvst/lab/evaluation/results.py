"""The file of results, one entry a method and clip.

It is written whole after each entry.
"""

import contextlib
import dataclasses
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from jvst._files import lock, replacing, writing_to
from jvst.errors import InputError
from jvst.lab.evaluation.measures import Numbers

Settings = Mapping[str, Any]


@dataclasses.dataclass(frozen=True)
class Entry:
    """What was measured of one method and clip.

    Attributes:
        method: its name.
        sequence: name of the clip.
        frames: how many were measured.
        settings: what belongs to this method or clip alone.
        numbers: see ``measures`` and ``appearance``; ``seconds`` and ``iterations`` of a frame.
    """

    method: str
    sequence: str
    frames: int
    settings: dict[str, Any]
    numbers: Numbers


class Results:
    """``results.json`` in the folder of an evaluation.

    Args:
        folder: made where it is missing.
        settings: what all entries share.
        fresh: begin again, whatever is there.

    Raises:
        InputError: the file is damaged, was made with other settings, or can't be written.
    """

    def __init__(self, folder: Path, settings: Settings, *, fresh: bool = False):
        self.path = folder / "results.json"
        # As JSON gives them back, so that they compare.
        self.settings: dict[str, Any] = json.loads(json.dumps(dict(settings)))
        self.entries: list[Entry] = []
        if self.path.exists() and not fresh:
            kept = self._read()
            refuse_difference(self.path, kept["settings"], self.settings)
            self.entries = [Entry(**entry) for entry in kept["entries"]]
        self._write()

    def find(self, method: str, sequence: str) -> Entry | None:
        """Return the entry of a method and clip, if there is one."""
        for entry in self.entries:
            if (entry.method, entry.sequence) == (method, sequence):
                return entry
        return None

    def has(self, method: str, sequence: str, settings: Settings) -> bool:
        """Tell whether a method and clip were measured.

        Raises:
            InputError: they were, with other settings.
        """
        entry = self.find(method, sequence)
        if entry is not None:
            refuse_difference(self.path, entry.settings, json.loads(json.dumps(dict(settings))))
        return entry is not None

    def add(self, entry: Entry) -> None:
        """Put an entry in the place of an older one of its kind, or at the end, and write."""
        older = self.find(entry.method, entry.sequence)
        if older is None:
            self.entries.append(entry)
        else:
            self.entries[self.entries.index(older)] = entry
        self._write()

    def _read(self) -> dict[str, Any]:
        try:
            kept = json.loads(self.path.read_text())
            for entry in kept["entries"]:
                Entry(**entry)
            return {"settings": dict(kept["settings"]), "entries": kept["entries"]}
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError(
                f"{self.path} holds no results of an evaluation, or is damaged; choose another "
                "--out, or --fresh to begin again"
            ) from error

    def _write(self) -> None:
        kept = {
            "settings": self.settings,
            "entries": [dataclasses.asdict(entry) for entry in self.entries],
        }
        with replacing(self.path) as path, writing_to(self.path):
            path.write_text(json.dumps(kept, indent=1, allow_nan=False) + "\n")


def refuse_difference(path: Path, there: Settings, now: Settings) -> None:
    """Compare settings.

    Raises:
        InputError: names the first that differs, with both values.
    """
    for name in now:
        if there.get(name) != now[name]:
            raise InputError(
                f"{path} was made with another {name} ({there.get(name)} there, {now[name]} now); "
                "choose another --out, or --fresh to begin again"
            )


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep a second evaluation out of a folder, which is made where it is missing.

    Raises:
        InputError: another works in it, or it can't be written.
    """
    with writing_to(folder):
        folder.mkdir(parents=True, exist_ok=True)
        held = (folder / "lock").open("w")
    with contextlib.closing(held):
        try:
            lock(held)
        except OSError as error:
            raise InputError(
                f"another evaluation works in {folder}; wait for it or choose another --out"
            ) from error
        yield
