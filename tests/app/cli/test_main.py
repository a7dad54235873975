"""The command line from files to a finished video, on a network of few channels."""

import json
import signal
from fractions import Fraction

import numpy as np
import pytest
from support import published_files
from support.command_lines import FRAMES, start, states
from support.raw_video import frame_times, write_raw
from support.sound import audio_packets, write_source

from jvst.app.cli.main import run_command
from jvst.flow import write_flow
from jvst.network.layers import vgg16_layers
from jvst.synthetic import clip, make_scene
from jvst.video import probe, read_frames, write_picture, write_video


def test_a_clip_and_a_painting_become_a_video_with_the_clips_frame_rate(command, tmp_path, capsys):
    output = tmp_path / "out.mp4"
    assert run_command(command("--output", str(output), clip="clip.mp4")) == 0
    info = probe(output)
    assert (info.frames, info.frame_rate) == (FRAMES, Fraction(30000, 1001))
    assert len(states(tmp_path / "run")) == FRAMES
    said = capsys.readouterr().out
    assert str(output) in said
    assert str(tmp_path / "run" / "manifest.json") in said
    manifest = json.loads((tmp_path / "run" / "manifest.json").read_text())
    assert [frame["iterations"] for frame in manifest["frames"]] == [6, 4, 4]
    assert manifest["versions"]["optax"]


@pytest.mark.slow
def test_a_published_file_of_vgg16_paints(command, tmp_path, monkeypatch):
    monkeypatch.setenv("JVST_CACHE", str(tmp_path / "cache"))
    kernels = published_files.random_kernels(1 / 16, layers=vgg16_layers)
    published_files.keras(tmp_path / "vgg16.h5", kernels)
    weights = ("--weights", str(tmp_path / "vgg16.h5"))
    assert run_command(command(*weights, "--frames", "0:2", iterations=("1", "1"))) == 0
    assert len(states(tmp_path / "run")) == 2
    manifest = json.loads((tmp_path / "run" / "manifest.json").read_text())
    assert manifest["network"] == "vgg16"


@pytest.mark.slow
def test_the_same_command_again_does_no_work_and_gives_the_same(command, tmp_path):
    assert run_command(command()) == 0
    first = states(tmp_path / "run")
    times = [path.stat().st_mtime_ns for path in (tmp_path / "run" / "frames").iterdir()]
    assert run_command(command()) == 0
    assert times == [path.stat().st_mtime_ns for path in (tmp_path / "run" / "frames").iterdir()]
    for one, two in zip(first, states(tmp_path / "run"), strict=True):
        np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("finished", [0, 2])
def test_a_run_that_lost_its_last_frames_makes_them_again_bit_for_bit(command, tmp_path, finished):
    assert run_command(command()) == 0
    whole = states(tmp_path / "run")
    for index in range(finished, FRAMES):
        (tmp_path / "run" / "frames" / f"{index + 1:04d}.npy").unlink()
    assert run_command(command()) == 0
    for one, two in zip(whole, states(tmp_path / "run"), strict=True):
        np.testing.assert_array_equal(one, two)


def test_another_option_is_refused_with_its_name_and_fresh_begins_again(command, tmp_path, capsys):
    assert run_command(command()) == 0
    before = states(tmp_path / "run")
    assert run_command(command("--seed", "5")) == 2
    said = capsys.readouterr().err
    assert "seed (0 there, 5 now)" in said
    assert "--fresh" in said
    np.testing.assert_array_equal(before[0], states(tmp_path / "run")[0])
    assert run_command(command("--seed", "5", "--fresh")) == 0
    assert np.abs(before[0] - states(tmp_path / "run")[0]).max() > 0.01


@pytest.mark.slow
def test_a_manifest_repeats_its_run(command, tmp_path):
    assert run_command(command("--mask", "soft", "--seed", "2")) == 0
    manifest = tmp_path / "run" / "manifest.json"
    again = ["--config", str(manifest), "--run-dir", str(tmp_path / "again")]
    assert run_command(again) == 0
    for one, two in zip(states(tmp_path / "run"), states(tmp_path / "again"), strict=True):
        np.testing.assert_array_equal(one, two)


@pytest.mark.slow
def test_two_paintings_are_blended_by_their_shares(command, tmp_path):
    both = ("style.png", "other.png")
    blend = ("--style-blend", "1", "0")
    assert run_command(command(*blend, style=both)) == 0
    assert run_command(command(run_dir="one")) == 0
    for one, two in zip(states(tmp_path / "run"), states(tmp_path / "one"), strict=True):
        np.testing.assert_allclose(one, two, atol=1e-4)


def test_flow_from_files_is_used(command, tmp_path):
    for i in range(1, FRAMES):
        write_flow(tmp_path / f"backward_{i + 1}_{i}.flo", np.zeros((41, 48, 2), np.float32))
        write_flow(tmp_path / f"forward_{i}_{i + 1}.flo", np.zeros((41, 48, 2), np.float32))
    pattern = f"files:{tmp_path}/backward_[%d]_{{%d}}.flo"
    still = ("0", "0")
    assert run_command(command("--flow", pattern, iterations=still)) == 0
    first, *rest = states(tmp_path / "run")
    for frame in rest:  # no motion, no iterations: every frame is the first one's noise
        np.testing.assert_array_equal(frame, first)


