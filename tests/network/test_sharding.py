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
    ("case", "tolerance"),
    [
        (("max", "zeros", "small", "gram"), 1e-6),
        (("average", "replicate", "large", "gram"), 1e-6),
        # Eigenvectors of covariances that vary in few directions carry rounding much further.
        (("average", "replicate", "small", "wasserstein"), 1e-4),
    ],
)
def test_shared_pictures_have_the_slopes_of_plain_vmap(case, tolerance):
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
    assert max(differences.values()) < tolerance, differences
