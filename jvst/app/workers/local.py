"""Workers on this machine: processes that take several shots."""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import jax

from jvst.app.workers.pool import Outcome
from jvst.errors import InputError

#: Part of a GPU's memory that JAX takes by itself is three quarters, which fits but one process.
_SHARED_MEMORY = 0.9


class LocalPool:
    """Some processes on this machine, shared out among its GPUs where it has any.

    A process begins with the first shot for which none is idle, and stays until the pool is
    closed: a shot begins seconds earlier where imports, network and programs are there. One that
    was lost is replaced.

    Args:
        size: how many shots are worked on at once.

    Raises:
        InputError: the machine's device takes one process only.
    """

    def __init__(self, size: int):
        platform = jax.default_backend()
        if platform == "tpu":
            raise InputError(
                f"`jobs` is {size}, but a TPU takes one process at a time; leave `jobs` out"
            )
        self.size = size
        self._gpus = 0 if platform == "cpu" else len(jax.local_devices())
        self._processes: dict[int, LocalProcess] = {}

    def __enter__(self) -> "LocalPool":
        """Return the pool itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """End all processes."""
        for process in self._processes.values():
            process.close()

    def start(self, job: Path) -> "LocalWorker":
        """Begin a shot in a process that has none, or in a new one."""
        for process in self._processes.values():
            if process.idle() and (worker := process.take(job)) is not None:
                return worker
        slot = next(
            slot
            for slot in range(len(self._processes) + 1)
            if slot not in self._processes or self._processes[slot].ended()
        )
        if slot in self._processes:
            self._processes[slot].close()
        environment = dict(os.environ) | device_choice(slot, self.size, self._gpus, os.environ)
        self._processes[slot] = LocalProcess(job, environment)
        return self._processes[slot].worker


class LocalProcess:
    """One process, which works on one shot at a time.

    Args:
        job: what it works on first.
        environment: its environment variables.

    Attributes:
        worker: the shot that it works on, or has worked on last.
    """

    def __init__(self, job: Path, environment: Mapping[str, str]):
        # A file, not a pipe: a pipe that is not read would fill up.
        self._said = tempfile.TemporaryFile()  # noqa: SIM115
        self._process = subprocess.Popen(
            [sys.executable, "-m", "jvst.app.workers.worker", str(job), str(os.getpid())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            env=environment,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._jobs, self._answers = self._process.stdin, self._process.stdout
        os.set_blocking(self._answers.fileno(), False)
        self._heard = b""
        self._told = 0  # bytes of what it said that belong to earlier shots
        self.worker = LocalWorker(self)

    def idle(self) -> bool:
        """Tell whether it waits for a shot."""
        return self.worker.outcome() is not None and not self.ended()

    def ended(self) -> bool:
        """Tell whether it is gone."""
        return self._process.poll() is not None

    def take(self, job: Path) -> "LocalWorker | None":
        """Give it its next shot; None when it is gone by now."""
        try:
            self._jobs.write(json.dumps(str(job)).encode() + b"\n")
            self._jobs.flush()
        except OSError:
            return None
        self.worker = LocalWorker(self)
        return self.worker

    def answer(self) -> Outcome | None:
        """Return how its shot ended, None while it works; to be asked once a shot."""
        ended = self._process.poll()  # first: what it answered before it ended is there then
        with contextlib.suppress(BlockingIOError):
            self._heard += os.read(self._answers.fileno(), 4096)
        line, newline, rest = self._heard.partition(b"\n")
        if newline:
            self._heard = rest
            return Outcome(int(line), self._words())
        return None if ended is None else Outcome(ended, self._words())

    def stop(self) -> None:
        """Ask it to keep the frame that it is at, and to end."""
        self._process.terminate()

    def kill(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()

    def close(self) -> None:
        """End it at once; an idle process has no work to lose."""
        self.kill()
        self.worker.outcome()  # it may be asked for later
        for pipe in (self._jobs, self._answers, self._said):
            with contextlib.suppress(OSError):
                pipe.close()

    def _words(self) -> str:
        """Return what it said during its shot."""
        # pread: the process goes on writing at the place that a seek would move.
        said = os.pread(self._said.fileno(), os.fstat(self._said.fileno()).st_size, 0)
        words = said[self._told :]
        self._told = len(said)
        return words.decode(errors="replace")


class LocalWorker:
    """A shot that a process works on.

    Args:
        process: which.
    """

    def __init__(self, process: LocalProcess):
        self._process = process
        self._outcome: Outcome | None = None

    def outcome(self) -> Outcome | None:
        """Return how it ended, None while it is worked on."""
        if self._outcome is None:
            self._outcome = self._process.answer()
        return self._outcome

    def stop(self) -> None:
        """Ask the process to keep the frame that it is at, and to end."""
        self._process.stop()

    def kill(self) -> None:
        """End the process."""
        self._process.kill()


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