@pytest.mark.slow
def test_frames_from_noise_are_solved_small_first_unless_that_is_turned_off(command, tmp_path):
    larger = ("--size", "96x82", "--frames", "0:2")
    assert run_command(command(*larger)) == 0
    infos = json.loads((tmp_path / "run" / "manifest.json").read_text())["frames"]
    # Half the size; a quarter is too small for the network.
    assert [len(info["coarse"]) for info in infos] == [1, 0]
    assert infos[0]["coarse"][0]["iterations"] == 6
    assert run_command(command(*larger, "--scales", "none", run_dir="plain")) == 0
    plain = json.loads((tmp_path / "plain" / "manifest.json").read_text())["frames"]
    assert plain[0]["coarse"] == []
    assert infos[0]["reports"][0]["loss"] < 0.5 * plain[0]["reports"][0]["loss"]


@pytest.mark.slow
def test_part_of_a_clip_and_another_size_are_worked_on(command, tmp_path):
    assert run_command(command("--frames", "1:3", "--size", "36x34")) == 0
    assert [state.shape for state in states(tmp_path / "run")] == [(34, 36, 3)] * 2


def bad(files, tmp_path, name):
    """Arguments that go after a good command and make it a bad one, and what must be said."""
    broken = tmp_path / "broken"
    match name:
        case "missing clip":
            return ["--clip", "nowhere.mp4"], "nowhere.mp4"
        case "clip that is none":
            broken.with_suffix(".mp4").write_bytes(b"no video" * 100)
            return ["--clip", str(broken.with_suffix(".mp4"))], "broken.mp4"
        case "empty folder":
            broken.mkdir()
            return ["--clip", str(broken)], "broken"
        case "one frame":
            return ["--frames", "0:1"], "has 1 frame"
        case "missing style":
            return ["--style", "nowhere.png"], "nowhere.png"
        case "style that is none":
            broken.with_suffix(".png").write_text("not a picture")
            return ["--style", str(broken.with_suffix(".png"))], "broken.png"
        case "frames of two sizes":
            broken.mkdir()
            for i, width in enumerate((48, 50)):
                write_picture(broken / f"{i}.png", np.zeros((40, width, 3), np.uint8))
            return ["--clip", str(broken)], "1.png"
        case "small frames":
            return ["--size", "20x40"], "at least 32"
        case "unknown engine":
            return ["--flow", "magic"], "'magic'"
        case "unknown layer":
            return ["--style-layers", "relu1_1", "relu9_1"], "unknown layer 'relu9_1'"
        case "unknown preset":
            return ["--preset", "999x999"], "999x999"
        case "flow of another size":
            for a, b in ((2, 1), (3, 2)):
                write_flow(tmp_path / f"backward_{a}_{b}.flo", np.zeros((9, 9, 2), np.float32))
                write_flow(tmp_path / f"forward_{b}_{a}.flo", np.zeros((9, 9, 2), np.float32))
            return ["--flow", f"files:{tmp_path}/backward_[%d]_{{%d}}.flo"], "9x9"
        case "missing flow":
            return ["--flow", f"files:{tmp_path}/backward_[%d]_{{%d}}.flo"], "backward_2_1.flo"
        case "missing weights":
            return ["--weights", "nowhere.safetensors"], "nowhere.safetensors"
        case "truncated weights":
            data = (files / "net.safetensors").read_bytes()
            broken.with_suffix(".safetensors").write_bytes(data[: len(data) // 2])
            return ["--weights", str(broken.with_suffix(".safetensors"))], "broken.safetensors"
        case "output that can't be written":
            broken.write_text("")
            return ["--output", str(broken / "x.mp4")], "broken"
        case "run folder that can't be written":
            broken.write_text("")
            return ["--run-dir", str(broken / "run")], "broken"
        case "unknown suffix":
            return ["--output", str(tmp_path / "x.xyz")], ".xyz"
    raise AssertionError(name)


@pytest.mark.parametrize(
    "name",
    [
        "missing clip",
        "clip that is none",
        "empty folder",
        "one frame",
        "missing style",
        "style that is none",
        "frames of two sizes",
        "small frames",
        "unknown engine",
        "unknown layer",
        "unknown preset",
        "flow of another size",
        "missing flow",
        "missing weights",
        "truncated weights",
        "output that can't be written",
        "run folder that can't be written",
        "unknown suffix",
    ],
)
def test_bad_input_ends_with_status_2_and_one_line(command, files, tmp_path, capsys, name):
    extra, said = bad(files, tmp_path, name)
    assert run_command(command(*extra, iterations=("1", "1"))) == 2
    error = capsys.readouterr().err.strip()
    assert said in error
    assert len(error.splitlines()) == 1
    assert error.startswith("jvst: ")


@pytest.mark.slow
def test_a_truncated_clip_offers_the_frames_before_the_damage(command, tmp_path, capsys):
    scene = make_scene("demo", width=64, height=48)
    write_video(tmp_path / "whole.mp4", clip(scene, 20), frame_rate=Fraction(25), quality=1)
    data = (tmp_path / "whole.mp4").read_bytes()
    (tmp_path / "cut.mp4").write_bytes(data[: len(data) // 2])
    assert run_command(command("--clip", str(tmp_path / "cut.mp4"))) == 2
    said = capsys.readouterr().err
    readable = int(said.split("--frames 0:")[1].split()[0])
    assert 0 < readable < 20
    extra = ("--clip", str(tmp_path / "cut.mp4"), "--frames", f"0:{readable}")
    assert len(list(read_frames(tmp_path / "cut.mp4", stop=readable))) == readable
    assert run_command(command(*extra, "--frames", "0:2", iterations=("1", "1"))) == 0


@pytest.mark.slow
@pytest.mark.parametrize("how", ["killed", "interrupted"])
def test_a_run_stopped_inside_a_frame_ends_up_bit_for_bit_the_uninterrupted_one(
    command, tmp_path, hold, how
):
    iterations = ("40", "120")
    whole = command("--tolerance", "0", iterations=iterations, run_dir="whole")
    assert run_command(whole) == 0
    stopped = command("--tolerance", "0", iterations=iterations, run_dir="stopped")
    hold.once(tmp_path / "stopped" / "frames" / "0001.npy")
    process = start(stopped, hold)
    hold.wait(process)  # inside the second frame
    process.send_signal(signal.SIGKILL if how == "killed" else signal.SIGINT)
    error = process.communicate(timeout=300)[1]
    assert process.returncode == (-9 if how == "killed" else 130), error
    assert len(states(tmp_path / "stopped")) == 1
    assert (tmp_path / "stopped" / "interrupted.npz").exists() == (how == "interrupted")
    if how == "interrupted":
        assert "goes on" in error
    assert run_command(stopped) == 0
    for one, two in zip(states(tmp_path / "whole"), states(tmp_path / "stopped"), strict=True):
        np.testing.assert_array_equal(one, two)


@pytest.mark.slow
def test_a_second_run_is_kept_out_of_the_folder(command, tmp_path, capsys, hold):
    line = command("--tolerance", "0", iterations=("120", "1"))
    hold.once(tmp_path / "run" / "manifest.json")
    process = start(line, hold)
    hold.wait(process)
    assert run_command(line) == 2
    assert "another run works" in capsys.readouterr().err
    process.kill()
    process.communicate()


def test_help_names_every_group_and_leaves_with_status_0(capsys):
    with pytest.raises(SystemExit) as stop:
        run_command(["--help"])
    assert stop.value.code == 0
    said = capsys.readouterr().out
    for option in ("--clip", "--style-blend", "--temporal-weight", "--flow", "--iterations"):
        assert option in said


@pytest.mark.slow
def test_the_sound_of_the_part_that_is_stylized_is_kept(command, tmp_path):
    write_source(tmp_path / "talk.mp4", codec="aac", seconds=1)
    clip = ("--clip", str(tmp_path / "talk.mp4"), "--size", "48x32", "--frames", "5:10")
    assert run_command(command(*clip, iterations=("1", "0"))) == 0
    source = {data for _, data in audio_packets(tmp_path / "talk.mp4")}
    kept = audio_packets(tmp_path / "run" / "stylized.mp4")
    assert {data for _, data in kept} < source  # copied, not encoded again
    assert 0.1 < kept[-1][0] - kept[0][0] < 0.25  # five frames at 25 a second
    assert run_command(command(*clip, "--no-audio", iterations=("1", "0"))) == 0
    assert not probe(tmp_path / "run" / "stylized.mp4").has_audio


@pytest.mark.slow
def test_a_clip_of_a_varying_rate_keeps_its_times_and_takes_another_rate_later(
    command, tmp_path, capsys
):
    times = [0, 300, 320]  # in 1/600 s
    frames = [frame[:40] for frame in clip(make_scene("demo", width=48, height=41), 3)]
    write_raw(tmp_path / "a.mp4", frames, times=times, time_base=Fraction(1, 600), rate=30)
    line = command("--clip", str(tmp_path / "a.mp4"), iterations=("1", "0"))
    assert run_command(line) == 0
    made = frame_times(tmp_path / "run" / "stylized.mp4")
    np.testing.assert_allclose(made, [time / 600 for time in times], atol=1e-4)
    before = states(tmp_path / "run")
    capsys.readouterr()
    assert run_command([*line, "--frame-rate", "6"]) == 0
    assert "3 pictures of the clip's 3 frames" in capsys.readouterr().err
    assert len(list(read_frames(tmp_path / "run" / "stylized.mp4"))) == 3
    for one, two in zip(before, states(tmp_path / "run"), strict=True):
        np.testing.assert_array_equal(one, two)
