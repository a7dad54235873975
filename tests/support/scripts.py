"""Scripts run within this process: their help, and their command lines up to the work."""

import contextlib
import functools
import inspect
import io
import runpy
import sys
import types
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from unittest import mock

import tyro

from jvst.app.cli.main import main as jvst_command

SCRIPTS = sorted((Path(__file__).resolve().parents[2] / "scripts").glob("*.py"))


class ParsedError(BaseException):
    """Raised where a command line has been read and the work would begin."""


def said_by(program: str | Path, arguments: Sequence[str]) -> tuple[int, str]:
    """Run a script, or ``jvst``, and return its exit status and what it printed."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        status = _run(program, arguments)
    return status, said.getvalue()


def refusal(program: str | Path, arguments: Sequence[str]) -> str:
    """Read a command line as the program does; return its complaint, or nothing."""
    try:
        with _stopped_before_work():
            status, said = said_by(program, arguments)
    except ParsedError:
        return ""
    return said or f"ended with status {status} before a command line was read"


def _run(program: str | Path, arguments: Sequence[str]) -> int:
    with mock.patch.object(sys, "argv", [str(program), *arguments]):
        try:
            if program == "jvst":
                jvst_command()
            else:
                runpy.run_path(str(program), run_name="__main__")
        except SystemExit as stop:
            return stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    return 0


@contextlib.contextmanager
def _stopped_before_work() -> Iterator[None]:
    cli = tyro.cli

    def stopped_cli(kind: Callable, *given, **options):
        if inspect.isclass(kind) or isinstance(kind, types.UnionType):
            cli(kind, *given, **options)
            raise ParsedError

        @functools.wraps(kind)  # tyro reads its signature and calls it
        def stop(*_, **__):
            raise ParsedError

        return cli(stop, *given, **options)

    with mock.patch.object(tyro, "cli", stopped_cli):
        yield
