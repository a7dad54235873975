"""What the inverse Hessian of L-BFGS begins as."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jvst.solver import lbfgs
from jvst.solver.lbfgs import IDENTITY, Preconditioner

precondition = jax.jit(lbfgs.precondition, static_argnums=1)
# Even and odd sides: rfft2 mirrors the last frequency of an even one.
SIZES = [(12, 16), (13, 16), (12, 17), (9, 11)]
STRONG = Preconditioner(exponent=0.7, chroma=0.3)


def picture(height, width, seed=0):
    return jax.random.normal(jax.random.key(seed), (height, width, 3))


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_it_is_symmetric_and_positive(height, width):
    a, b = picture(height, width, 1), picture(height, width, 2)
    left, right = (
        jnp.vdot(precondition(a, STRONG), b),
        jnp.vdot(a, precondition(b, STRONG)),
    )
    # A sum of some hundred products of about 1, in float32.
    np.testing.assert_allclose(left, right, atol=1e-3)
    # The least factor of all: 0.3 times what the highest frequency keeps, about a third.
    assert jnp.vdot(a, precondition(a, STRONG)) > 0.05 * jnp.vdot(a, a)


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_frequencies_are_weighed_as_the_formula_says(height, width):
    image = np.asarray(picture(height, width), np.float64)
    down, across = np.fft.fftfreq(height), np.fft.fftfreq(width)
    gain = (down[:, None] ** 2 + across**2 + 0.02**2) ** -0.5
    gain /= np.mean(gain)
    expected = np.fft.ifft2(gain[..., None] * np.fft.fft2(image, axes=(0, 1)), axes=(0, 1)).real
    found = precondition(jnp.asarray(image, jnp.float32), Preconditioner(exponent=0.5, chroma=1.0))
    np.testing.assert_allclose(found, expected, atol=1e-4)  # float32, values of up to 10


def test_colour_is_what_differs_from_grey():
    image = jnp.asarray([[[1.0, 0.0, 0.5], [0.3, 0.3, 0.3]]])
    found = precondition(image, Preconditioner(exponent=0.0, chroma=0.5))
    np.testing.assert_allclose(found, [[[0.75, 0.25, 0.5], [0.3, 0.3, 0.3]]], atol=1e-6)


def test_the_identity_leaves_a_picture_alone():
    image = picture(12, 16)
    assert lbfgs.precondition(image, IDENTITY) is image


def test_it_maps_over_a_batch():
    images = jnp.stack([picture(9, 12, seed) for seed in range(3)])
    batched = jax.vmap(lambda image: precondition(image, STRONG))(images)
    alone = jnp.stack([precondition(image, STRONG) for image in images])
    np.testing.assert_allclose(batched, alone, atol=1e-5)  # transforms in float32


def test_gradients_pass_through_it():
    image, target = picture(9, 12, 1), picture(9, 12, 2)
    found = jax.grad(lambda z: 0.5 * jnp.sum((precondition(z, STRONG) - target) ** 2))(image)
    by_hand = precondition(precondition(image, STRONG) - target, STRONG)
    np.testing.assert_allclose(found, by_hand, atol=1e-3)  # gains of up to 10, squared
