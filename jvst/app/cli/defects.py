"""Errors that jvst did not foresee, kept for a report."""

import importlib.metadata
import os
import platform
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from pathlib import Path

from jvst._files import user_cache

#: The exit status of a program with a defect. Source: sysexits.h, EX_SOFTWARE.
STATUS = 70
_PACKAGES = ("jvst", "jax", "jaxlib", "flax", "optax", "numpy", "av", "tyro", "pillow")
_VARIABLES = ("JAX_", "XLA_", "JVST_", "CUDA_VISIBLE_DEVICES", "LANG", "LC_", "PYTHON", "OMP_")
_LONGEST = 200


def defect_line(error: BaseException, arguments: Sequence[str]) -> str:
    """Keep all that a report needs in a file, and return the line that says where.

    Args:
        error: what nothing has caught.
        arguments: of the command.
    """
    said = " ".join(f"{type(error).__name__}: {error}".split())
    said = said if len(said) <= _LONGEST else f"{said[:_LONGEST]}…"
    path = _written(_report(error, arguments))
    where = f"its details are in {path}" if path else "its details could not be written"
    return f"an error that jvst did not foresee ({said}); {where}: please report it with them"


def _written(text: str) -> Path | None:
    name = f"jvst-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.log"
    for folder in (lambda: user_cache("logs"), lambda: Path(tempfile.gettempdir())):
        try:
            path = folder() / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", errors="replace")
        except (OSError, RuntimeError):  # RuntimeError: there is no home
            continue
        return path
    return None


def _report(error: BaseException, arguments: Sequence[str]) -> str:
    lines = [
        "command: " + " ".join(map(repr, arguments)),
        f"python: {sys.version} on {platform.platform()}",
        *(f"{name}: {_version(name)}" for name in _PACKAGES),
        *(
            f"{name}={value}"
            for name, value in sorted(os.environ.items())
            if name.startswith(_VARIABLES)
        ),
        "",
        *traceback.format_exception(error),
    ]
    return "\n".join(lines)


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"
