"""Nobody's files are written over or removed; what can't be written is told at the start."""

import hashlib
import json
import os
import shutil
from fractions import Fraction
from types import SimpleNamespace

import numpy as np
import pytest

from jvst.app import budget
from jvst.app.cli.main import run_command
from jvst.flow import write_flow
from jvst.flow.patterns import write_mask
from jvst.synthetic import clip, make_scene
from jvst.video import read_picture, write_picture, write_video

STILL = ("0", "0")
FRAMES = 3


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """Eight frames, drawn once."""
    folder = tmp_path_factory.mktemp("drawn")
    scene = make_scene("demo", width=48, height=41)
    write_video(folder / "frame_%04d.png", clip(scene, 8), frame_rate=Fraction(25))
    return folder


@pytest.fixture
def place(files, drawn, tmp_path, monkeypatch):
    """A user's folder, in which the commands run: a film, frames, a painting."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(drawn, "fr")
    shutil.copy(files / "clip.mp4", "film.mp4")
    shutil.copy(files / "style.png", "style.png")
    return tmp_path


def contents(folder):
    """All files of a folder, by name, as they are."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "run" not in path.relative_to(folder).parts
    }


def refused(line, capsys):
    """Run a line that must be refused in one line, and return that."""
    capsys.readouterr()
    assert run_command(line) == 2
    said = capsys.readouterr().err.strip()
    assert len(said.splitlines()) == 1, said
    return said


def spelled(place, how):
    """Another name of the film."""
    match how:
        case "the same":
            return "film.mp4"
        case "another spelling":
            (place / "fr" / "x").mkdir()
            return "fr/x/../../film.mp4"
        case "absolute":
            return str(place / "film.mp4")
        case "a symbolic link":
            (place / "link.mp4").symlink_to("film.mp4")
            return "link.mp4"
        case "a link in a linked folder":
            (place / "here").symlink_to(".")
            return "here/film.mp4"
        case "a hard link":
            os.link("film.mp4", "hard.mp4")
            return "hard.mp4"
    raise AssertionError(how)


@pytest.mark.parametrize(
    "how",
    [
        *("the same", "another spelling", "absolute", "a symbolic link"),
        *("a link in a linked folder", "a hard link"),
    ],
)
def test_a_film_is_not_replaced_by_its_painting(command, place, capsys, how):
    output = spelled(place, how)
    before = contents(place)
    said = refused(command("--clip", "film.mp4", "--output", output, iterations=STILL), capsys)
    assert "film.mp4" in said and "--output" in said
    assert contents(place) == before


@pytest.mark.parametrize(
    ("source", "output"),
    [
        ("fr/frame_%04d.png", "fr/"),
        ("fr/frame_%04d.png", "fr/frame_%04d.png"),
        ("fr", "fr"),
        ("fr/*.png", "fr/out_%d.png"),
        ("fr/frame_%04d.png", "fr/out_%d.jpg"),
        ("film.mp4", "fr/"),
    ],
)
def test_frames_are_not_painted_over_nor_removed(command, place, capsys, source, output):
    before = contents(place)
    line = command("--clip", source, "--frames", "0:3", "--output", output, iterations=STILL)
    assert "--output" in refused(line, capsys)
    assert contents(place) == before


@pytest.mark.parametrize("first", ["", "--fresh"])
def test_a_run_in_the_users_own_folder_leaves_what_is_there(command, place, first):
    (place / "frames").mkdir()
    for number in range(1, 4):
        shutil.copy(f"fr/frame_{number:04d}.png", f"frames/{number:04d}.png")
    (place / "shots").mkdir()
    shutil.copy("film.mp4", "shots/take.mp4")
    (place / "notes.txt").write_text("mine")
    before = contents(place)
    line = command("--clip", "frames/%04d.png", *filter(None, [first]), iterations=STILL)
    line += ["--run-dir", "."]
    assert run_command(line) == 0
    (place / "pictures" / "holiday.png").write_bytes(b"mine")
    (place / "frames" / "0009.npy").write_bytes(b"mine")
    assert run_command([*line, "--fresh", "--seed", "3"]) == 0
    after = contents(place)
    assert {name: after[name] for name in before} == before
    assert (place / "pictures" / "holiday.png").read_bytes() == b"mine"
    assert (place / "frames" / "0009.npy").read_bytes() == b"mine"


@pytest.mark.parametrize(
    "name", ["pictures/0001.png", "plan.json", "stylized.mp4", "manifest.json"]
)
def test_a_run_does_not_begin_where_it_would_write_over_something(command, place, capsys, name):
    (place / name).parent.mkdir(exist_ok=True)
    (place / name).write_bytes(b"mine")
    before = contents(place)
    for extra in ([], ["--fresh"]):
        line = [*command("--clip", "film.mp4", iterations=STILL), "--run-dir", ".", *extra]
        assert name in refused(line, capsys)
    assert contents(place) == before


def test_a_clip_among_a_runs_own_names_is_not_painted_over(command, place, capsys):
    shutil.copytree("fr", "pictures")
    for path in sorted((place / "pictures").iterdir()):
        path.rename(path.with_name(path.name.removeprefix("frame_")))
    before = contents(place)
    line = [*command("--clip", "pictures/%04d.png", iterations=STILL), "--run-dir", "."]
    assert "--run-dir" in refused(line, capsys)
    assert contents(place) == before


def test_a_film_that_another_run_made_is_not_written_over(command, place, capsys):
    line = command("--clip", "film.mp4", "--output", "out.mp4", iterations=STILL)
    assert run_command(line) == 0
    # It is this run's own, whatever is changed about it.
    assert run_command([*line, "--quality", "40"]) == 0
    assert run_command([*line, "--seed", "1", "--fresh"]) == 0
    before = contents(place)
    other = command("--clip", "film.mp4", "--output", "out.mp4", iterations=STILL, run_dir="run/b")
    assert "out.mp4" in refused(other, capsys)
    assert contents(place) == before


