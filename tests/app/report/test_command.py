import dataclasses
import json
import shlex
import subprocess
from typing import Annotated, Literal, get_args, get_origin

import pytest

from jvst.app.cli.main import parse
from jvst.app.options import StylizeConfig
from jvst.app.report import rerun_command
from jvst.app.report.command import LINE_BY_LINE
from jvst.errors import InputError

GIVEN = ["--clip", "a.mp4", "--style", "b.png"]
LINES = [
    GIVEN,
    [*GIVEN, "c.png", "--style-blend", "0.3", "0.7", "--frames", "2:5", "--size", "64x48"],
    [*GIVEN, "--no-audio", "--quiet", "--fresh", "--run-dir", "runs/one", "--quality", "3"],
    [*GIVEN, "--content-weight", "1e-6", "--style-weight", "0", "--tv-weight", "1e20"],
    [*GIVEN, "--style-layers", "relu1_1", "relu2_1", "--content-layers", "relu3_1"],
    [*GIVEN, "--mask-weights", "1", "0.5", "0", "--mask-dilate", "3", "--mask-blur", "0.5"],
    [*GIVEN, "--iterations", "30", "20", "--seed", "-3", "--tolerance", "0", "--max-side", "512"],
    [*GIVEN, "--flow", "files:flow/backward_[%d]_{%d}.flo", "--flow-cache", "none"],
    ["--clip", 'my films/it\'s; $(rm x) `y` "z" *?.mp4', "--style", "a b.png", "ö&|<>\\.png"],
    ["--clip=-dash.mp4", "--style=--night.png", "c.png"],
    ["--clip", "line\nbreak.mp4", "--style", ""],
]


@pytest.mark.parametrize("line", LINES, ids=lambda line: line[-1][:12])
@pytest.mark.parametrize("stored", [False, True], ids=["fresh", "from JSON"])
def test_the_command_gives_the_same_configuration_again(line, stored):
    config = parse(line)
    groups = dataclasses.asdict(config)
    command = rerun_command(json.loads(json.dumps(groups)) if stored else groups)
    program, script, *arguments = shlex.split(command)
    assert (program, script) == ("python", "scripts/stylize.py")
    assert parse(arguments) == config


def another(value, kind):
    """A value of the same kind that isn't the default."""
    if get_origin(kind) is Annotated:
        return another(value, get_args(kind)[0])
    if get_origin(kind) is Literal:
        return next(choice for choice in get_args(kind) if choice != value)
    if isinstance(value, bool):
        return not value
    if isinstance(value, str):
        return f"{value} other"
    if isinstance(value, int | float):
        return value + 1
    if value:
        return tuple(another(one, kind) for one in value)
    kinds = {"str": "new", "float": 2.5, "int": 3}
    new = next(new for name, new in kinds.items() if name in str(kind))
    return new if value is None else (new, new)


OPTIONS = [
    (group.name, field)
    for group in dataclasses.fields(StylizeConfig)
    for field in dataclasses.fields(getattr(StylizeConfig(), group.name))
    if field.name != "config"
]


@pytest.mark.parametrize(("group", "field"), OPTIONS, ids=[field.name for _, field in OPTIONS])
def test_every_option_comes_back(group, field):
    options = getattr(StylizeConfig(), group)
    new = another(getattr(options, field.name), field.type)
    options = dataclasses.replace(options, **{field.name: new})
    config = dataclasses.replace(StylizeConfig(), **{group: options})
    assert config != StylizeConfig()
    assert parse(shlex.split(rerun_command(dataclasses.asdict(config)))[2:]) == config


def test_defaults_are_left_out():
    assert rerun_command(dataclasses.asdict(StylizeConfig())) == "python scripts/stylize.py"
    command = rerun_command(
        dataclasses.asdict(parse([*GIVEN, "--seed", "0", "--mask", "photometric"]))
    )
    assert command == "python scripts/stylize.py --clip a.mp4 --style b.png"


def test_what_a_configuration_file_held_is_spelled_out(tmp_path):
    older = dataclasses.asdict(parse([*GIVEN, "--mask", "soft", "--seed", "7"]))
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps({"options": {}, "config": older}))
    config = parse(["--config", str(path), "--seed", "0"])
    command = rerun_command(dataclasses.asdict(config))
    path.unlink()
    again = parse(shlex.split(command)[2:])
    assert dataclasses.replace(again, run=config.run) == config
    assert "--mask soft" in command
    assert "--config" not in command


def test_a_shell_reads_the_command_over_several_lines():
    groups = dataclasses.asdict(parse(LINES[8]))
    text = rerun_command(groups, option_separator=LINE_BY_LINE)
    assert text.count("\n") == 2
    shown = text.replace("python scripts/stylize.py", "printf '%s\\0'")
    words = subprocess.run(["sh", "-c", shown], capture_output=True, check=True).stdout
    assert words.decode().split("\0")[:-1] == shlex.split(rerun_command(groups))[2:]


def test_options_of_another_version_are_refused():
    with pytest.raises(InputError, match="unknown to this version"):
        rerun_command({"motion": {"warp_drive": 1}})
