"""Several clips on one command line: runs of their own, looked at before the first is begun."""

import dataclasses
import json
import signal
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from support.command_lines import FRAMES, start, states

from jvst.app import budget, clips
from jvst.app.budget import check_room, needed_bytes, staying_bytes
from jvst.app.cli.main import parse, run_command
from jvst.app.clips import clip_names, split_clips
from jvst.app.options import StylizeConfig, config_from_dict
from jvst.app.result import Result
from jvst.app.task import prepare_task
from jvst.app.workers.pool import FailedShotsError
from jvst.errors import InputError
from jvst.flow import write_flow
from jvst.synthetic import clip, make_scene
from jvst.video import probe, read_frames, write_video

STYLE = ("--style", "paint/night.jpg")
STILL = ("0", "0")
#: Their names are equal: a folder of frames and a video.
NAMES = ("clip", "clip-2")


@pytest.fixture
def both(files):
    return ("--clip", str(files / "clip"), str(files / "clip.mp4"))


@pytest.fixture
def other(tmp_path):
    """A clip of another size."""
    scene = make_scene("alley", width=40, height=36)
    write_video(tmp_path / "alley", clip(scene, 2), frame_rate=Fraction(25))
    return str(tmp_path / "alley")


def assert_same_states(one, two):
    for here, there in zip(states(one), states(two), strict=True):
        np.testing.assert_array_equal(here, there)


def test_one_clip_is_a_plain_string_as_in_manifests_that_exist(tmp_path):
    config = parse(["--clip", "a.mp4", *STYLE])
    assert config.input.clip == "a.mp4"
    assert split_clips(config) == [config]
    manifest = tmp_path / "manifest.json"
    manifest.write_text(json.dumps({"options": {}, "config": {"input": {"clip": "old.mp4"}}}))
    assert parse(["--config", str(manifest)]).input.clips == ("old.mp4",)
    line = ["--config", str(manifest), "--clip", "a.mp4", "b.mp4"]
    assert parse(line).input.clips == ("a.mp4", "b.mp4")


def test_several_clips_survive_a_manifest():
    config = parse(["--clip", "a.mp4", "b.mp4", *STYLE])
    stored = json.loads(json.dumps(dataclasses.asdict(config)))
    assert config_from_dict(stored, source="manifest.json") == config


def test_each_clip_has_a_run_folder_of_its_own():
    line = ["--clip", "x/a.mp4", "b", "c/%04d.png", *STYLE]
    folders = [one.output.run_dir for one in split_clips(parse(line))]
    assert folders == ["runs/a-night", "runs/b-night", "runs/c-night"]
    folders = [one.output.run_dir for one in split_clips(parse([*line, "--run-dir", "d/e"]))]
    assert folders == ["d/e/a", "d/e/b", "d/e/c"]


@pytest.mark.parametrize(
    ("clips", "names"),
    [
        (("x/a.mp4", "y/a.mp4", "a.mov"), ["a", "a-2", "a-3"]),
        (("a-2.mp4", "a.mp4", "b/a.mp4"), ["a-2", "a", "a-3"]),
        (("a.mp4", "A.mp4"), ["a", "A-2"]),
    ],
)
def test_clips_of_one_name_are_told_apart(clips, names):
    assert clip_names(clips) == names


def test_the_name_of_the_clip_goes_where_an_option_has_a_place_for_it():
    line = ["--clip", "x/a.mp4", "x/b.mp4", *STYLE, "--output", "out/{clip}.webm"]
    per_clip = ["--flow", "files:{clip}/[%d]_{%d}.flo", "--cuts", "{clip}.json"]
    first, last = split_clips(parse([*line, *per_clip]))
    assert (first.output.output, last.output.output) == ("out/a.webm", "out/b.webm")
    assert (first.motion.flow, last.input.cuts) == ("files:a/[%d]_{%d}.flo", "b.json")


@pytest.mark.parametrize(
    ("extra", "said"),
    [
        (["--output", "out.mp4"], "--output is 'out.mp4' for 2 clips"),
        (["--output", "out/"], "expected {clip} in it"),
        (["--flow", "files:flow/[%d]_{%d}.flo"], "--flow is 'files:flow"),
        (["--mask", "files:flow/[%d]_{%d}.pgm"], "--mask is 'files:flow"),
        (["--clip", "a.mp4", "b.mp4", "./a.mp4"], "the clip ./a.mp4 was given twice"),
        (["--run-dir", "{run}"], "is the folder of one run"),
    ],
)
def test_what_several_clips_can_not_share_is_refused_in_one_line(tmp_path, capsys, extra, said):
    (tmp_path / "manifest.json").write_text("{}")
    extra = [word.replace("{run}", str(tmp_path)) for word in extra]
    assert run_command(["--clip", "a.mp4", "b.mp4", *STYLE, *extra]) == 2
    error = capsys.readouterr().err.strip()
    assert said in error
    assert len(error.splitlines()) == 1


