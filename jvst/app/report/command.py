"""The command that repeats a run, from its manifest."""

import dataclasses
import shlex
from collections.abc import Mapping
from typing import Any

from jvst.app.cli.spelling import option_words
from jvst.app.options import StylizeConfig, config_from_dict

_PROGRAM = "python scripts/stylize.py"
# The option that only names where other options came from.
_CONFIG_FILE = ("run", "config")
#: Separates options so that a shell reads on at the next line.
LINE_BY_LINE = " \\\n  "


def rerun_command(groups: Mapping[str, Mapping[str, Any]], *, option_separator: str = " ") -> str:
    """Return the shell command that gives this configuration again, defaults left out.

    ``--config`` is left out as well: what that file held is spelled out, so that the command
    needs no older run.

    Args:
        groups: option group -> name -> value, as ``dataclasses.asdict`` or JSON leave them.
        option_separator: what stands before every option, such as ``LINE_BY_LINE``.

    Raises:
        InputError: an option that this version does not know.
    """
    options = [shlex.join(words) for _, words in changed_options(groups)]
    return option_separator.join([_PROGRAM, *options])


def changed_options(groups: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, list[str]]]:
    """Return what differs from the defaults: the option's name, and its words on a command line.

    Raises:
        InputError: an option that this version does not know.
    """
    plain = {group: dict(options) for group, options in groups.items()}
    config = config_from_dict(plain, source="the run's configuration")
    defaults, changed = StylizeConfig(), []
    for group in dataclasses.fields(StylizeConfig):
        given, usual = getattr(config, group.name), getattr(defaults, group.name)
        for field in dataclasses.fields(given):
            value = getattr(given, field.name)
            if value != getattr(usual, field.name) and (group.name, field.name) != _CONFIG_FILE:
                changed.append((field.name, option_words(field.name, value)))
    return changed
