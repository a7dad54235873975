"""The evaluation from a folder of sequences to tables, on a network of few channels."""

import csv
import json
import shutil

import numpy as np
import pytest
from flax import nnx
from support.networks import small_network

from jvst.lab.evaluation import making
from jvst.lab.evaluation.command import run_command
from jvst.lab.evaluation.methods import MadeFrame
from jvst.lab.evaluation.results import locked
from jvst.lab.evaluation.sintel import write_sequence
from jvst.lab.evaluation.states import MadeClip
from jvst.network.weights import save_vgg19
from jvst.synthetic import make_scene, painting
from jvst.video import read_picture, write_picture

FRAMES = 4
SIZE = (64, 48)


def faint_network():
    """A small network with answers a hundredth as large: the temporal term counts beside it."""
    vgg = small_network.__wrapped__()
    for layer in vgg.convolutions.values():
        layer.bias = nnx.Param(0.01 * layer.bias[...])
    first = vgg.convolutions["conv1_1"]
    first.kernel = nnx.Param(0.01 * first.kernel[...])
    return vgg


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Two sequences, a painting and a small network."""
    folder = tmp_path_factory.mktemp("inputs")
    for name in ("demo", "market"):
        scene = make_scene(name, width=SIZE[0], height=SIZE[1])
        write_sequence(folder / "data", f"{name}_1", scene, FRAMES, lags=(2,))
    write_picture(folder / "style.png", painting("swirls", 60, 40))
    save_vgg19(folder / "net.safetensors", faint_network(), network="embedded")
    return folder


@pytest.fixture
def command(files, tmp_path):
    """Make a command line; the frames of another program are the input's own."""

    def line(*extra, methods=("prev",), names=("demo_1",), frames=(), out="out"):
        return [
            *("--data", str(files / "data"), "--names", *names),
            *("--style", str(files / "style.png"), "--weights", str(files / "net.safetensors")),
            *("--out", str(tmp_path / out), "--iterations", "3", "2", "--quiet"),
            *(("--methods", *methods) if methods else ()),
            *(("--frames", *frames) if frames else ()),
            *extra,
        ]

    return line


@pytest.fixture(scope="module")
def kept():
    """Finished runs of good command lines, by name."""
    return {}


@pytest.fixture
def finished(command, kept, tmp_path_factory, tmp_path):
    """Put a finished run where the command line has it; it is made once."""

    def copy(**options):
        name = str(options)
        if name not in kept:
            assert run_command(command(**options)) == 0
            kept[name] = tmp_path_factory.mktemp("kept") / "out"
            shutil.copytree(tmp_path / "out", kept[name])
        else:
            shutil.copytree(kept[name], tmp_path / "out", dirs_exist_ok=True)

    return copy


@pytest.fixture
def solved(monkeypatch):
    """Count the frames that are stylized, and by which methods."""
    made = []

    def counted(method, *arguments, **options):
        for frame in run_method(method, *arguments, **options):
            made.append(method.name)
            yield frame

    run_method = making.run_method
    monkeypatch.setattr(making, "run_method", counted)
    return made


def results(folder):
    kept = json.loads((folder / "results.json").read_text())
    return {(e["method"], e["sequence"]): e["numbers"] for e in kept["entries"]}


