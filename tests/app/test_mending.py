"""Damage in a run's folder: nothing ends a run but a damaged manifest, and the result is the same.

Each kind of file is damaged in every way in which a disk, a copy or a user damages it.
"""

import dataclasses
import hashlib
import json
import shutil
import threading

import numpy as np
import pytest
from support.command_lines import states

from jvst.app import assembly
from jvst.app.cli.main import parse, run_command
from jvst.app.events import Notice
from jvst.app.run import look_at, run
from jvst.app.workers import jobs, worker
from jvst.film.events import FrameDone, Progress

WAYS = ("truncated", "empty", "garbled", "a folder", "a dangling link", "missing")
every_way = pytest.mark.parametrize("way", WAYS)
# The others go the same way through what reads the other files.
few_ways = pytest.mark.parametrize(
    "way",
    [
        way if way in ("garbled", "a folder") else pytest.param(way, marks=pytest.mark.slow)
        for way in WAYS
    ],
)
PASSES = ("--passes", "2", "--pass-iterations", "2")


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Finished runs, by name, made once."""
    return {}, tmp_path_factory.mktemp("finished")


@pytest.fixture
def whole(command, finished, tmp_path):
    """Gives a copy of a finished run, and the command that makes it."""
    made, folder = finished

    def copy(name, *extra):
        line = command(*extra, iterations=("3", "2"))
        if name not in made:
            assert run_command(line) == 0
            made[name] = folder / name
            shutil.copytree(tmp_path / "run", made[name])
        else:
            shutil.copytree(made[name], tmp_path / "run")
        return line, tmp_path / "run"

    return copy


def damage(path, way):
    content = path.read_bytes()
    path.unlink()
    match way:
        case "truncated":
            path.write_bytes(content[: len(content) * 2 // 3])
        case "empty":
            path.touch()
        case "garbled":
            middle = len(content) // 2
            other = bytes(byte ^ 0x55 for byte in content[middle : middle + 40])
            path.write_bytes(content[:middle] + other + content[middle + 40 :])
        case "a folder":
            path.mkdir()
            (path / "mine").write_text("mine")
        case "a dangling link":
            path.symlink_to("nowhere/at/all")


def seen(folder):
    """What a run is there for: its pictures and its film."""
    paths = [*sorted((folder / "pictures").glob("*.png")), folder / "stylized.mp4"]
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def assert_mended(line, folder, before, capsys):
    """Run a line again; everything comes out as before, and one line says what was wrong."""
    capsys.readouterr()
    assert run_command(line) == 0
    said = capsys.readouterr().err.strip()
    assert len(said.splitlines()) <= 1, said
    assert seen(folder) == before
    return said


def mend_a_finished_run(whole, capsys, name, said, way):
    line, folder = whole("all")
    before, solved = seen(folder), states(folder)
    damage(folder / name, way)
    told = assert_mended(line, folder, before, capsys)
    if (name, way) != ("plan.json", "missing"):
        assert said in told
    for one, two in zip(solved, states(folder), strict=True):
        np.testing.assert_array_equal(one, two)
    if way == "a folder":
        (aside,) = folder.rglob("*.aside")
        assert (aside / "mine").read_text() == "mine"


@every_way
def test_a_damaged_state_of_a_finished_run_is_made_anew(whole, capsys, way):
    mend_a_finished_run(whole, capsys, "frames/0002.npy", "solve of frame 2 is done again", way)


@few_ways
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("frames/0002.json", "log of frame 2 is lost"),
        ("pictures/0002.png", "picture of frame 2 is drawn again"),
        ("plan.json", "plan.json is damaged"),
    ],
)
def test_a_damaged_file_of_a_finished_run_is_made_anew(whole, capsys, name, said, way):
    mend_a_finished_run(whole, capsys, name, said, way)


@few_ways
def test_a_damaged_picture_whose_state_was_dropped_is_solved_again(whole, capsys, way):
    line, folder = whole("pictures", "--keep", "pictures")
    before = seen(folder)
    damage(folder / "pictures" / "0002.png", way)
    assert "solve" in assert_mended(line, folder, before, capsys)
    assert states(folder) == []


@few_ways
def test_a_damaged_file_in_the_middle_of_a_run_changes_nothing(whole, capsys, way):
    line, folder = whole("all")
    before = seen(folder)
    (folder / "frames" / "0003.npy").unlink()
    (folder / "stylized.mp4").unlink()
    damage(folder / "frames" / "0001.npy", way)
    damage(folder / "pictures" / "0001.png", way)
    assert_mended(line, folder, before, capsys)


@few_ways
@pytest.mark.parametrize("extra", [(), pytest.param(PASSES, marks=pytest.mark.slow)])
def test_a_frame_whose_interrupted_solve_is_damaged_begins_at_its_start(
    command, whole, tmp_path, way, extra
):
    _, folder = whole("two passes" if extra else "all", *extra)
    before = states(folder)
    shutil.rmtree(folder)
    line = [*command(*extra, iterations=("3", "2"))]

    class Now:
        chunks = 0

        def is_set(self):
            return self.chunks > 3

    cancel = Now()

    def count(event):
        cancel.chunks += isinstance(event, Progress)

    config = parse(line)
    task = look_at(dataclasses.replace(config, run=dataclasses.replace(config.run, preview=1)))
    assert run(task, on_event=count, cancel=cancel).cancelled
    damage(folder / "interrupted.npz", way)
    told = []
    assert not run(look_at(config), on_event=told.append).cancelled
    notices = [event.text for event in told if isinstance(event, Notice)]
    assert any("begins at its start" in text for text in notices) or way == "missing"
    for one, two in zip(before, states(folder), strict=True):
        np.testing.assert_array_equal(one, two)


@few_ways
def test_a_damaged_manifest_asks_for_a_decision_and_nothing_is_touched(whole, capsys, way):
    line, folder = whole("all")
    damage(folder / "manifest.json", way)
    before = seen(folder)
    for extra in ([], ["--fresh"]):
        capsys.readouterr()
        assert run_command([*line, *extra]) == 2
        said = capsys.readouterr().err.strip()
        assert len(said.splitlines()) == 1
        assert "manifest" in said and "--run-dir" in said
    assert seen(folder) == before


def test_a_picture_that_is_damaged_while_the_run_works_does_not_end_it(whole, monkeypatch, capsys):
    line, folder = whole("pictures", "--keep", "pictures")
    before = seen(folder)
    write, hits = assembly.write_video, []

    def hit(*where, **options):
        if not hits:
            hits.append(damage(folder / "pictures" / "0002.png", "garbled"))
        write(*where, **options)

    monkeypatch.setattr(assembly, "write_video", hit)
    assert "solve" in assert_mended(line, folder, before, capsys)


def test_a_picture_that_was_retouched_by_hand_stays(whole, capsys):
    line, folder = whole("all")
    shutil.copy(folder / "pictures" / "0001.png", folder / "pictures" / "0003.png")
    assert run_command(line) == 0
    assert capsys.readouterr().err == ""
    pictures = [(folder / "pictures" / f"000{n}.png").read_bytes() for n in (1, 3)]
    assert pictures[0] == pictures[1]


def test_a_run_from_before_there_were_checksums_goes_on(whole, capsys):
    line, folder = whole("all")
    before = seen(folder)
    for path in (*folder.glob("*.json"), *folder.glob("frames/*.json")):
        value = json.loads(path.read_text())
        del value["checksum"]
        value.pop("files", None)
        path.write_text(json.dumps(value))
    for path in folder.glob("frames/*.npy"):
        np.save(path, np.load(path))
    (folder / "frames" / "0003.npy").unlink()
    assert assert_mended(line, folder, before, capsys) == ""


@few_ways
@pytest.mark.parametrize("name", ["manifest.json", "frames/0002.npy", "pictures/0001.png"])
def test_a_worker_makes_anew_what_is_damaged_of_its_shot(command, tmp_path, capsys, name, way):
    config = parse(command(iterations=("2", "1")))
    shot = jobs.Shot(range(3), tmp_path / "run" / "shots" / "000001-000003")

    def work():
        job = jobs.write_job(config, 0, shot, weights=config.network.weights)
        assert worker.work(str(job)) == 0
        return states(shot.folder)

    before = work()
    damage(shot.folder / name, way)
    for one, two in zip(before, work(), strict=True):
        np.testing.assert_array_equal(one, two)


@pytest.mark.slow
@pytest.mark.parametrize("schedule", ["sequential", "parallel"])
@every_way
@pytest.mark.parametrize("name", ["passes/01/0002.npy", "inputs.npy", "frames/*.npy"])
def test_damage_between_passes_changes_nothing(whole, capsys, schedule, way, name):
    extra = (*PASSES, "--schedule", schedule)
    line, folder = whole(f"two passes, {schedule}", *extra)
    before, solved = seen(folder), states(folder)
    shutil.rmtree(folder)
    cancel = threading.Event()

    def stop_in_second_pass(event):
        if isinstance(event, FrameDone) and event.pass_number == 2:
            cancel.set()

    assert run(look_at(parse(line)), on_event=stop_in_second_pass, cancel=cancel).cancelled
    damage(next(folder.glob(name)), way)
    assert_mended(line, folder, before, capsys)
    for one, two in zip(solved, states(folder), strict=True):
        np.testing.assert_array_equal(one, two)
