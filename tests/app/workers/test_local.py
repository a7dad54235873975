"""Processes of this machine that work on shots: how they stay, and commands that lose them."""

import signal
import time

import numpy as np
import pytest
from support import shots_at_work
from support.command_lines import states
from support.shots_at_work import assert_same_frames

from jvst.app.cli.main import run_command
from jvst.app.workers.local import LocalPool, device_choice
from jvst.flow import write_flow


@pytest.mark.parametrize(
    ("slot", "size", "gpus", "given", "chosen"),
    [
        (1, 2, 0, {}, None),
        (1, 2, 2, {}, ("1", "0.90")),
        (3, 4, 2, {}, ("1", "0.45")),
        (1, 2, 2, {"CUDA_VISIBLE_DEVICES": "4,7"}, ("7", "0.90")),
        (1, 2, 1, {}, ("0", "0.45")),
    ],
)
def test_gpus_and_their_memory_are_shared_out(slot, size, gpus, given, chosen):
    choice = device_choice(slot, size, gpus, given)
    assert tuple(choice.values()) == (chosen or ())


def ended(worker):
    deadline = time.monotonic() + 300  # only ends a test that hangs
    while worker.outcome() is None:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return worker.outcome()


@pytest.mark.slow
def test_a_process_stays_for_the_next_shot_and_is_replaced_when_it_is_lost(tmp_path):
    with LocalPool(1) as pool:
        first = pool.start(tmp_path / "first.json")
        assert ended(first).status == 2
        assert "first.json" in first.outcome().said
        (process,) = pool._processes.values()
        second = pool.start(tmp_path / "second.json")
        assert ended(second).status == 2
        assert "second.json" in second.outcome().said
        assert "first.json" not in second.outcome().said
        assert "second.json" not in first.outcome().said  # as often as it is asked
        assert list(pool._processes.values()) == [process]
        process.kill()
        third = pool.start(tmp_path / "third.json")
        assert "third.json" in ended(third).said
        (other,) = pool._processes.values()
        assert other is not process
        third.stop()  # too late, and no harm
    assert other.ended()


def test_how_a_lost_shot_ended_is_known_after_its_process_was_replaced(tmp_path):
    with LocalPool(1) as pool:
        worker = pool.start(tmp_path / "first.json")
        (process,) = pool._processes.values()
        process.kill()  # and nobody has looked yet
        pool.start(tmp_path / "second.json")
        assert process not in pool._processes.values()
        assert worker.outcome().status == -signal.SIGKILL


JOBS = ("--jobs", "2")


@pytest.mark.slow
@pytest.mark.parametrize(
    "extra",
    [(), ("--passes", "2", "--pass-iterations", "4", "--batch", "1"), ("--cuts", "1,2,3")],
    ids=["one pass", "two passes", "a cut on every frame"],
)
def test_two_processes_give_bit_for_bit_what_one_gives(command, film, tmp_path, extra):
    line = ("--clip", str(film), "--cuts", "2", *extra)
    assert run_command(command(*line, run_dir="whole")) == 0
    assert run_command(command(*line, *JOBS)) == 0
    assert_same_frames(tmp_path / "run", states(tmp_path / "whole"))


@pytest.mark.slow
def test_a_clip_without_cuts_needs_no_second_process(command, film, tmp_path):
    assert run_command(command("--clip", str(film), "--cuts", "none", *JOBS)) == 0
    assert len(states(tmp_path / "run")) == 4
    assert not (tmp_path / "run" / "shots").exists()


@pytest.mark.slow
def test_a_worker_killed_in_mid_frame_changes_nothing(long_run, tmp_path, whole, hold):
    shots_at_work.a_killed_worker_is_replaced(long_run(*JOBS), tmp_path / "run", whole, hold)


@pytest.mark.slow
def test_a_worker_killed_in_its_second_shot_changes_nothing(command, film, tmp_path, hold):
    line = ("--clip", str(film), "--cuts", "1,2,3", "--tolerance", "0")
    long = ("120", "120")
    assert run_command(command(*line, iterations=long, run_dir="whole")) == 0
    shots_at_work.workers_killed_in_a_later_shot_are_replaced(
        command(*line, *JOBS, iterations=long), tmp_path / "run", states(tmp_path / "whole"), hold
    )


