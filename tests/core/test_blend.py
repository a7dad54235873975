"""The blend of multi-pass processing, and the order of its passes."""

import jax.numpy as jnp
import numpy as np
import pytest

from jvst.core.blend import blend, pass_order


def draw(seed, *shape):
    return np.random.default_rng(seed).uniform(size=shape).astype(np.float32)


IMAGE, WARPED = draw(0, 33, 47, 3), draw(1, 33, 47, 3)
SOFT = draw(2, 33, 47)
BINARY = (draw(3, 33, 47) > 0.5).astype(np.float32)


def mixed(mask, strength, image=IMAGE, warped=WARPED):
    return blend(jnp.asarray(image), jnp.asarray(warped), jnp.asarray(mask), strength)


def test_blend_with_mask_0_is_the_frame():
    np.testing.assert_array_equal(mixed(np.zeros_like(SOFT), 0.5), IMAGE)


def test_blend_with_strength_0_is_the_frame():
    np.testing.assert_array_equal(mixed(SOFT, 0.0), IMAGE)


def test_blend_with_full_trust_and_strength_is_the_warped_neighbour():
    np.testing.assert_array_equal(mixed(np.ones_like(SOFT), 1.0), WARPED)


@pytest.mark.parametrize("strength", [0.25, 0.5, 0.9])
def test_blend_is_the_formula_of_the_paper(strength):
    mask = SOFT.astype(np.float64)[..., None]
    # δ c ∘ ω + ((1 − δ) 1 + δ (1 − c)) ∘ x
    kept = (1 - strength) + strength * (1 - mask)
    expected = strength * mask * WARPED + kept * IMAGE
    np.testing.assert_allclose(mixed(SOFT, strength), expected, atol=1e-6)


def test_blend_at_one_half_is_that_of_the_torch_code_for_binary_masks_only():
    def torch_code(mask):
        return (IMAGE + mask[..., None] * WARPED) / (1 + mask[..., None])

    np.testing.assert_allclose(mixed(BINARY, 0.5), torch_code(BINARY), atol=1e-6)
    assert np.abs(mixed(SOFT, 0.5) - torch_code(SOFT)).max() > 0.01


def test_strength_may_be_a_traced_number():
    np.testing.assert_array_equal(mixed(SOFT, jnp.asarray(0.5)), mixed(SOFT, 0.5))


def test_blend_of_a_picture_with_itself_is_that_picture():
    np.testing.assert_allclose(mixed(SOFT, 0.7, warped=IMAGE), IMAGE, atol=1e-6)


def test_passes_alternate_forward_and_backward():
    assert list(pass_order(5, 2)) == [0, 1, 2, 3, 4]
    assert list(pass_order(5, 3)) == [4, 3, 2, 1, 0]
    assert list(pass_order(5, 4)) == list(pass_order(5, 2))


@pytest.mark.parametrize("number", [1, 2, 3, 8])
@pytest.mark.parametrize("frames", [1, 2, 7])
def test_a_pass_visits_every_frame_once(frames, number):
    assert sorted(pass_order(frames, number)) == list(range(frames))
