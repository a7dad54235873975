import dataclasses
import json

import pytest

from jvst.app.checks import check_config, check_layers
from jvst.app.cli.main import parse
from jvst.app.cli.spelling import spoken
from jvst.app.options import (
    StylizeConfig,
    config_from_dict,
    frame_options,
    frame_range,
    frame_size,
)
from jvst.app.store import first_difference
from jvst.errors import InputError
from jvst.network.layers import vgg16_layers, vgg19_layers

GIVEN = ["--clip", "a.mp4", "--style", "b.png"]


def test_every_option_is_reached_by_its_short_name():
    look = ["--mask", "soft", "--tv-weight", "0.1", "--style-blend", "0.3", "0.7"]
    rest = ["--iterations", "9", "8", "--size", "64x48", "--frames", "2:5", "--seed", "3"]
    config = parse([*GIVEN, "c.png", *look, *rest, "--quiet"])
    assert config.input.style == ("b.png", "c.png")
    assert config.input.style_blend == (0.3, 0.7)
    assert config.solver.iterations == (9, 8)
    assert (config.motion.mask, config.solver.seed, config.run.quiet) == ("soft", 3, True)
    assert config.look.tv_weight == 0.1
    check_config(config)


def test_a_run_from_before_streams_could_be_chosen_goes_on_and_its_manifest_is_read():
    now = parse(GIVEN)
    options, groups = frame_options(now), json.loads(json.dumps(dataclasses.asdict(now)))
    before = {name: value for name, value in options.items() if name != "video_stream"}
    assert first_difference({"options": before}, {"options": options}) == ""
    other = frame_options(parse([*GIVEN, "--video-stream", "1", "--audio-stream", "2"]))
    assert "video_stream" in first_difference({"options": before}, {"options": other})
    del groups["input"]["video_stream"], groups["input"]["audio_stream"]
    assert config_from_dict(groups, source="manifest.json") == now


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([*GIVEN, "--video-stream", "-1"], "--video-stream is -1"),
        ([*GIVEN, "--audio-stream", "-2"], "--audio-stream is -2"),
        ([*GIVEN, "--frame-rate", "1e10"], "expected 0.01 to 1000"),
        ([], "--clip"),
        (["--clip", "a.mp4"], "--style"),
        ([*GIVEN, "--style-blend", "1", "2"], "2 shares for 1 styles"),
        ([*GIVEN, "--style-blend", "nan"], "nan"),
        ([*GIVEN, "--style-blend", "0"], "not all 0"),
        ([*GIVEN, "--content-weight", "-1"], "--content-weight is -1.0"),
        ([*GIVEN, "--style-weight", "nan"], "--style-weight is nan"),
        ([*GIVEN, "--tv-weight", "1e31"], "--tv-weight is 1e+31; expected 0 to 1e+30"),
        ([*GIVEN, "--temporal-weight", "inf"], "--temporal-weight is inf"),
        ([*GIVEN, "--pooling", "median"], "--pooling is 'median'"),
        ([*GIVEN, "--optimizer", "sgd"], "lbfgs, adam"),
        ([*GIVEN, "--mask", "hard"], "--mask"),
        ([*GIVEN, "--mask-weights", "1", "2"], "the mask's weights"),
        ([*GIVEN, "--mask-dilate", "-1"], "the mask's dilate"),
        ([*GIVEN, "--init", "zeros"], "--init"),
        ([*GIVEN, "--precision", "fp8"], "--precision"),
        ([*GIVEN, "--quality", "99"], "--quality is 99"),
        ([*GIVEN, "--iterations", "-1", "5"], "--iterations is -1 5"),
        ([*GIVEN, "--size", "64x64", "--max-side", "64"], "both given"),
        ([*GIVEN, "--style-scale", "0"], "--style-scale is 0"),
        ([*GIVEN, "--max-side", "8"], "at least 32"),
    ],
)
def test_what_can_not_be_meant_is_refused_in_one_line(arguments, said):
    with pytest.raises(InputError) as error:
        check_config(parse(arguments))
    assert said in spoken(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("arguments", "table", "said"),
    [
        (["--style-layers", "relu9_1"], vgg19_layers(), "unknown layer 'relu9_1'"),
        (["--content-layers", "fc6"], vgg19_layers(), "unknown layer 'fc6'"),
        (["--content-layers", "relu3_4"], vgg16_layers(), "unknown layer 'relu3_4'"),
    ],
)
def test_layers_that_the_network_has_not_are_refused_in_one_line(arguments, table, said):
    with pytest.raises(InputError) as error:
        check_layers(parse([*GIVEN, *arguments]).look, table)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_layers_of_vgg19_are_taken_from_vgg19():
    check_layers(parse([*GIVEN, "--content-layers", "relu3_4"]).look, vgg19_layers())


