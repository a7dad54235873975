"""How options are spelled on a command line."""

import re
from typing import Any

# Messages of the library name an option as Python does, between backticks.
_NAMED = re.compile(r"`([a-z][a-z0-9_]*)`")


def option(name: str) -> str:
    """Return an option as it is given: ``--run-dir`` for ``run_dir``."""
    return "--" + name.replace("_", "-")


def spoken(message: object) -> str:
    """Return a message of the library in one line, with its options as they are given."""
    line = legible(" ".join(str(message).split()))
    return _NAMED.sub(lambda found: option(found[1]), line)


def legible(text: str) -> str:
    """Write the bytes of a file's name that are no text as escapes: not every stream takes them."""
    return text.encode("utf-8", "backslashreplace").decode()


def option_words(name: str, value: Any) -> list[str]:
    """Spell an option and its value as words, not yet quoted."""
    given = option(name)
    if isinstance(value, bool):
        return [given if value else option(f"no_{name}")]
    values = [str(one) for one in value] if isinstance(value, tuple) else [str(value)]
    if values and values[0].startswith("-"):  # or it would be taken for an option itself
        return [f"{given}={values[0]}", *values[1:]]
    return [given, *values]
