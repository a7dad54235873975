"""What others import: documented, annotated, and with the agreed names and order."""

import ast
import dataclasses
import inspect
from pathlib import Path

import pytest

import jvst
import jvst.flow
from jvst import metrics

# The names before and after the star, which programs of others rely on. Options may be added.
SIGNATURES = {
    "gram_matrix": ("activation", ""),
    "content_loss": ("activation target", ""),
    "style_loss": ("activation target_gram", ""),
    "temporal_loss": ("image warped weight", ""),
    "total_variation": ("image", ""),
    "warp": ("image flow", "kernel"),
    "bilinear_sample": ("image points", ""),
    "catmull_rom_sample": ("image points", ""),
    "consistency_mask": ("flow flow_back", "mode edge image other"),
    "long_term_weights": ("masks", ""),
    "blend": ("image warped mask strength", ""),
    "features": ("vgg image layers", ""),
    "load_vgg19": ("path", ""),
    "save_vgg19": ("path vgg", ""),
    "import_vgg19": ("path", ""),
    "content_targets": ("vgg image", "layers"),
    "style_targets": ("vgg images", "shares layers"),
    "frame_loss": ("image vgg targets weights", ""),
    "solve_frame": ("init vgg targets weights max_iterations", "config"),
    "painting_statistics": ("images", "shares pairs"),
    "one_pass": ("image statistics", "strength levels content tile"),
    "stylize_clip": ("frames motions vgg style weights", "config key"),
}
FLOW_SIGNATURES = {
    "read_flow": ("path", ""),
    "write_flow": ("path flow", ""),
    "estimate": ("engine image_from image_to", ""),
}
CASES = [(jvst, *item) for item in SIGNATURES.items()]
CASES += [(jvst.flow, *item) for item in FLOW_SIGNATURES.items()]

PUBLIC = {name: getattr(jvst, name) for name in jvst.__all__}
METRICS = {f"metrics.{name}": getattr(metrics, name) for name in metrics.__all__}
FUNCTIONS = {k: v for k, v in {**PUBLIC, **METRICS}.items() if inspect.isfunction(v)}
DOCUMENTED = {**PUBLIC, **METRICS}


def parameters_of(function, kind):
    found = inspect.signature(function).parameters.values()
    return [parameter for parameter in found if parameter.kind == kind]


def test_all_is_sorted_by_kind_without_repeats_and_complete():
    assert len(set(jvst.__all__)) == len(jvst.__all__)
    for name in {*SIGNATURES, "VGG19", "metrics", "FrameTargets", "LossWeights", "LossTerms"}:
        assert name in jvst.__all__
    assert all(hasattr(jvst, name) for name in jvst.__all__)


def test_there_are_metrics():
    expected = ["warping_error", "luminance_drift", "endpoint_error"]
    assert {f"metrics.{name}" for name in expected} <= METRICS.keys()


@pytest.mark.parametrize("name", DOCUMENTED)
def test_everything_public_begins_its_docstring_with_a_sentence(name):
    text = inspect.getdoc(DOCUMENTED[name])
    assert text, f"{name} has no docstring"
    first = text.split("\n\n")[0].strip()
    # A record without one of its own gets its signature.
    assert not first.startswith(f"{name}(")
    assert first[0].isupper() or first.startswith("`")
    # Equations follow after a full stop or a colon of their own.
    assert first.endswith((".", ":", "…")), first
    assert len(first.split()) >= 3


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_public_function_is_fully_annotated(name):
    signature = inspect.signature(FUNCTIONS[name])
    for parameter in signature.parameters.values():
        assert parameter.annotation is not inspect.Parameter.empty, parameter
    assert signature.return_annotation is not inspect.Signature.empty


@pytest.mark.parametrize("name", FUNCTIONS)
def test_options_of_every_public_function_are_keyword_only(name):
    for parameter in inspect.signature(FUNCTIONS[name]).parameters.values():
        if parameter.default is not inspect.Parameter.empty:
            assert parameter.kind == inspect.Parameter.KEYWORD_ONLY, parameter


@pytest.mark.parametrize(
    ("module", "name", "expected"), CASES, ids=[f"{m.__name__}.{n}" for m, n, _ in CASES]
)
def test_names_and_order_are_as_agreed(module, name, expected):
    function = getattr(module, name)
    data, options = (part.split() for part in expected)
    found = parameters_of(function, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    assert [parameter.name for parameter in found] == data
    after = {p.name for p in parameters_of(function, inspect.Parameter.KEYWORD_ONLY)}
    assert set(options) <= after


def test_a_mask_is_the_papers_with_mended_edges_unless_asked_otherwise():
    options = inspect.signature(jvst.consistency_mask).parameters
    assert options["mode"].default == "binary"
    assert options["edge"].default == "clamp"


RECORDS = [name for name, value in PUBLIC.items() if dataclasses.is_dataclass(value)]


@pytest.mark.parametrize("name", RECORDS)
def test_records_are_frozen(name):
    assert PUBLIC[name].__dataclass_params__.frozen


@pytest.mark.parametrize("name", [name for name in RECORDS if name.endswith("Config")])
def test_configurations_are_equal_where_their_values_are(name):
    assert hash(PUBLIC[name]()) == hash(PUBLIC[name]())


@pytest.mark.parametrize(
    "path", sorted(Path(jvst.__file__).parent.rglob("*.py")), ids=lambda path: path.name
)
def test_no_module_hides_its_annotations_or_its_purpose(path):
    tree = ast.parse(path.read_text("utf-8"))
    assert ast.get_docstring(tree), f"{path.name} doesn't say what it is for"
    futures = [
        n for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) and n.module == "__future__"
    ]
    assert not futures