def test_pictures_of_a_longer_film_of_the_same_run_are_removed_at_the_end(command, place):
    line = command("--clip", "fr", "--output", "out/", iterations=STILL)
    assert run_command([*line, "--frames", "0:5"]) == 0
    (place / "out" / "frame_0009.png").write_bytes(b"mine")
    assert run_command([*line, "--frames", "0:2", "--fresh"]) == 0
    names = [path.name for path in sorted((place / "out").iterdir())]
    assert names == ["frame_0001.png", "frame_0002.png", "frame_0009.png"]
    manifest = json.loads((place / "run" / "manifest.json").read_text())
    assert list(manifest["files"]["films"].values()) == [5]


def test_a_run_from_before_there_were_claims_goes_on(command, place):
    line = command("--clip", "fr", "--frames", "0:2", "--output", "out/", iterations=STILL)
    assert run_command(line) == 0
    manifest = place / "run" / "manifest.json"
    told = json.loads(manifest.read_text())
    del told["files"], told["checksum"]
    manifest.write_text(json.dumps(told))
    assert run_command(line) == 0
    manifest.write_text(json.dumps(told))
    assert run_command([*line, "--fresh"]) == 0


def test_the_film_of_one_clip_is_not_written_over_another_clip(command, place, capsys):
    (place / "x").mkdir()
    shutil.copy("film.mp4", "x/film.mp4")
    before = contents(place)
    line = command("--clip", "x/film.mp4", "film.mp4", "--output", "{clip}.mp4", iterations=STILL)
    assert "film.mp4" in refused(line, capsys)
    assert contents(place) == before


@pytest.mark.parametrize(
    "output",
    [
        *("50%done.mp4", "out_%d.mp4", "pics/%04d.tiff", "film.txt", "style.png/x.mp4"),
        *("nowhere.gif/x.mp4", "/proc/nowhere/x.mp4"),
    ],
)
def test_an_output_that_can_not_be_written_is_told_before_the_first_frame(
    command, place, capsys, output
):
    (place / "nowhere.gif").write_bytes(b"")
    before = contents(place)
    said = refused(command("--clip", "film.mp4", "--output", output, iterations=STILL), capsys)
    assert output.split("/")[-1] in said
    assert contents(place) == before
    assert not (place / "run" / "frames").exists()


def test_the_disk_of_the_output_must_hold_its_pictures(command, place, capsys, monkeypatch):
    monkeypatch.setattr(budget.shutil, "disk_usage", lambda _: SimpleNamespace(free=1000))
    line = command("--clip", "film.mp4", "--output", "out/", iterations=STILL)
    assert "the pictures of --output need about" in refused(line, capsys)
    assert not (place / "run" / "frames").exists()


def write_fields(folder, numbers, shape=(42, 48)):
    folder.mkdir(exist_ok=True)
    for i in numbers:
        for name in (f"backward_{i + 1}_{i}", f"forward_{i}_{i + 1}"):
            write_flow(folder / f"{name}.flo", np.zeros((*shape, 2), np.float32))
        write_mask(folder / f"reliable_{i + 1}_{i}.pgm", np.ones(shape, np.float32))


FLOW = ("--flow", "files:flow/backward_[%d]_{%d}.flo")
MASK = ("--mask", "files:flow/reliable_[%d]_{%d}.pgm")


@pytest.mark.parametrize(
    ("mistake", "said"),
    [
        ("the last is missing", "forward_2_3.flo"),
        ("the last is cut short", "backward_3_2.flo"),
        ("the last has another size", "9x9"),
        ("the last mask is missing", "reliable_3_2.pgm"),
        ("the last mask is no picture", "reliable_3_2.pgm"),
    ],
)
def test_all_files_of_flow_and_masks_are_measured_at_the_start(
    command, place, capsys, mistake, said
):
    flow = place / "flow"
    write_fields(flow, [1, 2])
    match mistake:
        case "the last is missing":
            (flow / "forward_2_3.flo").unlink()
        case "the last is cut short":
            whole = (flow / "backward_3_2.flo").read_bytes()
            (flow / "backward_3_2.flo").write_bytes(whole[:-1])
        case "the last has another size":
            write_flow(flow / "backward_3_2.flo", np.zeros((9, 9, 2), np.float32))
        case "the last mask is missing":
            (flow / "reliable_3_2.pgm").unlink()
        case "the last mask is no picture":
            (flow / "reliable_3_2.pgm").write_bytes(b"P5\n")
    assert said in refused(command("--clip", "film.mp4", *FLOW, *MASK, iterations=STILL), capsys)
    assert not (place / "run" / "frames").exists()


def test_only_the_pairs_of_a_run_are_asked_for(command, place):
    write_fields(place / "flow", [1])
    # The second frame begins a shot, and the third is left out.
    line = command("--clip", "film.mp4", "--frames", "0:2", *FLOW, *MASK, iterations=STILL)
    assert run_command(line) == 0
    shutil.rmtree("flow")
    line = command("--clip", "film.mp4", "--cuts", "1,2", *FLOW, iterations=STILL, run_dir="run/b")
    assert run_command(line) == 0


def test_masks_are_not_written_over_by_pictures(command, place, capsys):
    write_fields(place / "flow", [1, 2])
    write_picture("flow/reliable.png", read_picture("style.png"))
    before = contents(place)
    line = command("--clip", "film.mp4", *FLOW, "--output", "flow/out_%d.png", iterations=STILL)
    assert "flow" in refused(line, capsys)
    assert contents(place) == before