@pytest.mark.slow
def test_methods_are_made_measured_and_tabulated(command, files, tmp_path, capsys, solved):
    methods = ("independent", "prev", "prev-warped", "short")
    peer = f"theirs={files / 'data' / 'final'}"
    assert run_command(command(methods=methods, frames=(peer,))) == 0
    out = tmp_path / "out"
    found = results(out)
    rows = ["independent", "prev", "prev-warped", "short:dis", "frames:theirs", "input"]
    assert list(found) == [(row, "demo_1") for row in rows]
    # The input as another program's frames is as stable as the input, and has its style.
    for name, number in found["input", "demo_1"].items():
        assert found["frames:theirs", "demo_1"][name] == number
    assert found["input", "demo_1"]["content"] == 0.0
    assert found["independent", "demo_1"]["iterations"] == 3.0
    assert found["prev", "demo_1"]["iterations"] == (3 + 2 * (FRAMES - 1)) / FRAMES
    assert all(found[row, "demo_1"]["seconds"] > 0.0 for row in rows[:4])
    errors = [found[row, "demo_1"]["warping_error"] for row in rows[:4]]
    assert len(set(errors)) == 4  # they are four ways
    # What people look at and what was measured.
    for row in ("independent", "short-dis"):
        pictures = sorted((out / "frames" / row / "demo_1").iterdir())
        assert [path.name for path in pictures] == [f"frame_{i + 1:04d}.png" for i in range(FRAMES)]
        state = np.load(out / "states" / row / "demo_1" / "0002.npy")
        shown = np.round(np.clip(state, 0, 1) * 255)
        np.testing.assert_array_equal(read_picture(pictures[1]), shown)
    said = capsys.readouterr().out
    assert (out / "results.md").read_text() == said
    assert said.splitlines()[-1].startswith("| input (floor) | ")
    with (out / "results.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert [line["method"] for line in lines] == rows
    assert float(lines[1]["style"]) == found["prev", "demo_1"]["style"]
    assert list((out / "flow").glob("??/*.flo"))
    assert len(solved) == 4 * FRAMES


@pytest.mark.slow
def test_what_was_measured_is_not_made_again_and_more_is_added(command, tmp_path, solved):
    assert run_command(command()) == 0
    assert solved == ["prev"] * FRAMES
    before = results(tmp_path / "out")
    assert run_command(command()) == 0
    assert run_command(command(methods=("prev", "independent"))) == 0
    assert solved == ["prev"] * FRAMES + ["independent"] * FRAMES
    after = results(tmp_path / "out")
    assert {key: after[key] for key in before} == before
    assert len(after) == 3
    assert run_command(command(names=("demo_1", "market_1"))) == 0
    assert solved[2 * FRAMES :] == ["prev"] * FRAMES
    assert len(results(tmp_path / "out")) == 5


@pytest.mark.slow
def test_frames_are_measured_again_without_being_made(command, finished, tmp_path, solved):
    finished()
    solved.clear()
    state = tmp_path / "out" / "states" / "prev" / "demo_1" / "0002.npy"
    before = results(tmp_path / "out")
    np.save(state, 0.5 * np.load(state))
    assert run_command(command()) == 0
    assert results(tmp_path / "out") == before
    assert run_command(command("--measure-again")) == 0
    assert not solved
    after = results(tmp_path / "out")
    key = ("prev", "demo_1")
    assert after[key]["warping_error"] != before[key]["warping_error"]


@pytest.mark.slow
def test_a_method_that_was_stopped_goes_on_with_its_next_frame(
    command, tmp_path, monkeypatch, capsys, solved
):
    assert run_command(command(methods=("short",), out="whole")) == 0
    add = MadeClip.add

    def stop(self, frame):
        if frame.index == 2:
            raise KeyboardInterrupt
        add(self, frame)

    with monkeypatch.context() as patched:
        patched.setattr(MadeClip, "add", stop)
        assert run_command(command(methods=("short",))) == 130
    assert "interrupted" in capsys.readouterr().err
    solved.clear()
    assert run_command(command(methods=("short",))) == 0
    assert len(solved) == 2
    for index in range(FRAMES):
        part = f"states/short-dis/demo_1/{index + 1:04d}.npy"
        one, two = (np.load(tmp_path / out / part) for out in ("whole", "out"))
        np.testing.assert_array_equal(one, two)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("extra", "said"),
    [
        (("--iterations", "3", "1"), "another iterations ([3, 2] there, [3, 1] now)"),
        (("--style", "painting:swirls"), "another style"),
        (("--seed", "1"), "another seed (0 there, 1 now)"),
        (("--size", "40x36"), "another size"),
        (("--mask", "soft"), "another mask"),
        (("--limit", "3"), "another limit"),
    ],
)
def test_other_settings_are_refused_by_name(
    command, finished, tmp_path, capsys, solved, extra, said
):
    results_file = tmp_path / "out" / "results.json"
    assert run_command(command("--limit", "2", methods=(), frames=())) == 2  # nothing was asked
    assert not results_file.exists()
    finished()
    solved.clear()
    before = results_file.read_bytes()
    capsys.readouterr()
    assert run_command(command(*extra)) == 2
    error = capsys.readouterr().err
    assert said in error
    assert "--fresh" in error
    assert len(error.splitlines()) == 1
    assert results_file.read_bytes() == before
    assert not solved


