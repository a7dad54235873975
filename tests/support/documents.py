"""The project's documents, cut into blocks of code and code within lines."""

import re
import shlex
from pathlib import Path
from typing import NamedTuple

REPOSITORY = Path(__file__).resolve().parents[2]
_PATHS = [path.relative_to(REPOSITORY).as_posix() for path in (REPOSITORY / "docs").rglob("*.md")]
DOCUMENTS = sorted({"README.md", "weights/README.md", *_PATHS})

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_INDENTED = re.compile(r"(?<=\n\n)(?: {4}.*\n)+")
_COMMAND = re.compile(r"(?:python|jvst|make|pip|pytest)\s+\S")
_SPAN = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")


class Block(NamedTuple):
    """A fenced or indented piece of a document."""

    document: str
    line: int  # of its first line, from 1
    language: str
    text: str


def text_of(document: str) -> str:
    """Read a document by its path from the root of the repository."""
    return (REPOSITORY / document).read_text("utf-8")


def blocks(document: str) -> list[Block]:
    """Find the fenced blocks, and the indented ones outside them, without a language."""
    text = text_of(document)
    found = []
    for match in _FENCE.finditer(text):
        line = text.count("\n", 0, match.start(2)) + 1
        found.append(Block(document, line, match[1], match[2]))
    for match in _INDENTED.finditer(_FENCE.sub(_blank, text)):
        lines = "".join(line[4:] for line in match[0].splitlines(keepends=True))
        found.append(Block(document, text.count("\n", 0, match.start()) + 1, "", lines))
    return found


def spans(document: str) -> list[str]:
    """Find what stands between single backticks, outside blocks."""
    text = text_of(document)
    return _SPAN.findall(_INDENTED.sub("", _FENCE.sub("", text)))


def commands(document: str) -> list[list[str]]:
    """Find the command lines of a document, in blocks and between backticks, as words."""
    pieces = [block.text for block in blocks(document) if block.language != "python"]
    return command_lines("\n".join([*pieces, *spans(document)]))


def command_lines(text: str) -> list[list[str]]:
    """Find the lines of a text that run a program, as words; comments are left out."""
    lines = text.replace("\\\n", " ").splitlines()
    return [shlex.split(line, comments=True) for line in lines if _COMMAND.match(line)]


def _blank(match: re.Match[str]) -> str:
    return "\n" * match[0].count("\n")
