"""The manifest of a run: read, compared."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jvst.app.options import BY_CONTENT, resolved
from jvst.app.sealed import DamagedError, read_json
from jvst.errors import InputError

# Changes with what a solve's state is made of: what an earlier jvst has kept of one can't go on.
_STATES = 2


def read_manifest(path: Path) -> dict[str, Any]:
    """Read a manifest, which may have been changed by hand.

    Raises:
        InputError: a file that is missing or no manifest.
    """
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(manifest.get("options"), dict):
            raise ValueError("no options")
    except (OSError, ValueError, AttributeError, RecursionError) as error:
        raise InputError(f"{path} is not a manifest of a run ({error})") from error
    return manifest


def checked_manifest(path: Path) -> dict[str, Any]:
    """Read the manifest of a run that is to go on, or to be begun again.

    Raises:
        InputError: it is no manifest, or not as it was written.
    """
    what_to_do = (
        "nothing there can be proven to be a run's; choose another `run_dir`, or move the folder "
        "away"
    )
    try:
        manifest = read_manifest(path)
        read_json(path)
    except (DamagedError, InputError) as error:
        raise InputError(f"{error}; {what_to_do}") from error
    return manifest


def first_difference(old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    """Name the first option or input that differs, with both values."""
    for part in ("options", "inputs"):
        before, after = old.get(part, {}), new.get(part, {})
        names = {*before, *after} - (BY_CONTENT if part == "options" else set())
        for name in sorted(names):
            was, now = before.get(name), after.get(name)
            if isinstance(was, str) and name in ("flow", "mask"):
                was = resolved(was)
            if was != now:
                return f"{name} ({was} there, {now} now)"
    return ""


def key_of(manifest: Mapping[str, Any]) -> bytes:
    """Return what tells a run from others: a checksum of what its frames depend on."""
    parts = [manifest.get("options"), manifest.get("inputs"), _STATES]
    text = json.dumps(parts, sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=16).digest()
