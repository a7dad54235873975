"""The command line of the evaluation; see ``options.EvaluateOptions``."""

import sys
from collections.abc import Sequence

from jvst.app.cli.command import status_of
from jvst.lab.evaluation.options import parse, stylize_config


def main(arguments: Sequence[str] | None = None) -> None:
    """Evaluate and leave with the exit status: 0, 2 for bad input, 130 after Ctrl-C."""
    sys.exit(run_command(sys.argv[1:] if arguments is None else arguments))


def run_command(arguments: Sequence[str]) -> int:
    """Parse a command line, do what it says, and return the exit status."""

    def work() -> int:
        options = parse(arguments)
        # Late: --help and a mistyped option need no JAX.
        from jvst.lab.evaluation.evaluate import evaluate  # noqa: PLC0415

        print(evaluate(options, stylize_config(options)), end="")
        return 0

    return status_of("evaluate", work, interrupted="interrupted; the same command goes on")
