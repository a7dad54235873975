"""What one word for time and quality comes to."""

from typing import get_args

import pytest
from support.command_lines import FRAMES

from jvst.app.cli.main import parse
from jvst.app.effort import LEVELS, contradictions, effort_of, is_instant, means_of
from jvst.app.events import Notice
from jvst.app.options import Effort, SolverOptions, StylizeConfig
from jvst.app.run import look_at, run
from jvst.app.task import chosen_engine
from jvst.errors import InputError


def with_solver(**options):
    return StylizeConfig(solver=SolverOptions(**options))


def test_there_is_a_level_for_every_word():
    assert set(get_args(Effort)) == {"auto", *LEVELS}


def test_more_effort_is_more_iterations():
    caps = [LEVELS[level].iterations for level in ("instant", "draft", "normal", "high", "paper")]
    assert caps == sorted(caps)
    assert all(first > later for first, later in caps[1:])


def test_a_cpu_gets_a_normal_effort_and_a_gpu_a_high_one(monkeypatch):
    assert effort_of(StylizeConfig()) == "normal"  # the tests run on a CPU
    monkeypatch.setattr("jax.default_backend", lambda: "gpu")
    assert effort_of(StylizeConfig()) == "high"
    assert effort_of(with_solver(effort="draft")) == "draft"


def test_what_is_given_wins_and_is_said():
    config = with_solver(effort="draft", iterations=(9, 8), carry=0)
    means = means_of(config)
    assert (means.iterations, means.carry, means.kernel) == ((9, 8), 0, "catmull-rom")
    assert contradictions(config) == ["`effort` draft, but for `iterations`, `carry` as given"]
    assert contradictions(with_solver(iterations=(9, 8))) == []
    assert contradictions(with_solver(effort="high")) == []


def test_the_papers_effort_is_the_papers():
    means = means_of(with_solver(effort="paper"))
    assert (means.init, means.kernel, means.carry) == ("noise", "bilinear", 0)
    assert means.iterations == (2000, 1000)


@pytest.mark.parametrize(
    ("effort", "engine"), [("draft", "dis"), ("normal", "dis"), ("high", "epic"), ("paper", "epic")]
)
def test_the_best_flow_is_computed_beside_long_solves(effort, engine):
    assert chosen_engine(with_solver(effort=effort), (256, 192)) == engine


def test_the_manifest_has_what_the_effort_came_to(command):
    line = command("--effort", "draft", "--kernel", "bilinear")
    at = line.index("--iterations")
    del line[at : at + 3]
    told = []
    task = look_at(parse(line), on_event=told.append)
    manifest = task.manifest()
    options = manifest["options"]
    assert options["iterations"] == list(LEVELS["draft"].iterations)
    assert (options["kernel"], options["carry"], options["init"]) == ("bilinear", 10, "noise")
    assert "effort" not in options
    assert manifest["effort"] == "draft"
    assert Notice("`effort` draft, but for `init`, `kernel` as given") in told


@pytest.mark.slow
def test_an_instant_run_paints_without_a_solve_and_says_what_contradicts_it(command, tmp_path):
    line = command("--effort", "instant")
    at = line.index("--iterations")
    assert not is_instant(parse(line))  # iterations that are given ask for a solve
    del line[at : at + 3]
    del line[line.index("--init") : line.index("--init") + 2]
    told = []
    result = run(look_at(parse(line), on_event=told.append), on_event=told.append)
    assert result.video is not None and result.video.exists()
    assert [frame["stopped"] for frame in result.frames] == ["one pass"] * FRAMES
    with pytest.raises(InputError, match="`passes` is 2, and `effort` is instant"):
        look_at(parse([*line, "--passes", "2"]))
