"""Importing the library brings little with it."""

import subprocess
import sys
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]
#: What a user of the losses never needs.
OTHERS = ("jaxopt", "scipy", "requests", "tqdm", "h5py", "platformdirs", "cv2", "av", "PIL", "tyro")
ROOMS = ("jvst.app", "jvst.flow", "jvst.video", "jvst.synthetic", "jvst.lab")


def test_importing_jvst_imports_nothing_that_the_losses_do_without():
    code = (
        "import sys, jax, flax.nnx, optax\n"
        "before = set(sys.modules)\n"
        "import jvst\n"
        "print(*set(sys.modules) - before)"
    )
    result = subprocess.run(
        [sys.executable, "-c", code],
        cwd=PACKAGE,
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = result.stdout.split()
    assert "jvst.solver.solve" in loaded
    assert [name for name in (*OTHERS, *ROOMS) if name in loaded] == []
    allowed = {"jvst", "jax", "jaxlib", "flax", "optax", "jaxtyping", "numpy", "safetensors"}
    heads = {name.partition(".")[0] for name in loaded} - allowed - sys.stdlib_module_names
    assert {head for head in heads if not head.startswith("_")} == set()
