"""What faster arithmetic costs, and which network takes it."""

import jax
import jax.numpy as jnp
import numpy as np

from jvst import content_targets, frame_loss, style_targets
from jvst.app.task import load_network
from jvst.core.image import to_float
from jvst.film.starts import noise_image
from jvst.network.weights import EMBEDDED, load_vgg19
from jvst.solver.objective import FrameTargets, LossWeights
from jvst.solver.presets import NETWORKS, loss_weights
from jvst.synthetic import make_scene, painting, render

WIDTH, HEIGHT = 96, 64
PRESET = NETWORKS["embedded"]


def network(precision):
    return load_vgg19(EMBEDDED, precision=precision)


@jax.jit
def problem(vgg):
    frame = to_float(jnp.asarray(render(make_scene("demo", width=WIDTH, height=HEIGHT), 0.0)))
    style = to_float(jnp.asarray(painting("swirls", WIDTH, HEIGHT)))
    nothing = jnp.zeros((1, HEIGHT, WIDTH, 3))
    return FrameTargets(
        content_targets(vgg, frame, layers=PRESET.content_layers),
        style_targets(vgg, [style]),
        nothing,
        nothing[..., 0],
    )


def test_bfloat16_convolutions_give_nearly_the_slope_of_float32():
    weights: LossWeights = loss_weights("embedded", (WIDTH, HEIGHT))
    image = noise_image(jax.random.key(0), (HEIGHT, WIDTH, 3))
    slope = jax.jit(jax.grad(lambda image, *rest: frame_loss(image, *rest)[0]))
    exact, fast = (
        np.asarray(slope(image, vgg, problem(vgg), weights))
        for vgg in (network("float32"), network("bfloat16"))
    )
    off = np.linalg.norm(fast - exact) / np.linalg.norm(exact)
    assert 1e-3 < off < 0.15


def test_the_embedded_network_keeps_more_bits_than_others_need(monkeypatch):
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    assert load_network("embedded").weights.precision == "tf32"
    assert NETWORKS["vgg19"].precision == "bfloat16"
