"""The benchmarks at tiny sizes: tables, JSON, and the schemes that they compare with."""

import itertools
import json
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from support.problems import WEIGHTS, network, picture, targets

from jvst.lab.benchmark import gpu, torch_network, torch_scheme
from jvst.lab.benchmark.command import COMMANDS, run_command
from jvst.lab.benchmark.frame import against, reached
from jvst.lab.benchmark.gradient import random_problem
from jvst.lab.benchmark.problems import FrameProblem, TimedNetwork, at_size
from jvst.lab.benchmark.records import Column, Journal, in_words, machine
from jvst.lab.benchmark.schemes import SCHEMES, Point, exact_loss, pyramid_sizes
from jvst.lab.benchmark.sizes import megapixel_size
from jvst.lab.benchmark.timing import alternate, evaluation_flop, spread
from jvst.network.layers import vgg19_layers
from jvst.solver.objective import frame_loss
from jvst.video import read_picture

TINY = ("--size", "64x48")


def measured(tmp_path, capsys, *line):
    """Run a benchmark; return what it printed and what it wrote."""
    path = tmp_path / "figures.json"
    assert run_command([*line, "--json", str(path)]) == 0
    return capsys.readouterr().out, json.loads(path.read_text())


def check_held(printed, held, name):
    """Every benchmark says what was measured where, by which command, and prints what it keeps."""
    assert held["benchmark"] == name
    assert held["command"].startswith(f"python scripts/benchmark.py {name} ")
    assert "--json" not in held["command"]
    assert held["machine"]["platform"] == jax.default_backend()
    assert held["machine"]["cores"] >= 1 and held["machine"]["processor"]
    assert held["versions"]["jax"] == jax.__version__
    assert held["markdown"].strip() == printed.strip()
    assert held["command"] in printed and in_words(held["machine"]) in printed


def table_lines(printed):
    return [line for line in printed.splitlines() if line.startswith("|")]


@pytest.mark.slow
def test_a_profile_has_every_layer_the_parts_and_an_iteration_for_each_history(tmp_path, capsys):
    line = ("profile", *TINY, "--width", "0.0625", "--repeats", "1", "--history", "2", "3")
    printed, held = measured(tmp_path, capsys, *line)
    check_held(printed, held, "profile")
    layers, parts, iterations = (
        held["figures"][name] for name in ("layers", "evaluation", "iteration")
    )
    assert ", ".join(row["layers"] for row in layers).split(", ") == [
        layer.name for layer in vgg19_layers().convolutions[1:]
    ]
    assert parts[0]["part"] == "whole" and parts[0]["share"] == 1.0 and len(parts) == 6
    assert [row["history"] for row in iterations] == [2, 3]
    assert all(row["evaluations"] >= row["iterations"] for row in iterations)


@pytest.mark.slow
def test_an_evaluation_is_timed_in_and_out_of_a_loop(tmp_path, capsys):
    line = ("gradient", *TINY, "--width", "0.0625", "--repeats", "3", "--no-torch")
    printed, held = measured(tmp_path, capsys, *line)
    check_held(printed, held, "gradient")
    ours, loop = held["figures"]["evaluation_float32"]
    assert ours["name"] == "jvst" and "loop" in loop["name"]
    assert ours["ratio"] == 1.0 and len(ours["seconds"]) == 3
    assert loop["median_s"] == sorted(loop["seconds"])[1]
    assert ours["flop_s"] == pytest.approx(evaluation_flop(64, 48, 0.0625) / ours["median_s"])
    assert ours["share_of_peak"] == pytest.approx(ours["flop_s"] / ours["peak_flop_s"])
    assert len(table_lines(printed)) == 4


