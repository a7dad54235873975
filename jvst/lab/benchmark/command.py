"""The command line of the benchmarks: ``benchmark.py NAME OPTIONS``."""

import importlib
import shlex
import sys
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from jvst.app.cli.command import parsed, status_of
from jvst.errors import InputError

#: Sub-command -> what it measures; each is the module of that name, with ``NAMEOptions`` and
#: ``run(options, journal)``.
COMMANDS: Mapping[str, str] = MappingProxyType(
    {
        "gradient": "one loss and gradient, against PyTorch and the device's peak",
        "profile": "where the time of an evaluation and of an iteration goes",
        "frame": "cost of a frame to the loss that the Torch code's scheme reaches",
        "clip": "a whole run, by stage",
        "start": "from the command to the first picture, cold and warm",
        "precision": "what faster arithmetic costs: losses and pictures side by side",
        "sizes": "seconds and memory over sizes, batches and devices",
        "flow": "the flow engines: how good, how fast",
        "masks": "masks of trust: what they get right, and why they are wide",
        "outlines": "short films with one mask or another, near outlines",
        "later": "later frames after a few iterations, by what they begin with",
        "efforts": "films by effort: losses, steadiness, sharpness and time",
        "gpu": "all of it on a GPU, in minutes",
    }
)
_PROGRAM = "benchmark"


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and leave with the exit status: 0, 2 for bad input, 130 after Ctrl-C."""
    sys.exit(run_command(sys.argv[1:] if arguments is None else arguments))


def run_command(arguments: Sequence[str]) -> int:
    """Parse a command line, measure, and return the exit status."""
    return status_of(_PROGRAM, lambda: _work(list(arguments)))


def _work(words: list[str]) -> int:
    if not words or words[0] in {"-h", "--help"}:
        lines = [f"usage: {_PROGRAM} NAME [OPTIONS]; each NAME has its own --help", ""]
        print("\n".join([*lines, *(f"  {name:12}{what}" for name, what in COMMANDS.items())]))
        return 0
    name, *rest = words
    if name not in COMMANDS:
        raise InputError(f"there is no benchmark {name!r}; use one of {', '.join(COMMANDS)}")
    # Late: a mistyped name needs no JAX.
    from jvst.lab.benchmark.records import Journal  # noqa: PLC0415

    module = importlib.import_module(f"jvst.lab.benchmark.{name}")
    options = parsed(
        getattr(module, f"{name.capitalize()}Options"), rest, prog=f"{_PROGRAM} {name}"
    )
    line = shlex.join(["python", "scripts/benchmark.py", name, *_without_json(rest)])
    module.run(options, Journal(name, line, options.json))
    return 0


def _without_json(words: list[str]) -> list[str]:
    """Leave out where the figures are written: it has no part in them."""
    kept = []
    for word, before in zip(words, ["", *words], strict=False):
        if before != "--json" and word.partition("=")[0] != "--json":
            kept.append(word)
    return kept
