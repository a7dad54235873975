"""What can't be meant is refused in words: the argument, what was given, what is expected."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.wrong_calls import WRONG

TESTS = Path(__file__).resolve().parent


@pytest.fixture(scope="module")
def messages():
    """What a process without checked annotations is told of each call."""
    result = subprocess.run(
        [sys.executable, "-m", "support.wrong_calls"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS.parent), str(TESTS)])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr[-2000:]
    return json.loads(result.stdout)


@pytest.mark.parametrize("name", WRONG)
def test_a_call_that_cannot_be_meant_is_refused_in_words(name, messages):
    assert messages[name].startswith(WRONG[name].message)
    assert "\n" not in messages[name]
