"""Tables of a benchmark as Markdown and as JSON.

Machine and versions are kept with them.
"""

import dataclasses
import importlib.metadata
import json
import math
import os
import platform
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jax

from jvst._files import replacing
from jvst.errors import InputError

_PACKAGES = ("jvst", "jax", "jaxlib", "flax", "numpy", "torch", "opencv-contrib-python-headless")

Row = Mapping[str, Any]


@dataclasses.dataclass(frozen=True)
class Column:
    """One column of a table.

    Attributes:
        title: above it in Markdown.
        key: of a row's value, in JSON.
        form: how Markdown writes a value, as ``format`` takes it.
        scale: Markdown writes the value times this.
    """

    title: str
    key: str
    form: str = ""
    scale: float = 1.0

    def cell(self, row: Row) -> str:
        """Write a row's value; a dash where it has none."""
        value = row.get(self.key)
        if value is None:
            return "–"
        if isinstance(value, int | float) and self.scale != 1.0:
            value = value * self.scale
        return format(value, self.form if not isinstance(value, str) else "")


class Journal:
    """The results of a benchmark: each table is printed, and written to JSON, once it is there.

    Args:
        benchmark: its name.
        command: the line that gives these figures.
        path: the JSON file; empty for none.

    Raises:
        InputError: a file that can't be written.
    """

    def __init__(self, benchmark: str, command: str, path: str = ""):
        self._path = Path(path) if path else None
        self._begun = time.perf_counter()
        self._held: dict[str, Any] = {
            "benchmark": benchmark,
            "command": command,
            "machine": {},
            "versions": versions(),
            "seconds": 0.0,
            "notes": [],
            "figures": {},
            "markdown": "",
        }
        self._write()

    def begin(self, facts: Mapping[str, Any] | None = None) -> None:
        """Print what is measured where.

        Args:
            facts: what ``machine`` found in another process; when left out it is called here,
                which starts JAX on its device.
        """
        self._held["machine"] = machine() if facts is None else dict(facts)
        self._print(f"    {self._held['command']}\n\n{in_words(self._held['machine'])}\n")

    def table(self, key: str, title: str, columns: Sequence[Column], rows: Sequence[Row]) -> None:
        """Print a table and keep its rows.

        Args:
            key: of the rows in JSON.
            title: a line above the table.
            columns: what Markdown shows of the rows.
            rows: every value that was measured, by key.
        """
        growing = self.grow(key, title, columns)
        for row in rows:
            growing.append(row)
        growing.end()

    def grow(self, key: str, title: str, columns: Sequence[Column]) -> "Growing":
        """Begin a table whose rows are printed, and kept, one after the other.

        Args:
            key: of the rows in JSON.
            title: a line above the table.
            columns: see ``table``.
        """
        head = " | ".join(column.title for column in columns)
        self.keep(key, [])
        self._print(f"**{title}**\n\n| {head} |\n|{'---|' * len(columns)}")
        return Growing(self, key, columns)

    def row(self, line: str) -> None:
        """Print a line of a table."""
        self._print(line)

    def keep(self, key: str, rows: Sequence[Row]) -> None:
        """Keep the rows so far of a table that is not finished."""
        self._held["figures"][key] = [_plain(row) for row in rows]
        self._write()

    def note(self, text: str) -> None:
        """Print a sentence and keep it."""
        self._held["notes"].append(text)
        self._print(f"{text}\n")

    def include(self, key: str, held: Mapping[str, Any]) -> None:
        """Keep what another benchmark's JSON file holds."""
        self._held["figures"][key] = dict(held)
        self._write()

    def text(self, markdown: str) -> None:
        """Print Markdown that another benchmark made."""
        self._print(markdown.rstrip("\n") + "\n")

    def _print(self, markdown: str) -> None:
        print(markdown, flush=True)
        self._held["markdown"] += markdown + "\n"
        self._write()

    def _write(self) -> None:
        self._held["seconds"] = round(time.perf_counter() - self._begun, 1)
        if self._path is not None:
            with replacing(self._path) as file:
                file.write_text(json.dumps(self._held, indent=1, allow_nan=False) + "\n", "utf-8")


def say(text: str) -> None:
    """Tell the user what is under way."""
    print(text, file=sys.stderr, flush=True)


class Growing:
    """A table of a journal, row by row."""

    def __init__(self, journal: Journal, key: str, columns: Sequence[Column]):
        self._journal, self._key, self._columns = journal, key, columns
        self._rows: list[Row] = []

    def append(self, row: Row) -> None:
        """Print a row and keep it."""
        self._rows.append(row)
        self._journal.row("| " + " | ".join(c.cell(row) for c in self._columns) + " |")
        self._journal.keep(self._key, self._rows)

    def end(self) -> None:
        """End the table."""
        self._journal.row("")


def machine() -> dict[str, Any]:
    """Describe what the figures were measured on; starts JAX on its device."""
    devices = jax.devices()
    return {
        "platform": devices[0].platform,
        "device": devices[0].device_kind,
        "devices": len(devices),
        "processor": _processor(),
        "cores": available_cores(),
        "system": platform.system(),
    }


def in_words(facts: Mapping[str, Any]) -> str:
    """Write a machine and the versions of the libraries on it as a sentence."""
    held = ", ".join(f"{name} {number}" for name, number in versions().items())
    where = f"{facts['cores']} cores ({facts['processor']})"
    if facts["platform"] != "cpu":
        where = f"{facts['devices']} × {facts['device']}, beside {where}"
    return f"Measured on {where}; {held}."


def versions() -> dict[str, str]:
    """Return the versions of all that the figures depend on, as far as it is installed."""
    found = {"Python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def available_cores() -> int:
    """Return the processor cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def check_choice(value: str, choices: Sequence[str], option: str) -> None:
    """Refuse what is not among the choices.

    Raises:
        InputError: it is not.
    """
    if value not in choices:
        raise InputError(f"{option} is {value!r}; expected one of {', '.join(choices)}")


def check_at_least(value: float | int, least: float | int, option: str) -> None:
    """Refuse a number that is too small.

    Raises:
        InputError: it is.
    """
    if not value >= least:
        raise InputError(f"{option} is {value:g}; expected at least {least:g}")


def _plain(value: Any) -> Any:
    """Return what JSON can hold: None for infinity and NaN."""
    if isinstance(value, Mapping):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _processor() -> str:
    """Return the name of the processor, where the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
