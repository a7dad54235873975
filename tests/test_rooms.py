"""The order of the rooms: who may import whom, read from the imports themselves."""

import ast
import graphlib
import subprocess
import sys
from pathlib import Path

import pytest

import jvst

PACKAGE = Path(jvst.__file__).parent
# Room -> rooms that its modules may import from, beside its own; docs/architecture.md says why.
ROOT = {"_types", "_programs", "errors", "_files", "_download"}
LIBRARY = ("root", "core", "network", "solver", "film")
FILES = ("flow", "video", "synthetic")
MAY_IMPORT = {
    "root": (),
    "core": LIBRARY[:1],
    "network": LIBRARY[:2],
    "solver": LIBRARY[:3],
    "film": LIBRARY[:4],
    **dict.fromkeys(FILES, ("root", "core")),
    "app": (*LIBRARY, *FILES),
    "lab": (*LIBRARY, *FILES, "app"),
}


def module_name(path):
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


SOURCES = {module_name(path): path.read_text("utf-8") for path in sorted(PACKAGE.rglob("*.py"))}
# What users import by these names; nothing inside does.
FACADES = {"jvst", "jvst.metrics"}
INNER = [name for name in SOURCES if name not in FACADES]


def room_of(module):
    """The room of ``jvst.something`` and all below it."""
    top = module.split(".")[1]
    room = "root" if top in ROOT else top
    assert room in MAY_IMPORT, f"{module} is in no room: see docs/architecture.md"
    return room


def imports(source, known=SOURCES):
    """Full names of all that a module imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports by a relative name"
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= (names & known.keys()) or {node.module}
    return found


def breaches(module, source):
    """What a module imports that its room may not."""
    here = room_of(module)
    own = {name for name in imports(source) if name.split(".")[0] == "jvst"}
    allowed = {here, *MAY_IMPORT[here]}
    return {name for name in own if name in FACADES or room_of(name) not in allowed}


@pytest.mark.parametrize("module", INNER)
def test_a_module_imports_only_from_its_room_and_those_before_it(module):
    assert breaches(module, SOURCES[module]) == set()


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("jvst.core.losses", "from jvst.network.vgg import features"),
        ("jvst.flow.engines.dis", "def late():\n    from jvst import solver"),
        ("jvst.network.vgg", "import jvst.app.run"),
        ("jvst.app.run", "from jvst.lab.benchmark import command"),
        ("jvst.app.run", "import jvst"),
    ],
)
def test_a_breach_of_the_order_is_found(module, line):
    assert len(breaches(module, SOURCES[module] + f"\n{line}\n")) == 1


def test_modules_import_each_other_in_no_circle():
    graph = {module: imports(SOURCES[module]) & SOURCES.keys() for module in INNER}
    graphlib.TopologicalSorter(graph).prepare()  # raises on a circle


def test_only_the_solver_and_the_training_know_the_optimizers():
    knowing = {
        module: {name.split(".")[0] for name in imports(source)} & {"jaxopt", "optax"}
        for module, source in SOURCES.items()
    }
    inner = {name: tools for name, tools in knowing.items() if tools and room_of(name) != "lab"}
    assert inner == {"jvst.solver.optimizers": {"optax"}}


def test_importing_jvst_needs_neither_pictures_nor_a_command_line():
    code = "import sys, jvst; print(*sorted({name.split('.')[0] for name in sys.modules}))"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=PACKAGE.parent
    )
    loaded = set(result.stdout.split())
    assert "jvst" in loaded
    assert not loaded & {"cv2", "tyro", "PIL", "av"}
