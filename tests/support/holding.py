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
        self._wishes = 0
        path = [str(Path(__file__).parent / "hold"), os.environ.get("PYTHONPATH", "")]
        self.environment = {
            "JVST_HOLD": str(folder),
            "PYTHONPATH": os.pathsep.join(filter(None, path)),
        }

    def once(self, pattern: Path) -> None:
        """Hold every process from when a path matches a pattern until ``release``."""
        self._wishes += 1
        temporary = self._folder / "wish.new"
        temporary.write_text(f"{self._wishes}\n{pattern}")
        temporary.replace(self._folder / "wish")

    def held(self) -> list[int]:
        """The processes that wait; none that was late for an earlier wish and is gone by now."""
        return [int(path.name.split("-")[1]) for path in self._folder.glob(f"{self._wishes}-*")]

    def wait(self, process, count: int = 1) -> list[int]:
        """Return the processes that wait as soon as there are so many, while one works."""
        wait_for(lambda: len(self.held()) >= count, process)
        return self.held()

    def release(self) -> None:
        """Let all go on, and hold nobody any more."""
        (self._folder / "wish").unlink(missing_ok=True)


@pytest.fixture(scope="session")
def holding(tmp_path_factory):
    """One for all tests: a cluster's processes keep their environment for longer than one."""
    return Hold(tmp_path_factory.mktemp("hold"))


@pytest.fixture
def hold(holding):
    yield holding
    holding.release()
