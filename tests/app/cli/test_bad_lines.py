"""Command lines and files that can't be used: one line each, and never a traceback."""

import dataclasses
import itertools
import random
import shutil
from typing import Literal, get_origin

import pytest

from jvst.app.cli.main import parse, run_command
from jvst.app.cli.spelling import option
from jvst.app.options import StylizeConfig

COUNT = 240
NUMBERS = (
    *("-1", "0", "1e10", "1e300", "-0.5", "nan", "inf", "-inf", "2147483648", "9" * 40),
    *("9223372036854775808", "-9223372036854775809", "x", "", "1,5", "0x10", "½", "9" * 5000),
)
PATHS = (
    *("", " ", "/", ".", "..", "~", "nowhere", "a" * 300, "a" * 300 + ".mp4", "/".join("b" * 3000)),
    *("%d", "%04d.png", "50%done.mp4", "out_%d.mp4", "x.tiff", "%", "[", "shot [1]/*.png", "*"),
    *("{clip}", "{", "files:", "files:x", "files:[%d]_{%d}.flo", "files:{from}{to}.xyz"),
    *("/dev/null", "/dev/full", "/proc/self/mem", "http://x/y.mp4", "ü€\udcff.mp4", "a\nb"),
    *("{broken}", "{broken}.mp4", "{broken}.png", "{broken}.npy", "{broken}.json", "{folder}"),
)
SPECIAL = (
    ["--clip", *(f"{n}.mp4" for n in range(50))],
    *(["--frames", text] for text in ("5:1", ":", "a:b", "-3:", "0:0", "9" * 5000 + ":", "1:2:3")),
    *(["--size", text] for text in ("0x0", "x", "99999999x99999999", "10x10", "-4x4", "٤٨x٤١")),
    *(["--tile", text] for text in ("0", "auto2", "9" * 5000, "٩٩٩", "-5")),
    *(["--cuts", text] for text in ("2,1", "99", "-1", "{broken}", "a,b", "1," * 3000 + "2")),
    *(["--scales", text] for text in ("2", "nan", "x", "0")),
    ["--style-blend", "1", "2", "3"],
    ["--mask-dilate", "999999999"],
    ["--mask-blur", "1e30"],
    ["--lags", "1", "1"],
    ["--lags", *map(str, range(1, 2000))],
    ["--passes", "4", "--lags", "1", "2"],
    ["--style-layers", "relu1_1", "nowhere"],
    ["--effort", "draft"],
    ["stray"],
    ["--config", "{broken}.json"],
    ["--config", "{folder}"],
)


def candidates():
    """Yield what is put behind a good command, of all options in turn."""
    yield from ([*words] for words in SPECIAL)
    groups = [field.type for field in dataclasses.fields(StylizeConfig)]
    fields = [field for group in groups for field in dataclasses.fields(group)]
    # A cluster would be started.
    fields = [f for f in fields if f.type is not bool and f.name not in ("cluster", "jobs")]
    draw = random.Random(5)
    for field in itertools.cycle(fields):
        if get_origin(field.type) is Literal:
            yield [option(field.name), draw.choice(["", "x", "AUTO", "1"])]
        else:
            is_text = field.type is str or "str" in str(field.type)
            yield [option(field.name), draw.choice(PATHS if is_text else NUMBERS)]


LINES = list(itertools.islice(candidates(), COUNT))


@pytest.fixture
def place(files, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    for ending in ("", ".mp4", ".png", ".npy", ".json"):
        (tmp_path / f"broken{ending}").write_bytes(b"\x00\xff{[neither this nor that" * 20)
    return tmp_path


def assert_one_line(command, place, capsys, words):
    words = [word.replace("{broken}", "broken").replace("{folder}", "folder") for word in words]
    line = command("--frames", "0:2", iterations=("0", "0"))
    capsys.readouterr()

    status = run_command([*line, *words])
    said = capsys.readouterr().err.strip()
    assert status in (0, 2), said
    assert status == 0 or len(said.splitlines()) == 1, said
    assert "Traceback" not in said
    for folder in ("run", "runs"):
        shutil.rmtree(place / folder, ignore_errors=True)


def test_there_are_two_hundred_lines():
    assert len({tuple(line) for line in LINES}) >= 200


@pytest.mark.parametrize("part", range(4))
def test_a_bad_word_is_one_line(command, place, capsys, part):
    for words in LINES[part:80:16]:
        assert_one_line(command, place, capsys, words)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(8))
def test_every_bad_word_is_one_line(command, place, capsys, part):
    for words in LINES[part::8]:
        assert_one_line(command, place, capsys, words)


def test_the_lines_are_such_as_a_user_may_type():
    assert parse([]) == StylizeConfig()
