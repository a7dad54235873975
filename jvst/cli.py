"""The command line: ``jvst OPTIONS`` stylizes, ``jvst weights …`` looks after networks."""

import contextlib
import io
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path

import tyro

from jvst.config import StylizeConfig, config_from_dict
from jvst.errors import InputError


def main(arguments: Sequence[str] | None = None) -> None:
    """Run ``jvst`` and leave with its exit status: 0, 2 for bad input, 130 after Ctrl-C."""
    sys.exit(run_command(sys.argv[1:] if arguments is None else arguments))


def run_command(arguments: Sequence[str]) -> int:
    """Parse a command line, do what it says, and return the exit status."""
    if list(arguments[:1]) == ["weights"]:
        from jvst.weights_cli import main as weights_command  # noqa: PLC0415

        return weights_command(list(arguments[1:]))
    try:
        config = parse(arguments)
        # Late: `jvst --help` and a mistyped option need no JAX.
        from jvst.demo import demo_config  # noqa: PLC0415
        from jvst.run import run  # noqa: PLC0415

        return run(demo_config(config) if config.run.demo else config)
    except InputError as error:
        print(f"jvst: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\njvst: interrupted", file=sys.stderr)
        return 130


def parse(arguments: Sequence[str]) -> StylizeConfig:
    """Turn a command line into a configuration.

    ``--config FILE`` gives the defaults; what else is on the line goes over them.

    Raises:
        InputError: an unknown option, a value of the wrong kind, a bad config file.
    """
    default = StylizeConfig()
    if path := _config_path(arguments):
        from jvst.store import read_manifest  # noqa: PLC0415

        manifest = read_manifest(Path(path))
        default = config_from_dict(manifest.get("config", {}), source=path)
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            return tyro.cli(StylizeConfig, args=list(arguments), default=default, prog="jvst")
    except SystemExit as stop:
        if not stop.code:
            raise
        raise InputError(_one_line(said.getvalue())) from stop


def _config_path(arguments: Sequence[str]) -> str:
    """Find ``--config FILE`` before anything else is parsed."""
    for position, argument in enumerate(arguments):
        if argument == "--config" and position + 1 < len(arguments):
            return arguments[position + 1]
        if argument.startswith("--config="):
            return argument.partition("=")[2]
    return ""


def _one_line(text: str) -> str:
    """Take the frame off tyro's message."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", text)
    words = re.sub(r"[─━│┃╭╮╰╯╞╡═┄┈-]{2,}|[│┃╭╮╰╯]", " ", text.replace("--", "\0"))
    return " ".join(words.replace("\0", "--").split()).removesuffix(os.linesep)


if __name__ == "__main__":
    main()
