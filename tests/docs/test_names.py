"""Every file and every name of jvst that a document speaks of is there."""

import importlib
import re

import pytest
from support.documents import DOCUMENTS, REPOSITORY, spans, text_of

import jvst

ROOMS = {path.name for path in (REPOSITORY / "jvst").iterdir() if path.is_dir()}
# What lies in the repository by the name alone, as `train.py`.
FILE_NAMES = {
    path.name
    for folder in ("jvst", "scripts", "tests")
    for path in (REPOSITORY / folder).rglob("*.py")
}
# Modules of other packages that documents speak of.
FOREIGN = {"jax", "optax", "pickle", "torch", "np"}
_DOTTED = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+")
_PATH = re.compile(r"(?<![\w~./-])(?:(?:[\w-]+/)*[\w-]+\.py|(?:jvst|scripts|tests|docs)/[\w./-]*)")
# Files of data, and tensors in files of weights, have a dot in their names, too.
_DATA = "py|md|json|png|jpg|mp4|html|safetensors|npy|npz|flo|pgm|csv|h5|caffemodel"
_OTHER = re.compile(rf".*\.(?:{_DATA})|conv\d.*")


def dotted_names(document):
    """Names such as `core.losses.content_loss`, without those of files."""
    found = [_DOTTED.match(span) for span in spans(document)]
    names = {match[0] for match in found if match and "/" not in match.string}
    return {name for name in names if not _OTHER.fullmatch(name)}


def paths(document):
    """Files and folders of the repository that stand between backticks or in links."""
    return {path for span in spans(document) for path in _PATH.findall(span)}


def links(document):
    """Files that a document links to."""
    targets = re.findall(r"\]\(([^)#\s]+)[^)]*\)", text_of(document))
    return {target for target in targets if "://" not in target}


def resolve(name):
    """Find what a dotted name means: within jvst, one of its rooms, or what it exports."""
    words = name.split(".")
    if words[0] in ROOMS:
        words.insert(0, "jvst")
    thing = importlib.import_module(words[0]) if words[0] == "jvst" else getattr(jvst, words[0])
    for position, word in enumerate(words[1:], 2):
        if not hasattr(thing, word):
            importlib.import_module(".".join(words[:position]))
        thing = getattr(thing, word)
    return thing


def is_there(path):
    """Tell whether a file lies at a path, or for a bare name anywhere."""
    return (REPOSITORY / path).exists() or path in FILE_NAMES


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_name_of_a_module_or_what_is_in_it_resolves(document):
    for name in sorted(dotted_names(document)):
        if name.split(".")[0] not in FOREIGN:
            resolve(name)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_file_that_a_document_names_is_there(document):
    assert [path for path in sorted(paths(document)) if not is_there(path)] == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_link_leads_to_a_file(document):
    folder = (REPOSITORY / document).parent
    assert [link for link in sorted(links(document)) if not (folder / link).exists()] == []


@pytest.mark.parametrize(
    "name", ["losses.content_loss", "core.losses.gram", "jvst.pipeline.stylize_clip", "blend.blend"]
)
def test_a_stale_name_would_be_found(name):
    with pytest.raises((AttributeError, ImportError)):
        resolve(name)