@pytest.mark.slow
def test_fresh_begins_again_with_other_settings(command, tmp_path, solved):
    assert run_command(command(methods=("prev", "independent"))) == 0
    state = tmp_path / "out" / "states" / "prev" / "demo_1" / "0001.npy"
    before = np.load(state)
    solved.clear()
    assert run_command(command("--seed", "1", "--init", "noise", "--limit", "3", "--fresh")) == 0
    assert len(solved) == 3
    assert [method for method, _ in results(tmp_path / "out")] == ["prev", "input"]
    assert np.abs(np.load(state) - before).max() > 1e-3
    # The fourth frame belongs to what was there before.
    assert not state.with_name("0004.npy").exists()


@pytest.mark.slow
def test_the_passes_of_multi_pass_matter_to_it_alone(command, tmp_path, monkeypatch, capsys):
    def made(method, frames, between, problem, *, passes, **options):
        for index, frame in enumerate(frames):
            yield MadeFrame(index, frame.astype(np.float32) / 255, passes.count, 0.1)

    monkeypatch.setattr(making, "run_method", made)
    assert run_command(command()) == 0
    assert run_command(command("--passes", "3", methods=("multipass",))) == 0
    assert results(tmp_path / "out")["multipass", "demo_1"]["iterations"] == 3.0
    assert run_command(command("--passes", "4", methods=("prev",))) == 0
    assert run_command(command("--passes", "4", methods=("multipass",))) == 2
    assert "another passes (3 there, 4 now)" in capsys.readouterr().err


@pytest.mark.slow
def test_long_term_and_both_kinds_of_multi_pass_are_methods(command, tmp_path):
    methods = ("long:1,2", "multipass", "multipass:parallel")
    passes = ("--passes", "3", "--pass-iterations", "2", "--batch", "2")
    assert run_command(command(*passes, methods=methods)) == 0
    found = results(tmp_path / "out")
    assert found["multipass", "demo_1"]["iterations"] == 6.0
    assert found["multipass:parallel", "demo_1"]["iterations"] == 6.0
    assert len({numbers["warping_error"] for numbers in found.values()}) == 4
    assert found["long:1,2", "demo_1"]["lag 2"] is not None


@pytest.mark.slow
def test_frames_at_another_size_are_made_and_measured_there(command, tmp_path):
    assert run_command(command("--size", "40x36", "--limit", "2", methods=("prev",))) == 0
    state = np.load(tmp_path / "out" / "states" / "prev" / "demo_1" / "0002.npy")
    assert state.shape == (36, 40, 3)
    assert results(tmp_path / "out")["input", "demo_1"]["lag 2"] is None
    assert results(tmp_path / "out")["input", "demo_1"]["warping_error"] > 0.0


@pytest.mark.slow
def test_another_programs_frames_are_measured_anew_each_time(command, files, tmp_path):
    shutil.copytree(files / "data" / "final" / "demo_1", tmp_path / "peer" / "demo_1")
    peer = (f"peer={tmp_path / 'peer'}",)
    assert run_command(command(methods=(), frames=peer)) == 0
    found = results(tmp_path / "out")
    assert found["frames:peer", "demo_1"] == found["input", "demo_1"]
    picture = read_picture(tmp_path / "peer" / "demo_1" / "frame_0002.png")
    write_picture(tmp_path / "peer" / "demo_1" / "frame_0002.png", 255 - picture)
    write_picture(tmp_path / "peer" / "demo_1" / "sheet.png", picture)  # is no frame
    assert run_command(command(methods=(), frames=peer)) == 0
    found = results(tmp_path / "out")
    error = found["frames:peer", "demo_1"]["warping_error"]
    assert error > 10 * found["input", "demo_1"]["warping_error"]


