"""A film in one process and with --jobs 2, and the model of jvst.lab.cost beside both.

python scripts/measure_jobs.py   # minutes on two cores

Draws films, stylizes each with the command line in one process and with --jobs 2, in turn, all
programs compiled by a run before, and prints Markdown: the medians, and what the model says of
them. The model's constants are those of one process on the first film: operations a second from
its frames (the median frame, as the first one also loads programs), the start from what is left of
the command's time. Of the other runs it knows nothing.
"""

import dataclasses
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import jax
import tyro

from jvst.app.options import size_of
from jvst.lab.cost import Film, Machine, estimate, evaluation_seconds
from jvst.synthetic import clip, make_scene, painting
from jvst.video import write_picture, write_video

WORKERS = 2
EMBEDDED = 1 / 16  # of full VGG-19's arithmetic

Key = tuple[int, int, int]  # shots, frames of each, workers


class Measured(NamedTuple):
    """One run of the command."""

    seconds: float  # of the whole command
    evaluation: float  # seconds, with the frame's other work; of the median frame
    first: float  # evaluations of the first frame of a shot, mean
    later: float  # of the others

    def evaluations(self, shots: int, frames: int) -> float:
        """Count them."""
        return shots * self.first + (frames - shots) * self.later


@dataclasses.dataclass(frozen=True)
class Options:
    """What is measured."""

    films: tuple[str, ...] = ("4x3", "2x30")
    """SHOTSxFRAMES_OF_EACH."""
    size: str = "128x96"
    """WIDTHxHEIGHT."""
    iterations: tuple[str, str] = ("20", "10")
    """Caps of first and later frames."""
    repeats: int = 3
    """Runs of each film in each way."""
    keep: Path | None = None
    """JSON of runs: what it has is not run again."""


def main(options: Options) -> None:
    width, height = size_of(options.size)
    films = [tuple(int(n) for n in film.split("x")) for film in options.films]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_picture(folder / "style.png", painting("swirls", width, height))
        drawn = list(
            clip(make_scene("demo", width=width, height=height), max(s * f for s, f in films))
        )
        for shots, frames in films:
            path = folder / f"{shots}x{frames}.mp4"
            write_video(path, drawn[: shots * frames], frame_rate=Fraction(25))
        runs = _kept(options.keep)
        wanted = [(shots, frames, jobs) for shots, frames in films for jobs in (1, WORKERS)]
        if any(len(runs.get(key, ())) < options.repeats for key in wanted):
            run(folder, *films[0], jobs=1, iterations=options.iterations)  # compiles
        for shots, frames in films:
            for repeat in range(options.repeats):
                for jobs in (1, WORKERS):
                    found = runs.setdefault((shots, frames, jobs), [])
                    if len(found) <= repeat:
                        found.append(
                            run(folder, shots, frames, jobs=jobs, iterations=options.iterations)
                        )
                        _keep(options.keep, runs)
    middle = {key: _middle(found) for key, found in runs.items()}
    print(
        f"jax {jax.__version__} on {os.cpu_count()} cores; frames of {options.size}, --iterations "
        f"{' '.join(options.iterations)}; medians of {options.repeats}\n"
    )
    print_times(films, middle)
    print_model(films, middle, width, height)


