"""Seconds and memory of solves by size, batch and devices."""

import dataclasses
import json
import math
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from jvst.app.options import size_of
from jvst.errors import InputError
from jvst.lab.benchmark.gradient import PRECISIONS
from jvst.lab.benchmark.records import Column, Journal, check_at_least, check_choice, say
from jvst.lab.benchmark.solving import Case

_ASPECT = 16 / 9
_STEP = 16  # pixels; what four pools halve without a rest
_HOST_DEVICES = "--xla_force_host_platform_device_count"

_CASE = (
    Column("size", "size"),
    Column("tile", "tile_shown"),
    Column("seconds an evaluation", "evaluation_s", ".4f"),
    Column("µs a kilopixel", "per_kilopixel_s", ".0f", 1e6),
)
SIZE_COLUMNS = (
    Column("megapixels", "megapixels", ".2f"),
    *_CASE,
    Column("compiled in s", "compile_s", ".1f"),
    Column("peak, MB", "peak", ".0f", 1e-6),
    Column("XLA's assignment, MB", "assigned", ".0f", 1e-6),
    Column("formula, MB", "formula", ".0f", 1e-6),
    Column("formula / peak", "formula_ratio", ".2f"),
)
BATCH_COLUMNS = (
    Column("frames at once", "frames_shown"),
    Column("devices", "devices"),
    Column("frames a second", "frames_s", ".3f"),
    Column("times one at a time", "gain", ".2f"),
    Column("peak, MB", "peak", ".0f", 1e-6),
)


@dataclasses.dataclass(frozen=True)
class SizesOptions:
    """Time solves of noise with a random network, and look at their memory.

    Each is done in a process of its own; on an accelerator the sizes share one, the smallest
    first. Memory is what the device says that it had in use at the most, or on a CPU what the
    process grew by.
    """

    megapixels: tuple[float, ...] = ()
    """Sizes of 16:9; 0.1 to 8 on a GPU, 0.1 to 1 on a CPU when left out."""
    tiled: tuple[str, ...] = ()
    """Sizes solved tile by tile, WIDTHxHEIGHT:TILE; 3840x2160:1024 on a GPU when left out."""
    batches: tuple[int, ...] = ()
    """Frames at once; 1 2 4 8 16 on a GPU, 1 2 4 on a CPU when left out."""
    devices: tuple[int, ...] = ()
    """Devices that share frames; 1 2 4, on a GPU as many as there are, when left out."""
    batch_size: str = ""
    """WIDTHxHEIGHT of the frames of batches; 450x350 on a GPU, 96x72 on a CPU when left out."""
    width: float = 0.0
    """Channels, as a part of VGG-19's; 1 on a GPU and 0.5 on a CPU when left out."""
    precision: str = "auto"
    """float32, tf32, bfloat16, or auto as on jvst's command line."""
    iterations: int = 0
    """Of each solve; 30 on a GPU and 3 on a CPU when left out."""
    parts: tuple[str, ...] = ("sizes", "batches", "devices")
    """Which tables."""
    json: str = ""
    """File for the figures."""


def run(options: SizesOptions, journal: Journal) -> None:
    """Measure in processes of their own and report.

    Raises:
        InputError: an option that can't be used.
    """
    check(options)
    facts = look_at_machine()
    platform = facts["platform"]
    journal.begin(facts)
    options = filled(options, platform, facts["devices"])
    # The count of a program's buffers compiles it again, but for this.
    with tempfile.TemporaryDirectory() as programs:
        report(options, platform, journal, Path(programs))


def report(options: SizesOptions, platform: str, journal: Journal, programs: Path) -> None:
    """Measure part by part; compiled programs are kept in a folder."""
    common: dict[str, Any] = {
        "channels": options.width,
        "precision": options.precision,
        "iterations": options.iterations,
    }
    if "sizes" in options.parts:
        cases = [Case(*megapixel_size(one), **common) for one in sorted(options.megapixels)]
        # Of one process the peak can only grow: sizes in their order, tiles apart.
        groups = [[case] for case in cases] if platform == "cpu" else [cases]
        for text in options.tiled:
            size, _, tile = text.partition(":")
            groups.append([Case(*size_of(size, "--tiled"), tile=int(tile), **common)])
        title = f"One frame, {_words(options)}, {options.iterations} iterations"
        rows = journal.grow("sizes", title, SIZE_COLUMNS)
        for group in groups:
            for row in solved(group, programs):
                rows.append(shown(row))
        rows.end()
    width, height = size_of(options.batch_size, "--batch-size")
    sharing = (
        ("batches", [(0, 1), *((frames, 1) for frames in options.batches)]),
        ("devices", [(math.lcm(*options.devices), devices) for devices in options.devices]),
    )
    for part, pairs in sharing:
        if part not in options.parts:
            continue
        cases = [Case(width, height, frames=n, devices=m, **common) for n, m in pairs]
        title = f"Frames at once over {part}, {width}×{height}, {_words(options)}"
        rows = journal.grow(part, title, BATCH_COLUMNS)
        for row in several(cases, platform, programs):
            rows.append(row)
        rows.end()


