"""Parsing and exit status, shared by all commands.

A line that can't be used is refused in one line.
"""

import contextlib
import dataclasses
import difflib
import errno
import io
import os
import re
import sys
import types
from collections.abc import Callable, Sequence
from typing import Any, NoReturn, TypeVar

import tyro

from jvst.app.cli import defects, signals
from jvst.app.cli.defects import defect_line
from jvst.app.cli.signals import ending_signals
from jvst.app.cli.spelling import option, spoken
from jvst.app.cli.streams import steady_streams
from jvst.errors import InputError

Options = TypeVar("Options")
_UNKNOWN = "Unrecognized options: "
_RULE = set("─━-")
#: From 0 to 1: how like an option a word must be for the one to be meant by the other.
_SIMILAR = 0.5
_LONGEST = 80
#: What the system refuses for reasons that lie with the place, and what to do.
_OF_THE_PLACE = {
    errno.EMFILE: "raise the number of open files (ulimit -n), or work on fewer at once",
    errno.ENFILE: "the system has too many files open; end other programs",
    errno.ENAMETOOLONG: "shorten it",
    errno.EACCES: "expected a place that can be read and written",
    errno.EPERM: "expected a place that can be read and written",
    errno.EROFS: "expected a place that can be written",
    errno.ENOSPC: "free some space",
    errno.EDQUOT: "free some space",
    errno.EIO: "the disk, or the way to it, has failed",
    errno.ENOMEM: "end other programs, or work on smaller frames (--max-side)",
    errno.ESTALE: "network storage has lost the file; run the same command again",
}
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
        raise InputError(_one_line(said.getvalue(), kind)) from stop


def status_of(
    prog: str,
    work: Callable[[], int],
    *,
    arguments: Sequence[str] = (),
    interrupted: str = "interrupted",
) -> int:
    """Do a command's work and return its exit status, with one line for what ended it.

    Args:
        prog: the command, named at the beginning of the line.
        work: returns the exit status.
        arguments: of the command, for the report of a defect.
        interrupted: said after Ctrl-C.

    Returns:
        That of ``work``, 2 for bad input, 130 after Ctrl-C, 70 for a defect of jvst's.
    """
    try:
        return work()
    except InputError as error:
        print(f"{prog}: {spoken(error)}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"\n{prog}: {interrupted}", file=sys.stderr)
        return signals.STATUS
    except Exception as error:
        if isinstance(error, OSError) and error.errno in _OF_THE_PLACE:
            about = f"{_shortened(error.filename)}: " if error.filename else ""
            print(f"{prog}: {about}{error.strerror}; {_OF_THE_PLACE[error.errno]}", file=sys.stderr)
            return 2
        print(f"{prog}: {defect_line(error, arguments)}", file=sys.stderr)
        return defects.STATUS


def leave_with(work: Callable[[], int]) -> NoReturn:
    """Do the work of a whole process, and leave with its exit status.

    Standard output and error end nothing, and signals save before they do.
    """
    output, error = steady_streams()
    with ending_signals():
        try:
            status = work()
        except SystemExit as stop:  # the help, which has been written
            status = stop.code if isinstance(stop.code, int) else 0
        output.flush()
    if output.failure is not None:
        why = output.failure.strerror
        print(f"jvst: standard output can't be written ({why}); see to its place", file=error)
        status = status or 2
    error.flush()
    sys.exit(status)


def _one_line(text: str, kind: Any) -> str:
    """Take the frame off tyro's message, and say what is wrong."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", text)
    # The frame is drawn with lines, or, where the stream has no letters for them, only hinted at.
    lines = [line.strip(" │┃|\t") for line in text.splitlines()]
    inner = [line for line in lines if line and line[0] not in "╭╰+"]
    framed = len(inner) < len([*filter(None, lines)])
    lines = inner if framed else inner[2:]  # without the title and its rule
    end = next((n for n, line in enumerate(lines) if set(line) <= _RULE), len(lines))
    line = " ".join(" ".join(lines[:end]).split())
    if choice := _CHOICE.search(line):
        given, option, choices = choice.groups()
        return f"{option} is {given}; expected one of {choices.replace(chr(39), '')}"
    if line.startswith(_UNKNOWN):
        return _unknown(line.removeprefix(_UNKNOWN).split(", "), kind)
    return f"{line.rstrip('.')}; see --help"


def _unknown(words: list[str], kind: Any) -> str:
    """Say which word is no option, and what it may have been meant for."""
    word = next((word for word in words if word.startswith("-")), words[0])
    if not word.startswith("-"):
        return f"{word!r} belongs to no option; expected --OPTION VALUE, see --help"
    name = word.partition("=")[0]
    near = difflib.get_close_matches(name, _options_of(kind), 1, _SIMILAR)
    return f"there is no option {name}; " + (f"did you mean {near[0]}?" if near else "see --help")


def _options_of(kind: Any) -> list[str]:
    """List the options of a dataclass, or of a union of them, as they are given."""
    if isinstance(kind, types.UnionType):
        return [name for one in kind.__args__ for name in _options_of(one)]
    found: list[str] = []
    for field in dataclasses.fields(kind):
        if dataclasses.is_dataclass(field.type):
            found += _options_of(field.type)
        else:
            found += [option(field.name)]
            found += [option(f"no_{field.name}")] if field.default is True else []
    return found


def _shortened(name: object) -> str:
    text = os.fsdecode(name) if isinstance(name, bytes | str) else str(name)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
