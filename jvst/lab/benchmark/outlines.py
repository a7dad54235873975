"""Short films with one mask or another, measured near outlines."""

import dataclasses
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float

from jvst._types import FlowField, Image
from jvst.app.options import (
    InputOptions,
    MotionOptions,
    NetworkOptions,
    RunOptions,
    SolverOptions,
    StylizeConfig,
    size_of,
)
from jvst.core.consistency import motion_boundary
from jvst.core.image import LUMA, to_float, to_uint8
from jvst.core.masks import grow
from jvst.core.warp import warp
from jvst.film.clip import stylize_clip
from jvst.film.neighbours import Motion
from jvst.flow import engine_named, estimate_pair
from jvst.lab.benchmark.films import drawn_clips
from jvst.lab.benchmark.known_clips import PublishedClip
from jvst.lab.benchmark.records import Column, Journal, check_at_least, check_choice, say
from jvst.lab.benchmark.trust import NAMES, trust
from jvst.lab.evaluation.measures import Shown
from jvst.lab.evaluation.study import Studio, Study
from jvst.lab.evaluation.truths import TrueClip, TrueMotion
from jvst.video import write_picture

Fields = tuple[FlowField, FlowField]

#: What counts as near an outline, pixels.
NEAR = 3

COLUMNS = (
    Column("flow", "engine"),
    Column("mask", "mask"),
    Column("untrusted", "untrusted", ".1%"),
    Column("warping error ×10⁻⁴ (paper)", "warping_error", ".2f", 1e4),
    Column("E_warp ×10⁻⁴ (Lai)", "masked_error", ".2f", 1e4),
    Column("near outlines", "near_error", ".2f", 1e4),
    Column("elsewhere", "far_error", ".2f", 1e4),
    Column("gradient energy", "energy", ".3f"),
    Column("near outlines ÷ elsewhere", "contrast", ".2f"),
)
SOLVE_COLUMNS = (
    Column("clip", "clip"),
    Column("iterations", "iterations"),
    Column("from the end, untrusted, levels", "free", ".1f"),
    Column("trusted, levels", "held", ".1f"),
    Column("gradient energy, untrusted ÷ trusted", "contrast", ".2f"),
)


@dataclass(frozen=True)
class OutlinesOptions:
    """Stylize short clips with one mask or another and measure them near outlines.

    Errors are those along the true motion; near outlines is within 3 px of where that changes
    abruptly or hides something. Gradient energy is the mean squared difference of neighbouring
    pixels, as a share of that of frames on their own. A frame that starts from nothing gets the
    first number of iterations, the others the second.
    """

    scenes: tuple[str, ...] = ("market:1", "ambush:1")
    """Scenes, NAME:SPEED or NAME:SPEED:NOISE."""
    published: str = ""
    """A folder of frames with a folder deepflow of published fields, which count as true."""
    size: str = "256x112"
    """Size to work at, WIDTHxHEIGHT."""
    frames: int = 5
    """Frames of each clip."""
    engines: tuple[str, ...] = ("dis",)
    """Which flow engines."""
    masks: tuple[str, ...] = ("binary", "photometric")
    """Which masks: modes of consistency_mask, or rules that were compared with them."""
    style: str = "painting:swirls"
    """Painting: a picture, or painting:NAME for one of our own."""
    weights: str = "embedded"
    """Network, as for jvst --weights."""
    iterations: tuple[int, int] = (150, 50)
    """For a frame that starts from nothing, and for the others."""
    solves: tuple[int, ...] = ()
    """Numbers of iterations of the second frame, to be compared with the last of them."""
    pictures: str = ""
    """Folder for the frames."""
    json: str = ""
    """File for the figures."""


def run(options: OutlinesOptions, journal: Journal) -> None:
    """Measure clip by clip and report.

    Raises:
        InputError: an unknown engine, mask or scene, a bad size, or too few frames.
    """
    for name in options.engines:
        engine_named(name)
    for name in options.masks:
        check_choice(name, NAMES, "--masks")
    check_at_least(options.frames, 2, "--frames")
    size = size_of(options.size)
    clips: list[TrueClip] = [*drawn_clips(options.scenes, size)]
    if options.published:
        clips.append(PublishedClip(Path(options.published)))
    journal.begin()
    studio = Studio(_config(options))
    solves: list[dict[str, Any]] = []
    for clip in clips:
        study = studio.study(clip, options.frames, 0)
        title = f"{clip.name}, {options.size}, {options.frames} frames"
        journal.table(clip.name, title, COLUMNS, film_rows(study, options))
        if options.solves:
            solves += solve_rows(study, options)
            journal.keep("solves", solves)
    if solves:
        title = f"The second frame, flow {options.engines[0]}, mask {options.masks[0]}"
        journal.table("solves", title, SOLVE_COLUMNS, solves)


def film_rows(study: Study, options: OutlinesOptions) -> list[dict[str, Any]]:
    """Stylize a clip with every engine and mask; the first row is that of frames on their own."""
    say(f"{study.clip.name}: frames on their own")
    none: list[Mapping[int, Motion]] = [{} for _ in study.frames]
    alone = _film(study, none)
    _keep(options, study, "alone", alone)
    rows = [{"engine": "–", "mask": "frames on their own"} | measure(alone, study, alone)]
    for engine in options.engines:
        fields = _fields(study, engine)
        for name in options.masks:
            say(f"{study.clip.name}: {engine}, {name}")
            motions = _masked(study, fields, name)
            later = _film(study, [{1: one} for one in motions], first=1, before=alone[0])
            film = [alone[0], *later]
            _keep(options, study, f"{engine}-{name}", film)
            untrusted = np.mean([1.0 - np.asarray(motion.mask) for motion in motions])
            found = measure(film, study, alone) | {"untrusted": float(untrusted)}
            rows.append({"engine": engine, "mask": name} | found)
    return rows


