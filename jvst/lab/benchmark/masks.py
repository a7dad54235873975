"""Masks of trust against the truth; warping at outlines."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float32

from jvst._types import FlowField, Frame
from jvst.app.options import size_of
from jvst.core.consistency import mask_reasons
from jvst.core.image import to_float
from jvst.core.warp import warp
from jvst.errors import InputError
from jvst.flow import FlowFiles, engine_named, estimate_pair
from jvst.lab.benchmark.flow import make_case, setting
from jvst.lab.benchmark.records import Column, Journal, check_choice, say
from jvst.lab.benchmark.trust import NAMES, trust
from jvst.synthetic.sequences import SEQUENCES
from jvst.video import read_frames

#: A flow that is off by more is wrong, pixels.
WRONG = 1.0
EXACT = "(exact flow)"

COLUMNS = (
    Column("flow", "engine"),
    Column("mask", "mask"),
    Column("untrusted", "untrusted", ".1%"),
    Column("of it: uncovered", "uncovered", ".0%"),
    Column("flow wrong", "wrong", ".0%"),
    Column("too wide", "wide", ".0%"),
    Column("trusted wrongly", "missed", ".1%"),
    Column("precision", "precision", ".3f"),
    Column("recall", "recall", ".3f"),
)
WARP_COLUMNS = (
    Column("scene", "scene"),
    Column("pixels", "pixels"),
    Column("share", "share", ".1%"),
    Column("warped, levels", "warped", ".1f"),
    Column("share of the squared error", "part", ".0%"),
)


@dataclass(frozen=True)
class MasksOptions:
    """Measure masks against scenes whose motion is known.

    A pixel deserves trust where the other frame shows its point and the flow is within 1 px of the
    true one. Precision and recall are those of trust. Everything is a mean over both directions.
    """

    engines: tuple[str, ...] = ("dis", "epic")
    """Which flow engines, beside the exact flow."""
    masks: tuple[str, ...] = NAMES
    """Which masks: modes of consistency_mask, or rules that were compared with them."""
    scenes: tuple[str, ...] = ("market:1", "market:2.5", "ambush:1", "demo:1:2")
    """Scenes, NAME:SPEED or NAME:SPEED:NOISE."""
    size: str = "256x112"
    """Size of the scenes, WIDTHxHEIGHT."""
    reference: str = ""
    """A folder of frames with a folder deepflow of published fields, which count as true."""
    json: str = ""
    """File for the figures."""


class Pair(NamedTuple):
    """A frame, another, and what is true of the motion between them."""

    frame: Frame
    other: Frame
    flow: FlowField  # from the frame to the other
    flow_back: FlowField
    hidden: Bool[np.ndarray, "h w"]  # of the frame, in the other
    mixed: Bool[np.ndarray, "h w"] | None  # of the frame, see ``mixed_pixels``


def run(options: MasksOptions, journal: Journal) -> None:
    """Measure scene by scene and report.

    Raises:
        InputError: an unknown engine, mask or scene, or a bad size.
    """
    for name in options.engines:
        engine_named(name)
    for name in options.masks:
        check_choice(name, NAMES, "--masks")
    size = size_of(options.size)
    settings = [setting(scene) for scene in options.scenes]
    for name, *_ in settings:
        check_choice(name, sorted(SEQUENCES), "--scenes")
    journal.begin()
    warped: list[dict[str, Any]] = []
    for number, (name, speed, noise) in enumerate(settings):
        say(name)
        pairs = drawn_pairs(name, speed, noise, size)
        noisy = f", noise {noise:g}" if noise else ""
        title = f"{name}, speed {speed:g}{noisy}, {options.size}"
        rows = mask_rows(pairs, (EXACT, *options.engines), options.masks)
        journal.table(f"scene_{number}", title, COLUMNS, rows)
        warped += warp_rows(title, pairs)
    if options.reference:
        say(options.reference)
        pairs = published_pairs(Path(options.reference))
        rows = mask_rows(pairs, (EXACT, *options.engines), options.masks)
        journal.table("reference", "Published DeepFlow fields as truth", COLUMNS, rows)
    if warped:
        title = "What warping a frame by the exact flow leaves, of visible pixels"
        journal.table("warp", title, WARP_COLUMNS, warped)


def drawn_pairs(name: str, speed: float, noise: float, size: tuple[int, int]) -> list[Pair]:
    """Render two frames of a scene, and return the pair both ways."""
    case = make_case(name, speed, noise, size)
    return [
        Pair(
            case.frames[here],
            case.frames[there],
            case.flows[here],
            case.flows[there],
            case.hidden[here],
            case.mixed[here],
        )
        for here, there in ((0, 1), (1, 0))
    ]


def published_pairs(folder: Path) -> list[Pair]:
    """Return the pairs of a clip with published fields, both ways.

    What they themselves find disoccluded or outside counts as hidden.

    Raises:
        InputError: there are none.
    """
    frames = list(read_frames(folder))
    back = FlowFiles(str(folder / "deepflow" / "backward_[%d]_{%d}.flo"))
    pairs = []
    for i in range(len(frames) - 1):
        if back.path(i, i + 1).is_file():
            flows = back.read(i, i + 1), back.read(i + 1, i)
            for here, there in ((0, 1), (1, 0)):
                reasons = mask_reasons(*map(jnp.asarray, (flows[here], flows[there])))
                hidden = np.asarray(reasons.disoccluded | reasons.outside)
                pictures = frames[i + here], frames[i + there]
                pairs.append(Pair(*pictures, flows[here], flows[there], hidden, None))
    if not pairs:
        raise InputError(f"{back.path(0, 1)} is not there; expected published fields to compare")
    return pairs


def mask_rows(
    pairs: Sequence[Pair], engines: Sequence[str], masks: Sequence[str]
) -> list[dict[str, Any]]:
    """Measure every mask of every engine; means over the pairs."""
    rows = []
    for engine in engines:
        fields = [_fields(engine, pair) for pair in pairs]
        for name in masks:
            scores = [score(name, pair, *both) for pair, both in zip(pairs, fields, strict=True)]
            means = {key: float(np.mean([one[key] for one in scores])) for key in scores[0]}
            rows.append({"engine": engine, "mask": name} | means)
    return rows


def score(name: str, pair: Pair, flow: FlowField, flow_back: FlowField) -> dict[str, float]:
    """Compare a mask of a flow with what is true; shares of 1."""
    images = (to_float(jnp.asarray(picture)) for picture in (pair.frame, pair.other))
    mask = trust(name, jnp.asarray(flow), jnp.asarray(flow_back), *images)
    trusted = np.asarray(mask) >= 0.5
    wrong = ~pair.hidden & (np.linalg.norm(flow - pair.flow, axis=-1) >= WRONG)
    good = ~pair.hidden & ~wrong
    return {
        "untrusted": float(np.mean(~trusted)),
        "uncovered": _share(pair.hidden, ~trusted),
        "wrong": _share(wrong, ~trusted),
        "wide": _share(good, ~trusted),
        "missed": float(np.mean(trusted & ~good)),
        "precision": _share(good, trusted),
        "recall": _share(trusted, good),
    }


def warp_rows(scene: str, pairs: Sequence[Pair]) -> list[dict[str, Any]]:
    """Measure what the exact flow leaves on outlines, beside them, and elsewhere."""
    parts: dict[str, list[Float32[np.ndarray, " n"]]] = {}
    for pair in pairs:
        assert pair.mixed is not None
        images = (jnp.asarray(picture, jnp.float32) for picture in (pair.frame, pair.other))
        image, other = images
        left = np.asarray(_left(image, other, jnp.asarray(pair.flow)))
        beside = np.asarray(_beside(jnp.asarray(pair.mixed), pixels=2)) & ~pair.mixed
        for name, area in (
            ("on outlines", pair.mixed),
            ("within 2 px of them", beside),
            ("elsewhere", ~pair.mixed & ~beside),
        ):
            parts.setdefault(name, []).append(left[area & ~pair.hidden])
    squares = {name: np.concatenate(found) for name, found in parts.items()}
    count, total = (sum(f(s) for s in squares.values()) for f in (np.size, np.sum))
    return [
        {
            "scene": scene,
            "pixels": name,
            "share": found.size / count,
            "warped": float(np.sqrt(found.mean())) if found.size else 0.0,
            "part": float(found.sum() / max(total, 1e-9)),
        }
        for name, found in squares.items()
    ]


def _fields(engine: str, pair: Pair) -> tuple[FlowField, FlowField]:
    if engine == EXACT:
        return pair.flow, pair.flow_back
    return estimate_pair(engine, pair.frame, pair.other)


def _share(part: Bool[np.ndarray, "h w"], whole: Bool[np.ndarray, "h w"]) -> float:
    return np.count_nonzero(part & whole) / max(np.count_nonzero(whole), 1)


@jax.jit
def _left(image, other, flow):
    return jnp.mean(jnp.square(image - warp(other, flow)), axis=-1)


def _beside(area, *, pixels):
    size = 2 * pixels + 1
    return jax.lax.reduce_window(area, False, jax.lax.bitwise_or, (size, size), (1, 1), "SAME")
