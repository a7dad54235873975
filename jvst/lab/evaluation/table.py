"""Tables of results as Markdown, and numbers as CSV."""

import csv
import functools
import io
import re
from collections.abc import Sequence

import numpy as np

from jvst.lab.evaluation.methods import KINDS
from jvst.lab.evaluation.results import Entry

FLOOR = "input"
_NOTHING = "–"


def csv_text(entries: Sequence[Entry]) -> str:
    """Return one line an entry: method, sequence, frames, then every number by its name."""
    names = list(dict.fromkeys(name for entry in entries for name in entry.numbers))
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["method", "sequence", "frames", *names])
    for method in methods_in_order(entries):
        for entry in entries:
            if entry.method == method:
                numbers = [entry.numbers.get(name) for name in names]
                writer.writerow([method, entry.sequence, entry.frames, *numbers])
    return file.getvalue()


def markdown(entries: Sequence[Entry]) -> str:
    """Return the tables, one a metric, with clips as columns and methods as rows."""
    names = {name for entry in entries for name in entry.numbers}
    lags = sorted(int(match[1]) for name in names if (match := re.fullmatch(r"lag (\d+)", name)))
    table = functools.partial(metric_table, entries)
    parts = [
        table("warping_error", "Warping error ×10⁻⁴ (Ruder et al.: hidden pixels count as 0)"),
        table(
            "gradient_energy",
            "Gradient energy ÷ that of independent frames",
            scale=1.0,
            relative="independent",
        ),
        table(
            "gradient_energy",
            "Gradient energy ÷ that of the frames' own passes",
            scale=1.0,
            relative="passes",
        ),
        table("masked_error", "E_warp ×10⁻⁴ (Lai et al.: over visible pixels)"),
        *(table(f"lag {lag}", f"E_warp over {lag} frames ×10⁻⁴") for lag in lags),
        table("first", "E_warp against the first frame ×10⁻⁴"),
        table("drift", "Luminance gained by the last frame, less the input's, ×10⁻⁴"),
        cost_table(entries),
        table("reappearing", "E_warp where hidden pixels are seen again ×10⁻⁴"),
        table("contrast", "Local contrast near the border ÷ in the middle", scale=1.0, digits=3),
    ]
    return "\n\n".join(parts) + "\n"


def methods_in_order(entries: Sequence[Entry]) -> list[str]:
    """Return the methods in the order of ``KINDS``, within a kind as they came; the floor last."""
    names = dict.fromkeys(entry.method for entry in entries)
    return sorted(names, key=lambda name: KINDS.index(name.partition(":")[0]))


def cost_table(entries: Sequence[Entry]) -> str:
    """Return the table of losses and cost, means over the clips of each method.

    Losses stand as they are and as a share of those of independent frames of the same clips.
    """
    lines = [
        "**Content, style and cost, means over sequences**",
        "",
        "| method | content | style | content ÷ independent | style ÷ independent | iterations | "
        "s/frame |",
        "|---|---|---|---|---|---|---|",
    ]
    base = {entry.sequence: entry for entry in entries if entry.method == "independent"}
    for method in methods_in_order(entries):
        own = [entry for entry in entries if entry.method == method]
        means = {
            name: _average([entry.numbers.get(name) for entry in own])
            for name in ("content", "style", "iterations", "seconds")
        }
        content, style = (
            _average([_ratio(entry, base.get(entry.sequence), name) for entry in own])
            for name in ("content", "style")
        )
        cells = (
            _shown(means["content"], ".4g"),
            _shown(means["style"], ".4g"),
            _shown(content, ".3f"),
            _shown(style, ".3f"),
            _shown(means["iterations"], ".0f"),
            _shown(means["seconds"], ".2f"),
        )
        lines.append(f"| {_row_name(method)} | {' | '.join(cells)} |")
    return "\n".join(lines)


def metric_table(
    entries: Sequence[Entry],
    name: str,
    title: str,
    *,
    scale: float = 1e4,
    digits: int = 2,
    relative: str = "",
) -> str:
    """Return one number's table; a row has a mean where every clip has the number.

    Args:
        entries: the results.
        name: of the number.
        title: says its unit.
        scale: what it is multiplied by.
        digits: after the point.
        relative: divide by the number of this method on the same clip.
    """
    sequences = list(dict.fromkeys(entry.sequence for entry in entries))
    base = {entry.sequence: entry for entry in entries if entry.method == relative}
    found = {
        (entry.method, entry.sequence): _ratio(entry, base.get(entry.sequence), name)
        if relative
        else entry.numbers.get(name)
        for entry in entries
    }
    lines = [
        f"**{title}**",
        "",
        f"| method | {' | '.join(sequences)} | mean |",
        f"|---|{'---|' * (len(sequences) + 1)}",
    ]
    for method in methods_in_order(entries):
        values = [found.get((method, sequence)) for sequence in sequences]
        scaled = [None if value is None else scale * value for value in (*values, _average(values))]
        cells = [_shown(value, f".{digits}f") for value in scaled]
        lines.append(f"| {_row_name(method)} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _ratio(entry: Entry, base: Entry | None, name: str) -> float | None:
    value, whole = entry.numbers.get(name), base.numbers.get(name) if base else None
    return value / whole if value is not None and whole else None


def _average(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known and len(known) == len(values) else None


def _shown(value: float | None, form: str) -> str:
    return _NOTHING if value is None else format(value, form)


def _row_name(method: str) -> str:
    return "input (floor)" if method == FLOOR else method
