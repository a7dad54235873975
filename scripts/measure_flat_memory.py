"""Memory of a run against the length of the clip: it must not grow with the frames.

python scripts/measure_flat_memory.py   # 2,000 frames of 48x40: minutes

Draws a looping clip, stylizes it with the command line in a process of its own, with a network of
few random channels and one iteration a frame, and reads that process's memory (/proc, so Linux) as
its frames appear. Prints Markdown. MB = 10⁶ bytes.
"""

import dataclasses
import itertools
import os
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import jax
import tyro
from flax import nnx

from jvst._types import Frame
from jvst.app.options import size_of
from jvst.network.vgg import VGG19
from jvst.network.weights import save_vgg19
from jvst.synthetic import clip, make_scene, painting
from jvst.video import write_picture, write_video

LOOK_EVERY = 0.02  # seconds
PARTS = (0.1, 0.25, 0.5, 0.75, 1.0)
LOOP = 40  # frames drawn; the clip goes round in them


@dataclasses.dataclass(frozen=True)
class Options:
    """What is measured."""

    frames: int = 2000
    """Number of frames."""
    size: str = "48x40"
    """WIDTHxHEIGHT, at least 32 a side."""
    options: str = ""
    """For the run, as one word: '--passes 2'."""


def main(options: Options) -> None:
    width, height = size_of(options.size)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        frames = looping(width, height, options.frames)
        write_video(folder / "clip.mp4", frames, frame_rate=Fraction(25))
        write_picture(folder / "style.png", painting("swirls", width, height))
        network = VGG19(width=1 / 16, rngs=nnx.Rngs(0))
        save_vgg19(folder / "net.safetensors", network, network="embedded")
        begun = time.perf_counter()
        rows = watch(folder, options.frames, shlex.split(options.options))
        seconds = time.perf_counter() - begun
    print(f"jax {jax.__version__}, {options.frames} frames of {options.size} in {seconds:.0f} s\n")
    print("| frames finished | RSS, MB | highest so far, MB |\n|---|---|---|")
    for place, now, highest in rows:
        print(f"| {place} | {now / 1e6:.1f} | {highest / 1e6:.1f} |")
    (_, *first), (_, *last) = rows[0], rows[len(PARTS) - 1]
    now, highest = (f"{100 * (b / a - 1):+.1f} %" for a, b in zip(first, last, strict=True))
    print(f"| growth from {PARTS[0] * 100:.0f} % to {PARTS[-1] * 100:.0f} % | {now} | {highest} |")


def looping(width: int, height: int, frames: int) -> Iterator[Frame]:
    drawn = list(clip(make_scene("demo", width=width, height=height), LOOP))
    return itertools.islice(itertools.cycle(drawn), frames)


def watch(folder: Path, frames: int, options: list[str]) -> list[tuple[str, int, int]]:
    """Run the command; return (frames finished, memory then, highest so far), bytes."""
    run_dir = folder / "run"
    command = [
        *(sys.executable, "-c", "from jvst.app.cli.main import main; main()"),
        *("--clip", str(folder / "clip.mp4"), "--style", str(folder / "style.png")),
        *("--weights", str(folder / "net.safetensors"), "--iterations", "1", "1"),
        *("--run-dir", str(run_dir), "--no-report", "--flow-cache", "none", "--cuts", "none"),
        *options,
    ]
    # With its progress in a file: the bar is part of what is measured.
    with (folder / "log").open("w+") as log:
        cache = {"JVST_CACHE": str(folder / "cache")}
        process = subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ, **cache})
        rows, finished, last = [], 0, (0, 0)
        wanted = [max(round(part * frames), 1) for part in PARTS]
        while process.poll() is None:
            time.sleep(LOOK_EVERY)
            while (run_dir / "frames" / f"{finished + 1:04d}.json").exists():
                finished += 1
            last = memory(process.pid) or last
            while len(rows) < len(wanted) and finished >= wanted[len(rows)]:
                rows.append((str(finished), *last))
        if process.returncode or len(rows) < len(wanted):
            log.seek(0)
            raise SystemExit(f"the run ended with {process.returncode}:\n{log.read()[-2000:]}")
    return [*rows, ("all, video and manifest written", *last)]


def memory(process: int) -> tuple[int, int] | None:
    """Return the resident memory of a process and its highest so far, bytes; None after its end."""
    fields = dict(
        line.split(":", 1) for line in Path(f"/proc/{process}/status").read_text().splitlines()
    )
    if "VmRSS" not in fields:
        return None
    now, highest = (int(fields[name].split()[0]) * 1024 for name in ("VmRSS", "VmHWM"))
    return now, highest


if __name__ == "__main__":
    main(tyro.cli(Options, description=__doc__))
