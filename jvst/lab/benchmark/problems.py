"""Frames to solve, drawn with exact flow at any scale."""

import dataclasses
import functools
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
from flax import nnx

from jvst._types import Frame, Image
from jvst.app.options import NetworkOptions, RunOptions, StylizeConfig
from jvst.app.task import chosen_network, chosen_weights, network_of
from jvst.core.image import resize, to_float
from jvst.film.clip import prepare
from jvst.film.neighbours import Motion, neighbours_in_slots
from jvst.film.starts import Starts, noise_image
from jvst.network.convolution import Precision
from jvst.network.vgg import VGG19
from jvst.solver.objective import (
    FrameTargets,
    LossWeights,
    content_targets,
    frame_loss,
    style_targets,
)
from jvst.solver.presets import NETWORKS
from jvst.solver.solve import SolverConfig, solve_frame
from jvst.synthetic import exact_flow, make_scene, painting, render

_TIME = 3.0  # of the first frame; scenes are in full motion there


class TimedNetwork(NamedTuple):
    """A network as jvst would run it here, the same in float32, and its preset's name."""

    vgg: VGG19
    exact: VGG19
    name: str


class FrameProblem(NamedTuple):
    """One frame to solve at full size, and what its targets at other sizes are made of."""

    title: str
    start: Image
    frame: Image
    painting: Image
    targets: FrameTargets
    weights: LossWeights
    network: TimedNetwork

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        return self.frame.shape[1], self.frame.shape[0]


def load(weights: str, precision: Literal["auto", "float32", "tf32", "bfloat16"]) -> TimedNetwork:
    """Load a network.

    Args:
        weights: as on the command line, such as ``embedded``, ``vgg19`` or a file.
        precision: as on the command line.

    Raises:
        InputError: weights that can't be had.
    """
    config = StylizeConfig(
        network=NetworkOptions(weights=weights, precision=precision), run=RunOptions(quiet=True)
    )
    found = chosen_network(config)
    exact = dataclasses.replace(
        config, network=dataclasses.replace(config.network, precision="float32")
    )
    run, same = (network_of(each, found).weights for each in (config, exact))
    return TimedNetwork(run, same, found.network)


def frame_problems(
    network: TimedNetwork, size: tuple[int, int], *, scene: str, before: int
) -> list[FrameProblem]:
    """Draw two frames of a scene: the first from noise and from content, then the later one.

    Args:
        network: the network.
        size: (width, height) in pixels.
        scene: see ``make_scene``.
        before: cap of the first frame's solve that the later one is tied to.
    """
    width, height = size
    drawn = make_scene(scene, width=width, height=height)
    first, later = (_image(render(drawn, _TIME + step)) for step in (0, 1))
    picture = _image(painting("swirls", width, height))
    weights = chosen_weights(StylizeConfig(), network.name, size)
    layers = NETWORKS[network.name].content_layers
    style = jax.jit(style_targets)(network.exact, [picture])
    targets = FrameTargets(
        jax.jit(content_targets, static_argnames="layers")(network.exact, first, layers=layers),
        style,
        first[None],
        jnp.zeros((1, height, width)),
    )
    key = jax.random.key(0)
    noise = noise_image(key, first.shape)
    problems = [
        FrameProblem(title, start, first, picture, targets, weights, network)
        for title, start in (("first, from noise", noise), ("first, from content", first))
    ]
    painted, _ = solve_frame(first, network.vgg, targets, weights, before, config=SolverConfig())
    flow, back = (
        jnp.asarray(exact_flow(drawn, *times)) for times in ((_TIME + 1, _TIME), (_TIME, _TIME + 1))
    )
    neighbours = neighbours_in_slots(later, [(painted, Motion(flow, back))])
    targets = prepare(later, network.exact, style, neighbours, layers=layers)
    start = Starts("content", key).beside(later, neighbours, targets, 0)
    return [
        *problems,
        FrameProblem("later, warped", start, later, picture, targets, weights, network),
    ]


def at_size(problem: FrameProblem, size: tuple[int, int]) -> FrameProblem:
    """Return the same frame at another size, from its own start resized.

    Pictures, warped neighbours and trust are resized, and the targets made of those. Where the
    network's preset takes the mean over the variation, the weight follows the pixels.

    Args:
        problem: at full size.
        size: (width, height) in pixels.
    """
    if size == problem.size:
        return problem
    width, height = size
    resized = functools.partial(resize, size=size)
    frame, picture = resized(problem.frame), resized(problem.painting)
    targets = problem.targets._replace(
        warped=jax.vmap(resized)(jnp.asarray(problem.targets.warped)),
        trust=jax.vmap(resized)(jnp.asarray(problem.targets.trust)[..., None])[..., 0],
    )
    weights = problem.weights
    if NETWORKS[problem.network.name].mean_variation:
        grown = problem.size[0] * problem.size[1] / (width * height)
        weights = weights._replace(total_variation=weights.total_variation * grown)
    return problem._replace(
        start=resized(problem.start),
        frame=frame,
        painting=picture,
        targets=_drawn_to(targets, problem.network.exact, frame, picture),
        weights=weights,
    )


def at_precision(problem: FrameProblem, precision: Precision) -> FrameProblem:
    """Return the same frame with a network whose convolutions have a precision.

    As in a run, that network makes the content and style targets, too.
    """
    vgg = nnx.clone(problem.network.exact)
    vgg.precision = precision
    return problem._replace(
        network=problem.network._replace(vgg=vgg),
        targets=_drawn_to(problem.targets, vgg, problem.frame, problem.painting),
    )


def _drawn_to(targets: FrameTargets, vgg: VGG19, frame: Image, picture: Image) -> FrameTargets:
    """Put the content of a frame and the style of a painting into targets."""
    return targets._replace(
        content=_content(vgg, frame, layers=tuple(targets.content)), style=_style(vgg, [picture])
    )


def exact_loss(problem: FrameProblem, image: Image) -> float:
    """Evaluate a picture of full size in float32."""
    return float(_exact(image, problem.network.exact, problem.targets, problem.weights)[0])


_exact = jax.jit(frame_loss)
_content = jax.jit(content_targets, static_argnames="layers")
_style = jax.jit(style_targets)


def _image(frame: Frame) -> Image:
    return to_float(jnp.asarray(frame))
