"""How much memory a device has for us."""

import os
from pathlib import Path

from jvst._types import Device

_ROOT = Path("/")


def device_limit_bytes(device: Device, *, root: Path = _ROOT) -> int | None:
    """Return the bytes that a device can give, or None where nothing tells.

    Args:
        device: one of ``jax.devices()``; an accelerator tells its limit itself, a CPU has the
            memory that the machine, or the container that we run in, has available now.
        root: where the machine's ``proc`` and ``sys`` are.
    """
    try:
        told = device.memory_stats() or {}
    except RuntimeError:  # a plugin that doesn't count
        told = {}
    if "bytes_limit" in told:
        return int(told["bytes_limit"])
    if device.platform != "cpu":
        return None
    found = [size for size in (_machine(root), _container(root)) if size is not None]
    return min(found) if found else _physical()


def _machine(root: Path) -> int | None:
    """Return what Linux has for a new program without swapping."""
    table = _numbers(root / "proc/meminfo")
    return table["MemAvailable"] * 1024 if "MemAvailable" in table else None


def _container(root: Path) -> int | None:
    """Return what is left of a control group's limit; cached files that can go count as left."""
    group = root / "sys/fs/cgroup"
    try:
        limit = int((group / "memory.max").read_text())  # or "max"
        used = int((group / "memory.current").read_text())
    except (OSError, ValueError):
        return None
    return max(limit - used + _numbers(group / "memory.stat").get("inactive_file", 0), 0)


def _physical() -> int | None:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):  # Windows has no sysconf
        return None


def _numbers(path: Path) -> dict[str, int]:
    """Read lines such as ``MemAvailable:  21 kB`` or ``inactive_file 21``."""
    try:
        lines = [line.replace(":", " ").split() for line in path.read_text().splitlines()]
    except OSError:
        return {}
    return {line[0]: int(line[1]) for line in lines if len(line) > 1 and line[1].isdigit()}
