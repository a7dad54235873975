"""Light of a static shot over time: what a frame hands on to the next, and how that drifts.

python scripts/measure_drift.py --frames 100 --plot docs/images/drift.png
"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import tyro
from matplotlib.figure import Figure

from jvst import ClipConfig, SolverConfig, style_targets
from jvst.app.options import StylizeConfig, size_of
from jvst.app.task import chosen_weights, keep_compiled_programs
from jvst.core.image import to_float
from jvst.lab.evaluation.drift import CARRIED, Course, markdown, measure_course
from jvst.network.weights import find_weights
from jvst.solver.networks import load_network
from jvst.solver.presets import NETWORKS
from jvst.synthetic import make_scene, painting, render


@dataclasses.dataclass(frozen=True)
class Options:
    """What to measure."""

    frames: int = 100
    """Length of the shot."""
    size: str = "128x96"
    """Size of the frames, WIDTHxHEIGHT."""
    iterations: tuple[int, int] = (300, 60)
    """Caps: for the first frame, and for each later one."""
    tolerance: float = 1e-4
    """See the command line's option."""
    noise: float = 2.0
    """Standard deviation of the sensor's noise, levels of 255."""
    weights: str = "embedded"
    """See the command line's option."""
    plot: str = ""
    """Picture of light over frames to write."""


def main(options: Options) -> None:
    keep_compiled_programs()
    width, height = size_of(options.size)
    scene = make_scene("static", width=width, height=height)
    clean = render(scene, 0.0).astype(np.float32)
    rng = np.random.default_rng(0)
    shot = [
        np.clip(np.rint(clean + rng.normal(0, options.noise, clean.shape)), 0, 255)
        for _ in range(options.frames)
    ]
    frames = [to_float(jnp.asarray(frame.astype(np.uint8))) for frame in shot]
    found = find_weights(options.weights)
    vgg = load_network(found).weights
    style = style_targets(vgg, [to_float(jnp.asarray(painting("swirls", width, height)))])
    weights = chosen_weights(StylizeConfig(), found.network, (width, height))
    config = ClipConfig(
        init=NETWORKS[found.network].init,
        first_iterations=options.iterations[0],
        next_iterations=options.iterations[1],
        content_layers=NETWORKS[found.network].content_layers,
        solver=SolverConfig(tolerance=options.tolerance),
    )
    torch = dataclasses.replace(config, mask="soft", edge="torch", init="noise")
    runs = [(name, carry, config) for name, carry in CARRIED.items()]
    name, carry = list(CARRIED.items())[-1]
    runs.append((f"{name}; noise start, soft masks and borders of the Torch code", carry, torch))
    courses = []
    for name, carry, how in runs:
        courses.append(
            measure_course(
                name, frames, vgg, style, weights, config=how, key=jax.random.key(0), carry=carry
            )
        )
        print(markdown(courses[-1:]), flush=True)
    print(
        f"\nstatic, {width}x{height}, {options.frames} frames, noise of {options.noise} levels, "
        f"iterations {options.iterations[0]} and {options.iterations[1]}, {found.network} network\n"
    )
    print(markdown(courses))
    if options.plot:
        draw(courses, options.plot)


def draw(courses: list[Course], path: str) -> None:
    figure = Figure(figsize=(8.0, 3.6), layout="constrained")
    axes = figure.subplots()
    for course in courses:
        axes.plot(1 + np.arange(len(course.mean)), course.mean, label=course.name)
    axes.set_xlabel("frame")
    axes.set_ylabel("mean luminance")
    axes.legend(fontsize=8)
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    main(tyro.cli(Options, description=__doc__))
