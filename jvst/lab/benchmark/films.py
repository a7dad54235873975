"""Films of a study: clips, motion, frames and their error."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from jvst._types import Image
from jvst.core.image import to_float
from jvst.core.metrics import warping_error
from jvst.film.clip import ClipConfig, StylizedFrame, stylize_clip
from jvst.film.neighbours import Motion
from jvst.flow import estimate_pair
from jvst.lab.benchmark.flow import setting
from jvst.lab.benchmark.known_clips import DrawnClip
from jvst.lab.benchmark.records import check_choice
from jvst.lab.evaluation.study import Study
from jvst.synthetic.sequences import SEQUENCES


def drawn_clips(scenes: Sequence[str], size: tuple[int, int]) -> list[DrawnClip]:
    """Return scenes as clips.

    Args:
        scenes: NAME:SPEED or NAME:SPEED:NOISE.
        size: (width, height) in pixels.

    Raises:
        InputError: an unknown scene.
    """
    clips = []
    for scene in scenes:
        name, speed, noise = setting(scene)
        check_choice(name, sorted(SEQUENCES), "--scenes")
        clips.append(DrawnClip(name, size, speed=speed, noise=noise))
    return clips


def motions_of(study: Study, engine: str) -> list[dict[int, Motion]]:
    """Estimate the motion of every frame to the one before, as ``stylize_clip`` takes it.

    Args:
        study: the clip.
        engine: name of the flow engine.
    """
    motions: list[dict[int, Motion]] = [{}]
    for before, here in itertools.pairwise(study.frames):
        flow, back = map(jnp.asarray, estimate_pair(engine, here, before))
        motions.append({1: Motion(flow, back, to_float(jnp.asarray(before)))})
    return motions


def film_of(
    study: Study,
    motions: Sequence[Mapping[int, Motion]],
    config: ClipConfig,
    *,
    first: int = 0,
    **options: Any,
) -> Iterator[StylizedFrame]:
    """Stylize as many frames of a study as there are motions.

    Args:
        study: the clip.
        motions: of the frames from ``first`` on.
        config: how.
        first: number of the first frame.
        options: see ``stylize_clip``.
    """
    problem = study.problem
    yield from stylize_clip(
        [to_float(jnp.asarray(frame)) for frame in study.frames[first : first + len(motions)]],
        motions,
        problem.vgg,
        problem.style,
        problem.weights,
        config=config,
        key=problem.key,
        paintings=problem.paintings,
        first=first,
        **options,
    )


def true_error(study: Study, shown: Sequence[Image]) -> float | None:
    """Return the mean ``warping_error`` along the true motion; None where there is none.

    Args:
        study: the clip.
        shown: its stylized frames from the first on, RGB in [0, 1].
    """
    errors = []
    for index, (before, here) in enumerate(itertools.pairwise(shown)):
        truth = study.clip.truth(index)
        if truth is not None:
            visible = jnp.asarray(truth.visible, jnp.float32)
            errors.append(float(warping_error(before, here, jnp.asarray(truth.flow), visible)))
    return float(np.mean(errors)) if errors else None