@pytest.mark.parametrize("mistake", ["missing clip", "one frame", "another run", "bad output"])
def test_a_mistake_in_the_last_clip_shows_before_the_first_is_begun(
    command, files, tmp_path, capsys, mistake
):
    last, extra, said = str(files / "clip.mp4"), [], "clip.mp4"
    match mistake:
        case "missing clip":
            last = said = "nowhere.mp4"
        case "one frame":
            last = str(tmp_path / "still")
            write_video(last, list(read_frames(files / "clip"))[:1], frame_rate=Fraction(25))
            said = "still has 1 frame"
        case "another run":
            folder = tmp_path / "run" / "clip-2"
            folder.mkdir(parents=True)
            (folder / "manifest.json").write_text('{"options": {"seed": 9}, "inputs": {}}')
        case "bad output":
            extra, said = ["--output", str(tmp_path / "{clip}.xyz")], ".xyz"
    line = command("--clip", str(files / "clip"), last, *extra, iterations=STILL)
    assert run_command(line) == 2
    error = capsys.readouterr().err.strip()
    assert said in error
    assert len(error.splitlines()) == 1
    assert not states(tmp_path / "run" / "clip")


def test_the_disk_must_hold_all_clips(command, files, other, tmp_path, monkeypatch):
    small, large = (
        (prepare_task(parse(command("--clip", source))), tmp_path)
        for source in (other, str(files / "clip"))
    )
    usage = {"free": staying_bytes(small[0]) + needed_bytes(large[0])}
    assert usage["free"] > max(needed_bytes(small[0]), needed_bytes(large[0]))
    monkeypatch.setattr(budget.shutil, "disk_usage", lambda _: SimpleNamespace(**usage))
    monkeypatch.setattr(budget.Path, "rglob", lambda *_: [])
    check_room(small, large)
    usage["free"] -= 1
    with pytest.raises(InputError, match="the first 2 clips need"):
        check_room(small, large)


def test_clips_of_one_size_start_from_the_same_noise(command, files, tmp_path):
    scene = make_scene("alley", width=48, height=41)
    write_video(tmp_path / "alley", clip(scene, 2), frame_rate=Fraction(25))
    line = command("--clip", str(files / "clip"), str(tmp_path / "alley"), iterations=STILL)
    assert run_command(line) == 0
    first, second = (states(tmp_path / "run" / name)[0] for name in ("clip", "alley"))
    np.testing.assert_array_equal(first, second)


@pytest.mark.slow
def test_each_clip_is_bit_for_bit_what_its_own_command_gives(command, files, other, tmp_path):
    clips = (str(files / "clip"), other)
    out = ("--output", str(tmp_path / "out" / "{clip}.mp4"))
    assert run_command(command("--clip", *clips, *out)) == 0
    for source, name in zip(clips, ("clip", "alley"), strict=True):
        assert run_command(command("--clip", source, run_dir=f"alone/{name}")) == 0
        assert_same_states(tmp_path / "run" / name, tmp_path / "alone" / name)
        frames = FRAMES if name == "clip" else 2
        assert probe(tmp_path / "out" / f"{name}.mp4").frames == frames
        manifest = tmp_path / "run" / name / "manifest.json"
        assert json.loads(manifest.read_text())["config"]["input"]["clip"] == source
    # A run of several is a run like any other: its manifest repeats it.
    again = ("--config", str(tmp_path / "run" / "alley" / "manifest.json"))
    elsewhere = ("--run-dir", str(tmp_path / "again"), "--output", str(tmp_path / "again.mp4"))
    assert run_command([*again, *elsewhere]) == 0
    assert_same_states(tmp_path / "run" / "alley", tmp_path / "again")


@pytest.mark.slow
def test_clips_that_are_finished_are_left_alone(command, both, tmp_path, capsys):
    line = command(*both, iterations=("1", "1"))
    videos = [tmp_path / "run" / name / "stylized.mp4" for name in NAMES]
    written = [*videos, *(video.with_name("manifest.json") for video in videos)]
    assert run_command(line) == 0
    before = [path.stat().st_mtime_ns for path in written]
    capsys.readouterr()
    assert run_command([*line, "--jobs", "2", "--quality", "18"]) == 0
    assert capsys.readouterr().out.count("was finished before") == 2
    assert [path.stat().st_mtime_ns for path in written] == before
    videos[1].unlink()
    assert run_command(line) == 0
    assert videos[1].exists()
    assert [path.stat().st_mtime_ns for path in written[:1]] == before[:1]
    assert run_command([*line, "--quality", "40"]) == 0
    assert all(path.stat().st_mtime_ns > then for path, then in zip(written, before, strict=True))