def measure(film: Sequence[Image], study: Study, alone: Sequence[Image]) -> dict[str, Any]:
    """Measure a film; ``alone`` are the same frames, each on its own."""
    shown, own = (
        [np.clip(np.asarray(image), 0.0, 1.0) for image in images] for images in (film, alone)
    )
    energies = [_energy(shown[i]).mean() / _energy(own[i]).mean() for i in range(1, len(shown))]
    pairs: dict[str, list[float]] = {}
    for index in range(len(shown) - 1):
        truth = study.clip.truth(index)
        if truth is None:
            continue
        left = np.asarray(_squared(*map(jnp.asarray, (shown[index], shown[index + 1], truth.flow))))
        near, seen = near_outlines(truth), truth.visible
        found = {
            "warping_error": (left * seen).mean() / 3.0,
            "masked_error": left[seen].mean(),
            "near_error": left[seen & near].mean(),
            "far_error": left[seen & ~near].mean(),
        }
        if index > 0:  # the first frame has no mask
            energy = _energy(shown[index])
            found["contrast"] = energy[near].mean() / energy[~near].mean()
        for key, value in found.items():
            pairs.setdefault(key, []).append(float(value))
    return {"energy": float(np.mean(energies))} | {k: float(np.mean(v)) for k, v in pairs.items()}


def near_outlines(truth: TrueMotion) -> Bool[np.ndarray, "h w"]:
    """Tell which pixels are near where the true motion changes abruptly or hides something."""
    outline = motion_boundary(jnp.asarray(truth.flow)) | ~jnp.asarray(truth.visible)
    return np.asarray(grow(outline, NEAR)) > 0.0


def solve_rows(study: Study, options: OutlinesOptions) -> list[dict[str, Any]]:
    """Solve the second frame with several numbers of iterations, and compare with the last."""
    name = options.masks[0]
    motion = _masked(study, _fields(study, options.engines[0])[:1], name)[0]
    (before,) = _film(study, [{}], frames=1)
    made = {}
    for count in options.solves:
        say(f"{study.clip.name}: {count} iterations")
        made[count], *_ = _film(
            study, [{1: motion}], first=1, frames=2, before=before, iterations=count
        )
    free = np.asarray(motion.mask) < 0.5
    end = np.asarray(made[options.solves[-1]])
    rows = []
    for count, image in made.items():
        left = np.square(255.0 * (np.asarray(image) - end)).mean(-1)
        energy = _energy(np.asarray(image))
        rows.append(
            {
                "clip": study.clip.name,
                "iterations": count,
                "free": float(np.sqrt(left[free].mean())),
                "held": float(np.sqrt(left[~free].mean())),
                "contrast": float(energy[free].mean() / energy[~free].mean()),
            }
        )
    return rows


def _config(options: OutlinesOptions) -> StylizeConfig:
    """Return the options of a run; every frame gets all its iterations."""
    return StylizeConfig(
        input=InputOptions(clip="clip", style=(options.style,), size=options.size),
        network=NetworkOptions(weights=options.weights),
        # The paper's warp, and nothing carried: what is compared are masks.
        motion=MotionOptions(kernel="bilinear"),
        solver=SolverOptions(iterations=options.iterations, tolerance=0.0, carry=0),
        run=RunOptions(quiet=True),
    )


def _fields(study: Study, engine: str) -> list[Fields]:
    """Estimate the flow from every frame but the first to the one before it, and back."""
    return [
        estimate_pair(engine, here, before)
        for before, here in zip(study.frames, study.frames[1:], strict=False)
    ]


def _masked(study: Study, fields: Sequence[Fields], name: str) -> list[Motion]:
    """Return the motion of frames 1, 2, … with the trust of a rule."""
    motions = []
    for index, flows in enumerate(fields, start=1):
        flow, back = map(jnp.asarray, flows)
        here, before = (to_float(jnp.asarray(study.frames[i])) for i in (index, index - 1))
        mask = trust(name, flow, back, here, before)
        motions.append(Motion(flow, back, before, mask))
    return motions


def _film(
    study: Study,
    motions: Sequence[Mapping[int, Motion]],
    *,
    first: int = 0,
    frames: int | None = None,
    before: Image | None = None,
    iterations: int | None = None,
) -> list[Image]:
    """Stylize the frames from number ``first`` on; not clipped."""
    problem = study.problem
    config = problem.config
    if iterations is not None:
        config = dataclasses.replace(config, next_iterations=iterations)
    made = stylize_clip(
        (to_float(jnp.asarray(frame)) for frame in study.frames[first:frames]),
        motions,
        problem.vgg,
        problem.style,
        problem.weights,
        config=config,
        key=problem.key,
        first=first,
        paintings=problem.paintings,
        earlier=None if before is None else {first - 1: before},
    )
    return [frame.image for frame in made]


def _keep(options: OutlinesOptions, study: Study, name: str, film: Sequence[Image]) -> None:
    if options.pictures:
        folder = Path(options.pictures, *(re.sub(r"\W+", "_", n) for n in (study.clip.name, name)))
        for number, image in enumerate(film, start=1):
            write_picture(folder / f"frame_{number:04d}.png", np.asarray(to_uint8(image)))


@jax.jit
def _squared(image, other, flow):
    return jnp.sum(jnp.square(warp(other, flow) - image), axis=-1)


def _energy(image: Shown) -> Float[np.ndarray, "h w"]:
    """Return the squared differences of luminance to the pixels on the right and below."""
    light = image @ np.asarray(LUMA, np.float32)
    right = np.diff(light, axis=1, append=light[:, -1:])
    below = np.diff(light, axis=0, append=light[-1:])
    return np.square(right) + np.square(below)
