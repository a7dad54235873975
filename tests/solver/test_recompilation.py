"""Weights and caps are numbers: whatever their kind, they compile nothing."""

import contextlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import monitoring
from support.problems import network, picture, targets

from jvst import LossWeights, SolverConfig, solve_frame
from jvst.solver.batch import solve_frames, stack_targets

CONFIG = SolverConfig(tolerance=0.0, history=2)
FACTORS = {"relu1_1": 2.0, "relu5_1": 0.5}
WEIGHTS = {
    "floats": LossWeights(1e-3, 1.0, 1e-3, 1e-8),
    "whole numbers": LossWeights(1, 2, 3, 0),
    "numbers of NumPy": LossWeights(np.float64(1e-3), np.float32(1.0), np.int32(1), np.int64(0)),
    "arrays": LossWeights(*(jnp.asarray(number) for number in (1e-3, 1.0, 2, 1e-8))),
    "a factor": LossWeights(1e-3, style_layers={"relu3_1": 2}),
    "factors": LossWeights(1e-3, style_layers=FACTORS),
    "a factor of a layer that isn't asked for": LossWeights(1e-3, style_layers={"relu1_2": 2.0}),
}


@contextlib.contextmanager
def compilations():
    """Count the programs that XLA compiles, or reads where it compiled them before."""
    found = []

    def hear(event, duration_secs, **_):
        if event == "/jax/core/compile/backend_compile_duration":
            found.append(duration_secs)

    monitoring.register_event_duration_secs_listener(hear)
    try:
        yield found
    finally:
        monitoring.unregister_event_duration_listener(hear)


def solve(weights, iterations=2, chunk=1):
    return solve_frame(
        picture(4), network(), targets(), weights, iterations, config=CONFIG, chunk=chunk
    )


@pytest.fixture(scope="module")
def solved():
    """Everything compiled."""
    return solve(WEIGHTS["floats"])


@pytest.mark.parametrize("name", WEIGHTS)
def test_weights_of_another_kind_compile_nothing(name, solved):
    with compilations() as found:
        _, info = solve(WEIGHTS[name])
    assert found == []
    assert info.iterations == 2


def test_weights_that_a_device_holds_compile_nothing(solved):
    device = jax.devices()[0]
    held = jax.tree.map(lambda number: jax.device_put(number, device), WEIGHTS["factors"])
    with compilations() as found:
        image, _ = solve(held)
    assert found == []
    np.testing.assert_array_equal(image, solve(WEIGHTS["factors"])[0])


@pytest.mark.parametrize("number", [3, np.int64(3), np.uint8(3)])
def test_caps_and_chunks_of_any_kind_compile_nothing(number, solved):
    with compilations() as found:
        _, info = solve(WEIGHTS["floats"], number, number)
    assert found == []
    assert info.iterations == 3


@pytest.mark.slow
def test_a_batch_compiles_nothing_for_other_weights():
    starts, together = jnp.stack([picture(4), picture(5)]), stack_targets([targets()] * 2)

    def batch(weights):
        return solve_frames(starts, network(), together, weights, 1, config=CONFIG)

    batch(WEIGHTS["floats"])
    with compilations() as found:
        for weights in WEIGHTS.values():
            batch(weights)
    assert found == []
