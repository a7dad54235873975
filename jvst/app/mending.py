"""Damage in a run's folder, found and made good."""

import contextlib
import os
from itertools import chain
from pathlib import Path

import jax.numpy as jnp
import numpy as np

from jvst._files import set_aside
from jvst.app.claims import INTERRUPTED
from jvst.app.sealed import DamagedError, check_seal, read_arrays, read_json, write_json
from jvst.app.store import DROPPED, LAST, LOST_INFO, RunStore, read_state
from jvst.core.image import to_uint8
from jvst.video import is_whole_png, write_picture

#: Number of frames that a line names.
_NAMED = 8


def mend(store: RunStore, frames: int, *, passes: int = 1) -> list[str]:
    """Look at all that a run reads of its folder, and make anew what is damaged.

    A picture is made from its state, notes of a solve say that they are lost. Where neither helps,
    the frame counts as not finished, and is solved again where something needs it.

    Args:
        store: the folder of the run, opened.
        frames: number of frames of the clip.
        passes: number of passes.

    Returns:
        What was found, in lines for the user.

    Raises:
        InputError: the folder can't be written.
    """
    store.broken.clear()
    numbers = (LAST, *range(passes - 1, 0, -1))  # the latest pass first
    lost = [_check_states(store, frames, number) for number in numbers]
    notes = [_check_notes(store, frames, number) for number in numbers]
    drawn, undrawn = _check_pictures(store, frames, numbers)
    said = _check_interrupted(store)
    if drawn:
        said.append(f"{_named('picture', drawn)} drawn again")
    if found := [*chain(*notes)]:
        said.append(f"{_named('log', found)} lost")
    if found := [*chain(undrawn, *lost)]:
        said.append(f"{_named('solve', found)} done again where something needs it")
    return [f"damage in {store.folder}: {'; '.join(said)}"] if said else []


def _check_states(store: RunStore, frames: int, number: int) -> list[int]:
    """Find the states of a pass that are damaged, or gone from before others."""
    damaged, gone, last = [], [], -1
    for index in range(frames):
        state = store.state_path(index, number)
        if os.path.lexists(state):
            try:
                read_state(state)
                last = index
            except DamagedError:
                store.broken.add(state)
                damaged.append(index)
        elif state.with_suffix(DROPPED).is_file():
            last = index
        elif state.with_suffix(".json").exists():
            gone.append(index)
    # Of a frame that was being written when the run was killed the notes are there, too.
    return damaged + [index for index in gone if index < last]


def _check_notes(store: RunStore, frames: int, number: int) -> list[int]:
    """Write anew the notes of solves that are damaged."""
    lost = []
    for index in range(frames):
        state = store.state_path(index, number)
        if store.holds(state) or state.with_suffix(DROPPED).is_file():
            notes = state.with_suffix(".json")
            try:
                read_json(notes)
            except DamagedError:
                write_json(notes, LOST_INFO)
                lost.append(index)
    return lost


def _check_pictures(
    store: RunStore, frames: int, numbers: tuple[int, ...]
) -> tuple[list[int], list[int]]:
    """Draw damaged pictures again; return those drawn, and those that can't be."""
    drawn, undrawn = [], []
    for index in range(frames):
        states = [store.state_path(index, number) for number in numbers]
        known = [s for s in states if os.path.lexists(s) or s.with_suffix(DROPPED).is_file()]
        path = store.picture_path(index)
        if not known or is_whole_png(path):
            continue
        if store.holds(known[0]):
            draw(path, known[0])
            drawn.append(index)
        else:
            store.broken.add(path)
            undrawn.append(index)
    return drawn, undrawn


def _check_interrupted(store: RunStore) -> list[str]:
    path = store.folder / INTERRUPTED
    if not os.path.lexists(path):
        return []
    with contextlib.suppress(DamagedError):
        check_seal(path)
        return []
    with contextlib.suppress(DamagedError):
        read_arrays(path)  # from before there were checksums
        return []
    store.forget_interrupted()
    return ["the frame that was interrupted begins at its start"]


def draw(path: Path, state: Path) -> None:
    """Write the picture of a state.

    Raises:
        DamagedError: the state is missing or damaged.
        InputError: the picture can't be written.
    """
    picture = np.asarray(to_uint8(jnp.asarray(read_state(state))))
    set_aside(path)
    write_picture(path, picture)


def _named(what: str, indices: list[int]) -> str:
    """Name what is told of some frames, such as "the pictures of frames 2, 5 are"."""
    numbers = [str(index + 1) for index in sorted(set(indices))]
    shown = ", ".join(numbers[:_NAMED])
    if len(numbers) > _NAMED:
        shown += f" and {len(numbers) - _NAMED} more"
    if len(numbers) == 1:
        return f"the {what} of frame {shown} is"
    return f"the {what}s of frames {shown} are"
