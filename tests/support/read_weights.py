"""Reads every file of a folder in a process of its own and writes down how that went.

``python tests/read_weights.py FOLDER`` prints JSON: file -> [outcome, processor's seconds,
MB more in use].
Nothing is checked or traced here, so that time and memory are those of ordinary use.
"""

import json
import resource
import sys
import time
from pathlib import Path

from jvst.errors import InputError
from jvst.network.weights.formats.detect import read_published
from jvst.network.weights.native import check_kernels, read_native


def read(path: Path) -> str:
    """Read a file as far as its kernels; return "read" or the line that a person sees."""
    try:
        found = read_published(path)
        if found is None:
            native = read_native(path)
            kernels, layers = native.kernels, native.layers
        else:
            kernels, layers = found.kernels, found.layers
        check_kernels(path, kernels, layers=layers)
    except InputError as error:
        return str(error)
    return "read"


def peak() -> float:
    """Return the most memory that this process has used, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    outcomes = {}
    for path in sorted(Path(sys.argv[1]).iterdir()):
        before, start = peak(), time.process_time()
        outcome = read(path)
        outcomes[path.name] = (outcome, time.process_time() - start, peak() - before)
    print(json.dumps(outcomes))
