"""What all tests share: checked annotations, strict dtypes, compiled programs."""

import gc
import importlib.metadata
import os
import statistics
import tempfile
import time
from pathlib import Path

# A cache of its own: nothing of the user's is read or written. The first process of a run makes
# it; those that it starts, pytest-xdist's among them, inherit it and share its programs.
if "JVST_TESTS" not in os.environ:
    _cache = tempfile.TemporaryDirectory(prefix="jvst-tests-")
    os.environ["JVST_TESTS"] = os.environ["JVST_CACHE"] = _cache.name
os.environ["JAX_COMPILATION_CACHE_DIR"] = str(Path(os.environ["JVST_TESTS"]) / "programs")
os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0.3"
# Most programs here run once, on small pictures: what takes time is to compile them.
# `make test-slow` sets this to 0 and compiles as users do.
_sooner = os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "1") == "1"
_jaxlib = tuple(map(int, importlib.metadata.version("jaxlib").split(".")[:2]))
if _sooner and _jaxlib < (0, 11):  # later ones don't know the option
    # Half of that time would go into kernels for fused operations; plain ones compute the same.
    _plain, _flags = "--xla_cpu_use_fusion_emitters=false", os.environ.get("XLA_FLAGS", "")
    os.environ["XLA_FLAGS"] = _flags if _plain in _flags else f"{_flags} {_plain}".strip()

import jax
import numpy as np
import pytest
from jaxtyping import install_import_hook

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


# Of the many objects that are made until the tests are collected none becomes garbage.
gc.disable()


def pytest_collection_finish():
    """Leave what has been made so far out of every later collection of garbage."""
    gc.freeze()
    gc.enable()


def matrix_product() -> float:
    """Return the milliseconds that a product of two 1024×1024 matrices takes."""
    matrix, milliseconds = np.full((1024, 1024), 0.5, np.float32), []
    for _ in range(5):
        begun = time.perf_counter()
        matrix @ matrix
        milliseconds.append(1e3 * (time.perf_counter() - begun))
    return statistics.median(milliseconds)


_BEFORE = pytest.StashKey[float]()


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session):
    if not hasattr(session.config, "workerinput"):
        session.config.stash[_BEFORE] = matrix_product()


def pytest_terminal_summary(terminalreporter, config):
    """Tell how busy the machine is: that is what a duration means."""
    terminalreporter.write_line(
        f"product of two 1024×1024 matrices: {config.stash[_BEFORE]:.0f} ms before the tests, "
        f"{matrix_product():.0f} ms after them"
    )
