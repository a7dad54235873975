"""Calls of the library as its users write them; pyright finds no error in them."""

from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from numpy.typing import NDArray

import jvst
from jvst import metrics

HEIGHT, WIDTH = 33, 40


def small_network() -> jvst.VGG19:
    """A VGG-19 with 4 to 32 channels and random kernels."""
    return jvst.VGG19(width=1 / 16, rngs=nnx.Rngs(0))


def pictures_of_numpy(count: int) -> list[NDArray[np.float32]]:
    """Random pictures."""
    rng = np.random.default_rng(0)
    return [rng.uniform(size=(HEIGHT, WIDTH, 3)).astype(np.float32) for _ in range(count)]


def functions_of_arrays(xp: Any) -> dict[str, Any]:
    """Call every function of arrays with those of NumPy or of JAX.

    Args:
        xp: ``numpy`` or ``jax.numpy``; their own types are those of ``of_numpy``.
    """
    image, other = (xp.asarray(picture) for picture in pictures_of_numpy(2))
    flow, mask = xp.full((HEIGHT, WIDTH, 2), 0.5, "float32"), xp.ones((HEIGHT, WIDTH), "float32")
    layer, gram = xp.ones((8, 9, 4), "float32"), xp.ones((4, 4), "float32")
    return {
        "bilinear_sample": jvst.bilinear_sample(image, flow),
        "catmull_rom_sample": jvst.catmull_rom_sample(image, flow),
        "blend": jvst.blend(image, other, mask, 0.5),
        "consistency_mask": jvst.consistency_mask(flow, -flow),
        "ijcv": jvst.consistency_mask(flow, -flow, mode="ijcv", image=image),
        "photometric": jvst.consistency_mask(
            flow, -flow, mode="photometric", image=image, other=other
        ),
        "content_loss": jvst.content_loss(layer, layer),
        "gram_matrix": jvst.gram_matrix(layer),
        "style_loss": jvst.style_loss(layer, gram),
        "temporal_loss": jvst.temporal_loss(image, other, mask),
        "total_variation": jvst.total_variation(image),
        "long_term_weights": jvst.long_term_weights(xp.stack([mask, mask])),
        "warp": jvst.warp(image, flow),
        "to_uint8": jvst.to_uint8(image),
        "to_float": jvst.to_float((255 * image).astype("uint8")),
        "warping_error": metrics.warping_error(image, other, flow, mask),
        "masked_warping_error": metrics.masked_warping_error(image, other, flow, mask),
        "gradient_energy": metrics.gradient_energy(image),
        "luminance_drift": metrics.luminance_drift(xp.stack([image, other]), mask),
        "endpoint_error": metrics.endpoint_error(flow, -flow, mask),
    }


def of_numpy() -> list[jax.Array]:
    """Call what takes arrays with those of NumPy, and use what comes back as JAX's."""
    image, other = pictures_of_numpy(2)
    flow: NDArray[np.float32] = np.zeros((HEIGHT, WIDTH, 2), np.float32)
    mask = jvst.consistency_mask(flow, flow, mode="soft", edge="torch")
    warped = jvst.warp(other, flow).at[0].set(0.0)
    trusted = jvst.temporal_loss(image, warped, mask)
    return [jvst.blend(image, warped, mask, np.float32(0.5)), trusted, jvst.total_variation(image)]


def closed_over() -> tuple[jax.Array, jax.Array]:
    """Close a jitted function over a picture of NumPy, and over a flow of NumPy."""
    image, _ = pictures_of_numpy(2)
    flow = np.full((HEIGHT, WIDTH, 2), 1.0, np.float32)
    along, of = jax.jit(lambda f: jvst.warp(image, f)), jax.jit(lambda x: jvst.warp(x, flow))
    return along(flow), of(image)


def problem_of_numpy(vgg: jvst.VGG19) -> jvst.FrameTargets:
    """Make targets of pictures of NumPy."""
    content, style = pictures_of_numpy(2)
    paintings, shares = [style, content[:20]], [0.5, 0.5]
    return jvst.FrameTargets(
        content=jvst.content_targets(vgg, content, layers=["relu3_1"]),
        style=jvst.style_targets(vgg, paintings, shares=shares, layers=("relu1_1",)),
        warped=style[None],
        trust=np.ones((1, HEIGHT, WIDTH), np.float32),
    )


def evaluated() -> tuple[jax.Array, jvst.LossTerms, Any]:
    """Evaluate the loss of a picture of NumPy, with weights of all kinds, and its gradient."""
    vgg = small_network()
    targets = problem_of_numpy(vgg)
    image, _ = pictures_of_numpy(2)
    weights = jvst.LossWeights(1, np.float32(20), jnp.asarray(200.0), style_layers={"relu1_1": 2})
    loss, terms = jvst.frame_loss(image, vgg, targets, weights)
    gradient = jax.jit(jax.grad(lambda x: jvst.frame_loss(x, vgg, targets, weights)[0]))(image)
    return loss, terms, gradient


def solved() -> tuple[jax.Array, jvst.SolveInfo]:
    """Solve for a picture of NumPy."""
    vgg = small_network()
    image, _ = pictures_of_numpy(2)
    config = jvst.SolverConfig(optimizer="adam")
    return jvst.solve_frame(
        image, vgg, problem_of_numpy(vgg), jvst.LossWeights(style=3), 1, config=config, chunk=1
    )


def clip_of_numpy(config: jvst.ClipConfig) -> Iterator[jvst.StylizedFrame]:
    """Stylize frames of NumPy along flow of NumPy."""
    vgg = small_network()
    still, trust = np.zeros((HEIGHT, WIDTH, 2), np.float32), np.ones((HEIGHT, WIDTH), np.float32)
    frames = pictures_of_numpy(2)
    motions = [{}, {1: jvst.Motion(still, still, frames[0], trust)}]
    style = jvst.style_targets(vgg, frames[:1])
    return jvst.stylize_clip(
        frames, motions, vgg, style, jvst.LossWeights(), config=config, key=jax.random.key(0)
    )


def passes_of_numpy(config: jvst.MultipassConfig) -> Iterator[jvst.PassFrame]:
    """Stylize frames of NumPy in several passes."""
    vgg = small_network()
    still, trust = np.zeros((HEIGHT, WIDTH, 2), np.float32), np.ones((HEIGHT, WIDTH), np.float32)
    frames = pictures_of_numpy(2)
    motions = [None, jvst.Motion(still, still, mask=trust, mask_back=trust)]
    return jvst.stylize_multipass(
        frames,
        motions,
        vgg,
        jvst.style_targets(vgg, frames[:1]),
        jvst.LossWeights(),
        config=config,
        key=jax.random.key(0),
    )


def network_with_its_preset() -> tuple[jvst.LossWeights, tuple[str, ...]]:
    """Take the network that comes with jvst, and what fits it."""
    network = jvst.load_network("embedded")
    return network.loss_weights((WIDTH, HEIGHT)), network.preset.content_layers
