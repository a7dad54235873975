"""Arrays of NumPy are as good as JAX's, in every call of the library."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from support import user_code

import jvst


def test_functions_of_arrays_give_the_same_for_numpy():
    ours, theirs = (user_code.functions_of_arrays(xp) for xp in (np, jnp))
    for name, found in ours.items():
        for one, other in zip(jax.tree.leaves(found), jax.tree.leaves(theirs[name]), strict=True):
            assert isinstance(one, jax.Array)
            np.testing.assert_array_equal(one, other)


def test_what_comes_back_is_jaxs():
    assert all(isinstance(found, jax.Array) for found in user_code.of_numpy())


def test_pictures_and_flows_of_numpy_may_be_closed_over():
    image = user_code.pictures_of_numpy(2)[0]
    expected = np.roll(image, -1, (0, 1))[:-1, :-1]
    for warped in user_code.closed_over():
        np.testing.assert_array_equal(warped[:-1, :-1], expected)


def test_the_loss_takes_weights_of_all_kinds():
    loss, terms, gradient = user_code.evaluated()
    assert loss == pytest.approx(sum(float(term) for term in terms), rel=1e-5)
    assert np.isfinite(gradient).all()


@pytest.mark.slow
def test_a_clip_of_numpy_is_stylized_in_one_pass_and_in_several():
    one = jvst.ClipConfig(first_iterations=1, next_iterations=1)
    several = jvst.MultipassConfig(passes=3, pass_iterations=1, clip=one)
    for made, count in (
        (user_code.clip_of_numpy(one), 2),
        (user_code.passes_of_numpy(several), 6),
    ):
        assert [frame.info.fallback for frame in made] == ["none"] * count
    assert user_code.solved()[1].iterations == 1


def test_the_network_that_comes_with_jvst_has_its_preset():
    weights, layers = user_code.network_with_its_preset()
    assert layers == ("relu4_2",)
    assert weights.content > 1e4
