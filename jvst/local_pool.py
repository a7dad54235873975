"""Workers on this machine: a process for each shot."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import jax

from jvst.errors import InputError
from jvst.shot_pool import Outcome

#: Part of a GPU's memory that JAX takes by itself is three quarters, which fits but one process.
_SHARED_MEMORY = 0.9


class LocalPool:
    """Some processes on this machine, shared out among its GPUs where it has any.

    Args:
        size: how many shots are worked on at once.

    Raises:
        InputError: the machine's device takes one process only.
    """

    def __init__(self, size: int):
        platform = jax.default_backend()
        if platform == "tpu":
            raise InputError(
                f"--jobs is {size}, but a TPU takes one process at a time; leave --jobs out"
            )
        self.size = size
        self._gpus = 0 if platform == "cpu" else len(jax.local_devices())
        self._workers: dict[int, LocalWorker] = {}

    def start(self, job: Path) -> "LocalWorker":
        """Begin a shot in a process of its own."""
        free = (
            slot
            for slot in range(len(self._workers) + 1)
            if slot not in self._workers or self._workers[slot].outcome() is not None
        )
        slot = next(free)
        environment = dict(os.environ) | device_choice(slot, self.size, self._gpus, os.environ)
        self._workers[slot] = LocalWorker(job, environment)
        return self._workers[slot]


class LocalWorker:
    """One process.

    Args:
        job: what it works on.
        environment: its environment variables.
    """

    def __init__(self, job: Path, environment: Mapping[str, str]):
        # A file, not a pipe: nobody reads while it works.
        self._said = tempfile.TemporaryFile()  # noqa: SIM115
        self._process = subprocess.Popen(
            [sys.executable, "-m", "jvst.shot_worker", str(job), str(os.getpid())],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=self._said,
            env=environment,
        )
        self._outcome: Outcome | None = None

    def outcome(self) -> Outcome | None:
        """Return how the process ended, None while it works."""
        if self._outcome is None and (status := self._process.poll()) is not None:
            self._said.seek(0)
            self._outcome = Outcome(status, self._said.read().decode(errors="replace"))
            self._said.close()
        return self._outcome

    def stop(self) -> None:
        """Ask the process to keep the frame that it is at, and to end."""
        self._process.terminate()

    def kill(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()


def device_choice(slot: int, size: int, gpus: int, given: Mapping[str, str]) -> dict[str, str]:
    """Return the environment variables that give a process its GPU, and its part of the memory.

    Args:
        slot: which of the processes that run at once.
        size: how many do.
        gpus: number of GPUs of this process; 0 on a machine without.
        given: its environment variables.
    """
    if not gpus:
        return {}
    visible = [name for name in given.get("CUDA_VISIBLE_DEVICES", "").split(",") if name]
    names = visible or [str(number) for number in range(gpus)]
    share = _SHARED_MEMORY * gpus / max(size, gpus)
    return {
        "CUDA_VISIBLE_DEVICES": names[slot % len(names)],
        "XLA_PYTHON_CLIENT_MEM_FRACTION": f"{share:.2f}",
    }
