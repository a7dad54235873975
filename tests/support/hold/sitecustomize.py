"""A process that waits inside a solve as long as a test wants it to.

Python imports this at its start where ``PYTHONPATH`` leads here, see ``support.holding``.
"""

import glob
import os
import sys
import time
from pathlib import Path

#: Of all processes that inherit the environment, those that stylize; to others JAX is no use.
STYLIZE = ("jvst.app.workers.worker", "jvst.app.cli.main")


def waiting(look, folder):
    """Let a solver's look at its state wait from the third one on, after two chunks."""

    def look_and_wait(state):
        reports, statuses = look(state)
        first = reports[0] if isinstance(reports, list) else reports
        if first.iteration > 50 and (wanted := wanted_now(folder)):
            (folder / f"{wanted}-{os.getpid()}").touch()
            while wanted_now(folder) == wanted:
                time.sleep(0.02)
        return reports, statuses

    return look_and_wait


def wanted_now(folder):
    """Return the name of the wish to hold this process, "" without one."""
    try:
        name, pattern = (folder / "wish").read_text().split("\n")
    except FileNotFoundError:
        return ""
    return name if glob.glob(pattern) else ""  # noqa: PTH207


if "JVST_HOLD" in os.environ and any(name in " ".join(sys.orig_argv) for name in STYLIZE):
    from jvst.solver import batch, solve

    for module in (batch, solve):
        module._look = waiting(module._look, Path(os.environ["JVST_HOLD"]))
