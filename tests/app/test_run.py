import importlib.metadata
import io
from pathlib import Path

import pytest

from jvst.app.cli.estimate import TimeLeft
from jvst.app.cli.lines import summary
from jvst.app.cli.progress import ClipProgress
from jvst.app.demo import demo_config
from jvst.app.options import (
    InputOptions,
    LookOptions,
    MotionOptions,
    NetworkOptions,
    RunOptions,
    SolverOptions,
    StylizeConfig,
)
from jvst.app.result import Result
from jvst.app.run import run_folder
from jvst.app.task import (
    _versions,
    chosen_engine,
    chosen_weights,
    clip_config,
    iterations_a_look,
    network_of,
)
from jvst.network.weights import find_weights
from jvst.solver.objective import LossTerms
from jvst.solver.presets import NETWORKS
from jvst.solver.solve import Report
from jvst.video import probe, read_picture


class Timed(TimeLeft):
    """An estimate that is given."""

    per_frame = seconds = None

    def __init__(self, per_frame, seconds):
        self.per_frame, self.seconds = per_frame, seconds


INFO = {"iterations": 9, "stopped": "converged", "fallback": "none"}


def test_a_fallback_and_the_cap_are_said_at_the_end(tmp_path):
    infos = [INFO, {**INFO, "stopped": "non-finite loss", "fallback": "start image"}]
    result = Result(
        folder=tmp_path,
        pictures=tmp_path / "pictures",
        manifest=tmp_path / "manifest.json",
        video=Path("out.mp4"),
        frames=infos,
        timings={"frames": 3.0},
    )
    said = summary(result)
    assert "frame 2: the loss became non-finite; fell back to the start image" in said
    assert "1 converged before" in said
    for place in ("out.mp4", str(tmp_path / "pictures"), str(tmp_path / "manifest.json")):
        assert place in said


def test_a_weight_that_is_given_counts_as_published():
    config = StylizeConfig(look=LookOptions(style_weight=20.0, content_weight=2.0))
    weights = chosen_weights(config, "embedded", (450, 350))
    preset = chosen_weights(StylizeConfig(), "embedded", (450, 350))
    assert weights.style == pytest.approx(preset.style)
    assert weights.content == pytest.approx(2.0 * NETWORKS["embedded"].content)
    assert weights.temporal == preset.temporal == 200.0


def test_the_embedded_network_runs_as_its_preset_says():
    found = find_weights("embedded")
    assert found.network == "embedded"
    vgg = network_of(StylizeConfig(), found).weights
    assert (vgg.pooling, vgg.first_padding) == ("average", "replicate")
    other = network_of(StylizeConfig(network=NetworkOptions(pooling="max")), found)
    assert other.weights.pooling == "max"


def test_options_reach_the_solver():
    chosen = SolverOptions(iterations=(7, 5), optimizer="adam", init="content", tolerance=0.01)
    config = clip_config(StylizeConfig(solver=chosen), "vgg19")
    assert config.content_layers == ("relu4_2",)
    assert (config.first_iterations, config.next_iterations) == (7, 5)
    assert (config.solver.optimizer, config.solver.tolerance) == ("adam", 0.01)
    assert config.init == "content"
    assert clip_config(StylizeConfig(), "vgg19").init == "onepass"
    assert clip_config(StylizeConfig(), "embedded").init == "onepass"


def test_the_engine_of_quality_is_taken_where_the_solver_is_slow():
    long = SolverOptions(effort="high")  # the tests run on a CPU
    assert chosen_engine(StylizeConfig(solver=long), (256, 192)) == "epic"
    assert chosen_engine(StylizeConfig(), (256, 192)) == "dis"
    assert chosen_engine(StylizeConfig(solver=long), (256, 36)) == "dis"  # epic needs 40 pixels
    half = StylizeConfig(motion=MotionOptions(flow_scale=0.5), solver=long)
    assert chosen_engine(half, (256, 79)) == "dis"
    named = StylizeConfig(motion=MotionOptions(flow="deepflow"), solver=long)
    assert chosen_engine(named, (256, 192)) == "deepflow"


