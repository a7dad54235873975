"""A picture in one pass: the statistics that it has, sizes, tiles, and input of no kind at all."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from support.pairs import small_pairs

import jvst
from jvst.core.image import resize
from jvst.core.transport import gaussian_of
from jvst.film.one_pass import one_pass, painted, painting_statistics
from jvst.network.pairs import encode

PAIRS = small_pairs(3, 2, 1)
LEVELS = (3, 2, 1)
paint = jax.jit(one_pass, static_argnames=("levels", "tile"))


def draw(seed, height=24, width=32):
    """A smooth picture with every colour."""
    rough = np.random.default_rng(seed).uniform(size=(height // 4 + 1, width // 4 + 1, 3))
    picture = resize(jnp.asarray(rough, jnp.float32), size=(width, height))
    return jnp.clip(picture, 0.0, 1.0)


@pytest.fixture(scope="module")
def statistics():
    return painting_statistics([draw(0, 28, 20)], pairs=PAIRS)


def test_the_public_names_are_these():
    assert jvst.one_pass is one_pass
    assert jvst.painting_statistics is painting_statistics


def test_colours_get_the_paintings_mean_and_covariance(statistics):
    image, painting = 0.25 + 0.5 * draw(1), 0.4 + 0.2 * draw(2)
    colours = painting_statistics([painting], pairs=PAIRS)
    found = gaussian_of(paint(image, colours, levels=(0,), strength=1.0))
    wanted = gaussian_of(painting)
    np.testing.assert_allclose(found.mean, wanted.mean, atol=1e-3)
    size = float(jnp.linalg.norm(wanted.covariance))
    np.testing.assert_allclose(found.covariance, wanted.covariance, atol=1e-3 * size)


def test_no_strength_is_what_encoders_and_decoders_make_of_the_picture(statistics):
    image = draw(3)
    x = image
    for level in LEVELS:
        x = jvst.network.pairs.decode(PAIRS[level], encode(PAIRS[level], x))
    np.testing.assert_allclose(paint(image, statistics, strength=0.0, levels=LEVELS), x, atol=1e-5)


@pytest.mark.parametrize(("height", "width"), [(23, 30), (1, 1), (32, 3)])
def test_any_size_is_the_mirrored_picture_cropped(height, width, statistics):
    image = draw(4, 32, 32)[:height, :width]
    rows, columns = (max(-(-size // 4) * 4, 8) for size in (height, width))
    mirrored = np.pad(image, ((0, rows - height), (0, columns - width), (0, 0)), mode="symmetric")
    whole = paint(jnp.asarray(mirrored), statistics, levels=LEVELS)
    found = paint(image, statistics, levels=LEVELS)
    assert found.shape == (height, width, 3)
    np.testing.assert_allclose(found, whole[:height, :width], atol=1e-6)


@pytest.mark.parametrize(
    ("size", "tile"),
    [((71, 90), (16, 24)), pytest.param((64, 40), (1, 400), marks=pytest.mark.slow)],
)
def test_in_tiles_it_is_the_same(size, tile, statistics):
    image = draw(5, *size)
    whole, tiled = (
        jax.jit(painted, static_argnames=("levels", "tile"))(
            image, statistics, levels=LEVELS, tile=each
        )
        for each in (None, tile)
    )
    np.testing.assert_allclose(tiled.image, whole.image, atol=1e-4)
    for level in LEVELS:
        for one, other in zip(tiled.content[level], whole.content[level], strict=True):
            np.testing.assert_allclose(one, other, atol=1e-4 * float(jnp.max(jnp.abs(other))))


def test_a_tile_without_pixels_is_an_error(statistics):
    with pytest.raises(jvst.InputError, match="tile 0×16"):
        one_pass(draw(6), statistics, levels=(1,), tile=(0, 16))


def test_under_jit_and_vmap_it_is_that_of_a_loop(statistics):
    images = jnp.stack([draw(seed) for seed in (7, 8)])
    together = jax.jit(
        jax.vmap(lambda image, known: one_pass(image, known, levels=(2, 1)), (0, None))
    )(images, statistics)
    for image, found in zip(images, together, strict=True):
        np.testing.assert_allclose(found, one_pass(image, statistics, levels=(2, 1)), atol=1e-5)


def test_its_slope_is_its_slope(statistics):
    image, direction = draw(9, 8, 12), jnp.cos(jnp.arange(8 * 12 * 3.0)).reshape(8, 12, 3)
    wave = draw(10, 8, 12)

    @jax.jit
    def along(step):
        return jnp.vdot(wave, one_pass(image + step * direction, statistics, levels=(1,)))

    slope = jax.grad(along)(jnp.float32(0.0))
    difference = (along(jnp.float32(3e-3)) - along(jnp.float32(-3e-3))) / 6e-3
    assert np.isfinite(slope)
    # Rounding is a hundredth of it, and ReLUs bend within the step.
    assert float(slope) == pytest.approx(float(difference), rel=3e-2)


def test_statistics_of_another_frame_may_be_carried_from(statistics):
    first, other = draw(11), jnp.clip(draw(11) + 0.1, 0.0, 1.0)
    met = painted(first, statistics, levels=(2, 1))
    again = painted(first, statistics, levels=(2, 1), content=met.content)
    np.testing.assert_allclose(again.image, met.image, atol=1e-5)
    held = one_pass(other, statistics, levels=(2, 1), content=met.content)
    assert float(jnp.max(jnp.abs(held - one_pass(other, statistics, levels=(2, 1))))) > 1e-3


def test_paintings_blend_by_their_shares():
    one, other = draw(12), draw(13)
    both, first, second = (
        painting_statistics(images, shares=shares, pairs=small_pairs(1)).goals[1]
        for images, shares in (
            ([one, other], (3.0, 1.0)),
            ([one, other], (2.0, 0.0)),
            ([other], None),
        )
    )
    alone = painting_statistics([one], pairs=small_pairs(1)).goals[1]
    np.testing.assert_allclose(first.mean, alone.mean, atol=1e-6)
    np.testing.assert_allclose(both.mean, 0.75 * alone.mean + 0.25 * second.mean, atol=1e-5)


@pytest.mark.parametrize(
    ("images", "shares", "match"),
    [
        ([], None, "0 paintings"),
        ([draw(14)], (1.0, 2.0), "2 shares for 1"),
        ([draw(14)], (0.0,), "above 0"),
    ],
)
def test_unusable_paintings_are_an_error(images, shares, match):
    with pytest.raises(ValueError, match=match):
        painting_statistics(images, shares=shares, pairs=small_pairs(1))


def test_levels_of_255_are_refused_in_words(statistics):
    with pytest.raises(jvst.InputError, match=r"image has values up to 255; expected \[0, 1\]"):
        one_pass(jnp.full((8, 8, 3), 255.0), statistics)
    with pytest.raises(jvst.InputError, match=r"images\[0\] has values up to 255"):
        painting_statistics([jnp.full((8, 8, 3), 255.0)], pairs=PAIRS)


def test_an_unknown_level_is_an_error_that_lists_the_known_ones(statistics):
    with pytest.raises(ValueError, match="unknown level 7; expected some of 3, 2, 1, 0"):
        one_pass(draw(15), statistics, levels=(3, 7))


FLAT = {
    "black": jnp.zeros((12, 17, 3)),
    "white": jnp.ones((12, 17, 3)),
    "even": jnp.broadcast_to(jnp.asarray([0.9, 0.1, 0.4]), (12, 17, 3)),
    "grey": jnp.repeat(draw(16, 12, 17)[..., :1], 3, axis=2),
    "any": draw(17, 12, 17),
    "16 pixels": draw(18, 4, 4),
}


@pytest.mark.parametrize("painting", ["black", "even", "grey", "any", "16 pixels"])
def test_degenerate_paintings_and_frames_give_pictures_without_noise(painting):
    known = painting_statistics([FLAT[painting]], pairs=PAIRS)
    for name in ("black", "white", "even", "any"):
        found = paint(FLAT[name], known, levels=(3, 2, 1, 0), strength=1.0)
        assert np.isfinite(found).all()
        if name != "any":
            # What does not vary stays so, whatever the painting.
            assert float(jnp.max(jnp.std(found, axis=(0, 1)))) < 2e-3


@pytest.fixture(scope="module")
def shipped():
    """What the networks that ship know of a painting."""
    return painting_statistics([draw(19, 40, 33)])


def paint_with_shipped(image, known):
    return jax.jit(painted)(jnp.asarray(image, jnp.float32), known, strength=1.0)


def test_grain_of_an_even_frame_stays_grain_through_all_levels(shipped):
    grain = 0.5 + np.random.default_rng(22).normal(size=(32, 32, 3)) / 255
    found = paint_with_shipped(grain, shipped).image
    assert float(jnp.mean(jnp.std(found, axis=(0, 1)))) < 6 * 1 / 255


def test_the_networks_that_ship_carry_a_frame_of_32_pixels(shipped):
    found = paint_with_shipped(draw(20, 32, 32), shipped)
    assert sorted(found.content) == [1, 2, 3, 4, 5]
    assert np.isfinite(found.image).all()
    assert float(jnp.std(found.image)) > 0.05