def check(options: SizesOptions) -> None:
    """Refuse what can't be measured, before anything is.

    Raises:
        InputError: an option that can't be used.
    """
    check_choice(options.precision, ("auto", *PRECISIONS), "--precision")
    for part in options.parts:
        check_choice(part, ("sizes", "batches", "devices"), "--parts")
    for megapixels in options.megapixels:
        check_at_least(megapixels, 0.002, "--megapixels")
    for name, counts in (("--batches", options.batches), ("--devices", options.devices)):
        for count in counts:
            check_at_least(count, 1, name)
    check_at_least(options.iterations, 0, "--iterations")
    if options.width:
        check_at_least(options.width, 1 / 64, "--width")
    if options.batch_size:
        size_of(options.batch_size, "--batch-size")
    for text in options.tiled:
        size, _, tile = text.partition(":")
        size_of(size, "--tiled")
        if not tile.isdecimal() or not int(tile):
            raise InputError(f"--tiled has {text!r}; expected WIDTHxHEIGHT:TILE")


def filled(options: SizesOptions, platform: str, count: int) -> SizesOptions:
    """Put what suits the device in place of what was left out."""
    small = platform == "cpu"
    precision = options.precision
    if precision == "auto":
        precision = "float32" if small else "bfloat16"
    devices = (1, 2, 4) if small else tuple(n for n in (1, 2, 4) if n <= count)
    large = (0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
    return dataclasses.replace(
        options,
        megapixels=options.megapixels or ((0.1, 0.25, 0.5, 1.0) if small else large),
        tiled=options.tiled or (() if small else ("3840x2160:1024",)),
        batches=options.batches or ((1, 2, 4) if small else (1, 2, 4, 8, 16)),
        devices=options.devices or devices,
        batch_size=options.batch_size or ("96x72" if small else "450x350"),
        width=options.width or (0.5 if small else 1.0),
        precision=precision,
        iterations=options.iterations or (3 if small else 30),
    )


def megapixel_size(megapixels: float) -> tuple[int, int]:
    """Return a (width, height) of about 16:9, both multiples of 16."""
    height = (megapixels * 1e6 / _ASPECT) ** 0.5
    width, height = (max(round(side / _STEP), 2) * _STEP for side in (height * _ASPECT, height))
    return width, height


def look_at_machine() -> dict[str, Any]:
    """Return what ``machine`` finds in another process: this one must leave the device alone."""
    code = (
        "import json; from jvst.lab.benchmark.records import machine; print(json.dumps(machine()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, check=True
    )
    return json.loads(done.stdout.splitlines()[-1])


def solved(cases: Sequence[Case], programs: Path) -> Iterator[dict[str, Any]]:
    """Solve some cases in one process; a case that fails is told and left out with those behind."""
    for case in cases:
        beside = f", tiles of {case.tile}" if case.tile else ""
        beside += f", {case.frames} at once on {case.devices} devices" if case.frames else ""
        say(f"  {case.width}x{case.height}{beside}")
    flags = os.environ.get("XLA_FLAGS", "")
    devices = max((case.devices for case in cases), default=1)
    if devices > 1:
        flags += f" {_HOST_DEVICES}={devices}"
    words = json.dumps([dataclasses.asdict(case) for case in cases])
    with subprocess.Popen(
        [sys.executable, "-m", "jvst.lab.benchmark.solving", words],
        stdout=subprocess.PIPE,
        text=True,
        env={"JAX_COMPILATION_CACHE_DIR": str(programs), **os.environ, "XLA_FLAGS": flags.strip()},
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            yield json.loads(line)
    if process.returncode:
        say(f"  a solve ended with status {process.returncode}: it is left out")


def several(cases: Sequence[Case], platform: str, programs: Path) -> Iterator[dict[str, Any]]:
    """Solve batches; each row says how many times as fast as the first it is, frame by frame."""
    first: float | None = None
    # On a CPU the devices are made at the start of a process.
    groups = [[case] for case in cases] if platform == "cpu" else [list(cases)]
    for group in groups:
        for row in solved(group, programs):
            first = first or row["frames_s"]
            yield shown(row) | {"gain": row["frames_s"] / first}


def shown(row: dict[str, Any]) -> dict[str, Any]:
    """Add what a table shows of a row."""
    return row | {
        "size": f"{row['width']}×{row['height']}",
        "tile_shown": row["tile"] or "–",
        "frames_shown": row["frames"] or "1, by itself",
        "per_kilopixel_s": row["evaluation_s"] / (row["megapixels"] * 1e3),
    }


def _words(options: SizesOptions) -> str:
    return f"{options.width:g} of VGG-19's channels, {options.precision}"