def test_the_demo_draws_its_own_clip_and_painting(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("jvst.app.demo._FRAMES", 3)
    monkeypatch.setattr("jvst.app.demo._SIZE", (96, 72))
    config = demo_config(StylizeConfig())
    assert probe(config.input.clip).frames == 3
    assert read_picture(config.input.style[0]).ndim == 3
    assert config.solver.effort == "draft"
    given = StylizeConfig(solver=SolverOptions(iterations=(3, 2)))
    assert demo_config(given).solver.iterations == (3, 2)


def test_the_bar_shows_frame_iteration_terms_pace_and_time_left():
    stream = io.StringIO()
    left = Timed(per_frame=2.5, seconds=200.0)
    progress = ClipProgress(4, 1, left, quiet=False, stream=stream)
    progress.waited = 7.2
    report = Report(25, 26, 3.0, LossTerms(1.25, 0.5, 0.25, 0.125))
    progress.chunk("frame 3/4", 2, report, 50)
    progress._bar.refresh()
    progress.close()
    shown = stream.getvalue().split("\r")[-1]
    for part in (
        "62%",
        "frame 3/4",
        "iteration 25/50",
        "content 1.25",
        "style 0.5",
        "2.5 s/frame, waited 7 s for flow",
        "about 3 min left",
    ):
        assert part in shown


def test_a_quiet_run_shows_no_bar():
    stream = io.StringIO()
    progress = ClipProgress(4, 0, Timed(None, None), quiet=True, stream=stream)
    progress.chunk("frame 1/4", 0, Report(25, 26, 3.0, LossTerms(1.0, 0.5, 0.25, 0.125)), 100)
    progress.close()
    assert stream.getvalue() == ""


@pytest.mark.parametrize("clip", ["a/film.mp4", "a/film", "a/film/%04d.png", "a/film/*.ppm"])
def test_a_run_is_named_after_the_clip_and_the_painting(clip):
    config = StylizeConfig(input=InputOptions(clip=clip, style=("b/night.jpg",)))
    assert str(run_folder(config)) == "runs/film-night"


def test_the_name_of_a_run_fits_a_file_system_and_stays_another_one_for_other_inputs():
    def folder(clip):
        inputs = InputOptions(clip=f"{clip}.mp4", style=("ä" * 120 + ".jpg",))
        return run_folder(StylizeConfig(input=inputs)).name

    names = {folder("a" * 190), folder("a" * 189 + "b")}
    assert len(names) == 2
    assert max(len(name.encode()) for name in names) <= 200


def test_what_is_not_installed_under_its_name_has_no_version(monkeypatch):
    """Another package may provide cv2, and a checkout runs without being installed."""

    def version(name):
        if name in {"jvst", "opencv-contrib-python-headless"}:
            raise importlib.metadata.PackageNotFoundError(name)
        return "1.0"

    monkeypatch.setattr(importlib.metadata, "version", version)
    found = _versions()
    assert found["jax"] == found["opencv-python"] == "1.0"
    assert not {"jvst", "opencv-contrib-python-headless"} & found.keys()


def test_a_gpu_is_looked_at_a_few_times_a_second_whatever_the_size(monkeypatch):
    sizes = (450, 350), (1024, 436), (1920, 1080), (3840, 2160)
    config = StylizeConfig()
    assert [iterations_a_look(config, size) for size in sizes] == [10, 10, 10, 10]
    monkeypatch.setattr("jax.default_backend", lambda: "gpu")
    assert [iterations_a_look(config, size) for size in sizes] == [100, 100, 22, 10]
    assert iterations_a_look(StylizeConfig(run=RunOptions(preview=7)), sizes[0]) == 7
