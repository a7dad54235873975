"""A Ray cluster on this machine: the same frames, lost workers, clusters that aren't there."""

import os
import signal
import socket
import time
from pathlib import Path

import pytest
from support import shots_at_work
from support.command_lines import states
from support.ray_cluster import needs_ray
from support.shots_at_work import assert_same_frames

from jvst.app.cli.main import run_command
from jvst.app.workers.pool import FailedShotsError
from jvst.app.workers.ray_cluster import RayPool, driver, pool
from jvst.errors import InputError


@pytest.fixture
def installed(monkeypatch):
    """As if Ray were there; only the process that speaks to a cluster imports it."""
    monkeypatch.setattr(pool.importlib.util, "find_spec", lambda name: object())
    monkeypatch.delenv("RAY_ADDRESS", raising=False)


def test_without_ray_one_line_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr(pool.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"pip install 'jvst\[cluster\]'"):
        RayPool("auto")


@pytest.mark.parametrize("address", ["nonsense", "host:", ":6379", "host:99999", "host:ray"])
def test_what_is_no_address_is_refused(installed, address):
    with pytest.raises(InputError, match="expected auto or HOST:PORT"):
        RayPool(address)


@pytest.mark.parametrize("form", ["127.0.0.1:{}", "ray://127.0.0.1:{}"])
def test_an_address_where_nothing_answers_is_refused(installed, form):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and nobody listens
        with pytest.raises(InputError, match="nothing answers there"):
            RayPool(form.format(taken.getsockname()[1]))


def test_the_address_of_the_environment_counts_for_auto(installed, monkeypatch):
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
    with pytest.raises(InputError, match=r"127\.0\.0\.1:1"):
        RayPool("auto")


def test_a_machine_that_does_not_see_the_run_says_so(tmp_path):
    status, said = driver.work(str(tmp_path / "job.json"), str(tmp_path))
    assert status == 2
    assert socket.gethostname() in said
    assert "storage that every machine sees" in said


@pytest.mark.slow
@needs_ray
def test_a_server_that_is_no_cluster_is_given_up(monkeypatch):
    monkeypatch.setattr(pool, "_JOIN_SECONDS", 5.0)
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        pytest.raises(InputError, match="can't be joined"),
    ):
        RayPool(f"127.0.0.1:{server.getsockname()[1]}")


@pytest.mark.slow
@needs_ray
@pytest.mark.parametrize(
    "extra",
    [(), ("--passes", "2", "--pass-iterations", "4", "--batch", "1")],
    ids=["one pass", "two passes"],
)
def test_a_cluster_gives_bit_for_bit_what_one_process_gives(
    command, film, cluster, tmp_path, extra, capfd
):
    line = ("--clip", str(film), "--cuts", "2", *extra)
    assert run_command(command(*line, run_dir="whole")) == 0
    capfd.readouterr()
    assert run_command(command(*line, "--cluster", cluster)) == 0
    assert capfd.readouterr().err == ""  # nothing of Ray's
    assert_same_frames(tmp_path / "run", states(tmp_path / "whole"))


@pytest.mark.slow
@needs_ray
def test_a_worker_killed_in_mid_frame_changes_nothing(long_run, cluster, tmp_path, whole, hold):
    line = long_run("--cluster", cluster)
    shots_at_work.a_killed_worker_is_replaced(line, tmp_path / "run", whole, hold)


@pytest.mark.slow
@needs_ray
def test_a_task_killed_with_its_machine_changes_nothing(long_run, cluster, tmp_path, whole, hold):
    run, line = tmp_path / "run", long_run("--cluster", cluster)
    process = shots_at_work.start_and_hold_in_a_second_frame(line, run, hold)
    status = Path(f"/proc/{hold.held()[0]}/status").read_text()
    parent = int(status.split("PPid:")[1].split()[0])
    os.kill(parent, signal.SIGKILL)
    hold.release()
    error = process.communicate(timeout=300)[1]
    assert process.returncode == 0, error
    assert_same_frames(run, whole)


@pytest.mark.slow
@needs_ray
def test_the_tasks_of_a_killed_command_end_and_the_next_one_goes_on(
    long_run, cluster, tmp_path, whole, hold
):
    line = long_run("--cluster", cluster)
    shots_at_work.a_killed_command_takes_its_workers_along_and_goes_on(
        line, tmp_path / "run", whole, hold
    )


@pytest.mark.slow
@needs_ray
def test_ctrl_c_keeps_every_shot_where_it_is(long_run, cluster, tmp_path, whole, hold):
    line = long_run("--cluster", cluster)
    shots_at_work.an_interrupted_command_keeps_every_shot_and_goes_on(
        line, tmp_path / "run", whole, hold
    )


@pytest.mark.slow
@needs_ray
def test_a_cluster_that_goes_away_is_one_line(cluster, tmp_path):
    with RayPool(cluster) as joined:
        assert joined.size == 2  # of 8 cores, 4 each
        worker = joined.start(tmp_path / "job.json")
        deadline = time.monotonic() + 300  # only ends a test that hangs
        while worker.outcome() is None:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        assert worker.outcome().status == 2
        joined._driver.kill()
        joined._listener.join()
        with pytest.raises(FailedShotsError, match="is gone; the same command goes on"):
            joined.start(tmp_path / "job.json")


@pytest.mark.slow
@needs_ray
def test_a_cluster_that_falls_silent_is_given_up(cluster, monkeypatch, tmp_path):
    with RayPool(cluster) as joined:
        worker = joined.start(tmp_path / "job.json")
        os.kill(joined._driver.pid, signal.SIGSTOP)
        # Only now: on a busy machine a driver that is well may be silent for a second, too.
        monkeypatch.setattr(pool, "_SILENT_SECONDS", 1.0)
        time.sleep(2.0)
        with pytest.raises(FailedShotsError, match="is gone"):
            worker.stop()
