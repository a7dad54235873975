"""Where jvst keeps what it can make or fetch again."""

import os
from pathlib import Path

import platformdirs


def user_cache(name: str) -> Path:
    """Return a folder of the user's cache; the environment variable ``JVST_CACHE`` moves it.

    Args:
        name: what is kept there, such as ``weights``, ``flow`` or ``programs``.
    """
    base = os.environ.get("JVST_CACHE") or platformdirs.user_cache_dir("jvst")
    return Path(base).expanduser() / name
