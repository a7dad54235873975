"""Runs that go on with what their frames have handed on."""

import threading

import numpy as np
import pytest
from support.command_lines import FRAMES, states

from jvst.app.carried import CarriedOn
from jvst.app.claims import CARRIED, INTERRUPTED
from jvst.app.cli.main import parse
from jvst.app.events import FramesStarted
from jvst.app.run import look_at, run
from jvst.app.store import RunStore
from jvst.film.events import FrameDone
from jvst.solver.curvature import no_curvature


def run_line(line, **options):
    return run(look_at(parse(line)), **options)


def stopped_after(index, line):
    """Stop a run once a frame is done."""
    cancel = threading.Event()

    def listen(event):
        if isinstance(event, FrameDone) and event.index == index:
            cancel.set()

    return run_line(line, on_event=listen, cancel=cancel)


@pytest.mark.parametrize(
    ("keep", "lost", "finished"),
    [
        ("all", (), 2),
        ("pictures", (), 2),
        ("all", (CARRIED,), 1),
        ("pictures", (CARRIED,), 0),  # the second frame needs the first one's state
        ("all", (CARRIED, INTERRUPTED), 1),
        ("pictures", (CARRIED, INTERRUPTED), 0),
    ],
)
def test_a_run_goes_on_to_the_same_bits_from_the_last_frame_whose_is_kept(
    command, keep, lost, finished
):
    own = "--keep", keep
    whole = run_line(command(run_dir="whole"))
    stopped = stopped_after(1, command(*own))
    assert stopped.cancelled and (stopped.folder / CARRIED).exists()
    for name in lost:
        (stopped.folder / name).unlink(missing_ok=True)
    told = []
    assert run_line(command(*own), on_event=told.append).video is not None
    (begun,) = [event for event in told if isinstance(event, FramesStarted)]
    # A run that is killed may have neither: it goes back to a frame that is given nothing.
    assert begun.finished == finished
    pictures = "pictures"
    for number in range(1, FRAMES + 1):
        one, two = (
            (r / pictures / f"{number:04d}.png").read_bytes()
            for r in (whole.folder, stopped.folder)
        )
        assert one == two
    if keep == "all":
        for one, two in zip(states(whole.folder), states(stopped.folder), strict=True):
            np.testing.assert_array_equal(one, two)
    assert not (stopped.folder / CARRIED).exists()


def test_what_is_handed_on_is_kept_every_twenty_seconds_and_at_the_end(tmp_path):
    clock = iter((0.0, 5.0, 21.0, 21.0, 30.0, 41.5, 41.5))
    with RunStore(tmp_path / "run") as store:
        carried = CarriedOn(store, now=lambda: next(clock))
        kept = []
        for index in range(4):
            carried.done(index, no_curvature((4, 5, 3), 2)._replace(gamma=np.float32(index)))
            kept.append(carried.index)
        assert kept == [None, 1, 1, 3]
        assert carried.after(2) is None
        assert float(carried.after(3).gamma) == 3.0
        carried.forget()
        assert carried.after(3) is None


def test_what_a_damaged_file_holds_is_not_used(tmp_path):
    with RunStore(tmp_path / "run") as store:
        store.save_kept(CARRIED, [1], [np.zeros(3)])
        assert CarriedOn(store).after(1) is None
        (store.folder / CARRIED).write_bytes(b"PK and nothing else")
        assert CarriedOn(store).after(1) is None
