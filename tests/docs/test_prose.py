"""The words of modules and documents, as far as a test can judge them."""

import ast
import io
import re
import tokenize

import pytest
from support.documents import DOCUMENTS, REPOSITORY, text_of

# Rooms whose docstrings and messages have been read over.
READ = ("core", "network", "solver", "film", "flow", "video", "synthetic", "app", "lab")
FOLLOWS = "jvst/lab/training/"
MODULES = sorted(
    name
    for folder in ("jvst", *(f"jvst/{room}" for room in READ))
    for path in (REPOSITORY / folder).glob("*.py" if folder == "jvst" else "**/*.py")
    if not (name := path.relative_to(REPOSITORY).as_posix()).startswith(FOLLOWS)
)
MOST_WORDS = 10
# What is said otherwise: the user, a number of, offline.
AVOIDED = re.compile(r"\b(?:a person|so many|so often|how often|without a network|nobody)\b")


@pytest.mark.parametrize("path", MODULES)
def test_a_module_is_named_in_ten_words(path):
    told = ast.get_docstring(ast.parse(text_of(path))) or ""
    line = told.split("\n\n")[0]
    assert "\n" not in line
    assert line.endswith(".")
    assert len(line.split()) <= MOST_WORDS, line


@pytest.mark.parametrize("path", [*MODULES, *DOCUMENTS])
def test_no_text_uses_a_turn_that_the_style_card_replaces(path):
    assert AVOIDED.findall(_prose_of(path)) == []


def _prose_of(path: str) -> str:
    """Return a document, or the comments and strings of a module; names in code may differ."""
    text = text_of(path)
    if not path.endswith(".py"):
        return text
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return "\n".join(
        token.string for token in tokens if token.type in (tokenize.COMMENT, tokenize.STRING)
    )
