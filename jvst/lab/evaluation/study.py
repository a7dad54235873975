"""A clip to be measured, with network, style and weights."""

import dataclasses
import hashlib
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp

from jvst._types import Frame, Image
from jvst.app.inputs import read_styles
from jvst.app.options import StylizeConfig, frame_size
from jvst.app.task import chosen_network, chosen_weights, clip_config, network_of
from jvst.core.image import to_float
from jvst.errors import InputError
from jvst.film.one_pass import painting_statistics
from jvst.lab.evaluation.methods import Problem
from jvst.lab.evaluation.truths import ScaledClip, TrueClip
from jvst.network.weights.formats.detect import file_sha256
from jvst.solver.objective import style_targets
from jvst.synthetic import painting

_OWN = "painting:"


@dataclasses.dataclass(frozen=True)
class Study:
    """One clip, ready to be stylized.

    Attributes:
        clip: frames with known motion.
        frames: those that are worked on, from the clip's first.
        whole: how many the clip has.
        digest: checksum of ``frames``.
        problem: network, style and weights at this size.
    """

    clip: TrueClip
    frames: list[Frame]
    whole: int
    digest: str
    problem: Problem

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        height, width, _ = self.frames[0].shape
        return width, height


class Studio:
    """The network and the painting, and what the results of all clips depend on.

    Attributes:
        notice: what the user should know of the network that was chosen, or nothing.
        settings: name -> value of all that the results depend on, as JSON has it.

    Args:
        config: names them, and says how frames are solved.

    Raises:
        InputError: the weights or the painting can't be had.
    """

    def __init__(self, config: StylizeConfig):
        self._config = config
        # 64 pixels a side only to look at it: every clip draws it at its own size.
        _, digest = _painting(config, (64, 64))
        found = chosen_network(config)
        self.notice = found.notice
        self._network = found.network
        self._vgg = network_of(config, found).weights
        self._clip_config = clip_config(config, found.network)
        style = config.input.style[0]
        self.settings: dict[str, Any] = {
            "style": style if style.startswith(_OWN) else f"{Path(style).name}, sha256 {digest}",
            "style_scale": config.look.style_scale,
            "weights": f"{found.network}, sha256 {file_sha256(found.path)}",
            "init": self._clip_config.init,
            "iterations": [
                self._clip_config.first_iterations,
                self._clip_config.next_iterations,
            ],
            "kernel": self._clip_config.kernel,
            "carry": self._clip_config.solver.carry,
            "seed": config.solver.seed,
            "flow": config.motion.flow,
            "mask": config.motion.mask,
            "size": config.input.size,
        }

    def study(self, clip: TrueClip, whole: int, limit: int) -> Study:
        """Read a clip and prepare its problem.

        Args:
            clip: frames with known motion.
            whole: how many frames it has.
            limit: number of first ones to work on; 0: all.

        Raises:
            InputError: frames that are damaged, too few, too small or of several sizes.
        """
        height, width, _ = clip.image(0).shape
        size = frame_size(self._config, width, height)
        if size != (width, height):
            clip = ScaledClip(clip, size)
        frames = [clip.image(index) for index in range(min(limit or whole, whole))]
        if len(frames) < 2:
            raise InputError(f"{clip.name} has 1 frame; motion needs at least 2")
        for number, frame in enumerate(frames, start=1):
            if frame.shape != frames[0].shape:
                raise InputError(
                    f"frame {number} of {clip.name} has {frame.shape[1]}x{frame.shape[0]} pixels; "
                    f"expected {size[0]}x{size[1]} as in frame 1"
                )
        digest = hashlib.sha256(b"".join(frame.tobytes() for frame in frames)).hexdigest()
        style, _ = _painting(self._config, size)
        problem = Problem(
            vgg=self._vgg,
            style=jax.jit(style_targets)(self._vgg, [style]),
            weights=chosen_weights(self._config, self._network, size),
            config=self._clip_config,
            key=jax.random.key(self._config.solver.seed),
            paintings=painting_statistics([style]),
        )
        return Study(clip, frames, whole, digest, problem)


def _painting(config: StylizeConfig, size: tuple[int, int]) -> tuple[Image, str]:
    """Read the painting, or draw one of our own, scaled to the frame; with its checksum."""
    style = config.input.style[0]
    if not style.startswith(_OWN):
        images, digests = read_styles(config, size)
        return images[0], digests[0]
    name = style.removeprefix(_OWN)
    width, height = (max(round(side * config.look.style_scale), 32) for side in size)
    drawn = painting(int(name) if name.isdecimal() else name, width, height)
    return to_float(jnp.asarray(drawn)), hashlib.sha256(drawn.tobytes()).hexdigest()
