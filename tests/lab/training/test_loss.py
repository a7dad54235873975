"""The loss of the distillation: relative, weighted, bounded."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jvst.core.losses import gram_matrix
from jvst.lab.training.loss import channel_scale, distillation_loss
from jvst.network.layers import vgg19_layers
from jvst.solver.objective import STYLE_LAYERS

compare = jax.jit(distillation_loss)


@pytest.fixture(scope="module")
def wanted():
    rng = np.random.default_rng(0)
    return {
        layer.name: jnp.asarray(rng.uniform(size=(2, 3, 5, layer.channels)), jnp.float32)
        for layer in vgg19_layers(1 / 16).relus
    }


def test_the_teachers_own_answers_cost_nothing(wanted):
    loss, terms = compare(wanted, wanted)
    assert float(loss) < 1e-12
    assert set(terms) == {*wanted, *(f"gram_{layer}" for layer in STYLE_LAYERS)}


def test_no_answer_costs_the_sum_of_the_weights(wanted):
    loss, terms = compare(jax.tree.map(jnp.zeros_like, wanted), wanted)
    # 13 ReLUs, the five style layers and relu4_2 twice, half of five Gram matrices.
    assert float(loss) == pytest.approx(13 + 6 + 2.5, rel=2e-3)
    assert all(float(term) == pytest.approx(1.0, rel=1e-2) for term in terms.values())


def test_terms_are_those_of_numpy(wanted):
    rng = np.random.default_rng(1)
    found = {k: x + 0.1 * rng.normal(size=x.shape).astype(np.float32) for k, x in wanted.items()}
    _, terms = compare(found, wanted)
    for layer, target in wanted.items():
        a, b = np.asarray(found[layer], float), np.asarray(target, float)
        assert float(terms[layer]) == pytest.approx(((a - b) ** 2).mean() / (b**2).mean(), rel=1e-3)
    a, b = (np.stack([gram_matrix(x) for x in y["relu3_1"]]) for y in (found, wanted))
    errors = ((a - b) ** 2).sum((1, 2)) / (b**2).sum((1, 2))
    assert float(terms["gram_relu3_1"]) == pytest.approx(errors.mean(), rel=1e-2)


def test_the_error_of_a_gram_matrix_is_bounded(wanted):
    loud = {layer: 100.0 * x for layer, x in wanted.items()}
    _, terms = compare(loud, wanted)
    assert float(terms["gram_relu1_1"]) == 10.0


def test_a_channel_that_never_answers_has_a_scale():
    scale = channel_scale({"relu1_1": jnp.asarray([4.0, 1e-8, 0.0])})["relu1_1"]
    np.testing.assert_allclose(scale, [2.0, 0.1, 0.1], rtol=1e-6)