@pytest.mark.slow
def test_the_workers_of_a_killed_command_end_and_the_next_one_goes_on(
    long_run, tmp_path, whole, hold
):
    shots_at_work.a_killed_command_takes_its_workers_along_and_goes_on(
        long_run(*JOBS), tmp_path / "run", whole, hold
    )


@pytest.mark.slow
def test_ctrl_c_keeps_every_shot_where_it_is(long_run, tmp_path, whole, hold):
    shots_at_work.an_interrupted_command_keeps_every_shot_and_goes_on(
        long_run(*JOBS), tmp_path / "run", whole, hold
    )


@pytest.mark.slow
def test_a_second_command_is_kept_out_and_leaves_the_shots_alone(long_run, tmp_path, capsys, hold):
    run = tmp_path / "run"
    process = shots_at_work.start_and_hold_in_a_second_frame(long_run(*JOBS), run, hold)
    working = set(shots_at_work.workers_of(run))
    assert run_command(long_run(*JOBS)) == 2
    assert "another run works" in capsys.readouterr().err
    assert working <= set(shots_at_work.workers_of(run))
    process.kill()
    process.communicate()
    shots_at_work.wait_until_no_worker_is_left(run)


def fields_but_the_last(folder):
    """Write flow that stands still, and a last field that is found to be none when it is read."""
    still = np.zeros((41, 48, 2), np.float32)
    for here, there in ((1, 2), (2, 1), (3, 4), (4, 3)):
        write_flow(folder / f"flow_{here}_{there}.flo", still)
    path = folder / "flow_4_3.flo"
    path.write_bytes(path.read_bytes()[:-8] + np.full(2, np.nan, np.float32).tobytes())
    return still


@pytest.mark.slow
def test_a_shot_without_its_flow_fails_alone_and_can_be_mended(command, film, tmp_path, capsys):
    still = fields_but_the_last(tmp_path)
    flow = f"files:{tmp_path}/flow_{{from}}_{{to}}.flo"
    line = command("--clip", str(film), "--cuts", "2", "--flow", flow, *JOBS)
    assert run_command(line) == 1
    said = capsys.readouterr().err.strip().splitlines()
    assert len(said) == 1
    assert "frames 3 to 4 failed" in said[0]
    assert "flow_4_3.flo" in said[0]
    assert "2 of 4 frames are finished" in said[0]
    assert len(states(tmp_path / "run")) == 2
    write_flow(tmp_path / "flow_4_3.flo", still)
    assert run_command(line) == 0
    assert len(states(tmp_path / "run")) == 4


@pytest.mark.slow
def test_what_an_older_run_left_in_a_shot_does_not_stay(long_run, tmp_path, whole, hold):
    run = tmp_path / "run"
    older = long_run("--seed", "5", *JOBS)
    process = shots_at_work.start_and_hold_in_a_second_frame(older, run, hold)
    process.kill()
    process.communicate()
    shots_at_work.wait_until_no_worker_is_left(run)
    assert list(run.glob("shots/*/frames/*.npy"))
    assert run_command(long_run("--fresh", *JOBS)) == 0
    assert_same_frames(run, whole)


@pytest.mark.slow
def test_several_passes_begun_side_by_side_are_finished_by_one_process(command, film, tmp_path):
    still = fields_but_the_last(tmp_path)
    flow = f"files:{tmp_path}/flow_{{from}}_{{to}}.flo"
    passes = ("--passes", "2", "--pass-iterations", "4")
    line = command("--clip", str(film), "--cuts", "2", "--flow", flow, *passes)
    assert run_command([*line, *JOBS]) == 1  # the last shot has no field
    write_flow(tmp_path / "flow_4_3.flo", still)
    assert run_command(line) == 0
    assert len(states(tmp_path / "run")) == 4