def bad(files, tmp_path, name):
    """Arguments that make a good command bad, and what must be said."""
    broken = tmp_path / "broken"
    match name:
        case "missing data":
            return ["--data", "nowhere"], "nowhere"
        case "unknown sequence":
            return ["--names", "ambush_9"], "ambush_9"
        case "unknown method":
            return ["--methods", "magic"], "'magic'"
        case "unknown engine":
            return ["--methods", "short:magic"], "'magic'"
        case "missing style":
            return ["--style", "nowhere.png"], "nowhere.png"
        case "unknown painting":
            return ["--style", "painting:nothing"], "nothing"
        case "missing weights":
            return ["--weights", "nowhere.safetensors"], "nowhere.safetensors"
        case "no methods":
            return ["--frames"], "--methods"
        case "no out":
            return ["--out", ""], "--out"
        case "one frame":
            return ["--limit", "1"], "at least 2"
        case "no passes":
            return ["--passes", "0"], "--passes"
        case "bad init":
            return ["--init", "grey"], "--init"
        case "bad size":
            return ["--size", "big"], "big"
        case "unknown option":
            return ["--speed", "3"], "--speed"
        case "frames without a label":
            return ["--frames", "somewhere"], "LABEL=DIR"
        case "two folders under one label":
            return ["--frames", "a=x", "a=y"], "frames:a"
        case "missing frames":
            return ["--frames", f"peer={broken}"], "demo_1"
        case "too few frames":
            shutil.copytree(files / "data" / "final" / "demo_1", broken / "demo_1")
            (broken / "demo_1" / "frame_0003.png").unlink()
            return ["--frames", f"peer={broken}"], "has 3 frames; expected 4"
        case "frames of another size":
            for i in range(FRAMES):
                picture = np.zeros((30, 30, 3), np.uint8)
                write_picture(broken / "demo_1" / f"frame_{i + 1:04d}.png", picture)
            return ["--frames", f"peer={broken}"], "30x30"
        case "frames that are no pictures":
            for i in range(FRAMES):
                path = broken / "demo_1" / f"frame_{i + 1:04d}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text("no picture")
            return ["--frames", f"peer={broken}"], "frame_0001.png"
        case "damaged results":
            (tmp_path / "out").mkdir()
            (tmp_path / "out" / "results.json").write_text('{"entries": [{"method": 3')
            return [], "results.json"
        case "out that can't be written":
            broken.write_text("")
            return ["--out", str(broken / "out")], "broken"
        case "damaged motion":
            shutil.copytree(files / "data", broken)
            path = broken / "flow" / "demo_1" / "frame_0002.flo"
            path.write_bytes(path.read_bytes()[:100])
            return ["--data", str(broken)], "frame_0002.flo"
    raise AssertionError(name)


BAD = [
    *("missing data", "unknown sequence", "unknown method", "unknown engine", "missing style"),
    *("unknown painting", "missing weights", "no methods", "no out", "one frame", "no passes"),
    *("bad init", "bad size", "unknown option", "frames without a label", "damaged motion"),
    *("two folders under one label", "missing frames", "too few frames", "damaged results"),
    *("frames of another size", "frames that are no pictures", "out that can't be written"),
]


@pytest.mark.parametrize("name", BAD)
def test_bad_input_ends_with_status_2_and_one_line(command, files, tmp_path, capsys, solved, name):
    extra, said = bad(files, tmp_path, name)
    frames = (f"good={files / 'data' / 'final'}",)
    assert run_command(command(*extra, methods=(), frames=frames)) == 2
    error = capsys.readouterr().err.strip()
    assert said in error
    assert len(error.splitlines()) == 1
    assert error.startswith("evaluate: ")
    assert not solved


def test_a_second_evaluation_is_kept_out_of_the_folder(command, tmp_path, capsys):
    with locked(tmp_path / "out"):
        assert run_command(command()) == 2
    assert "another evaluation works" in capsys.readouterr().err


def test_help_names_the_options(capsys):
    with pytest.raises(SystemExit) as stop:
        run_command(["--help"])
    assert stop.value.code == 0
    said = capsys.readouterr().out
    for option in ("--data", "--methods", "--frames", "--pass-iterations", "--fresh"):
        assert option in said
