"""The training of the embedded network: textures, crops, objectives, folding, resuming."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jvst.errors import InputError
from jvst.lab.training.crops import noisy_pairs, random_palette, texture_pairs
from jvst.lab.training.network import activations, fold
from jvst.lab.training.objectives import DECODED, denoise_terms, initial_heads, style_terms
from jvst.lab.training.pools import Pool
from jvst.lab.training.textures import index_field
from jvst.lab.training.train import (
    PHASES,
    Phase,
    State,
    TrainingConfig,
    advance,
    begin,
    phase_of,
    read_checkpoint,
    write_checkpoint,
)
from jvst.network.layers import vgg19_layers
from jvst.network.vgg import features

WIDTH = 0.0625
# One program each: op by op they take seconds to compile.
draw_palettes = jax.jit(jax.vmap(random_palette))
draw_textures = jax.jit(texture_pairs, static_argnames=("groups", "size"))
draw_noisy = jax.jit(noisy_pairs, static_argnames=("count", "size"))
run_batch = jax.jit(activations)
draw_heads = jax.jit(initial_heads, static_argnames="width")
start = jax.jit(begin, static_argnums=0)
run_features = jax.jit(features, static_argnames="layers")
tell_styles = jax.jit(style_terms)
restore = jax.jit(denoise_terms)
TINY = TrainingConfig(steps=40, width=WIDTH, learning_rate=5e-3)
SMALL = Phase(1.0, 16, 2, 4)


@pytest.fixture(scope="module")
def pool():
    rng = np.random.default_rng(0)
    fields = np.stack([index_field(seed, 64) for seed in range(1, 5)])
    coarse = rng.integers(0, 256, (3, 6, 8, 3), np.uint8)
    return Pool(jnp.asarray(fields), jnp.asarray(coarse.repeat(8, axis=1).repeat(8, axis=2)))


@pytest.fixture(scope="module")
def parameters():
    rng = np.random.default_rng(0)
    return {
        layer.name: {
            "kernel": jnp.asarray(
                rng.standard_normal((3, 3, layer.inputs, layer.channels)), jnp.float32
            ),
            "scale": jnp.ones(layer.channels),
            "shift": jnp.zeros(layer.channels),
        }
        for layer in vgg19_layers(WIDTH).convolutions
    }


@pytest.fixture(scope="module")
def heads():
    return draw_heads(jax.random.key(7), width=WIDTH)


def test_index_field_repeats_and_uses_the_whole_range():
    field = index_field(7, 48)
    np.testing.assert_array_equal(field, index_field(7, 48))
    assert field.shape == (48, 48)
    assert field.min() == 0
    assert field.max() == 255
    assert np.any(field != index_field(8, 48))


def test_every_kind_of_texture_varies_on_the_scale_of_a_crop():
    for seed in range(24):
        field = index_field(seed, 64).astype(float)
        blocks = field.reshape(2, 32, 2, 32).transpose(0, 2, 1, 3).reshape(4, -1)
        assert blocks.std(axis=1).max() > 15, seed


def test_palettes_differ_and_stay_in_range():
    palettes = np.asarray(draw_palettes(jax.random.split(jax.random.key(0), 20)))
    assert palettes.shape == (20, 256, 3)
    assert palettes.min() >= 0
    assert palettes.max() <= 1
    assert len(np.unique(palettes.round(3), axis=0)) == 20


@pytest.mark.slow
def test_partners_share_the_palette_and_groups_cross_patterns_with_palettes(pool):
    first, second = draw_textures(jax.random.key(1), pool.fields, groups=3, size=16)
    assert first.shape == second.shape == (12, 16, 16, 3)
    assert np.any(np.asarray(first) != np.asarray(second))
    colours, partners = (np.asarray(x).mean(axis=(1, 2)) for x in (first, second))
    same = np.linalg.norm(colours - partners, axis=1).mean()
    # 0 and 1 of a group are one pattern in two palettes.
    other = np.linalg.norm(colours[0::2] - partners[1::2], axis=1).mean()
    assert same < other


@pytest.mark.slow
def test_noisy_pairs_spoil_some_crops_and_leave_others(pool):
    noisy, clean = draw_noisy(jax.random.key(2), pool.pictures, pool.fields, count=32, size=16)
    error = np.abs(np.asarray(noisy - clean)).max(axis=(1, 2, 3))
    assert 2 <= np.sum(error < 1e-6) <= 20
    assert np.sum(error > 0.1) >= 8
    assert clean.min() >= 0
    assert clean.max() <= 1


def test_a_batch_is_normalised_over_itself(parameters):
    pictures = jax.random.uniform(jax.random.key(3), (4, 32, 32, 3))
    found = run_batch(parameters, pictures)
    assert list(found) == [layer.name for layer in vgg19_layers().relus]
    brighter = run_batch(parameters, 0.5 * pictures + 0.2)
    for layer, x in found.items():
        # Scale and shift are 1 and 0: mean 0 and variance 1 before the ReLU.
        assert float(jnp.mean(jnp.square(x))) == pytest.approx(0.5, abs=0.35), layer
        np.testing.assert_allclose(x, brighter[layer], atol=2e-3)


@pytest.mark.slow
def test_folding_keeps_what_the_network_computes_up_to_the_scale_of_its_filters(parameters):
    rng = np.random.default_rng(5)
    parameters = {
        name: {
            "kernel": part["kernel"],
            "scale": jnp.asarray(rng.uniform(0.5, 2.0, part["scale"].shape), jnp.float32),
            "shift": jnp.asarray(rng.normal(0.0, 0.3, part["shift"].shape), jnp.float32),
        }
        for name, part in parameters.items()
    }
    picture = jax.random.uniform(jax.random.key(6), (32, 48, 3))
    # Over a single picture the statistics of a batch and of the folding are the same.
    folded = run_features(
        fold(parameters, picture[None], width=WIDTH),
        picture,
        layers=("relu1_1", "relu3_2", "relu5_1"),
    )
    found = run_batch(parameters, picture[None])
    for layer, x in folded.items():
        reference = found[layer][0]
        mean = jnp.mean(reference, axis=(0, 1))
        scale = jnp.maximum(mean, 0.1 * jnp.median(mean))
        np.testing.assert_allclose(x, reference / scale, atol=2e-3 * float(x.max()))


@pytest.mark.slow
def test_folded_filters_have_mean_activation_one(parameters):
    pictures = jax.random.uniform(jax.random.key(0), (3, 32, 32, 3))
    vgg = fold(parameters, pictures, width=WIDTH)
    assert (vgg.pooling, vgg.first_padding) == ("average", "replicate")
    layers = ("relu1_1", "relu2_2", "relu4_2")
    found = [run_features(vgg, picture, layers=layers) for picture in pictures]
    for layer in layers:
        x = jnp.stack([each[layer] for each in found])
        mean = np.asarray(jnp.mean(x, axis=(0, 1, 2)))
        assert mean.max() < 1.001
        assert np.median(mean) == pytest.approx(1.0, abs=1e-3)


@pytest.mark.slow
def test_equal_crops_are_found_and_shuffled_ones_are_not(parameters, heads):
    pictures = jax.random.uniform(jax.random.key(8), (6, 32, 32, 3)) ** jnp.arange(
        1.0, 7.0
    ).reshape(6, 1, 1, 1)
    key = jax.random.key(9)
    found = run_batch(parameters, jnp.concatenate([pictures, pictures]))
    loss, accuracy, gram_loss, gram_accuracy = tell_styles(key, heads, found)
    shuffled = run_batch(parameters, jnp.concatenate([pictures, pictures[::-1]]))
    wrong_loss, wrong_accuracy, wrong_gram_loss, _ = tell_styles(key, heads, shuffled)
    np.testing.assert_array_equal(accuracy, 1.0)
    np.testing.assert_array_equal(gram_accuracy, 1.0)
    np.testing.assert_array_equal(wrong_accuracy, 0.0)
    assert np.all(np.asarray(loss) < np.asarray(wrong_loss))
    assert np.all(np.asarray(gram_loss) < np.asarray(wrong_gram_loss))


def test_restoring_nothing_costs_the_variance_and_restoring_all_costs_nothing(heads):
    heads = {layer: dict(head) for layer, head in heads.items()}
    clean = jax.random.uniform(jax.random.key(1), (2, 32, 32, 3))
    mean = jnp.mean(clean, axis=(0, 1, 2))
    found, perfect = {}, {}
    for layer, block in DECODED.items():
        channels = heads[layer]["decode"].shape[0]
        found[layer] = jnp.zeros((2, 32 // block, 32 // block, channels))
        heads[layer]["mean"] = jnp.tile(mean, block * block)
        perfect[layer] = jnp.broadcast_to(mean, clean.shape)
    np.testing.assert_allclose(restore(heads, found, clean), 1.0, rtol=1e-5)
    for layer, block in DECODED.items():
        blocks = clean.reshape(2, 32 // block, block, 32 // block, block, 3)
        values = blocks.transpose(0, 1, 3, 2, 4, 5).reshape(2, 32 // block, 32 // block, -1)
        heads[layer]["decode"] = jnp.eye(values.shape[-1])
        heads[layer]["mean"] = jnp.zeros(values.shape[-1])
        found[layer] = values
    np.testing.assert_allclose(restore(heads, found, clean), 0.0, atol=1e-10)


def test_phases_share_the_steps():
    assert sum(phase.share for phase in PHASES) == pytest.approx(1.0)
    sizes = [phase_of(step, 1000).size for step in range(1000)]
    assert sizes == sorted(sizes)
    for phase in PHASES:
        assert sizes.count(phase.size) == round(1000 * phase.share)


@pytest.mark.slow
def test_training_learns_and_a_resumed_run_is_the_same_run(pool, tmp_path):
    state, losses = start(TINY), []
    for step in range(TINY.steps):
        if step == 4:
            write_checkpoint(tmp_path / "checkpoint.safetensors", state)
        # optax raises a float to the power of a counter.
        with jax.numpy_dtype_promotion("standard"):
            state, terms = advance(state, pool, SMALL, TINY)
        losses.append(float(terms.denoise + terms.style))
    assert np.mean(losses[-5:]) < 0.8 * np.mean(losses[:5])

    again = read_checkpoint(tmp_path / "checkpoint.safetensors", start(TINY))
    assert int(again.step) == 4
    for expected in losses[4:7]:
        with jax.numpy_dtype_promotion("standard"):
            again, terms = advance(again, pool, SMALL, TINY)
        assert float(terms.denoise + terms.style) == expected


def test_a_checkpoint_of_another_network_or_a_damaged_one_is_refused(tmp_path):
    path = tmp_path / "checkpoint.safetensors"
    write_checkpoint(path, State(jnp.asarray(3), {"kernel": jnp.ones((3, 3, 4))}, ()))
    other = State(jnp.asarray(0), {"kernel": jnp.ones((3, 3, 8))}, ())
    with pytest.raises(InputError, match="another network"):
        read_checkpoint(path, other)
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(InputError, match="damaged"):
        read_checkpoint(path, other)
