"""What faster arithmetic costs: the loss that a solve ends at, always evaluated in float32."""

import jax
import jax.numpy as jnp
import pytest

from jvst import SolverConfig, content_targets, frame_loss, solve_frame, style_targets
from jvst.core.image import to_float
from jvst.film.clip import noise_image
from jvst.network.weights import EMBEDDED, load_vgg19
from jvst.solver.objective import FrameTargets, LossWeights
from jvst.solver.presets import NETWORKS, loss_weights
from jvst.synthetic import make_scene, painting, render

WIDTH, HEIGHT, ITERATIONS = 96, 64, 60
PRESET = NETWORKS["embedded"]


def network(precision):
    return load_vgg19(
        EMBEDDED, pooling=PRESET.pooling, first_padding=PRESET.first_padding, precision=precision
    )


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


@pytest.mark.slow
def test_bfloat16_convolutions_end_at_the_loss_of_float32_within_a_hundredth():
    exact, fast = network("float32"), network("bfloat16")
    weights: LossWeights = loss_weights("embedded", (WIDTH, HEIGHT))
    targets = problem(exact)
    found = {}
    for name, vgg in (("float32", exact), ("bfloat16", fast)):
        image, info = solve_frame(
            noise_image(jax.random.key(0), (HEIGHT, WIDTH, 3)),
            vgg,
            problem(vgg),
            weights,
            ITERATIONS,
            config=SolverConfig(tolerance=0.0),
        )
        assert info.iterations == ITERATIONS
        found[name] = float(jax.jit(frame_loss)(image, exact, targets, weights)[0])
    assert found["bfloat16"] == pytest.approx(found["float32"], rel=0.01)
    assert found["bfloat16"] != found["float32"]