@pytest.mark.slow
def test_without_pytorch_one_line_says_so(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("jvst.lab.benchmark.gradient.installed", lambda: None)
    line = ("gradient", *TINY, "--width", "0.0625", "--repeats", "1")
    printed, held = measured(tmp_path, capsys, *line)
    assert len(held["notes"]) == 1 and "PyTorch is not installed" in held["notes"][0]
    assert held["notes"][0] in printed


@pytest.mark.filterwarnings("ignore")  # PyTorch's own, of its libraries
def test_the_loss_in_pytorch_is_ours():
    torch = pytest.importorskip("torch")
    problem = random_problem(network(), (48, 40))
    start, loss = torch_network.torch_losses(torch, problem, "cpu")
    x = start.requires_grad_()
    value = loss(x)
    (gradient,) = torch.autograd.grad(value, x)
    (ours, _), our_gradient = jax.value_and_grad(frame_loss, has_aux=True)(*problem)
    # Both add in float32 in an order of their own.
    np.testing.assert_allclose(value.item(), float(ours), rtol=1e-4)
    theirs = gradient[0].numpy().transpose(1, 2, 0)
    np.testing.assert_allclose(theirs, our_gradient, rtol=1e-3, atol=1e-4 * np.abs(theirs).max())


@pytest.mark.filterwarnings("ignore")
def test_pytorch_is_timed_beside_jvst(tmp_path, capsys):
    pytest.importorskip("torch")
    line = ("gradient", *TINY, "--width", "0.0625", "--repeats", "2", "--no-compile")
    printed, held = measured(tmp_path, capsys, *line)
    rows = held["figures"]["evaluation_float32"]
    assert [row["name"] for row in rows[2:]] == ["PyTorch eager", "PyTorch eager, channels_last"]
    ours = rows[0]["seconds"]
    expected = np.median([a / b for a, b in zip(ours, rows[2]["seconds"], strict=True)])
    assert rows[2]["ratio"] == pytest.approx(expected)
    assert "PyTorch eager" in printed


@pytest.mark.slow
def test_a_frame_is_compared_at_the_loss_of_the_torch_code(tmp_path, capsys):
    line = ("frame", *TINY, "--iterations", "3", "--starts", "later, warped", "--schemes", "jvst")
    printed, held = measured(tmp_path, capsys, *line)
    check_held(printed, held, "frame")
    rows = held["figures"]["frame_64x48"]
    assert [row["scheme"] for row in rows] == ["Torch code", "jvst"]
    torch, ours = rows
    assert torch["evaluations"] == 4 and torch["evaluations_ratio"] == 1.0
    for row in rows:
        points = [Point(*point) for point in row["course"]]
        there = reached(points, torch["final_loss"])
        assert row["evaluations_to"] == (None if there is None else there.evaluations)
        assert [p.seconds for p in points] == sorted(p.seconds for p in points)
    assert ours["course"][0][2] == pytest.approx(torch["course"][0][2])  # the same start
    assert len(table_lines(printed)) == 4


@pytest.mark.slow
def test_a_clip_is_told_by_stage(tmp_path, capsys):
    line = ("clip", "--size", "48x40", "--frames", "2", "--iterations", "3", "2", "--flow", "dis")
    printed, held = measured(tmp_path, capsys, *line)
    check_held(printed, held, "clip")
    first, cached, uncached = held["figures"]["clip"]
    for row in (first, cached, uncached):
        stages = row["frames_s"] + row["video_s"] + row["page_s"] + row["rest_s"]
        assert stages == pytest.approx(row["wall_s"])
        assert row["overhead"] == pytest.approx(1 - row["evaluating_s"] / row["wall_s"])
        assert row["evaluations"] >= 5
    assert first["compile_s"] > cached["compile_s"]
    assert len(table_lines(printed)) == 5


@pytest.mark.slow
def test_a_start_is_timed_with_and_without_programs_and_a_warm_one_compiles_nothing(
    tmp_path, capsys
):
    printed, held = measured(tmp_path, capsys, "start", "--size", "48x40", "--frames", "3")
    check_held(printed, held, "start")
    cold, warm = held["figures"]["start"]
    for row in (cold, warm):
        assert 0 < row["imported_s"] < row["iterates_s"] < row["first_s"]
        assert row["later_s"] > 0
    # Programs that were compiled ahead are found by the calls that need them.
    assert cold["compiled"] > cold["found"] >= 4
    assert (warm["compiled"], warm["found"]) == (0, cold["compiled"] + cold["found"])
    assert len(table_lines(printed)) == 4


@pytest.mark.slow
def test_scaling_tells_seconds_and_memory(tmp_path, capsys):
    line = ("sizes", "--megapixels", "0.004", "--tiled", "96x64:48", "--batches", "2")
    line = (*line, "--devices", "1", "2", "--batch-size", "48x40", "--width", "0.0625")
    printed, held = measured(tmp_path, capsys, *line)
    check_held(printed, held, "sizes")
    whole, tiled = held["figures"]["sizes"]
    assert (whole["tile"], tiled["tile"]) == (0, 48)
    for row in (whole, tiled):
        assert row["evaluation_s"] > 0 and row["evaluations"] > row["iterations"]
        # The formula follows XLA's own count, see tests/test_memory.py.
        assert row["formula"] == pytest.approx(row["assigned"], rel=0.1)
    one, two = held["figures"]["batches"]
    assert (one["frames"], two["frames"], one["gain"]) == (0, 2, 1.0)
    assert [row["devices"] for row in held["figures"]["devices"]] == [1, 2]
    assert all(row["frames"] == 2 for row in held["figures"]["devices"])


def test_flow_engines_are_scored(tmp_path, capsys):
    line = ("flow", "--engines", "dis", "--size", "96x64", "--cases", "1")
    printed, held = measured(tmp_path, capsys, *line)
    check_held(printed, held, "flow")
    exact, dis = held["figures"]["scene_0"]
    assert exact["error"] == 0.0 < dis["error"]
    assert dis["seconds"] <= dis["first_s"] and dis["of_dis"] > 0


def test_several_compositions_of_a_scene_make_one_row_of_means(tmp_path, capsys):
    line = ("flow", "--engines", "dis", "--size", "96x64", "--cases", "1", "--seeds")
    one, other = (measured(tmp_path, capsys, *line, seed)[1] for seed in ("1", "2"))
    printed, held = measured(tmp_path, capsys, *line, "1", "2")
    check_held(printed, held, "flow")
    alone = [run["figures"]["scene_0"][1] for run in (one, other)]
    _, both = held["figures"]["scene_0"]
    assert alone[0]["error"] != alone[1]["error"]  # other compositions
    for key in ("error", "visible_error", "precision", "recall", "overlap"):
        assert both[key] == pytest.approx((alone[0][key] + alone[1][key]) / 2)
    assert both["visible_by_seed"] == [row["visible_error"] for row in alone]
    assert "visible, each" in printed and "means over the seeds 1 2" in printed


@pytest.mark.slow
def test_precisions_are_compared_after_as_many_evaluations(tmp_path, capsys):
    picture = tmp_path / "precision.png"
    line = ("precision", "--size", "48x40", "--iterations", "12", "--picture", str(picture))
    printed, held = measured(tmp_path, capsys, *line, "--starts", "later, warped")
    check_held(printed, held, "precision")
    exact, moved, fast = held["figures"]["precision"]
    assert exact["loss_ratio"] == 1.0 and exact["gradient_error"] == 0.0
    assert fast["precision"] == "bfloat16" and 0 < fast["gradient_error"] < 0.2
    # Rounding alone moves the picture less than bfloat16 does, and both end near float32's loss.
    assert 0 < moved["off_levels"] < fast["off_levels"]
    # What it costs is measured at other sizes (docs/benchmarks.md).
    assert fast["loss_ratio"] == pytest.approx(1.0, abs=0.2) and fast["loss_ratio"] != 1.0
    assert read_picture(picture).shape == (40, 3 * 48, 3)


@pytest.mark.slow
def test_the_whole_runs_small(tmp_path, capsys):
    printed, held = measured(tmp_path, capsys, "gpu", "--small", "--minutes", "60")
    stages = held["figures"].pop("stages")
    assert [stage["outcome"] for stage in stages] == ["done"] * len(gpu.SMALL)
    assert list(held["figures"]) == [stage.title for stage in gpu.SMALL]
    for stage in gpu.SMALL:
        assert f"## {stage.title}" in printed
        assert held["figures"][stage.title]["markdown"].strip() in printed


@pytest.mark.slow
def test_a_stage_that_fails_or_hangs_does_not_stop_the_others(tmp_path, capsys, monkeypatch):
    stages = (
        gpu.Stage("wrong", "gradient --size huge", 1.0),
        gpu.Stage("slow", "frame --size 1024x436 --iterations 100000", 0.005),
        gpu.Stage("impossible", "flow", 1.0, ("no_such_module",)),
        gpu.Stage("late", "flow", 0.0),
    )
    monkeypatch.setattr(gpu, "SMALL", stages)
    _, held = measured(tmp_path, capsys, "gpu", "--small", "--minutes", "10")
    outcomes = [stage["outcome"] for stage in held["figures"]["stages"]]
    assert outcomes[0].startswith("failed with status 2: benchmark: --size is 'huge'")
    assert outcomes[1].startswith("stopped after ")
    assert outcomes[2:] == ["left out: no_such_module is not installed", "left out: no time left"]


BAD = [
    ["nothing"],
    ["gradient", "--size", "64"],
    ["gradient", "--size", "8x8"],
    ["gradient", "--precision", "float16"],
    ["gradient", "--repeats", "0"],
    ["gradient", "--width", "-1"],
    ["frame", "--iterations", "0"],
    ["frame", "--schemes", "Newton"],
    ["frame", "--starts", "last"],
    ["frame", "--weights", "no such file"],
    ["clip", "--frames", "1"],
    ["clip", "--iterations", "0", "2"],
    ["sizes", "--tiled", "96x64"],
    ["sizes", "--tiled", "96x64:0"],
    ["sizes", "--parts", "time"],
    ["sizes", "--batches", "0"],
    ["sizes", "--megapixels", "0"],
    ["flow", "--engines", "horn"],
    ["flow", "--scenes", "market:fast"],
    ["flow", "--scenes", "atlantis:1"],
    ["flow", "--seeds", "-1"],
    ["masks", "--masks", "hard"],
    ["masks", "--engines", "horn"],
    ["masks", "--scenes", "atlantis:1"],
    ["outlines", "--frames", "1"],
    ["outlines", "--masks", "hard"],
    ["outlines", "--published", "nowhere"],
    ["precision", "--precision", "float16"],
    ["precision", "--starts", "last"],
    ["precision", "--picture", "precision.txt"],
    ["frame", "--scene", "atlantis"],
    ["gpu", "--minutes", "0"],
    ["gpu", "--sizes", "3"],
]


@pytest.mark.parametrize("line", BAD, ids=" ".join)
def test_bad_options_end_with_one_line_and_status_2(line, capsys):
    assert run_command(line) == 2
    said = capsys.readouterr()
    assert said.err.startswith("benchmark: ") and said.err.count("\n") == 1
    assert said.out == ""


def test_a_json_file_that_cannot_be_written_ends_with_status_2(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    line = ["flow", "--cases", "0", "--json", str(tmp_path / "file" / "figures.json")]
    assert run_command(line) == 2
    assert "can't be written" in capsys.readouterr().err


def test_help_lists_every_benchmark(capsys):
    assert run_command([]) == 0
    printed = capsys.readouterr().out
    assert all(name in printed for name in COMMANDS)


# The Torch code's L-BFGS.


def bowl(x, scales, centre):
    """A quadratic that is a hundred times as steep along one axis as along another."""
    return 0.5 * jnp.sum(scales * (x - centre) ** 2), scales * (x - centre)


def numpy_lbfgs(x, scales, centre, iterations, history):
    """The same scheme in float64, the corrections in lists."""
    gradient = scales * (x - centre)
    pairs, scale = [], 1.0
    for iteration in range(iterations):
        q, alphas = gradient.copy(), []
        for s, y in reversed(pairs):
            alphas.append(s @ q / (s @ y))
            q -= alphas[-1] * y
        r = scale * q
        for (s, y), alpha in zip(pairs, reversed(alphas), strict=True):
            r += (alpha - y @ r / (s @ y)) * s
        step = -r * (min(1.0, 1.0 / np.abs(gradient).sum()) if iteration == 0 else 1.0)
        x = x + step
        new = scales * (x - centre)
        y, gradient = new - gradient, new
        if step @ y > 1e-10:
            pairs, scale = [*pairs, (step, y)][-history:], step @ y / (y @ y)
    return x


@pytest.mark.parametrize("iterations", [1, 2, 5, 9])
def test_the_torch_scheme_follows_the_two_loop_recursion(iterations):
    rng = np.random.default_rng(0)
    scales, centre = np.geomspace(1, 100, 7), rng.normal(size=7)
    start = rng.normal(size=7)
    problem = (jnp.asarray(scales, jnp.float32), jnp.asarray(centre, jnp.float32))
    state = torch_scheme.begin(jnp.asarray(start, jnp.float32), *problem, evaluate=bowl, history=3)
    state = torch_scheme.advance(state, iterations, *problem, evaluate=bowl)
    expected = numpy_lbfgs(start, scales, centre, iterations, 3)
    # float32 against float64; curvatures differ by a factor of a hundred.
    np.testing.assert_allclose(state.x, expected, rtol=2e-3, atol=2e-3)
    assert state.iteration == iterations


@pytest.mark.filterwarnings("ignore")
def test_the_torch_scheme_takes_the_steps_of_torch_s_own_optimizer():
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(1)
    scales, centre = np.geomspace(1, 50, 20), rng.normal(size=20)
    x = torch.zeros(20, requires_grad=True)
    optimizer = torch.optim.LBFGS(
        [x], lr=1, max_iter=12, history_size=5, tolerance_grad=0, tolerance_change=0
    )

    def closure():
        optimizer.zero_grad()
        loss = 0.5 * torch.sum(
            torch.tensor(scales, dtype=torch.float32)
            * (x - torch.tensor(centre, dtype=torch.float32)) ** 2
        )
        loss.backward()
        return loss

    optimizer.step(closure)
    problem = (jnp.asarray(scales, jnp.float32), jnp.asarray(centre, jnp.float32))
    state = torch_scheme.begin(jnp.zeros(20), *problem, evaluate=bowl, history=5)
    state = torch_scheme.advance(state, 12, *problem, evaluate=bowl)
    # Two orders of summation in float32, amplified over twelve steps.
    np.testing.assert_allclose(state.x, x.detach().numpy(), rtol=1e-2, atol=1e-2)


def test_a_downward_curve_leaves_no_correction():
    state = torch_scheme.begin(jnp.ones(3), -jnp.ones(3), jnp.zeros(3), evaluate=bowl, history=4)
    state = torch_scheme.advance(state, 3, -jnp.ones(3), jnp.zeros(3), evaluate=bowl)
    assert state.kept == 0 and np.isfinite(state.x).all()


# Schemes, scales and what they are counted in.


def small_problem():
    vgg = network()
    return FrameProblem(
        "small",
        picture(4),
        picture(1),
        picture(2),
        targets(),
        WEIGHTS,
        TimedNetwork(vgg, vgg, "vgg19"),
    )


@pytest.mark.slow
@pytest.mark.parametrize("scheme", SCHEMES)
def test_every_scheme_lowers_the_loss_that_it_reports(scheme):
    problem = small_problem()
    points = SCHEMES[scheme](problem, 20)
    assert points[-1].loss < 0.9 * exact_loss(problem, problem.start)
    assert [p.evaluations for p in points] == sorted(p.evaluations for p in points)


@pytest.mark.slow
def test_smaller_sizes_count_by_their_pixels():
    sizes = pyramid_sizes((40, 33))
    assert sizes[-1] == (40, 33) and sizes[0][0] == 20
    points = SCHEMES["Adam, coarse to fine"](small_problem(), 10)
    parts = [w * h / (40 * 33) for w, h in sizes]
    assert points[-1].evaluations == pytest.approx(10 * parts[0] + 5 * sum(parts[1:]))


def test_pyramid_sizes_grow_by_the_root_of_two_up_to_the_frame():
    sizes = pyramid_sizes((1024, 436))
    assert sizes[0] == (128, 54) and sizes[-1] == (1024, 436)
    grown = [math.log2(b[0] / a[0]) for a, b in itertools.pairwise(sizes)]
    np.testing.assert_allclose(grown, 0.5, atol=0.02)  # sides are whole pixels


def test_targets_at_another_size_are_those_of_the_resized_pictures():
    problem = small_problem()
    half = at_size(problem, (20, 17))
    assert half.start.shape == half.frame.shape == (17, 20, 3)
    assert half.targets.warped.shape == (1, 17, 20, 3)
    np.testing.assert_allclose(half.targets.trust, 1.0, atol=1e-5)
    assert at_size(problem, problem.size) is problem
    assert np.isfinite(exact_loss(half, half.start))


def test_a_goal_is_reached_at_the_first_point_as_low():
    course = [Point(0, 1, 9.0), Point(1, 11, 4.0), Point(2, 21, 5.0), Point(3, 31, 3.0)]
    assert reached(course, 4.0) == course[1]
    assert reached(course, 3.5) == course[3]
    assert reached(course, 1.0) is None


def test_a_course_that_ends_just_above_the_goal_is_compared_near_it():
    base = [Point(0, 1, 9.0), Point(10, 101, 4.02), Point(20, 201, 4.0)]
    row = against([Point(0, 1, 9.0), Point(4, 50, 4.01)], base)
    assert row["evaluations_to"] is None and row["seconds_ratio"] is None
    assert row["evaluations_near"] == 50 and row["seconds_near_ratio"] == pytest.approx(0.4)
    assert row["loss_ratio"] == pytest.approx(4.01 / 4.0)


def test_an_evaluation_counts_each_product_twice_there_and_back():
    # The convolutions of full VGG-19 through conv5_1 take 1.44 MFLOP a pixel, the Gram matrices
    # about a twentieth of that.
    per_pixel = evaluation_flop(512, 512, 1.0) / 512**2
    assert 1.44e6 * 1.03 < per_pixel < 1.44e6 * 1.07


def test_candidates_take_turns():
    calls = []
    seconds = alternate({"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}, 2)
    assert calls == ["a", "b"] * 3  # once before the clock runs
    assert [len(values) for values in seconds.values()] == [2, 2]


def test_a_spread_is_the_median_between_the_quartiles():
    assert spread([3.0, 1.0, 2.0, 5.0, 4.0]) == (3.0, 2.0, 4.0)
    assert spread([7.0]) == (7.0, 7.0, 7.0)


def test_sizes_in_megapixels_fit_the_pools():
    for megapixels in (0.1, 1.0, 8.0):
        width, height = megapixel_size(megapixels)
        assert width % 16 == height % 16 == 0
        assert width * height / 1e6 == pytest.approx(megapixels, rel=0.05)  # to 16 pixels
        assert width / height == pytest.approx(16 / 9, rel=0.05)


def test_a_missing_value_is_a_dash():
    assert Column("a", "x", ".2f").cell({"x": None}) == "–"
    assert Column("a", "x", ".2f", 1e3).cell({"x": 0.5}) == "500.00"
    assert Column("a", "x", ".2f").cell({"x": "text"}) == "text"


def test_what_is_no_number_is_left_empty_in_json(tmp_path):
    path = tmp_path / "figures.json"
    Journal("frame", "", str(path)).keep("rows", [{"x": math.nan, "y": [1.0, math.inf]}])
    assert json.loads(path.read_text())["figures"]["rows"] == [{"x": None, "y": [1.0, None]}]


def test_a_journal_keeps_what_is_there_so_far(tmp_path, capsys):
    path = tmp_path / "new folder" / "figures.json"
    journal = Journal("flow", "python scripts/benchmark.py flow", str(path))
    journal.begin()
    journal.keep("rows", [{"x": 1}])
    held = json.loads(path.read_text())
    assert held["figures"] == {"rows": [{"x": 1}]} and held["machine"] == machine()
    journal.table("rows", "Title", (Column("x", "x"),), [{"x": 1}, {"x": 2}])
    assert len(json.loads(path.read_text())["figures"]["rows"]) == 2
    assert "| 2 |" in capsys.readouterr().out


@pytest.mark.slow
def test_later_frames_are_compared_by_kernel_and_by_what_is_carried(tmp_path, capsys):
    line = ("later", "--scenes", "market:1", "--size", "64x48", "--frames", "3")
    ways = ("--ways", "bilinear:0", "catmull-rom:4", "--iterations", "2")
    printed, held = measured(tmp_path, capsys, *line, *ways, "--first-iterations", "6")
    check_held(printed, held, "later")
    one, two = held["figures"]["market, speed 1"]
    assert (one["kernel"], one["carry"], two["kernel"], two["carry"]) == (
        *("bilinear", 0),
        *("catmull-rom", 4),
    )
    assert two["sharpness"] > one["sharpness"]
    assert two["mean_loss"] < one["mean_loss"]


@pytest.mark.slow
def test_efforts_are_compared_with_many_more_iterations(tmp_path, capsys):
    line = ("efforts", "--scenes", "alley:1", "--size", "64x48", "--frames", "4", "--end", "60")
    printed, held = measured(tmp_path, capsys, *line, "--efforts", "draft", "normal")
    check_held(printed, held, "efforts")
    draft, normal = held["figures"]["alley, speed 1"]
    assert (draft["iterations"], normal["iterations"]) == (3, 12)
    for which in ("second", "middle", "last"):
        assert draft[which] > normal[which] > 1.0


def test_a_way_that_is_none_is_refused(capsys):
    assert run_command(["later", "--ways", "catmull-rom"]) == 2
    assert "expected KERNEL:STEPS" in capsys.readouterr().err
