"""The command's side of a Ray cluster."""

import contextlib
import importlib.util
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from jvst.app.workers.pool import FailedShotsError, Outcome
from jvst.errors import InputError

#: A machine that is up accepts a connection at once.
_CONNECT_SECONDS = 5.0
#: Joining a cluster takes a few seconds; Ray itself would go on trying for minutes.
_JOIN_SECONDS = 30.0
#: The driver says something every five seconds, unless a busy machine holds up Ray's answers.
_SILENT_SECONDS = 120.0
_LOOK_SECONDS = 0.1
_START = (
    "start one with `ray start --head` on one machine and `ray start --address HOST:6379` on "
    "the others"
)


class RayPool:
    """Tasks in a Ray cluster: one GPU each, or some cores where it has no GPU.

    Args:
        address: ``auto``, which is the cluster that this machine is part of or that ``RAY_ADDRESS``
            names, or HOST:PORT, or ray://HOST:PORT.

    Raises:
        InputError: Ray is not installed, or no cluster answers there.
    """

    def __init__(self, address: str):
        if importlib.util.find_spec("ray") is None:
            raise InputError(
                f"`cluster` is {address!r}, but Ray is not installed; get it with "
                "pip install 'jvst[cluster]'"
            )
        self.address = address
        place = (address == "auto" and os.environ.get("RAY_ADDRESS")) or address
        if place != "auto":
            _probe(place)
        self._ended: dict[int, Outcome] = {}
        self._started, self._heard, self._gone = 0, time.monotonic(), False
        self._size = 0
        self._noise = tempfile.TemporaryFile()  # noqa: SIM115
        self._driver = subprocess.Popen(
            [sys.executable, "-m", "jvst.app.workers.ray_cluster.driver", place],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._noise,
            text=True,
            env=os.environ | {"RAY_USAGE_STATS_ENABLED": "0"},
            # Ctrl-C is for the command, which then stops the tasks through the driver.
            process_group=0,
        )
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()
        try:
            self._join()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> "RayPool":
        """Return the pool itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the cluster."""
        self.close()

    @property
    def size(self) -> int:
        """Number of shots that fit into the cluster at once."""
        return self._size

    def start(self, job: Path) -> "RayWorker":
        """Begin a shot in a task of its own.

        Raises:
            FailedShotsError: the cluster is gone.
        """
        self._started += 1
        self.tell({"start": self._started, "job": str(job)})
        return RayWorker(self, self._started)

    def ended(self, number: int) -> Outcome | None:
        """Return how a task ended, None while it works or waits.

        Raises:
            FailedShotsError: the cluster is gone.
        """
        if number not in self._ended:
            self._check()
        return self._ended.get(number)

    def tell(self, command: dict[str, int | str]) -> None:
        """Give the driver a command.

        Raises:
            FailedShotsError: the cluster is gone.
        """
        self._check()
        assert self._driver.stdin is not None
        try:
            self._driver.stdin.write(json.dumps(command) + "\n")
            self._driver.stdin.flush()
        except OSError as error:
            raise self._lost() from error

    def close(self) -> None:
        """End the driver; the tasks that still run end with it."""
        assert self._driver.stdin is not None
        with contextlib.suppress(OSError):
            self._driver.stdin.close()
        try:
            self._driver.wait(_CONNECT_SECONDS)
        except subprocess.TimeoutExpired:
            self._driver.kill()
            self._driver.wait()
        self._listener.join()
        assert self._driver.stdout is not None
        self._driver.stdout.close()
        self._noise.close()

    def _join(self) -> None:
        """Wait until the driver is part of the cluster."""
        deadline = time.monotonic() + _JOIN_SECONDS
        while not self._size:
            if self._gone or time.monotonic() > deadline:
                said = self._last_words()
                raise InputError(
                    f"`cluster` is {self.address!r}, but "
                    + (
                        f"no cluster runs on this machine; {_START}"
                        if "Could not find any running Ray instance" in said
                        else f"it can't be joined ({said or 'no answer'}); expected a Ray cluster "
                        "of the same versions of Ray and Python that this machine is part of"
                    )
                )
            time.sleep(_LOOK_SECONDS)

    def _listen(self) -> None:
        assert self._driver.stdout is not None
        for line in self._driver.stdout:
            said = json.loads(line)
            self._heard = time.monotonic()
            self._size = said.get("size", self._size)
            if "ended" in said:
                self._ended[said["ended"]] = Outcome(said["status"], said["said"])
        self._gone = True

    def _check(self) -> None:
        if self._gone or time.monotonic() - self._heard > _SILENT_SECONDS:
            raise self._lost()

    def _lost(self) -> FailedShotsError:
        return FailedShotsError(
            f"the Ray cluster at {self.address} is gone; the same command goes on once it is "
            "there again, or without `cluster`"
        )

    def _last_words(self) -> str:
        """Return the last line that the driver or Ray wrote, without the time and place."""
        self._noise.seek(0)
        lines = self._noise.read().decode(errors="replace").strip().splitlines()
        return re.sub(r"^(\[[^\]]*\]|[\w.]+Error:|\S+:\d+:|\s)+", "", lines[-1]) if lines else ""


class RayWorker:
    """A task in the cluster.

    Args:
        pool: the pool that is told how tasks end.
        number: which task.
    """

    def __init__(self, pool: RayPool, number: int):
        self._pool, self._number = pool, number

    def outcome(self) -> Outcome | None:
        """Return how it ended, None while it works or waits for its turn."""
        return self._pool.ended(self._number)

    def stop(self) -> None:
        """Ask it to keep the frame that it is at, and to end."""
        self._pool.tell({"stop": self._number})

    def kill(self) -> None:
        """End it."""
        self._pool.tell({"kill": self._number})


def _probe(place: str) -> None:
    """Check that HOST:PORT accepts connections.

    Raises:
        InputError: text of another form, or no connection.
    """
    host, colon, port = place.removeprefix("ray://").rpartition(":")
    if not (colon and host and port.isdecimal() and int(port) < 2**16):
        raise InputError(f"`cluster` is {place!r}; expected auto or HOST:PORT, such as head:6379")
    try:
        socket.create_connection((host.strip("[]"), int(port)), _CONNECT_SECONDS).close()
    except OSError as error:
        reason = error.strerror or str(error) or type(error).__name__
        raise InputError(
            f"`cluster` is {place!r}, but nothing answers there ({reason}); {_START}"
        ) from error
