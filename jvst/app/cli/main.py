"""The command line of ``jvst``.

``jvst OPTIONS`` stylizes, ``jvst weights …`` manages files of weights.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from jvst.app.cli.command import leave_with, parsed, status_of
from jvst.app.options import StylizeConfig, config_from_dict


def main(arguments: Sequence[str] | None = None) -> None:
    """Run ``jvst`` and leave with its exit status.

    That is 0, 1 when some clips or shots failed, 2 for bad input, 130 after Ctrl-C, 70 for a
    defect.
    """
    given = sys.argv[1:] if arguments is None else arguments
    leave_with(lambda: run_command(given))


def run_command(arguments: Sequence[str]) -> int:
    """Parse a command line, do what it says, and return the exit status."""
    if list(arguments[:1]) == ["weights"]:
        from jvst.app.cli.weights import main as weights_command  # noqa: PLC0415

        return weights_command(list(arguments[1:]))

    def work() -> int:
        config = parse(arguments)
        # Late: `jvst --help` and a mistyped option need no JAX.
        from jvst.app.cli.stylize import stylize  # noqa: PLC0415

        return stylize(config)

    return status_of("jvst", work, arguments=arguments)


def parse(arguments: Sequence[str]) -> StylizeConfig:
    """Turn a command line into a configuration.

    ``--config FILE`` gives the defaults; what else is on the line goes over them.

    Raises:
        InputError: an unknown option, a value of the wrong kind, a bad config file.
    """
    default = StylizeConfig()
    if path := _config_path(arguments):
        from jvst.app.manifest import read_manifest  # noqa: PLC0415

        manifest = read_manifest(Path(path))
        default = config_from_dict(manifest.get("config", {}), source=path)
    return parsed(StylizeConfig, arguments, prog="jvst", default=default)


def _config_path(arguments: Sequence[str]) -> str:
    """Find ``--config FILE`` before anything else is parsed."""
    for position, argument in enumerate(arguments):
        if argument == "--config" and position + 1 < len(arguments):
            return arguments[position + 1]
        if argument.startswith("--config="):
            return argument.partition("=")[2]
    return ""


if __name__ == "__main__":
    main()
