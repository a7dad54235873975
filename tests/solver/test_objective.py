"""The energy of a frame: published weights keep their meaning, and what must be true of it."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from support import reference
from support.networks import in_double, small_network, torch_features
from support.once import made_once

from jvst.core.losses import gram_matrix, style_loss
from jvst.network.vgg import features
from jvst.solver.objective import (
    CONTENT_LAYERS,
    STYLE_LAYERS,
    FrameTargets,
    LossTerms,
    LossWeights,
    content_targets,
    frame_loss,
    style_targets,
)
from jvst.solver.presets import loss_weights

HEIGHT, WIDTH = 33, 47

evaluate_with_gradient = jax.jit(jax.value_and_grad(frame_loss, has_aux=True))
all_features = jax.jit(features, static_argnames="layers")
ONLY = LossWeights(content=0.0, style=0.0, temporal=0.0, total_variation=0.0)


def evaluate(*arguments):
    return evaluate_with_gradient(*arguments)[0]


def gradient(*arguments):
    return evaluate_with_gradient(*arguments)[1]


def picture(seed, height=HEIGHT, width=WIDTH):
    return np.random.default_rng(seed).uniform(size=(height, width, 3)).astype(np.float32)


@made_once
def problem(lags=2):
    """An image and the content, style, warped neighbours and trust that it is compared with."""
    rng = np.random.default_rng(0)
    warped = rng.uniform(size=(lags, HEIGHT, WIDTH, 3)).astype(np.float32)
    trust = rng.uniform(size=(lags, HEIGHT, WIDTH)).astype(np.float32)
    return picture(1), picture(2), picture(3, 38, 29), warped, trust


@made_once
def targets(lags=2):
    _, frame, style, warped, trust = problem(lags)
    vgg = small_network()
    return FrameTargets(
        content=all_features(vgg, jnp.asarray(frame), CONTENT_LAYERS),
        style=grams(style),
        warped=jnp.asarray(warped),
        trust=jnp.asarray(trust),
    )


def grams(image):
    found = all_features(small_network(), jnp.asarray(image), STYLE_LAYERS)
    return {layer: gram_matrix(activation) for layer, activation in found.items()}


def reference_terms(image, frame, style, warped, trust):
    """The four terms in the units of the Torch code: BGR on levels of 255, minus the mean."""
    weights = reference.parameters(small_network())
    image, frame, style = (reference.levels(array) for array in (image, frame, style))
    warped = [reference.levels(array) for array in warped]
    layers = {*CONTENT_LAYERS, *STYLE_LAYERS}
    found, of_frame, of_style = (
        reference.vgg_features(weights, x, layers) for x in (image, frame, style)
    )
    return LossTerms(
        content=sum(reference.mean_square(found[k], of_frame[k]) for k in CONTENT_LAYERS),
        style=sum(
            reference.mean_square(reference.gram(found[k]), reference.gram(of_style[k]))
            for k in STYLE_LAYERS
        ),
        temporal=sum(
            reference.temporal(image, other, weight.astype(np.float64))
            for other, weight in zip(warped, trust, strict=True)
        ),
        total_variation=reference.total_variation(image),
    )


@functools.cache
def expected_terms():
    return reference_terms(*problem())


@pytest.mark.parametrize(
    "weights",
    [
        LossWeights(),
        loss_weights("vgg19", (1024, 436)),
        # The Torch code's defaults.
        LossWeights(content=5.0, style=100.0, temporal=1000.0, total_variation=1e-3),
    ],
    ids=["paper 450x350", "paper 1024x436", "torch"],
)
def test_published_weights_mean_what_they_mean_on_levels_of_255(weights):
    loss, terms = evaluate(jnp.asarray(problem()[0]), small_network(), targets(), weights)
    expected = [
        float(weight) * term for weight, term in zip(weights[:4], expected_terms(), strict=True)
    ]
    for name, found, value in zip(LossTerms._fields, terms, expected, strict=True):
        assert found == pytest.approx(value, rel=1e-4), name
    assert loss == pytest.approx(sum(expected), rel=1e-4)


def test_no_term_of_the_test_problem_drowns_in_the_others():
    # Else the comparisons of the whole loss would see some terms only.
    terms = evaluate(jnp.asarray(problem()[0]), small_network(), targets(), LossWeights())[1]
    assert min(terms) > 1e-6 * max(terms)


@pytest.mark.slow
def test_gradient_is_the_slope_of_the_float64_loss():
    image, *rest = problem()
    weights = LossWeights()
    with jax.enable_x64(True):
        double = jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float64), targets())
        vgg = in_double(small_network())
        found = gradient(jnp.asarray(image, jnp.float64), vgg, double, weights)
        found = np.asarray(found)
        step = 1e-6 * found / np.abs(found).max()
        after, before = (
            float(evaluate(jnp.asarray(image + sign * step), vgg, double, weights)[0])
            for sign in (1, -1)
        )
    assert np.sum(found * step) == pytest.approx((after - before) / 2, rel=1e-6)
    slopes = [np.subtract(*(reference_terms(image + s * step, *rest) for s in (1, -1)))]
    slope = np.dot(weights[:4], slopes[0]) / 2
    # The targets were rounded to float32; the slope is as exact as they are.
    assert np.sum(found * step) == pytest.approx(slope, rel=1e-4)


def test_loss_and_gradient_are_those_of_pytorch():
    torch = pytest.importorskip("torch")
    vgg, weights = small_network(), LossWeights()
    image, frame, style, warped, trust = (a.astype(np.float64) for a in problem())
    layers = {*CONTENT_LAYERS, *STYLE_LAYERS}
    mean = torch.from_numpy(reference.OXFORD_MEAN)

    def levels(rgb):
        return (rgb.flip(-1) * 255.0 - mean).permute(2, 0, 1)

    def activations(rgb):
        return torch_features(torch, vgg, levels(rgb), layers)

    def gram(x):
        flat = x.reshape(-1, x.shape[-1])
        return flat.T @ flat / x.numel()

    rgb = torch.from_numpy(image).requires_grad_()
    found, of_frame, of_style = (
        activations(x) for x in (rgb, torch.from_numpy(frame), torch.from_numpy(style))
    )
    mse = torch.nn.functional.mse_loss
    pixels = levels(rgb)
    loss = weights.content * sum(mse(found[k], of_frame[k]) for k in CONTENT_LAYERS)
    loss = loss + weights.style * sum(mse(gram(found[k]), gram(of_style[k])) for k in STYLE_LAYERS)
    for other, weight in zip(
        map(torch.from_numpy, warped), map(torch.from_numpy, trust), strict=True
    ):
        loss = loss + weights.temporal * torch.mean(weight * (pixels - levels(other)) ** 2)
    corner = pixels[:, :-1, :-1]
    across, down = pixels[:, :-1, 1:] - corner, pixels[:, 1:, :-1] - corner
    loss = loss + weights.total_variation / 2 * (across.square().sum() + down.square().sum())
    loss.backward()

    single = evaluate(jnp.asarray(image, jnp.float32), vgg, targets(), weights)[0]
    assert single == pytest.approx(loss.item(), rel=1e-4)
    with jax.enable_x64(True):
        double_vgg = in_double(vgg)
        double = FrameTargets(
            content=all_features(double_vgg, jnp.asarray(frame), CONTENT_LAYERS),
            style={
                k: gram_matrix(v)
                for k, v in all_features(double_vgg, jnp.asarray(style), STYLE_LAYERS).items()
            },
            warped=jnp.asarray(warped),
            trust=jnp.asarray(trust),
        )
        ours = np.asarray(gradient(jnp.asarray(image), double_vgg, double, weights))
    assert reference.relative_error(ours, rgb.grad.numpy()) < 1e-6


def test_the_terms_add_up_to_the_loss():
    loss, terms = evaluate(jnp.asarray(problem()[0]), small_network(), targets(), LossWeights())
    assert loss == pytest.approx(float(sum(terms)), rel=1e-6)
    assert terms.total() == pytest.approx(float(loss), rel=1e-6)


@pytest.mark.parametrize("name", LossTerms._fields)
def test_each_weight_scales_its_own_term_and_no_other(name):
    weights = ONLY._replace(**{name: 3.0})
    loss, terms = evaluate(jnp.asarray(problem()[0]), small_network(), targets(), weights)
    expected = getattr(expected_terms(), name)
    assert getattr(terms, name) == pytest.approx(3 * expected, rel=1e-4)
    assert loss == getattr(terms, name)


def test_loss_and_gradient_are_0_where_everything_is_reached():
    vgg, image = small_network(), jnp.asarray(picture(4))
    reached = FrameTargets(
        content=all_features(vgg, image, CONTENT_LAYERS),
        style=grams(image),
        warped=jnp.stack([image, image]),
        trust=jnp.ones((2, HEIGHT, WIDTH)),
    )
    weights = LossWeights(total_variation=0.0)
    scale = evaluate(jnp.asarray(problem()[0]), vgg, reached, weights)[0]
    assert evaluate(image, vgg, reached, weights)[0] < 1e-9 * scale
    slope = gradient(image, vgg, reached, weights)
    away = gradient(jnp.asarray(problem()[0]), vgg, reached, weights)
    assert jnp.abs(slope).max() < 1e-4 * jnp.abs(away).max()


def test_loss_without_weights_is_0_anywhere():
    assert evaluate(jnp.asarray(problem()[0]), small_network(), targets(), ONLY)[0] == 0.0


def test_an_absent_lag_has_no_effect_whatever_it_holds():
    image, vgg = jnp.asarray(problem()[0]), small_network()
    without = targets()._replace(trust=targets().trust.at[1].set(0.0))
    expected = evaluate(image, vgg, without, LossWeights())[0]
    slope = gradient(image, vgg, without, LossWeights())
    changed = without._replace(warped=without.warped.at[1].set(-1e3))
    assert evaluate(image, vgg, changed, LossWeights())[0] == expected
    np.testing.assert_array_equal(gradient(image, vgg, changed, LossWeights()), slope)
    alone = targets()._replace(warped=targets().warped[:1], trust=targets().trust[:1])
    assert jax.jit(frame_loss)(image, vgg, alone, LossWeights())[1].temporal == pytest.approx(
        float(evaluate(image, vgg, without, LossWeights())[1].temporal), rel=1e-6
    )


def test_factors_scale_single_style_layers_and_the_rest_counts_once():
    image, vgg = jnp.asarray(problem()[0]), small_network()
    found = all_features(vgg, image, STYLE_LAYERS)
    single = {k: float(style_loss(found[k], v)) for k, v in targets().style.items()}
    factors = {"relu1_1": 0.0, "relu3_1": 2.5}
    expected = sum(factors.get(k, 1.0) * v for k, v in single.items())
    weights = ONLY._replace(style=2.0, style_layers=factors)
    assert frame_loss(image, vgg, targets(), weights)[0] == pytest.approx(2 * expected, rel=1e-4)


def test_jit_is_eager_and_vmap_over_weights_is_a_loop():
    image, vgg = jnp.asarray(problem()[0]), small_network()
    eager = frame_loss(image, vgg, targets(), LossWeights())[0]
    assert evaluate(image, vgg, targets(), LossWeights())[0] == pytest.approx(
        float(eager), rel=1e-5
    )
    betas = jnp.asarray([1.0, 20.0, 300.0])
    swept = jax.jit(
        jax.vmap(
            lambda beta, vgg: frame_loss(image, vgg, targets(), LossWeights(style=beta))[0],
            (0, None),
        )
    )(betas, vgg)
    loop = [evaluate(image, vgg, targets(), LossWeights(style=float(beta)))[0] for beta in betas]
    np.testing.assert_allclose(swept, loop, rtol=1e-5)


def test_weights_are_numbers_that_never_compile_again():
    image, vgg = jnp.asarray(problem()[0]), small_network()
    evaluate(image, vgg, targets(), LossWeights())
    before = evaluate_with_gradient._cache_size()
    for factor in (0.0, 0.5, 7.0):
        evaluate(image, vgg, targets(), LossWeights(factor, 2 * factor, 3 * factor, factor))
    assert evaluate_with_gradient._cache_size() == before


def test_style_targets_of_one_picture_are_its_gram_matrices():
    vgg, style = small_network(), problem()[2]
    found = jax.jit(style_targets)(vgg, [jnp.asarray(style)])
    weights = reference.parameters(vgg)
    expected = reference.vgg_features(weights, reference.levels(style), STYLE_LAYERS)
    assert tuple(sorted(found)) == tuple(sorted(STYLE_LAYERS))
    for layer in STYLE_LAYERS:
        assert reference.relative_error(found[layer], reference.gram(expected[layer])) < 1e-4


LAYERS = ("relu1_1", "relu2_1")


@pytest.mark.parametrize(
    ("shares", "parts"), [(None, (0.5, 0.5)), ((1, 3), (0.25, 0.75)), ((0, 2), (0, 1))]
)
def test_style_targets_blend_by_normalised_shares(shares, parts):
    vgg, pictures = small_network(), [jnp.asarray(picture(5)), jnp.asarray(picture(3, 38, 29) ** 2)]
    shares = None if shares is None else [float(share) for share in shares]
    blended = style_targets(vgg, pictures, shares=shares, layers=LAYERS)
    single = [style_targets(vgg, [one], layers=LAYERS) for one in pictures]
    assert set(blended) == set(LAYERS)
    for layer in LAYERS:
        expected = parts[0] * single[0][layer] + parts[1] * single[1][layer]
        assert reference.relative_error(blended[layer], expected) < 1e-6


def test_blending_gram_matrices_and_blending_losses_differ_by_a_constant():
    rng = np.random.default_rng(6)
    first, second, *tries = (rng.normal(size=(8, 9, 4)).astype(np.float32) for _ in range(5))
    a, b = (gram_matrix(jnp.asarray(x)) for x in (first, second))
    apart = [
        0.3 * style_loss(jnp.asarray(x), a)
        + 0.7 * style_loss(jnp.asarray(x), b)
        - style_loss(jnp.asarray(x), 0.3 * a + 0.7 * b)
        for x in tries
    ]
    np.testing.assert_allclose(apart, apart[0], rtol=1e-3)


def test_content_targets_are_the_activations_of_the_frame():
    vgg, frame = small_network(), jnp.asarray(problem()[1])
    found = content_targets(vgg, frame, layers=("relu1_2", "relu2_1"))
    expected = features(vgg, frame, ("relu1_2", "relu2_1"))
    assert found.keys() == expected.keys()
    for layer, activation in expected.items():
        np.testing.assert_array_equal(found[layer], activation)


@pytest.mark.parametrize(
    ("pictures", "shares", "message"),
    [
        (0, None, "0 style pictures"),
        (2, [1.0], "1 shares for 2 style pictures"),
        (2, [1.0, -0.5], "-0.5"),
        (2, [0.0, 0.0], "above 0"),
        (2, [1.0, float("nan")], "nan"),
        (1, [float("inf")], "inf"),
    ],
)
def test_style_shares_that_mean_nothing_are_an_error(pictures, shares, message):
    with pytest.raises(ValueError, match=message):
        style_targets(small_network(), [jnp.asarray(picture(7))] * pictures, shares=shares)


def test_unknown_layers_are_an_error():
    with pytest.raises(ValueError, match="relu7_1"):
        content_targets(small_network(), jnp.asarray(picture(8)), layers=("relu7_1",))
    with pytest.raises(ValueError, match="conv0"):
        style_targets(small_network(), [jnp.asarray(picture(8))], layers=("conv0",))
