"""What an interrupted training needs to go on: its state, its log, and which run it is."""

import csv
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
import safetensors.numpy

from jvst._files import replacing, write_whole
from jvst.errors import InputError

Tree = TypeVar("Tree")


def write_checkpoint(path: Path, state: Any, run: Mapping[str, Any]) -> None:
    """Write all arrays of a state, whole or not at all.

    Args:
        path: of the checkpoint.
        state: a tree of arrays.
        run: what tells this run from others, as JSON.
    """
    leaves = jax.device_get(jax.tree.leaves(state))
    arrays = {f"{number:05d}": np.asarray(leaf) for number, leaf in enumerate(leaves)}
    metadata = {"run": json.dumps(run, sort_keys=True)}
    with replacing(path) as partial:
        partial.write_bytes(safetensors.numpy.save(arrays, metadata))


def read_checkpoint(path: Path, like: Tree, run: Mapping[str, Any]) -> Tree:
    """Read a state of the same structure and run.

    Raises:
        InputError: the checkpoint is damaged or of another run.
    """
    try:
        content = path.read_bytes()
        arrays = safetensors.numpy.load(content)
        length = int.from_bytes(content[:8], "little")
        stated = json.loads(json.loads(content[8 : 8 + length])["__metadata__"]["run"])
    except (safetensors.SafetensorError, OSError, ValueError, KeyError) as error:
        raise InputError(
            f"{path} is damaged ({error}); expected a checkpoint: delete it to begin anew"
        ) from error
    wanted = json.loads(json.dumps(run))
    if stated != wanted:
        keys = wanted.keys() | stated.keys()
        differing = sorted(key for key in keys if stated.get(key) != wanted.get(key))
        raise InputError(
            f"{path} is of a run with another {', '.join(differing)}; give what it was begun with, "
            "or another folder"
        )
    leaves, structure = jax.tree.flatten(like)
    found = [arrays.get(f"{number:05d}") for number in range(len(leaves))]
    if any(new is None or new.shape != old.shape for new, old in zip(found, leaves, strict=True)):
        raise InputError(f"{path} is a checkpoint of another version; choose another folder")
    return jax.tree.unflatten(structure, [jnp.asarray(array) for array in found])


def append_row(path: Path, row: Mapping[str, str]) -> None:
    """Append a row to the log; its first row gives the names."""
    new = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, row, lineterminator="\n")
        if new:
            writer.writeheader()
        writer.writerow(row)


def drop_rows_after(path: Path, step: int) -> None:
    """Take out of the log what an interrupted run did after its checkpoint."""
    if not path.exists():
        return
    header, *rows = path.read_text().splitlines()
    kept = [row for row in rows if int(row.split(",", 1)[0]) <= step]
    write_whole(path, "\n".join([header, *kept, ""]).encode())
