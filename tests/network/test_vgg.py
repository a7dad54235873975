"""The network against float64 NumPy and PyTorch, forward and backward."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from support import reference
from support.networks import SMALL, in_double, small_network, torch_features

from jvst.network import convolution
from jvst.network.layers import vgg19_layers
from jvst.network.vgg import OXFORD, TORCHVISION, activations, features, preprocess

VARIANTS = [
    (pooling, padding) for pooling in ("max", "average") for padding in ("zeros", "replicate")
]
LAYERS = vgg19_layers().names
DEEP = ("relu1_1", "pool1", "conv2_2", "relu3_1", "relu4_2", "pool4", "relu5_1")

evaluate = jax.jit(features, static_argnames="layers")


def picture(seed, height=33, width=47):
    return np.random.default_rng(seed).uniform(size=(height, width, 3)).astype(np.float32)


def expected_features(vgg, image, layers):
    return reference.vgg_features(
        reference.parameters(vgg),
        reference.levels(image),
        layers,
        pooling=vgg.pooling,
        first_padding=vgg.first_padding,
    )


def test_layers_are_those_of_vgg19_in_their_order():
    assert LAYERS == reference.CHAIN


def test_channels_are_those_of_vgg19():
    shapes = {layer.name: (layer.inputs, layer.channels) for layer in vgg19_layers().convolutions}
    assert shapes["conv1_1"] == (3, 64)
    assert [shapes[f"conv{block}_1"][1] for block in range(1, 6)] == [64, 128, 256, 512, 512]
    assert len(shapes) == 13
    pairs = zip(shapes.values(), list(shapes.values())[1:], strict=False)
    assert all(out == following for (_, out), (following, _) in pairs)
    assert vgg19_layers(SMALL)["conv5_1"].channels == 32


@pytest.mark.parametrize(("pooling", "first_padding"), VARIANTS)
def test_features_are_those_of_float64_numpy(pooling, first_padding):
    vgg, image = small_network(pooling, first_padding), picture(0)
    found = evaluate(vgg, jnp.asarray(image), LAYERS)
    expected = expected_features(vgg, image, LAYERS)
    assert set(found) == set(LAYERS)
    for layer in LAYERS:
        assert reference.relative_error(found[layer], expected[layer]) < 1e-4, layer


@pytest.mark.parametrize(("height", "width"), [(16, 16), (17, 50)])
def test_features_of_any_size_are_those_of_float64_numpy(height, width):
    vgg, image = small_network(), picture(1, height, width)
    found = evaluate(vgg, jnp.asarray(image), ("relu5_1",))["relu5_1"]
    assert found.shape == (height // 16, width // 16, 32)
    expected = expected_features(vgg, image, ("relu5_1",))["relu5_1"]
    assert reference.relative_error(found, expected) < 1e-4


@pytest.mark.parametrize(("pooling", "first_padding"), VARIANTS)
def test_features_are_those_of_pytorch(pooling, first_padding):
    torch = pytest.importorskip("torch")
    vgg, image = small_network(pooling, first_padding), picture(2)
    found = evaluate(vgg, jnp.asarray(image), LAYERS)
    pixels = torch.from_numpy(reference.levels(image).transpose(2, 0, 1).copy()).float()
    expected = torch_features(torch, vgg, pixels, LAYERS)
    for layer in LAYERS:
        assert reference.relative_error(found[layer], expected[layer].numpy()) < 1e-4, layer


def sum_of_squares(image, vgg):
    found = features(vgg, image, DEEP)
    return sum((jnp.mean(jnp.square(found[layer])) for layer in DEEP), jnp.zeros((), image.dtype))


@functools.cache
def image_gradient():
    return jax.jit(jax.grad(sum_of_squares))


@pytest.mark.parametrize(("pooling", "first_padding"), VARIANTS)
def test_gradient_in_the_image_is_that_of_pytorch(pooling, first_padding):
    torch = pytest.importorskip("torch")
    vgg, image = small_network(pooling, first_padding), picture(3).astype(np.float64)
    with jax.enable_x64(True):
        found = np.asarray(image_gradient()(jnp.asarray(image), in_double(vgg)))
    rgb = torch.from_numpy(image).requires_grad_()
    pixels = rgb.flip(-1) * 255.0 - torch.from_numpy(reference.OXFORD_MEAN)
    layers = torch_features(torch, vgg, pixels.permute(2, 0, 1), DEEP)
    sum(torch.mean(layers[layer] ** 2) for layer in DEEP).backward()
    assert reference.relative_error(found, rgb.grad.numpy()) < 1e-6


@pytest.mark.parametrize(
    ("pooling", "first_padding"),
    [("max", "zeros"), pytest.param("average", "replicate", marks=pytest.mark.slow)],
)
def test_gradient_in_the_image_is_the_slope_of_float64_numpy(pooling, first_padding):
    vgg, image = small_network(pooling, first_padding), picture(4).astype(np.float64)

    def loss(image):
        found = expected_features(vgg, image, DEEP)
        return sum(np.mean(found[layer] ** 2) for layer in DEEP)

    with jax.enable_x64(True):
        gradient = np.asarray(image_gradient()(jnp.asarray(image), in_double(vgg)))
    rng = np.random.default_rng(5)
    # Along the gradient, and along noise that the gradient must not miss either.
    for direction in (gradient / np.linalg.norm(gradient), rng.normal(size=image.shape)):
        step = 1e-6 * direction / np.abs(direction).max()
        slope = (loss(image + step) - loss(image - step)) / 2
        assert np.sum(gradient * step) == pytest.approx(slope, rel=1e-6)


@pytest.mark.parametrize("margin", [0, 1])
def test_gradients_of_a_convolution_are_those_of_jax(margin):
    rng = np.random.default_rng(6)
    with jax.enable_x64(True):
        x, kernel = (
            jnp.asarray(rng.normal(size=(9, 12, 4))),
            jnp.asarray(rng.normal(size=(3, 3, 4, 6))),
        )
        outer = jnp.asarray(rng.normal(size=(7 + 2 * margin, 10 + 2 * margin, 6)))
        (ours, our_vjp), (theirs, their_vjp) = (
            jax.vjp(lambda x, kernel, f=function: f(x, kernel, margin, "highest"), x, kernel)
            for function in (convolution.convolution, convolution.plain_convolution)
        )
        np.testing.assert_array_equal(ours, theirs)
        for found, expected in zip(our_vjp(outer), their_vjp(outer), strict=True):
            assert found.shape == expected.shape
            assert reference.relative_error(found, expected) < 1e-12


@pytest.mark.parametrize("margin", [0, 1])
def test_gradients_of_a_convolution_are_the_slopes_of_float64_numpy(margin):
    rng = np.random.default_rng(7)
    x, kernel = rng.normal(size=(6, 5, 3)), rng.normal(size=(3, 3, 3, 4))
    outer = rng.normal(size=(4 + 2 * margin, 3 + 2 * margin, 4))
    with jax.enable_x64(True):
        _, pull = jax.vjp(
            lambda x, kernel: convolution.convolution(x, kernel, margin, "highest"),
            jnp.asarray(x),
            jnp.asarray(kernel),
        )
        gradients = [np.asarray(part) for part in pull(jnp.asarray(outer))]

    def inner(x, kernel):
        return np.sum(outer * reference.convolution(x, kernel, margin=margin))

    # Linear in each argument: a step of 1 gives the exact slope.
    for index in np.ndindex(kernel.shape):
        step = np.zeros_like(kernel)
        step[index] = 1.0
        assert gradients[1][index] == pytest.approx(inner(x, step), abs=1e-12)
    for index in np.ndindex(x.shape):
        step = np.zeros_like(x)
        step[index] = 1.0
        assert gradients[0][index] == pytest.approx(inner(step, kernel), abs=1e-12)


@pytest.mark.parametrize(("pooling", "first_padding"), [("max", "zeros"), ("average", "replicate")])
def test_features_under_jit_and_vmap_are_those_of_a_loop(pooling, first_padding):
    vgg, layers = small_network(pooling, first_padding), ("relu1_1", "relu2_1")
    images = jnp.stack([jnp.asarray(picture(seed, 17, 22)) for seed in (8, 9)])
    loop = [features(vgg, image, layers) for image in images]
    batched = jax.jit(jax.vmap(lambda vgg, image: features(vgg, image, layers), (None, 0)))
    together = batched(vgg, images)
    for layer in layers:
        for i, image in enumerate(images):
            alone = evaluate(vgg, image, layers)[layer]
            assert reference.relative_error(alone, loop[i][layer]) < 1e-5
            assert reference.relative_error(together[layer][i], loop[i][layer]) < 1e-5


@pytest.mark.slow
def test_gradient_under_vmap_is_that_of_a_loop():
    vgg = small_network()
    images = jnp.stack([jnp.asarray(picture(seed, 17, 22)) for seed in (10, 11)])

    def loss(image, vgg):
        return jnp.mean(jnp.square(features(vgg, image, ("relu2_1",))["relu2_1"]))

    together = jax.jit(jax.vmap(jax.grad(loss), (0, None)))(images, vgg)
    alone = jax.jit(jax.grad(loss))
    for i, image in enumerate(images):
        assert reference.relative_error(together[i], alone(image, vgg)) < 1e-4


def test_preprocessing_of_the_oxford_weights_is_bgr_levels_minus_the_mean():
    image = picture(12)
    found = preprocess(OXFORD, jnp.asarray(image))
    np.testing.assert_allclose(found, reference.levels(image), atol=1e-4)


def test_preprocessing_of_torchvision_is_rgb_normalised():
    image = picture(13)
    found = preprocess(TORCHVISION, jnp.asarray(image))
    expected = (image.astype(np.float64) - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_features_go_no_deeper_than_asked():
    # A single pixel is too small for any pool, and is never pooled.
    assert set(features(small_network(), jnp.zeros((1, 1, 3)), ("relu1_2",))) == {"relu1_2"}
    assert features(small_network(), jnp.zeros((1, 1, 3)), ()) == {}


@pytest.mark.parametrize("layers", [("relu6_1",), ("relu1_1", "conv9"), ("",)])
def test_unknown_layer_is_an_error_that_lists_the_known_ones(layers):
    with pytest.raises(ValueError, match=f"unknown layer {layers[-1]!r}.*relu4_2"):
        features(small_network(), jnp.zeros((16, 16, 3)), layers)


@pytest.mark.parametrize(("height", "width"), [(15, 40), (40, 15)])
def test_a_picture_too_small_for_a_layer_is_an_error(height, width):
    with pytest.raises(ValueError, match="16 pixels"):
        # Only the shapes: nothing is compiled.
        jax.eval_shape(
            lambda vgg, image: features(vgg, image, ("relu5_1",)),
            small_network(),
            jax.ShapeDtypeStruct((height, width, 3), jnp.float32),
        )


def test_replicate_padding_leaves_no_frame_around_a_flat_picture():
    flat = jnp.full((16, 18, 3), 0.7)
    edges = {
        padding: np.ptp(
            features(small_network("max", padding), flat, ("conv1_1",))["conv1_1"], (0, 1)
        )
        for padding in ("zeros", "replicate")
    }
    assert edges["replicate"].max() < 1e-3
    assert edges["zeros"].max() > 0.1


def test_average_pooling_doubles_a_flat_layer_and_max_pooling_keeps_it():
    flat = jnp.full((7, 9, 2), 1.5)
    np.testing.assert_array_equal(convolution.pool(flat, "average"), np.full((3, 4, 2), 3.0))
    np.testing.assert_array_equal(convolution.pool(flat, "max"), np.full((3, 4, 2), 1.5))


@pytest.mark.parametrize(("precision", "tolerance"), [("tf32", 2e-3), ("bfloat16", 5e-2)])
def test_lower_precision_stays_near_and_comes_out_in_float32(precision, tolerance):
    image = picture(14, 17, 22)
    found = evaluate(small_network("max", "zeros", precision), jnp.asarray(image), ("relu4_2",))[
        "relu4_2"
    ]
    expected = expected_features(small_network(), image, ("relu4_2",))["relu4_2"]
    assert found.dtype == jnp.float32
    assert reference.relative_error(found, expected) < tolerance


@pytest.mark.slow
def test_gradient_at_bfloat16_points_where_that_of_float32_does():
    def loss(image, vgg):
        return jnp.mean(jnp.square(features(vgg, image, ("relu2_1",))["relu2_1"]))

    image = jnp.asarray(picture(15, 17, 22))
    lower, full = (
        jax.jit(jax.grad(loss))(image, small_network("average", "zeros", precision)).ravel()
        for precision in ("bfloat16", "float32")
    )
    assert lower.dtype == jnp.float32
    cosine = lower @ full / (jnp.linalg.norm(lower) * jnp.linalg.norm(full))
    assert cosine > 0.99


def test_half_precision_is_the_type_between_layers_and_what_is_summed_is_not():
    image, layers = jnp.asarray(picture(15, 17, 22)), ("relu1_1", "pool1", "relu2_1")
    vgg = small_network("average", "zeros", "bfloat16")
    program = jax.jit(lambda image, vgg: activations(vgg, image, layers))
    found = program(image, vgg)
    assert {array.dtype for array in found.values()} == {jnp.dtype(jnp.bfloat16)}
    wide = jax.jit(lambda image, vgg: features(vgg, image, layers))(image, vgg)
    for name, array in found.items():
        np.testing.assert_array_equal(wide[name], array.astype(jnp.float32))
    # No layer is written in float32: but for the picture itself, all values are of 16 bits.
    text = program.lower(image, vgg).as_text()
    assert "tensor<17x22x4xbf16>" in text and "tensor<17x22x4xf32>" not in text


@pytest.mark.parametrize("channels", [(3, 5), (5, 3), (4, 4)])
@pytest.mark.parametrize("margin", [0, 1])
def test_channels_filled_up_to_eight_change_nothing(channels, margin):
    rng = np.random.default_rng(0)
    x = jnp.asarray(rng.standard_normal((7, 9, channels[0])), jnp.float32)
    kernel = jnp.asarray(rng.standard_normal((3, 3, *channels)), jnp.float32)
    padded, plain = (
        function(x, kernel, margin, "highest")
        for function in (convolution._padded_convolution, convolution.plain_convolution)
    )
    assert padded.shape == plain.shape
    np.testing.assert_allclose(padded, plain, rtol=1e-5, atol=1e-5)


def test_the_slopes_of_relu_and_of_average_pooling_are_jaxs_own():
    rng = np.random.default_rng(0)
    x = jnp.asarray(rng.standard_normal((6, 8, 3)), jnp.float32).at[0, 0].set(0.0)

    def mean(x):
        return 2.0 * jnp.mean(x.reshape(3, 2, 4, 2, 3), axis=(1, 3))

    for own, theirs in ((convolution.rectified, jax.nn.relu), (_averaged, mean)):
        np.testing.assert_allclose(own(x), theirs(x), rtol=1e-6)
        slopes = [jax.grad(lambda x, f=f: jnp.sum(f(x) ** 3 + f(x)))(x) for f in (own, theirs)]
        np.testing.assert_allclose(*slopes, rtol=1e-5, atol=1e-6)


def _averaged(x):
    return convolution.pool(x, "average")
