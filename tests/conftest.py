"""Checks every annotation of jvst while the tests run; warnings and mixed dtypes are errors."""

import jax
import pytest
from jaxtyping import install_import_hook

install_import_hook("jvst", "beartype.beartype")
jax.config.update("jax_numpy_dtype_promotion", "strict")


@pytest.fixture(scope="session")
def shared():
    """The reference data that stands beside a checkout, where it does."""
    from pathlib import Path

    folder = Path(__file__).resolve().parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the reference data (../shared/data) is not on this machine")
    return folder
