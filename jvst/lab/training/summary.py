"""What a training run's log says: pictures seen, time, and the curve, as lines of Markdown."""

import csv
from pathlib import Path

from jvst.errors import InputError
from jvst.lab.training.train import PHASES

_SHOWN = (
    "step",
    "size",
    "style",
    "gram",
    "denoise",
    "accuracy_1",
    "accuracy_3",
    "accuracy_5",
    "restored_relu4_2",
)


def summary(path: str | Path, *, batch: int = 1, every: int = 100) -> list[str]:
    """Read a log that ``train_embedded`` wrote.

    Args:
        path: of ``log.csv``.
        batch: the run's factor on the number of crops.
        every: steps between two rows of the table.

    Returns:
        Lines to print.

    Raises:
        InputError: no such log.
    """
    try:
        with Path(path).open(newline="") as file:
            rows = list(csv.DictReader(file))
    except OSError as error:
        raise InputError(f"{path} can't be read ({error.strerror}); expected a log.csv") from error
    if not rows or not {*_SHOWN, "seconds"} <= set(rows[0]):
        raise InputError(f"{path} is no log of a training; expected the log.csv of one")
    crops = {phase.size: (8 * phase.groups + phase.restored) * batch for phase in PHASES}
    seen, seconds, before = dict.fromkeys(crops, 0), 0.0, {"step": "0", "seconds": "0"}
    for row in rows:
        size = int(row["size"])
        seen[size] += crops[size] * (int(row["step"]) - int(before["step"]))
        # The clock starts anew when a run goes on.
        passed = float(row["seconds"]) - float(before["seconds"])
        seconds += passed if passed >= 0 else float(row["seconds"])
        before = row
    area = sum(count * (size / 32) ** 2 for size, count in seen.items())
    parts = ", ".join(f"{count:,} of {size} px" for size, count in seen.items())
    lines = [
        f"{int(before['step']):,} steps, {sum(seen.values()):,} crops ({parts})",
        f"{seconds / 60:.0f} minutes, compilation included",
        f"{area:,.0f} crops counted as 32 px, {area / seconds:.0f} a second",
        "",
        "| " + " | ".join(_SHOWN) + " |",
        "|---" * len(_SHOWN) + "|",
    ]
    for row in rows:
        if int(row["step"]) % every == 0 or row is rows[0]:
            figures = [
                row["step"],
                row["size"],
                *(f"{float(row[name]):.2f}" for name in _SHOWN[2:]),
            ]
            lines.append("| " + " | ".join(figures) + " |")
    return lines
