"""Processes held inside a solve: what happens to them then depends on no clock."""

import os
from pathlib import Path

import pytest
from support.command_lines import wait_for


class Hold:
    """Holds processes that stylize, once they have iterated twice on a frame.

    Args:
        folder: how it and they speak to each other.

    Attributes:
        environment: what makes a process heed it, and those that it starts.
    """

    def __init__(self, folder: Path):
        self._folder = folder
        path = [str(Path(__file__).parent / "hold"), os.environ.get("PYTHONPATH", "")]
        self.environment = {
            "JVST_HOLD": str(folder),
            "PYTHONPATH": os.pathsep.join(filter(None, path)),
        }

    def once(self, pattern: Path) -> None:
        """Hold every process from when a path matches a pattern until ``release``."""
        temporary = self._folder / "pattern.new"
        temporary.write_text(str(pattern))
        temporary.replace(self._folder / "pattern")

    def held(self) -> list[int]:
        """The processes that wait."""
        return [int(path.name) for path in self._folder.iterdir() if path.name.isdigit()]

    def wait(self, process, count: int = 1) -> list[int]:
        """Return the processes that wait as soon as there are so many, while one works."""
        wait_for(lambda: len(self.held()) >= count, process)
        return self.held()

    def release(self) -> None:
        """Let all go on, and hold nobody any more."""
        (self._folder / "pattern").unlink(missing_ok=True)
        for number in self.held():
            (self._folder / str(number)).unlink()


@pytest.fixture(scope="session")
def holding(tmp_path_factory):
    """One for all tests: a cluster's processes keep their environment for longer than one."""
    return Hold(tmp_path_factory.mktemp("hold"))


@pytest.fixture
def hold(holding):
    yield holding
    holding.release()
