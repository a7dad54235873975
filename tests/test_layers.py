"""The order of the layers: who may import whom, read from the imports themselves."""

import ast
import graphlib
import subprocess
import sys
from pathlib import Path

import pytest

import jvst

PACKAGE = Path(jvst.__file__).parent
# From docs/architecture.md. A module imports from layers above its own, or from its own.
LAYERS = (
    {"_types", "errors", "atomic", "folders"},
    {
        *("image", "losses", "warp", "consistency", "corners", "cuts", "mask_knobs", "blend"),
        *("metrics", "preconditioner"),
    },
    {"vgg", "weights", "windows", "winograd"},
    {"objective", "presets", "tiles"},
    {"lbfgs", "optimizers", "solver", "batch", "memory", "memory_plan"},
    {"pipeline", "neighbours", "scales", "stages", "passes", "multipass"},
    {"flow", "video", "store", "prefetch", "synthetic", "sintel", "device_memory"},
    {
        *(
            "command_line",
            "config",
            "checks",
            "inputs",
            "motion",
            "demo",
            "progress",
            "report",
            "choices",
            "cli",
        ),
        *("run", "task", "disk", "fitting", "compiling", "stylizing", "run_clip", "run_clips"),
        *(
            "run_passes",
            "run_report",
            "training",
            "weights_cli",
            "flow_command",
            "benchmark",
            "sheet",
            "ablation",
        ),
        *("evaluation", "sequences_command", "drift"),
        *("shots", "shot_jobs", "shot_pool", "shot_progress", "shot_worker"),
        *("local_pool", "ray_pool", "scaling"),
    },
)
SAME_LAYER_ALLOWED = {0, 1, 2, 3, 4, 5, 6, 7}
FILES_LAYER, SOLVING = 6, {2, 3, 4, 5}


def module_name(path):
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def layer_of(module):
    """Number of the layer of ``jvst.something`` and all below it."""
    top = module.split(".")[1]
    found = [number for number, members in enumerate(LAYERS) if top in members]
    assert found, f"{module} is in no layer: give it one in docs/architecture.md and here"
    return found[0]


def imports(module):
    """Full names of all that a module imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(MODULES[module].read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} imports by a relative name"
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= (names & MODULES.keys()) or {node.module}
    return found


def own_imports(module):
    return {name for name in imports(module) if name.split(".")[0] == "jvst"}


INNER = [name for name in MODULES if name != "jvst"]


@pytest.mark.parametrize("module", INNER)
def test_a_module_imports_only_from_its_layer_and_those_above(module):
    here = layer_of(module)
    for imported in own_imports(module):
        assert imported != "jvst", f"{module} imports the package itself"
        there = layer_of(imported)
        assert there <= here, f"{module} (L{here}) imports {imported} (L{there})"
        same_unit = imported.split(".")[1] == module.split(".")[1]
        if there == here and not same_unit:
            assert here in SAME_LAYER_ALLOWED, f"{module} imports {imported} of its own layer"
        if here == FILES_LAYER:
            assert there not in SOLVING, f"{module} meets the solver in {imported}"


def test_modules_import_each_other_in_no_circle():
    graph = {module: own_imports(module) & MODULES.keys() for module in INNER}
    graphlib.TopologicalSorter(graph).prepare()  # raises on a circle


def test_only_the_solver_and_the_training_know_the_optimizers():
    knowing = {
        module
        for module in MODULES
        if {name.split(".")[0] for name in imports(module)} & {"jaxopt", "optax"}
    }
    inner = {name for name in knowing if not name.startswith("jvst.training.")}
    assert inner == {"jvst.lbfgs", "jvst.optimizers"}
    wrapped = {m for m in MODULES if "jaxopt" in {n.split(".")[0] for n in imports(m)}}
    assert wrapped == {"jvst.lbfgs"}


def test_every_member_of_the_first_layers_is_there():
    for member in set().union(*LAYERS[:5]):
        assert f"jvst.{member}" in MODULES


def test_importing_jvst_needs_neither_pictures_nor_a_command_line():
    code = "import sys, jvst; print(*sorted({name.split('.')[0] for name in sys.modules}))"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=PACKAGE.parent
    )
    loaded = set(result.stdout.split())
    assert "jvst" in loaded
    assert not loaded & {"cv2", "tyro", "imageio", "av"}
