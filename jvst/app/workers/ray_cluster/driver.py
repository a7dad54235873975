"""The process that joins a Ray cluster for the command.

Requests and answers are lines of JSON.

``python -m jvst.app.workers.ray_cluster.driver ADDRESS``

Reads ``{"start": NUMBER, "job": FILE}``, ``{"stop": NUMBER}`` and ``{"kill": NUMBER}``, and leaves
at the end of its input. Writes ``{"size": NUMBER}`` now and then, a sign of life, and
``{"ended": NUMBER, "status": STATUS, "said": TEXT}``.
"""

import contextlib
import importlib
import json
import os
import queue
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any, TextIO

#: XLA's convolutions gain little from more cores at the sizes of frames.
_CORES = 4
_LOOK_SECONDS = 0.2
_SIZE_SECONDS = 5.0
_LOST = -1


def main() -> None:
    """Serve until the input ends or the cluster is gone."""
    # Ray and its libraries print where they like; the answers go to a stream of their own.
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    cluster = Cluster(sys.argv[1])
    commands: queue.Queue[dict[str, Any] | None] = queue.Queue()
    threading.Thread(target=_read, args=(sys.stdin, commands), daemon=True).start()
    looked = -_SIZE_SECONDS
    while True:
        if time.monotonic() - looked >= _SIZE_SECONDS:
            print(json.dumps({"size": cluster.size()}), file=answers)
            looked = time.monotonic()
        try:
            command = commands.get(timeout=_LOOK_SECONDS)
        except queue.Empty:
            command = {}
        if command is None:
            return
        cluster.obey(command)
        for number, status, said in cluster.ended():
            print(json.dumps({"ended": number, "status": status, "said": said}), file=answers)


class Cluster:
    """The tasks of one command in a Ray cluster.

    Args:
        address: as ``ray.init`` takes it.
    """

    def __init__(self, address: str):
        # By name: Ray is an extra, and type checkers need not know of it.
        self._ray: Any = importlib.import_module("ray")
        self._ray.init(address=address, log_to_driver=False, logging_level="ERROR")
        resources = self._ray.cluster_resources()
        self._kind = "GPU" if resources.get("GPU", 0) >= 1 else "CPU"
        largest = max(
            (node["Resources"].get("CPU", 1) for node in self._ray.nodes() if node["Alive"]),
            default=1,
        )
        self._each = 1 if self._kind == "GPU" else max(min(_CORES, int(largest)), 1)
        # No retries of Ray's own: the command counts, and looks at what was kept.
        asked = {"num_gpus": 1} if self._kind == "GPU" else {"num_cpus": self._each}
        self._task = self._ray.remote(max_retries=0, **asked)(work)
        self._running: dict[Any, int] = {}
        self._marks: dict[int, Path] = {}

    def size(self) -> int:
        """Return how many shots fit in at once; machines come and go."""
        return max(int(self._ray.cluster_resources().get(self._kind, 0)) // self._each, 1)

    def obey(self, command: dict[str, Any]) -> None:
        """Begin a task or end one."""
        if "start" in command:
            mark = self._marks[command["start"]] = stop_mark(command["job"])
            mark.unlink(missing_ok=True)
            reference = self._task.remote(command["job"], str(Path.cwd()))
            self._running[reference] = command["start"]
        if "stop" in command:
            # Beside Ray's way, which reaches a task that waits for its turn, and can pass one that
            # works: what it raises in a task may be lost in a library's own clean-up.
            with contextlib.suppress(OSError):
                self._marks[command["stop"]].touch()
        for reference, number in self._running.items():
            if number in (command.get("stop"), command.get("kill")):
                self._ray.cancel(reference, force="kill" in command)

    def ended(self) -> list[tuple[int, int, str]]:
        """Return number, status and last words of the tasks that have ended since."""
        if not self._running:
            return []
        references = list(self._running)
        ready, _ = self._ray.wait(references, num_returns=len(references), timeout=0)
        return [(self._running.pop(reference), *self._result(reference)) for reference in ready]

    def _result(self, reference: Any) -> tuple[int, str]:
        try:
            return self._ray.get(reference)
        except self._ray.exceptions.TaskCancelledError:
            return 130, ""
        except Exception as error:
            lines = str(error).strip().splitlines()
            return _LOST, f"{type(error).__name__}: {lines[0] if lines else ''}"


def stop_mark(job: str) -> Path:
    """Return the file whose being there asks a task to end.

    Args:
        job: of the shot.
    """
    return Path(job).with_name("stop")


def work(job: str, folder: str) -> tuple[int, str]:
    """Work on a shot on some machine; returns the exit status and what was said.

    Runs in Ray's worker, where nothing but this function is known.
    """
    machine = socket.gethostname()
    if not Path(job).exists():
        return 2, (
            f"{machine} of the cluster does not see {job}; expected `run_dir` and all inputs on "
            "storage that every machine sees under the same path"
        )
    # Ray lets a task's libraries use one core; on one machine they are not held back.
    environment = {k: v for k, v in os.environ.items() if k != "OMP_NUM_THREADS"}
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "jvst.app.workers.worker", job, str(os.getpid())],
            cwd=folder if Path(folder).is_dir() else None,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=said,
            env=environment,
        )
        try:
            # A look now and then: a cancelled task hears of it between two steps only.
            mark = Path(job).with_name("stop")
            while process.poll() is None:
                if mark.exists():
                    process.terminate()
                    process.wait()
                time.sleep(0.2)
        except BaseException:
            process.terminate()
            process.wait()
            raise
        said.seek(0)
        text = said.read().decode(errors="replace")
    if "No module named" in text and "jvst" in text.strip().splitlines()[-1]:
        return 2, f"{machine} of the cluster lacks jvst in {sys.executable}; install it there, too"
    return process.returncode, text


def _read(lines: TextIO, commands: "queue.Queue[dict[str, Any] | None]") -> None:
    for line in lines:
        commands.put(json.loads(line))
    commands.put(None)


if __name__ == "__main__":
    main()
