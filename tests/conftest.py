"""Checks every annotation of jvst while the tests run; warnings and mixed dtypes are errors."""

import os
import tempfile
from pathlib import Path

import jax
import pytest
from jaxtyping import install_import_hook

# A cache of its own: nothing of the person's is read or written, and a program that several
# tests need is compiled once.
# Worker processes inherit it.
if "JVST_TESTS" not in os.environ:
    _cache = tempfile.TemporaryDirectory(prefix="jvst-tests-")
    os.environ["JVST_TESTS"] = os.environ["JVST_CACHE"] = _cache.name
jax.config.update("jax_compilation_cache_dir", str(Path(os.environ["JVST_TESTS"]) / "programs"))
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.3)

install_import_hook("jvst", "beartype.beartype")
jax.config.update("jax_numpy_dtype_promotion", "strict")

pytest_plugins = [
    "support.command_lines",
    "support.holding",
    "support.ray_cluster",
    "support.shots_at_work",
]


@pytest.fixture(scope="session")
def shared():
    """The reference data that stands beside a checkout, where it does."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the reference data (../shared/data) is not on this machine")
    return folder
