"""``scripts/make_sequences.py``: writes what is asked for, once, and touches nothing of others."""

import json
import re
import subprocess
import sys
from pathlib import Path

import cv2
import imageio.v3 as iio
import jax.numpy as jnp
import numpy as np
import pytest

from jvst.core.warp import warp
from jvst.lab.evaluation.sequences_command import motion_figures, run_sequences_command
from jvst.lab.evaluation.sintel import read_sequences
from jvst.synthetic import exact_flow, exact_occlusion, make_scene, render
from jvst.video import read_picture


def state(folder):
    """Every file with its content and when it was written."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in paths}


SMALL = ("--size", "48x37", "--frames", "4", "--long-lags", "2", "20", "--quiet")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    assert run_sequences_command([str(folder), *SMALL, "--names", "alley", "static"]) == 0
    return folder


def test_the_command_writes_the_named_scenes_and_a_table_of_their_motion(tmp_path, capsys):
    assert run_sequences_command([str(tmp_path), *SMALL, "--names", "bandage", "ambush"]) == 0
    table = capsys.readouterr().out.splitlines()
    assert table[0] == "| sequence | mean motion, px | max motion, px | disoccluded |"
    for row, name in zip(table[2:], ("bandage", "ambush"), strict=True):
        scene = make_scene(name, width=48, height=37)
        lengths = np.stack([np.linalg.norm(exact_flow(scene, t, t + 1), axis=-1) for t in range(3)])
        share = np.mean([exact_occlusion(scene, t + 1, t) for t in range(3)])
        expected = f"| {name} | {lengths.mean():.2f} | {lengths.max():.1f} | {share:.1%} |"
        assert row == expected
    sequences = read_sequences(tmp_path)
    assert [sequence.name for sequence in sequences] == ["ambush", "bandage"]
    assert all(sequence.lags == (2,) for sequence in sequences)
    record = json.loads((tmp_path / "sequences.json").read_text())
    assert (record["seed"], record["size"], record["frames"]) == (0, "48x37", 4)
    assert re.fullmatch(r"\d+\.\d+\.\d+\S*", record["jvst"])


def test_a_photograph_is_panned_with_motion_that_brings_each_frame_onto_the_next(tmp_path, capsys):
    grain = np.random.default_rng(0).random((9, 11, 3), np.float32)
    photograph = cv2.resize(grain, (110, 90), interpolation=cv2.INTER_CUBIC)
    path = tmp_path / "harbour.png"
    iio.imwrite(path, (255 * np.clip(photograph, 0, 1)).astype(np.uint8))
    command = [str(tmp_path / "made"), *SMALL, "--names", "--photograph", str(path)]
    assert run_sequences_command(command) == 0
    assert "| harbour |" in capsys.readouterr().out
    (sequence,) = read_sequences(tmp_path / "made")
    first, second = (read_picture(frame).astype(np.float32) / 255 for frame in sequence.frames[:2])
    truth = sequence.truth(0)
    assert np.linalg.norm(truth.flow, axis=-1).max() > 0.3
    back = np.asarray(warp(jnp.asarray(second), jnp.asarray(truth.flow)))
    still, moved = (np.square(picture - first)[truth.visible].mean() for picture in (second, back))
    # What is left is the rounding to 8 bits and the bilinear reading of a smooth picture.
    assert moved < 0.1 * still


def test_the_same_command_again_writes_nothing(made, capsys):
    before = state(made)
    assert run_sequences_command([str(made), *SMALL, "--names", "static", "alley"]) == 0
    assert state(made) == before
    assert "| alley |" in capsys.readouterr().out


def test_another_name_is_added_and_what_lacks_is_written_again(made):
    before = state(made)
    lacking = made / "flow" / "alley" / "frame_0002.flo"
    lacking.unlink()
    assert run_sequences_command([str(made), *SMALL, "--names", "alley", "demo"]) == 0
    assert lacking.read_bytes() == before[lacking][1]
    assert [sequence.name for sequence in read_sequences(made)] == ["alley", "demo", "static"]
    after = state(made)
    for path, content in before.items():
        if path.parent.name == "static":
            assert after[path] == content


def test_a_stopped_command_goes_on(tmp_path, capsys, monkeypatch):
    def stop(*_):
        raise KeyboardInterrupt

    command = [str(tmp_path), *SMALL, "--names", "static", "alley"]
    with monkeypatch.context() as patch:
        patch.setattr("jvst.lab.evaluation.sequences_command.motion_figures", stop)
        assert run_sequences_command(command) == 130
    assert capsys.readouterr().err.strip().endswith("interrupted; the same command goes on")
    (tmp_path / "flow" / "static" / "frame_0003.flo").unlink()
    assert run_sequences_command(command) == 0
    assert [sequence.name for sequence in read_sequences(tmp_path)] == ["alley", "static"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--frames", "5"), "frames 4 (asked: 5); give another folder, or --overwrite"),
        (("--seed", "1"), "seed 0 (asked: 1)"),
        (("--lighting",), "lighting False (asked: True)"),
        (("--blur",), "blur False (asked: True)"),
        (("--size", "48x48"), "size 48x37 (asked: 48x48)"),
        (("--long-lags", "3"), "long_lags [2, 20] (asked: [3])"),
        (("--names", "sintel"), "--names has 'sintel'; expected some of alley"),
        (("--names",), "--names is empty"),
        (("--size", "48"), "--size is '48'; expected WIDTHxHEIGHT"),
        (("--size", "48x8"), "48x8 is too small"),
        (("--frames", "1"), "--frames is 1"),
        (("--frames", "many"), "many"),
        (("--seed", "-1"), "seed"),
        (("--long-lags", "0"), "long lags are 0"),
        (("--bogus",), "--bogus"),
    ],
)
def test_other_settings_and_bad_options_are_one_line_and_change_nothing(
    made, capsys, options, message
):
    before = state(made)
    assert run_sequences_command([str(made), *SMALL, "--names", "alley", *options]) == 2
    said = capsys.readouterr()
    assert not said.out
    assert said.err.startswith("make_sequences: ")
    assert said.err.count("\n") == 1
    assert message in said.err
    assert state(made) == before


def test_overwriting_leaves_nothing_of_other_settings(tmp_path):
    assert run_sequences_command([str(tmp_path), *SMALL, "--names", "alley", "static"]) == 0
    (tmp_path / "notes.txt").write_text("mine")
    again = ("--names", "alley", "--frames", "3", "--long-lags", "--blur", "--overwrite")
    assert run_sequences_command([str(tmp_path), *SMALL, *again]) == 0
    (sequence,) = read_sequences(tmp_path)
    assert (sequence.name, len(sequence.frames), sequence.lags) == ("alley", 3, ())
    assert not list(tmp_path.glob("*/static"))
    assert not list(tmp_path.glob("flow_02/*"))
    assert (tmp_path / "notes.txt").read_text() == "mine"
    scene = make_scene("alley", width=48, height=37, shutter=0.5)
    np.testing.assert_array_equal(sequence.image(1), render(scene, 1))


def test_overwriting_mends_a_damaged_file(tmp_path):
    command = [str(tmp_path), *SMALL, "--names", "static"]
    assert run_sequences_command(command) == 0
    flow = tmp_path / "flow" / "static" / "frame_0001.flo"
    whole = flow.read_bytes()
    flow.write_bytes(whole[:50])
    assert run_sequences_command([*command, "--overwrite"]) == 0
    assert flow.read_bytes() == whole


def test_lighting_changes_the_pictures_and_leaves_the_truth(made, tmp_path):
    assert run_sequences_command([str(tmp_path), *SMALL, "--names", "alley", "--lighting"]) == 0
    plain, lit = (read_sequences(at, names=["alley"])[0] for at in (made, tmp_path))
    np.testing.assert_array_equal(lit.image(0), plain.image(0))
    assert lit.image(3).mean() > 1.03 * plain.image(3).mean()
    for one, other in zip(lit.truth(2), plain.truth(2), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("content", ["{", "[]", '{"jvst": "0"}', None])
def test_a_folder_of_others_is_refused_and_stays(tmp_path, capsys, content):
    (tmp_path / "final" / "alley").mkdir(parents=True)
    (tmp_path / "final" / "alley" / "frame_0001.png").write_bytes(b"mine")
    if content is not None:
        (tmp_path / "sequences.json").write_text(content)
    before = state(tmp_path)
    for more in ((), ("--overwrite",)):
        assert run_sequences_command([str(tmp_path), *SMALL, *more]) == 2
        said = capsys.readouterr().err
        assert ("is damaged" if content else "is not from this command") in said
        assert said.count("\n") == 1
    assert state(tmp_path) == before


@pytest.mark.parametrize("name", ["file", "x" * 300])
def test_a_folder_that_cannot_be_is_answered_in_one_line(tmp_path, capsys, name):
    (tmp_path / "file").write_text("")
    assert run_sequences_command([str(tmp_path / name), *SMALL, "--names", "static"]) == 2
    said = capsys.readouterr().err
    assert "can't be written" in said
    assert said.count("\n") == 1


@pytest.mark.slow
def test_the_five_sequences_differ_as_the_paper_s_do():
    figures = {
        name: motion_figures(make_scene(name, width=128, height=56), 24)
        for name in ("alley", "ambush", "blur", "bandage", "market", "static")
    }
    mean, most, new = (
        {name: values[key] for name, values in figures.items()}
        for key in ("mean_motion", "max_motion", "disoccluded")
    )
    assert mean["blur"] > mean["ambush"] > 4 * mean["market"] > 8 * mean["alley"] > 0
    assert most["alley"] < 1 < most["market"] < most["ambush"] / 3
    assert mean["bandage"] < 0.3
    assert most["bandage"] < most["market"]
    # Thin occluders uncover much for how little moves, a crowd more still.
    assert new["alley"] < new["bandage"] < new["market"] < new["ambush"]
    assert mean["static"] == most["static"] == new["static"] == 0


def test_the_script_reports_bad_input_with_status_2(tmp_path):
    script = Path(__file__).resolve().parents[3] / "scripts" / "make_sequences.py"
    command = [sys.executable, str(script), str(tmp_path), "--names", "none"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert result.stderr.startswith("make_sequences: --names has 'none'")
    assert result.stderr.count("\n") == 1
