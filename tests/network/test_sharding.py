"""Pictures that several devices share have the gradients that one device finds."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]


@pytest.mark.slow
@pytest.mark.parametrize(
    "case",
    [
        ("max", "zeros", "small", "gram"),
        ("average", "replicate", "small", "wasserstein"),
        ("average", "replicate", "large", "gram"),
    ],
)
def test_shared_pictures_have_the_slopes_of_plain_vmap(case):
    result = subprocess.run(
        [sys.executable, "-m", "support.sharded", *case],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS.parent), str(TESTS)])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr[-3000:]
    differences = json.loads(result.stdout)
    assert len(differences) == 8
    # A convolution of one picture sums in another order than that of four.
    assert max(differences.values()) < 1e-6, differences