@pytest.mark.slow
def test_a_clip_that_fails_is_named_and_leaves_the_others_to_be_finished(
    command, both, tmp_path, capsys
):
    def fields(name, shape, value):
        for i in range(1, FRAMES):
            for pair in (f"{i}_{i + 1}", f"{i + 1}_{i}"):
                field = tmp_path / name / f"flow_{pair}.flo"
                field.parent.mkdir(exist_ok=True)
                write_flow(field, np.zeros((*shape, 2), np.float32))
                content = bytearray(field.read_bytes())
                content[12:16] = value
                field.write_bytes(content)

    unknown, still = np.float32(1e10).tobytes(), np.float32(0).tobytes()
    fields("clip", (41, 48), unknown)  # which only its values show
    fields("clip-2", (42, 48), still)  # a video has even sides
    flow = ("--flow", f"files:{tmp_path}/{{clip}}/flow_{{from}}_{{to}}.flo")
    line = command(*both, *flow, iterations=("1", "1"))
    assert run_command(line) == 1
    first, last = capsys.readouterr().err.strip().splitlines()
    assert first.startswith(f"jvst: {both[1]} failed: ")
    assert "flow_2_1.flo" in first
    assert f"1 of 2 clips failed: {both[1]};" in last
    assert len(states(tmp_path / "run" / "clip-2")) == FRAMES
    fields("clip", (41, 48), still)
    assert run_command(line) == 0
    assert len(states(tmp_path / "run" / "clip")) == FRAMES


def test_fields_that_the_last_clip_lacks_show_before_the_first_is_begun(command, both, capsys):
    line = command(*both, "--flow", "files:nowhere/{clip}_[%d]_{%d}.flo", iterations=STILL)
    assert run_command(line) == 2
    assert "clip_2_1.flo does not exist" in capsys.readouterr().err


@pytest.mark.parametrize(
    "trouble", [FailedShotsError("frame 3 failed"), RuntimeError("out of memory")]
)
def test_whatever_ends_a_clip_the_next_one_has_its_turn(
    command, both, monkeypatch, capsys, trouble
):
    begun = []

    def fail_first(task, **_):
        folder = Path(task.config.output.run_dir)
        begun.append(folder.name)
        if len(begun) == 1:
            raise trouble
        return Result(folder, folder / "pictures", folder / "manifest.json")

    monkeypatch.setattr(clips, "run", fail_first)
    assert run_command(command(*both)) == 1
    assert begun == list(NAMES)
    error = capsys.readouterr().err
    assert str(trouble) in error
    assert f"jvst: {both[1]} failed" in error


@pytest.mark.slow
def test_ctrl_c_ends_all_and_the_same_command_goes_on(command, both, tmp_path, hold):
    iterations = ("40", "120")
    line = command(*both, "--tolerance", "0", iterations=iterations)
    hold.once(tmp_path / "run" / "clip" / "frames" / "0001.npy")
    process = start(line, hold)
    hold.wait(process)
    process.send_signal(signal.SIGINT)
    error = process.communicate(timeout=300)[1]
    assert process.returncode == 130, error
    assert "goes on" in error
    assert len(states(tmp_path / "run" / "clip")) == 1
    assert not states(tmp_path / "run" / "clip-2")
    assert run_command(line) == 0
    whole = command("--tolerance", "0", iterations=iterations, run_dir="whole")
    assert run_command(whole) == 0
    assert_same_states(tmp_path / "run" / "clip", tmp_path / "whole")
    assert len(states(tmp_path / "run" / "clip-2")) == FRAMES


@pytest.mark.slow
def test_the_shots_of_every_clip_are_shared_out(command, film, both, tmp_path):
    line = ("--clip", str(film), both[1], "--cuts", "2")
    assert run_command(command(*line, run_dir="plain")) == 0
    assert run_command(command(*line, "--jobs", "2")) == 0
    for name in ("film", "clip"):
        assert_same_states(tmp_path / "plain" / name, tmp_path / "run" / name)


def test_the_default_is_no_clip():
    assert StylizeConfig().input.clips == ("",)
