"""The Python code in documents runs as it stands."""

import os
import socket
import subprocess
import sys

import pytest
from support.documents import DOCUMENTS, REPOSITORY, blocks

SNIPPETS = [
    block for document in DOCUMENTS for block in blocks(document) if block.language == "python"
]


def code_of(snippet):
    """The code, with errors at the lines of the document."""
    path = str(REPOSITORY / snippet.document)
    return compile("\n" * (snippet.line - 1) + snippet.text, path, "exec")


def name_of(snippet):
    return f"{snippet.document}:{snippet.line}"


def joins_hosts(snippet):
    """Tell whether a snippet begins by joining several hosts, which a process can do once."""
    return "jax.distributed" in snippet.text


def alone(snippet):
    """The snippet as a case; README's solves three frames with the networks that ship."""
    return pytest.param(snippet, marks=[pytest.mark.slow] * (snippet.document == "README.md"))


@pytest.mark.parametrize("snippet", [alone(s) for s in SNIPPETS if not joins_hosts(s)], ids=name_of)
def test_a_snippet_runs_by_itself(snippet, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    exec(code_of(snippet), {"__name__": "__main__"})


@pytest.mark.slow
@pytest.mark.parametrize("snippet", [s for s in SNIPPETS if joins_hosts(s)], ids=name_of)
def test_a_snippet_for_several_hosts_runs_on_one(snippet, tmp_path):
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{found.getsockname()[1]}"
    hosts = {"FIRST_HOST": address, "HOSTS": "1", "RANK": "0", "JAX_PLATFORMS": "cpu"}
    paths = {"PYTHONPATH": str(REPOSITORY)}
    result = subprocess.run(
        [sys.executable, "-c", snippet.text],
        env={**os.environ, **hosts, **paths},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr[-2000:]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["0001.png", "0002.png"]