@pytest.mark.parametrize(
    "arguments", [["--no-such-option"], [*GIVEN, "--iterations", "many", "9"], [*GIVEN, "--seed"]]
)
def test_a_line_that_can_not_be_parsed_is_refused_in_one_line(arguments):
    with pytest.raises(InputError) as error:
        parse(arguments)
    assert "\n" not in str(error.value)
    assert any(word in str(error.value) for word in ("no-such-option", "iterations", "seed"))


def test_a_manifest_gives_its_options_back_and_the_line_goes_over_them(tmp_path):
    config = parse([*GIVEN, "--mask", "soft", "--iterations", "9", "8", "--style-weight", "3"])
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps({"options": {}, "config": dataclasses.asdict(config)}))
    again = parse(["--config", str(path)])
    assert dataclasses.replace(again, run=config.run) == config
    other = parse([f"--config={path}", "--mask", "binary"])
    assert other.motion.mask == "binary"
    assert other.solver.iterations == (9, 8)


@pytest.mark.parametrize("groups", [{"motion": {"warp_drive": 1}}, {"magic": {}}])
def test_a_config_of_another_version_is_refused(groups):
    with pytest.raises(InputError, match="unknown to this version"):
        config_from_dict(groups, source="manifest.json")


def test_options_that_leave_the_frames_alone_may_change_between_two_commands():
    one = frame_options(parse([*GIVEN]))
    same = ["--output", "x.mp4", "--quality", "3", "--quiet", "--flow-workers", "1", "--fresh"]
    assert frame_options(parse([*GIVEN, *same])) == one
    assert frame_options(parse([*GIVEN, "--seed", "1"])) != one
    assert json.loads(json.dumps(one)) == one


@pytest.mark.parametrize(
    ("text", "range_"), [("", (0, None)), ("3:", (3, None)), (":4", (0, 4)), ("2:9", (2, 9))]
)
def test_a_range_of_frames_is_read(text, range_):
    assert frame_range(text) == range_


@pytest.mark.parametrize("text", ["5", "a:b", "5:5", "7:3", "-2:3", "1:2:3"])
def test_a_range_that_is_none_is_refused(text):
    with pytest.raises(InputError, match="`frames`"):
        frame_range(text)


@pytest.mark.parametrize(
    ("arguments", "size"),
    [
        ([], (450, 350)),
        (["--size", "64x48"], (64, 48)),
        (["--max-side", "90"], (90, 70)),
        (["--max-side", "900"], (450, 350)),
    ],
)
def test_the_size_is_the_clips_own_or_the_one_that_was_asked_for(arguments, size):
    assert frame_size(parse([*GIVEN, *arguments]), 450, 350) == size


@pytest.mark.parametrize("arguments", [["--size", "64"], ["--size", "axb"], ["--size", "31x64"]])
def test_a_size_that_can_not_be_used_is_refused(arguments):
    with pytest.raises(InputError):
        frame_size(parse([*GIVEN, *arguments]), 450, 350)


def test_every_option_that_an_effort_chooses_is_left_open():
    solver, motion = StylizeConfig().solver, StylizeConfig().motion
    assert (solver.tolerance, solver.iterations, solver.carry) == (None, (), None)
    assert (solver.init, motion.kernel) == ("auto", "auto")
