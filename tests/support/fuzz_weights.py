"""Mutates a file of weights again and again and reads it: ``fuzz_weights.py FORMAT COUNT SEED``.

Every mutated file must be read or be refused in one line; one in ten of the refused ones must
also make ``jvst weights convert`` end with status 2 and leave nothing. Prints JSON with the
counts, the slowest file and the memory taken. Anything else ends the program.
"""

import contextlib
import io
import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from support import published_files
from support.read_weights import peak, read

from jvst.app.cli.weights import main
from jvst.network.layers import vgg19_layers
from jvst.network.vgg import OXFORD
from jvst.network.weights.native import build_network, save_vgg19

# Narrow enough that a file is mostly structure, not numbers.
WIDTH = 1 / 32
FORMATS = ("native", *published_files.WRITERS)


def write(path: Path, format: str) -> None:
    """Write a sound file of a format."""
    kernels = published_files.random_kernels(WIDTH)
    if format == "native":
        save_vgg19(
            path, build_network(path, kernels, layers=vgg19_layers(WIDTH), preprocessing=OXFORD)
        )
    else:
        published_files.WRITERS[format](path, kernels)


def mutate(data: bytes, rng: np.random.Generator) -> bytes:
    """Change a file in one to four places, most often near its beginning or its end."""
    changed = bytearray(data)
    for _ in range(rng.integers(1, 5)):
        size = len(changed)
        near = [rng.integers(min(size, 4096)), size - 1 - rng.integers(min(size, 4096))]
        at = int(rng.choice([*near, rng.integers(size)])) if size else 0
        span = int(rng.choice([1, 2, 4, 8, 64]))
        kind = rng.integers(8)
        if kind == 0 and size:
            changed[at] ^= 1 << int(rng.integers(8))
        elif kind == 1:
            changed[at : at + span] = rng.bytes(span)
        elif kind == 2:
            extreme = [0, 1, 0x7F, 0x80, 0xFF][rng.integers(5)]
            changed[at : at + span] = bytes([extreme]) * span
        elif kind == 3:
            del changed[at : at + span]
        elif kind == 4:
            changed[at:at] = rng.bytes(span)
        elif kind == 5:
            other = int(rng.integers(size)) if size else 0
            changed[at : at + span] = changed[other : other + span]
        elif kind == 6:
            number = int(2 ** rng.uniform(0, 63)) - int(rng.integers(2))
            changed[at : at + 8] = number.to_bytes(8, "little")
        elif rng.uniform() < 0.2:
            del changed[at:]
    return bytes(changed)


def refuse(path: Path, output: Path) -> None:
    """Convert a file that can't be read: status 2, one line, no output."""
    shown = io.StringIO()
    with contextlib.redirect_stderr(shown):
        status = main(["convert", str(path), str(output)])
    assert status == 2, status
    assert shown.getvalue().count("\n") == 1, shown.getvalue()
    assert [*output.parent.iterdir()] == [path], [*output.parent.iterdir()]


def fuzz(format: str, count: int, seed: int) -> dict[str, float]:
    """Read ``count`` mutated files of a format."""
    rng = np.random.default_rng(seed)
    outcome = {"files": count, "read": 0, "refused": 0, "slowest": 0.0}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mutated"
        write(path, format)
        assert read(path) == "read"
        data, before = path.read_bytes(), peak()
        for _ in range(count):
            path.write_bytes(mutate(data, rng))
            start = time.process_time()
            line = read(path)
            outcome["slowest"] = max(outcome["slowest"], time.process_time() - start)
            assert "\n" not in line, line
            outcome["read" if line == "read" else "refused"] += 1
            if line != "read" and outcome["refused"] % 10 == 0:
                refuse(path, path.with_name("output.safetensors"))
        outcome["megabytes"] = peak() - before
    return outcome


if __name__ == "__main__":
    print(json.dumps(fuzz(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))))
