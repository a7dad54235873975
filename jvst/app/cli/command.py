"""Parsing and exit status, shared by all commands.

A line that can't be used is refused in one line.
"""

import contextlib
import io
import re
import sys
import types
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import tyro

from jvst.app.cli.spelling import spoken
from jvst.errors import InputError

Options = TypeVar("Options")
_CHOICE = re.compile(r"invalid choice (.+?) for argument '(--[\w-]+)'\. Expected one of \((.*?)\)")


def parsed(
    kind: type[Options] | types.UnionType,
    arguments: Sequence[str],
    *,
    prog: str,
    default: Options | None = None,
) -> Options:
    """Turn a command line into options; ``--help`` is shown and leaves with status 0.

    Args:
        kind: a dataclass of options, or several, each a sub-command.
        arguments: the words after the command.
        prog: the command.
        default: where the values of options that aren't given come from.

    Raises:
        InputError: an unknown option or a value of the wrong kind.
    """
    said = io.StringIO()
    given: dict[str, Any] = {} if default is None else {"default": default}
    form: Any = kind  # tyro takes a union, too, but its annotation does not
    try:
        with contextlib.redirect_stderr(said):
            return tyro.cli(form, args=list(arguments), prog=prog, **given)
    except SystemExit as stop:
        if not stop.code:
            raise
        raise InputError(_one_line(said.getvalue())) from stop


def status_of(prog: str, work: Callable[[], int], *, interrupted: str = "interrupted") -> int:
    """Do a command's work and return its exit status, with one line for what ended it.

    Args:
        prog: the command, named at the beginning of the line.
        work: returns the exit status.
        interrupted: said after Ctrl-C.

    Returns:
        That of ``work``, 2 for bad input, 130 after Ctrl-C.
    """
    try:
        return work()
    except InputError as error:
        print(f"{prog}: {spoken(error)}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"\n{prog}: {interrupted}", file=sys.stderr)
        return 130


def _one_line(text: str) -> str:
    """Take the frame off tyro's message."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", text)
    words = re.sub(r"[─━│┃╭╮╰╯╞╡═┄┈-]{2,}|[│┃╭╮╰╯]", " ", text.replace("--", "\0"))
    line = " ".join(words.replace("\0", "--").split())
    if choice := _CHOICE.search(line):
        given, option, choices = choice.groups()
        return f"{option} is {given}; expected one of {choices.replace(chr(39), '')}"
    return line
