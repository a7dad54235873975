"""Runs that are driven, watched and ended through events."""

import ast
import dataclasses
import re
import threading
from pathlib import Path

import numpy as np
import pytest
from support.command_lines import FRAMES, states

import jvst.app
from jvst.app.cli.lines import CommandLine
from jvst.app.cli.main import parse, run_command
from jvst.app.cli.spelling import spoken
from jvst.app.clips import run_clips
from jvst.app.events import (
    Cancelled,
    ClipFailed,
    ClipSkipped,
    ClipStarted,
    Failed,
    Finished,
    FlowReady,
    FramesFinished,
    FramesStarted,
    LookingThrough,
    MemoryFitted,
    PreviewWritten,
    Started,
    VideoWritten,
)
from jvst.app.options import StylizeConfig
from jvst.app.run import look_at, run
from jvst.errors import InputError
from jvst.film import events as film_events
from jvst.film.events import Compiling, FrameDone, Progress

STAGES = (
    *(LookingThrough, Started, MemoryFitted, FramesStarted),
    *(FramesFinished, VideoWritten, Finished),
)


def kinds(told, wanted):
    return [type(event) for event in told if isinstance(event, wanted)]


def run_line(line, **options):
    """Run a command line as a caller of the library does."""
    return run(look_at(parse(line)), **options)


def at_chunk(number, act):
    """A listener that acts at one of the chunks; it keeps what it is told."""
    told = []

    def listen(event):
        told.append(event)
        if isinstance(event, Progress) and len(kinds(told, Progress)) == number:
            act()

    return listen, told


def test_a_run_tells_every_stage_and_every_frame_and_prints_nothing(command, tmp_path, capfd):
    line = command("--preview", "2")
    line.remove("--quiet")
    told, threads = [], set()

    def listen(event):
        told.append(event)
        threads.add(threading.current_thread())

    result = run(look_at(parse(line), on_event=listen), on_event=listen)
    assert kinds(told, STAGES) == list(STAGES)
    assert [event.index for event in told if isinstance(event, FrameDone)] == [*range(FRAMES)]
    assert kinds(told, FlowReady)
    assert kinds(told, PreviewWritten)
    assert told[-1] == Finished(result)
    assert threads == {threading.current_thread()}
    assert result.video == tmp_path / "run" / "stylized.mp4"
    assert result.video.exists() and result.manifest.exists() and not result.cancelled
    assert result.report is None
    assert [frame["iterations"] for frame in result.frames] == [6, 4, 4]
    assert list(result.timings) == [
        "frames",
        "of which waiting for flow",
        "of which compiling",
        "video",
    ]
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    "extra",
    [(), pytest.param(("--passes", "2", "--pass-iterations", "4"), marks=pytest.mark.slow)],
    ids=["one pass", "two passes"],
)
def test_a_cancelled_run_goes_on_to_the_same_bits(command, tmp_path, extra):
    run_line(command(*extra, run_dir="whole"))
    cancel = threading.Event()
    # Of the second frame, or of the second batch of frames, the second chunk.
    listen, told = at_chunk(4, cancel.set)
    stopped = run_line(command(*extra), on_event=listen, cancel=cancel)
    assert stopped.cancelled and stopped.video is None
    assert told[-1] == Cancelled(stopped)
    assert isinstance(told[-2], Progress)  # nothing was done after it
    assert (stopped.folder / "interrupted.npz").exists()
    assert len(states(stopped.folder)) < FRAMES
    again = []
    assert run_line(command(*extra), on_event=again.append).video is not None
    # It went on inside the frame.
    assert next(event for event in again if isinstance(event, Progress)).slowest.iteration > 0
    for one, two in zip(states(tmp_path / "whole"), states(tmp_path / "run"), strict=True):
        np.testing.assert_array_equal(one, two)


def test_a_listener_that_raises_ends_the_run_with_its_state_kept(command, tmp_path):
    def fail():
        raise LookupError("a listener's own trouble")

    listen, told = at_chunk(2, fail)
    with pytest.raises(LookupError, match="own trouble"):
        run_line(command(), on_event=listen)
    assert isinstance(told[-1], Failed)
    assert (tmp_path / "run" / "interrupted.npz").exists()


def test_a_run_is_cancelled_between_its_frames_and_its_video_too(command, tmp_path):
    cancel = threading.Event()

    def listen(event):
        if isinstance(event, FramesFinished):
            cancel.set()

    line = command(iterations=("0", "0"))
    result = run_line(line, on_event=listen, cancel=cancel)
    assert result.cancelled
    assert len(states(tmp_path / "run")) == FRAMES
    assert not (tmp_path / "run" / "stylized.mp4").exists()


def test_a_failure_is_told_and_raised(command, tmp_path):
    told = []
    task = look_at(parse(command()))
    (tmp_path / "run").write_text("")
    with pytest.raises(InputError, match="can't be written"):
        run(task, on_event=told.append)
    assert "can't be written" in str(told[-1].error)