def run(folder: Path, shots: int, frames: int, *, jobs: int, iterations: Sequence[str]) -> Measured:
    """Run the command once, in a run folder of its own."""
    cuts = [shot * frames for shot in range(1, shots)]
    with tempfile.TemporaryDirectory(dir=folder) as name:
        command = [
            *(sys.executable, "-c", "from jvst.app.cli.main import main; main()"),
            *("--clip", str(folder / f"{shots}x{frames}.mp4"), "--run-dir", name),
            *("--style", str(folder / "style.png"), "--weights", "embedded"),
            *("--iterations", *iterations, "--cuts", ",".join(str(cut) for cut in cuts) or "none"),
            *("--flow", "dis", "--flow-cache", "none", "--no-report", "--quiet"),
            *("--tolerance", "0", "--jobs", str(jobs)),
        ]
        cache = {"JVST_CACHE": str(folder / "cache")}
        begun = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env={**os.environ, **cache})
        seconds = time.perf_counter() - begun
        infos = json.loads((Path(name) / "manifest.json").read_text())["frames"]
    begins = {0, *cuts}
    first = [info["evaluations"] for i, info in enumerate(infos) if i in begins]
    later = [info["evaluations"] for i, info in enumerate(infos) if i not in begins]
    return Measured(
        seconds,
        statistics.median(info["seconds"] / info["evaluations"] for info in infos),
        statistics.mean(first),
        statistics.mean(later) if later else 0.0,
    )


def _kept(path: Path | None) -> dict[Key, list[Measured]]:
    if path is None or not path.exists():
        return {}
    return {
        (int(shots), int(frames), int(jobs)): [Measured(*one) for one in found]
        for name, found in json.loads(path.read_text()).items()
        for shots, frames, jobs in [name.split()]
    }


def _keep(path: Path | None, runs: dict[Key, list[Measured]]) -> None:
    if path is not None:
        text = json.dumps({" ".join(map(str, key)): found for key, found in runs.items()})
        path.write_text(text)


def print_times(films: list, middle: dict[Key, Measured]) -> None:
    print(f"| film | one process, s | --jobs {WORKERS}, s | ratio |\n|---|---|---|---|")
    for shots, frames in films:
        alone, shared = (middle[shots, frames, jobs].seconds for jobs in (1, WORKERS))
        print(f"| {name_of(shots, frames)} | {alone:.1f} | {shared:.1f} | {shared / alone:.2f} |")


def print_model(films: list, middle: dict[Key, Measured], width: int, height: int) -> None:
    """Set the model's seconds beside the command's, with speeds of one worker alone and of two."""
    shots, frames = films[0]
    known = middle[shots, frames, 1]
    start = known.seconds - known.evaluation * known.evaluations(shots, shots * frames)

    def film(shots: int, frames: int) -> Film:
        return Film(
            frames=shots * frames,
            width=width,
            height=height,
            shots=shots,
            network=EMBEDDED,
            first=round(known.first),
            later=round(known.later),
        )

    def seconds(shots: int, frames: int, jobs: int, evaluation: float) -> float:
        whole = film(shots, frames)
        work = evaluation_seconds(whole, Machine("", flops=1.0))  # operations of an evaluation
        machine = Machine("", flops=work / evaluation, overhead=0.0, start=start)
        found = 3600 * estimate(whole, machine, jobs, stay=True).hours
        # With several the command itself has to start, too, before its workers can.
        return found + (start if jobs > 1 else 0.0)

    print(
        f"\nan evaluation takes {1e3 * known.evaluation:.1f} ms in one process, with the frame's "
        f"other work; the start {start:.1f} s\n"
    )
    print("| film | workers | measured, s | model, s | slowdown of a worker | model with it, s |")
    print("|---|---|---|---|---|---|")
    for shots, frames in films:
        for jobs in (1, WORKERS):
            found = middle[shots, frames, jobs]
            print(
                f"| {name_of(shots, frames)} | {jobs} | {found.seconds:.1f} | "
                f"{seconds(shots, frames, jobs, known.evaluation):.1f} | "
                f"{found.evaluation / known.evaluation:.2f} | "
                f"{seconds(shots, frames, jobs, found.evaluation):.1f} |"
            )


def name_of(shots: int, frames: int) -> str:
    return f"{shots} shots of {frames} frames"


def _middle(found: list[Measured]) -> Measured:
    return Measured(*(statistics.median(values) for values in zip(*found, strict=True)))


if __name__ == "__main__":
    main(tyro.cli(Options, description=__doc__))
