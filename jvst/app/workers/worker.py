"""A process that stylizes one shot after another, see ``jobs``.

``python -m jvst.app.workers.worker JOB PARENT``

Works on JOB, and then on those that its standard input names, a line of JSON each: a process that
stays starts, and loads its programs, once. After every job it writes the exit status that it would
have ended with to standard output, a line each; it leaves at the end of its input. What ends it
earlier, such as a lack of memory, ends one job only: a new process takes its place.
"""

import contextlib
import gc
import json
import os
import signal
import sys
import threading
import time
from pathlib import Path

from jvst.app.events import Event, Notice, Teller
from jvst.app.frames import stylize_task
from jvst.app.mending import mend
from jvst.app.options import config_from_dict
from jvst.app.store import RunStore
from jvst.app.task import Task, prepare_task
from jvst.app.workers.notes import CompilingNote
from jvst.errors import InputError

_LOOK_SECONDS = 0.5
#: A worker that was lost sight of ends on its own, and its machine with it, within this time.
_LOCK_SECONDS = 60.0


def work(job: str) -> int:
    """Stylize the shot that a job file describes and return the exit status.

    Raises:
        InputError: something in it can't be used.
    """
    try:
        options = json.loads(Path(job).read_text())
    except (OSError, ValueError) as error:
        raise InputError(
            f"{job} is not the job of a shot ({error}); run the command again"
        ) from error
    config = config_from_dict(options, source=job)
    task = prepare_task(config)
    with _store_once_free(config.output.run_dir) as store:
        _open_run(store, task)
        tell = Teller(CompilingNote(store.folder), _say_notices)
        for line in mend(store, task.clip.count, passes=config.time.passes):
            tell(Notice(line))
        stylize_task(task, store, tell)
    return 0


def main() -> int:
    """Work on jobs, first on the one that the command line names, while the parent runs.

    Returns:
        The status of the last one.
    """
    # Ctrl-C reaches the whole group of processes, but who started this one decides when it ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(signal, "SIGHUP"):  # so does a terminal that is closed; Windows has none
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    job, parent = sys.argv[1:]
    threading.Thread(target=_end_with_parent, args=(int(parent),), daemon=True).start()
    # Libraries print where they like; the answers go to a stream of their own.
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    with open(os.devnull, "w") as nowhere:  # noqa: PTH123
        os.dup2(nowhere.fileno(), 1)
    try:
        status = _status_of(job)
        print(status, file=answers)
        for line in sys.stdin:
            status = _status_of(json.loads(line))
            print(status, file=answers)
    except KeyboardInterrupt:
        return 130
    return status


def _status_of(job: str) -> int:
    """Work on a job, and say in a line what is wrong with it."""
    try:
        return work(job)
    except InputError as error:
        print(f"jvst: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    finally:
        # Arrays that only a cycle still holds would be in the next shot's way.
        gc.collect()


def _say_notices(event: Event) -> None:
    """Say what the command passes on to the user; all else it sees in the shot's folder."""
    if isinstance(event, Notice):
        print(f"jvst: {event.text}", file=sys.stderr)


def _store_once_free(folder: str) -> RunStore:
    """Open the shot's folder; a worker that was lost sight of may hold it a little longer."""
    deadline = time.monotonic() + _LOCK_SECONDS
    while True:
        try:
            return RunStore(folder)
        except InputError as error:
            if not isinstance(error.__cause__, BlockingIOError) or time.monotonic() > deadline:
                raise
            time.sleep(_LOOK_SECONDS)


def _open_run(store: RunStore, task: Task) -> None:
    """Go on with the shot, or begin again where another run has left something."""
    try:
        store.open_run(task.manifest(), fresh=False)
    except InputError:
        # The command has made sure of the run as a whole; the folder holds no other work.
        store.begin_shot(task.manifest())


def _end_with_parent(parent: int) -> None:
    """Leave at once when the parent has ended: the next command will need the folder."""
    while os.getppid() == parent:
        time.sleep(_LOOK_SECONDS)
    with contextlib.suppress(Exception):
        print("jvst: the command that started this worker is gone", file=sys.stderr)
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main())
