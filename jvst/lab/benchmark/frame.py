"""Cost of a frame to the Torch code's loss."""

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any, Literal

import jax

from jvst.app.options import size_of
from jvst.lab.benchmark.problems import FrameProblem, frame_problems, load
from jvst.lab.benchmark.records import Column, Journal, check_at_least, check_choice, say
from jvst.lab.benchmark.schemes import SCHEMES, Point
from jvst.synthetic.sequences import SEQUENCES

#: The paper's, width × height.
PAPER_SIZES = ("450x350", "768x432", "1024x436")
STARTS = ("first, from noise", "first, from content", "later, warped")
_NEAR = 0.01  # a solve that stops by itself may end a little above the goal
_SMALL_SIZE = "96x72"  # on a CPU

COLUMNS = (
    Column("frame", "frame"),
    Column("scheme", "scheme"),
    Column("final loss", "final_loss", ".6g"),
    Column("to the Torch code's", "loss_ratio", ".4f"),
    Column("evaluations", "evaluations", ".0f"),
    Column("seconds", "seconds", ".2f"),
    Column("to the Torch code's loss: evaluations", "evaluations_to", ".0f"),
    Column("seconds", "seconds_to", ".2f"),
    Column("of its evaluations", "evaluations_ratio", ".2f"),
    Column("of its seconds", "seconds_ratio", ".2f"),
    Column("to within 1 %: evaluations", "evaluations_near", ".0f"),
    Column("of its evaluations", "evaluations_near_ratio", ".2f"),
    Column("of its seconds", "seconds_near_ratio", ".2f"),
)


@dataclasses.dataclass(frozen=True)
class FrameOptions:
    """Solve frames in several ways and compare what each takes to one and the same loss.

    That loss is the one at which the Torch code's scheme ends: single scale, L-BFGS without line
    search, history 100, float32. A dash: not reached.
    """

    size: tuple[str, ...] = ()
    """WIDTHxHEIGHT, several if you like; the paper's three on a GPU, 96x72 on a CPU when left
    out."""
    iterations: int = 1000
    """Iterations of the Torch code's scheme; the cap of the others."""
    starts: tuple[str, ...] = STARTS
    """Which frames: 'first, from noise', 'first, from content', 'later, warped'."""
    schemes: tuple[str, ...] = tuple(SCHEMES)[1:]
    """What is measured against the Torch code's scheme."""
    scene: str = "demo"
    """Drawn scene, see jvst.synthetic."""
    weights: str = "embedded"
    """Network: embedded, vgg19 or a file; losses of a random one mean little."""
    precision: Literal["auto", "float32", "tf32", "bfloat16"] = "auto"
    """Of all but the Torch code's scheme, as on jvst's command line."""
    json: str = ""
    """File for the figures."""


def run(options: FrameOptions, journal: Journal) -> None:
    """Solve and report, size by size.

    Raises:
        InputError: an option that can't be used.
    """
    check_at_least(options.iterations, 1, "--iterations")
    for start in options.starts:
        check_choice(start, STARTS, "--starts")
    for scheme in options.schemes:
        check_choice(scheme, tuple(SCHEMES), "--schemes")
    check_choice(options.scene, sorted(SEQUENCES), "--scene")
    given = [size_of(size) for size in options.size]
    network = load(options.weights, options.precision)
    journal.begin()
    defaults = (_SMALL_SIZE,) if jax.default_backend() == "cpu" else PAPER_SIZES
    for size in given or [size_of(size) for size in defaults]:
        say(f"frame {size[0]}x{size[1]}: the frame before the later one")
        problems = frame_problems(
            network, size, scene=options.scene, before=min(options.iterations, 300)
        )
        rows, key = [], f"frame_{size[0]}x{size[1]}"
        for problem in problems:
            if problem.title in options.starts:
                for row in compare(problem, options.iterations, options.schemes):
                    rows.append(row)
                    journal.keep(key, rows)
        title = (
            f"{size[0]}×{size[1]}, {network.name} network, all but the Torch code's scheme in "
            f"{network.vgg.precision}: {options.iterations} iterations of that scheme; compilation "
            "left out"
        )
        journal.table(key, title, COLUMNS, rows)


def compare(
    problem: FrameProblem, iterations: int, schemes: Sequence[str]
) -> Iterator[dict[str, Any]]:
    """Solve a frame by each scheme; yield a row each, the Torch code's first."""
    torch = next(iter(SCHEMES))
    base: list[Point] = []
    for name in (torch, *(scheme for scheme in schemes if scheme != torch)):
        say(f"  {problem.title}: {name}")
        SCHEMES[name](problem, 1)  # compiles
        course = SCHEMES[name](problem, iterations)
        base = base or course
        yield {
            "size": f"{problem.size[0]}x{problem.size[1]}",
            "frame": problem.title,
            "scheme": name,
            "course": [list(point) for point in course],
            **against(course, base),
        }


def against(course: Sequence[Point], base: Sequence[Point]) -> dict[str, Any]:
    """Compare what two courses cost to the loss at which the second ends, and to near it.

    The second's own cost is that of its first point as low.
    """
    last, goal = course[-1], base[-1].loss
    row: dict[str, Any] = {
        "final_loss": last.loss,
        "loss_ratio": last.loss / goal,
        "evaluations": last.evaluations,
        "seconds": last.seconds,
    }
    for suffix, loss in (("", goal), ("_near", goal * (1.0 + _NEAR))):
        here, there = reached(course, loss), reached(base, loss)
        named = suffix or "_to"
        row |= {
            f"evaluations{named}": here.evaluations if here else None,
            f"seconds{named}": here.seconds if here else None,
            f"evaluations{suffix}_ratio": None,
            f"seconds{suffix}_ratio": None,
        }
        if here is not None and there is not None:
            row[f"evaluations{suffix}_ratio"] = here.evaluations / there.evaluations
            row[f"seconds{suffix}_ratio"] = here.seconds / there.seconds
    return row


def reached(course: Sequence[Point], goal: float) -> Point | None:
    """Return the first point of a course at which its loss is as low as a goal."""
    return next((point for point in course if point.loss <= goal), None)
