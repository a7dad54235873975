"""Memory of this process, as Linux counts it."""

import contextlib
from pathlib import Path


def forget_peak() -> None:
    """Let Linux count the peak of this process's memory anew: compiling took some, too."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", "utf-8")


def resident() -> tuple[int, int]:
    """Return the bytes that this process holds in memory, now and at the most; 0 if unknown."""
    with contextlib.suppress(OSError):
        fields = dict(
            line.split(":", 1) for line in Path("/proc/self/status").read_text("utf-8").splitlines()
        )
        now, most = (int(fields[name].split()[0]) * 1024 for name in ("VmRSS", "VmHWM"))
        return now, most
    return 0, 0
