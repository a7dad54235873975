"""docs/options.md says what the command line says."""

import re
import runpy

import pytest
from support.documents import REPOSITORY, command_lines, spans, text_of
from support.scripts import refusal, said_by

PAGE = "docs/options.md"


@pytest.fixture(scope="module")
def written_anew():
    """The page as the script would write it."""
    script = runpy.run_path(str(REPOSITORY / "scripts" / "options_page.py"))
    return script["page"](text_of(PAGE))


def test_the_page_is_what_the_script_writes(written_anew):
    assert text_of(PAGE) == written_anew, "run: python scripts/options_page.py"


def test_every_option_of_the_help_is_on_the_page_and_no_other(written_anew):
    _, said = said_by("jvst", ["--help"])
    # Its explanations name some options of other commands, too.
    offered = set(re.findall(r"^[│ ]*(--[a-z][a-z-]*)", said, re.MULTILINE))
    assert set(re.findall(r"^\| `(--[a-z-]+)[^`]*` \| [–`]", written_anew, re.MULTILINE)) == offered


@pytest.mark.parametrize("document", ["README.md", PAGE])
def test_every_example_of_options_is_one_that_jvst_reads(document):
    examples = [span for span in spans(document) if re.match(r"--[a-z-]+ ", span)]
    assert len(examples) >= 5
    for example in examples:
        if "|" not in example:
            (words,) = command_lines(f"jvst {example}")
            if "--config" not in words:  # names a file that a run makes
                assert not refusal("jvst", words[1:]), example