def test_several_clips_tell_whose_turn_it_is(command, files, tmp_path):
    clips = str(files / "clip"), str(files / "clip.mp4")
    line = ("--clip", *clips)
    told = []

    def failing(event):
        told.append(event)
        if isinstance(event, ClipStarted):
            folder = tmp_path / "run" / ("clip", "clip-2")[event.number - 1] / "frames"
            folder.rmdir()
            folder.write_text("")

    done = run_clips(parse(command(*line, iterations=("0", "0"))), on_event=failing)
    assert done.failed == clips
    turns = [event for event in told if isinstance(event, ClipStarted | ClipFailed)]
    assert [type(event) for event in turns] == [ClipStarted, ClipFailed] * 2
    assert turns[0] == ClipStarted(clips[0], 1, 2)
    cancel = threading.Event()
    cancel.set()
    other = parse(command(*line, iterations=("0", "0"), run_dir="other"))
    done = run_clips(other, cancel=cancel)
    assert done.cancelled and len(done.results) == 1
    told.clear()
    assert run_clips(other).failed == ()
    run_clips(other, on_event=told.append)
    assert kinds(told, ClipSkipped | ClipStarted) == [ClipSkipped] * 2


def test_the_bar_says_what_is_compiled_instead_of_standing_still(command, monkeypatch, capsys):
    monkeypatch.setattr(film_events, "_COMPILED", set())
    line = command(iterations=("1", "0"))
    line.remove("--quiet")
    assert run_command(line) == 0
    bar = capsys.readouterr().err.split("\r")
    compiling = [text for text in bar if "compiling for 48×41, once for each size" in text]
    assert compiling and "0%" in compiling[0]
    assert run_command(command("--seed", "1", "--fresh", iterations=("1", "0"))) == 0
    assert "compiling" not in capsys.readouterr().err


def test_what_is_compiled_before_there_is_a_bar_has_a_line_of_its_own(capsys):
    CommandLine(quiet=False)(Compiling((1024, 436)))
    CommandLine(quiet=True)(Compiling((1024, 436)))
    said = capsys.readouterr().err
    assert said == "jvst: compiling for 1024×436, once for each size\n"


APP = Path(jvst.app.__file__).parent
#: Processes of their own, whose output their parent reads.
PROCESSES = {"workers/worker.py", "workers/ray_cluster/driver.py"}
MODULES = [
    path.relative_to(APP).as_posix()
    for path in sorted(APP.rglob("*.py"))
    if path.relative_to(APP).parts[0] != "cli"
]


def speech(source):
    """What in a module prints or draws."""
    found = []
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Call(func=ast.Name(id="print" | "input")):
                found.append(ast.unparse(node))
            case ast.Attribute(value=ast.Name(id="sys"), attr="stdout" | "stderr"):
                found.append(ast.unparse(node))
            case ast.Import(names=names) | ast.ImportFrom(names=names):
                module = getattr(node, "module", "")
                found += [n for n in [module, *(a.name for a in names)] if n == "tqdm"]
                found += [a.name for a in names if module == "sys" and a.name in "stdout stderr"]
    return found


OPTIONS = {
    field.name
    for group in dataclasses.fields(StylizeConfig)
    for field in dataclasses.fields(getattr(StylizeConfig(), group.name))
}


def named_options(source):
    """Options of the command line that a module's texts name; docstrings are no messages."""
    tree = ast.parse(source)
    documentation = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    texts = [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and id(node) not in documentation
    ]
    words = (word for text in texts for word in re.findall(r"--(?:no-)?([a-z][a-z-]+)", text))
    return [word for word in words if word.replace("-", "_") in OPTIONS]


@pytest.mark.parametrize("module", MODULES)
def test_nothing_but_the_command_line_names_its_options(module):
    assert named_options((APP / module).read_text("utf-8")) == []


def test_a_message_that_names_an_option_is_found():
    assert named_options('"""See --frames."""\nx = f"{1} needs --run-dir"') == ["run-dir"]


def test_the_command_line_names_options_as_they_are_given():
    said = spoken("choose another `run_dir`,\n or `fresh`; start it with `ray start`")
    assert said == "choose another --run-dir, or --fresh; start it with `ray start`"


@pytest.mark.parametrize("module", [name for name in MODULES if name not in PROCESSES])
def test_nothing_but_the_command_line_prints(module):
    assert speech((APP / module).read_text("utf-8")) == []


@pytest.mark.parametrize(
    "line",
    ["print(1)", "sys.stderr.write('')", "from tqdm import tqdm", "from sys import stderr"],
)
def test_a_module_that_prints_is_found(line):
    assert speech((APP / "run.py").read_text("utf-8") + f"\n{line}\n") != []
