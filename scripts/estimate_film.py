"""Print how long a film takes, what it costs and what it writes, by the model of jvst.lab.cost.

python scripts/estimate_film.py --frames 130000 --size 1920x1080 --shots 1500 --workers 64 \
    --tflops 337 --name H200
"""

import dataclasses

import tyro

from jvst.app.options import size_of
from jvst.lab.cost import Film, Machine, estimate


@dataclasses.dataclass(frozen=True)
class Options:
    """A film and the machines that work on it."""

    frames: int = 130_000
    size: str = "1920x1080"
    shots: int = 1500
    network: float = 1.0
    """Part of full VGG-19's arithmetic: 1, or 0.0625 for the embedded network."""
    first: int = 1000
    """Evaluations of the first frame of a shot."""
    later: int = 500
    """Evaluations of every other frame."""
    passes: int = 1
    in_pass: int = 100
    """Evaluations of a frame in each of several passes."""
    workers: tuple[int, ...] = (1, 8, 64)
    name: str = "worker"
    tflops: float = 0.15
    """10^12 operations a second that evaluations reach on one worker, see docs/benchmarks.md."""
    overhead: float = 0.1
    """Part of a run's time that is not evaluations."""
    flow: float = 2.0
    """Seconds of one core for the flow of a pair, both ways, a megapixel."""
    cores: int = 8
    """Cores beside each worker that compute flow."""
    price: float = 0.0
    """Of an hour of one worker."""


def main(options: Options) -> None:
    width, height = size_of(options.size)
    film = Film(
        frames=options.frames,
        width=width,
        height=height,
        shots=options.shots,
        network=options.network,
        first=options.first,
        later=options.later,
        passes=options.passes,
        in_pass=options.in_pass,
    )
    machine = Machine(
        options.name,
        flops=options.tflops * 1e12,
        overhead=options.overhead,
        flow=options.flow,
        cores=options.cores,
        price=options.price,
    )
    print(
        f"{options.frames:,} frames of {options.size} in {options.shots:,} shots, {options.name}\n"
    )
    print(
        "| workers | evaluation | hours | worker hours | cost | flow keeps up "
        "| clip and pictures | flow |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for workers in options.workers:
        found = estimate(film, machine, workers)
        print(
            f"| {workers} | {1e3 * found.evaluation:.1f} ms | {found.hours:.1f} | "
            f"{found.machine_hours:,.0f} | {found.cost:,.0f} | "
            f"{'no' if found.flow_waits else 'yes'} | {found.traffic / 1e6:.0f} MB/s | "
            f"{found.flow_traffic / 1e6:.0f} MB/s |"
        )
    print(
        f"\na frame takes {found.frame:.1f} s on one worker, and frames of one shot wait for each "
        "other"
    )
    print(
        f"pictures {found.pictures / 1e12:.2f} TB, float states {found.states / 1e12:.2f} TB "
        f"(--keep all), flow {found.flow / 1e12:.2f} TB (the cache keeps its limit)"
    )


if __name__ == "__main__":
    main(tyro.cli(Options, description=__doc__))
