"""Command lines in documents: programs and options that are there, read by their own parsers."""

import ast
import re
import shlex

import pytest
from support.documents import DOCUMENTS, REPOSITORY, command_lines, commands, spans
from support.scripts import SCRIPTS, refusal, said_by

from jvst.lab.benchmark.command import COMMANDS

# Programs with commands of their own, each with its own help.
COMMAND_WORDS = {
    "benchmark.py": [[name] for name in COMMANDS],
    "weights.py": [["list"], ["fetch"], ["info"], ["check"], ["convert"]],
}
LEFT_OUT = "…"


def lines_of(document):
    """The command lines of a document without those whose options are left out."""
    return [words for words in commands(document) if words[-1] != LEFT_OUT]


def programs_in(document):
    """(program, arguments) of each line that runs a script or jvst."""
    for words in lines_of(document):
        if words[0] == "jvst":
            yield "jvst", words[1:]
        elif words[0] == "python" and words[1].endswith(".py"):
            yield REPOSITORY / words[1], words[2:]


def asks_for_help(arguments):
    return "--help" in arguments


def targets():
    """What ``make`` can make."""
    return set(re.findall(r"^([\w-]+):", (REPOSITORY / "Makefile").read_text("utf-8"), re.M))


@pytest.fixture(scope="module")
def helps():
    """The help of jvst, of every script, and of the commands of those that have some."""
    found = {}
    for program in ("jvst", *SCRIPTS):
        name = program if program == "jvst" else program.name
        for words in ([], *COMMAND_WORDS.get(name, [])):
            found[" ".join([name, *words])] = said_by(program, [*words, "--help"])
    return found


def test_every_script_and_command_says_how_it_is_used(helps):
    assert len(helps) > len(SCRIPTS)
    for name, (status, said) in helps.items():
        assert status == 0, f"{name}: {said}"
        assert "usage:" in said, name


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_command_line_is_one_that_its_program_reads(document):
    for program, arguments in programs_in(document):
        if not asks_for_help(arguments):
            complaint = refusal(program, arguments)
            assert not complaint, f"{shlex.join([str(program), *arguments])}\n{complaint}"


def test_every_command_line_in_the_words_of_a_script_is_one_that_it_reads():
    found = []
    for path in SCRIPTS:
        told = ast.get_docstring(ast.parse(path.read_text("utf-8"))) or ""
        for words in command_lines(told):
            found.append(words)
            complaint = refusal(REPOSITORY / words[1], words[2:])
            assert not complaint, f"{shlex.join(words)}\n{complaint}"
    assert found


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_option_that_is_named_alone_is_one_of_some_program(document, helps):
    known = set(re.findall(r"--[a-z][\w.-]*", " ".join(said for _, said in helps.values())))
    for span in spans(document):
        if re.match(r"--[a-z]", span):
            for option in re.findall(r"(?:^|\s)(--[a-z][\w.-]*)", span):
                assert option in known, f"{document}: {option}"


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_target_test_and_extra_is_there(document):
    extras = re.findall(r"^(\w+) = \[", (REPOSITORY / "pyproject.toml").read_text("utf-8"), re.M)
    for words in lines_of(document):
        if words[0] == "make":
            assert set(words[1:]) <= targets(), words
        elif words[0] == "pytest":
            assert (REPOSITORY / words[1]).exists(), words
        elif words[0] == "pip":
            for name in re.findall(r"\[(\w+)\]", " ".join(words)):
                assert name in extras, words


@pytest.mark.parametrize(
    ("program", "arguments", "said"),
    [
        ("jvst", ["--clipp", "clip.mp4"], "--clipp"),
        ("jvst", ["--passes", "many"], "many"),
        ("jvst", ["weights", "mend", "FILE"], "mend"),
        ("stylize.py", ["--no-such-option"], "--no-such-option"),
        ("benchmark.py", ["frame", "--sise", "64x48"], "--sise"),
        ("contact_sheet.py", ["run"], "Picture to write"),
        ("train_embedded.py", ["--folder", "run", "--epochs", "3"], "--epochs"),
        ("no_such_script.py", [], "no_such_script.py"),
    ],
)
def test_a_stale_command_line_would_be_found(program, arguments, said):
    program = program if program == "jvst" else REPOSITORY / "scripts" / program
    try:
        complaint = refusal(program, arguments)
    except FileNotFoundError as error:
        complaint = str(error)
    assert said in complaint
