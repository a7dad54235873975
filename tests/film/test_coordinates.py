"""Coordinates carried along exact flow, torn and mended."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.ndimage import maximum_filter

from jvst.core.warp import pixel_grid
from jvst.film.coordinates import (
    Coordinates,
    Origin,
    carried_along,
    grown,
    mended,
    own_coordinates,
    stretched,
)

HEIGHT, WIDTH = 31, 40
FLAT = jnp.zeros((HEIGHT, WIDTH, 2))
along = jax.jit(carried_along)


def fields(seed=0):
    """Coordinates of two frames' passes, the newer one to the right."""
    rng = np.random.default_rng(seed)
    new = own_coordinates(jnp.int32(5), FLAT)
    source = jnp.where(jnp.arange(WIDTH) < 20, 3, 5) * jnp.ones((HEIGHT, 1), jnp.int32)
    fade = jnp.asarray(rng.integers(0, 4, (HEIGHT, WIDTH)), jnp.int32)
    return new._replace(shown=Origin(source, new.shown.where + 0.25), fade=fade, unsettled=fade > 1)


def test_flow_by_whole_pixels_shifts_every_field():
    before = fields()
    found, inside = along(before, FLAT + jnp.asarray([3.0, -2.0]))
    assert np.array_equal(np.argwhere(np.asarray(inside))[[0, -1]], [[2, 0], [30, 36]])
    for one, other in zip(jax.tree.leaves(found), jax.tree.leaves(before), strict=True):
        np.testing.assert_array_equal(one[2:, :-3], other[:-2, 3:])


def test_between_pixels_of_one_surface_coordinates_are_interpolated_and_elsewhere_go_on():
    before = fields()
    found, inside = along(before, FLAT + jnp.asarray([0.4, 0.0]))
    assert bool(inside[:, :-1].all())
    np.testing.assert_array_equal(found.shown.source[:, :-1], before.shown.source[:, :-1])
    wanted = before.shown.where + jnp.asarray([0.4, 0.0])
    np.testing.assert_allclose(found.shown.where[:, :-1], wanted[:, :-1], atol=1e-5)


def test_what_flows_out_of_the_frame_or_is_not_finite_is_told():
    flow = FLAT.at[4, 5].set(jnp.nan).at[6, 7, 0].set(jnp.inf).at[0, 0].set(-0.1)
    flow = flow.at[9, 9].set(-0.4)
    found, inside = along(fields(), flow)
    outside = np.argwhere(~np.asarray(inside)).tolist()
    assert outside == [[0, 0], [4, 5], [6, 7]]
    assert bool(jnp.all(jnp.isfinite(found.shown.where)))


def test_a_torn_dot_takes_after_its_neighbours_and_an_outline_stays():
    before = fields()
    torn = before.shown._replace(
        source=before.shown.source.at[10, 8].set(4), where=before.shown.where.at[20, 30].add(9.0)
    )
    found, ragged = jax.jit(mended)(before._replace(shown=torn))
    np.testing.assert_array_equal(found.shown.source, before.shown.source)
    np.testing.assert_allclose(found.shown.where, before.shown.where, atol=1e-5)
    assert not bool(ragged.any())


def test_scrambled_coordinates_are_torn():
    before = fields()
    rng = np.random.default_rng(1)
    noise = jnp.asarray(rng.uniform(-9, 9, (9, 9, 2)), jnp.float32)
    where = before.shown.where.at[10:19, 5:14].add(noise)
    _, torn = jax.jit(mended)(before._replace(shown=before.shown._replace(where=where)))
    assert bool(torn[12:17, 7:12].all())
    assert not bool(torn[:, 20:].any())


@pytest.mark.parametrize(("zoom", "marked"), [(0.4, True), (0.6, False), (1.9, False), (2.2, True)])
def test_twice_the_size_is_stretched_up_to_the_border(zoom, marked):
    grid = pixel_grid(HEIGHT, WIDTH, FLAT.dtype)
    source = jnp.zeros((HEIGHT, WIDTH), jnp.int32)
    found = jax.jit(stretched)(Origin(source, grid / zoom))
    assert bool(jnp.all(found == marked))


def test_what_lies_beyond_another_source_is_not_stretched():
    before = fields()
    where = jnp.where((before.shown.source == 3)[..., None], before.shown.where, 90.0)
    where = jnp.where((before.shown.source == 3)[..., None], where, before.shown.where + 50.0)
    assert not bool(stretched(before.shown._replace(where=where)).any())


@pytest.mark.parametrize("pixels", [1, 2, 16, 50])
def test_areas_grow_by_squares(pixels):
    area = np.random.default_rng(0).uniform(size=(HEIGHT, WIDTH)) > 0.995
    found = grown(jnp.asarray(area), pixels)
    np.testing.assert_array_equal(found, maximum_filter(area, 2 * pixels + 1, mode="constant"))


def test_coordinates_are_a_tree_of_fields():
    leaves = jax.tree.leaves(own_coordinates(jnp.int32(3), FLAT))
    assert [leaf.ndim for leaf in leaves] == [2, 3, 2, 3, 2, 2]
    assert isinstance(own_coordinates(jnp.int32(3), FLAT), Coordinates)
