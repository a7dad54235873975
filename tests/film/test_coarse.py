"""Coarse to fine: which sizes, what is carried from one to the next, and what it brings."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from support.problems import network, picture

from jvst import ClipConfig, LossWeights, Motion, SolverConfig, stylize_clip
from jvst.app.options import coarse_factors
from jvst.errors import InputError
from jvst.film.coarse import Scale, carried, iterations_at, resized, scaled_size, usable
from jvst.solver.objective import style_targets
from jvst.solver.solve import advance, begin

HEIGHT, WIDTH = 66, 80
WEIGHTS = LossWeights(content=1e-3, style=1.0, temporal=1e-2, total_variation=1e-8)
CONFIG = ClipConfig(
    first_iterations=12, next_iterations=6, solver=SolverConfig(tolerance=0.0), chunk=4
)
STILL = jnp.zeros((HEIGHT, WIDTH, 2))


def scale(factor=0.5):
    painting = picture(2, *scaled_size((HEIGHT, WIDTH), factor)[::-1])
    return Scale(factor, style_targets(network(), [painting]))


def stylize(frames=1, *, config=CONFIG, scales=(), motions=None, **options):
    style = style_targets(network(), [picture(2, HEIGHT, WIDTH)])
    if motions is None:
        motions = [{1: Motion(STILL, STILL)} if i else {} for i in range(frames)]
    images = [picture(10, HEIGHT, WIDTH)] * frames
    key = jax.random.key(7)
    return list(
        stylize_clip(
            images,
            motions,
            network(),
            style,
            WEIGHTS,
            config=config,
            key=key,
            scales=scales,
            **options,
        )
    )


def test_scales_are_used_from_the_coarsest_and_only_where_the_network_sees_something():
    assert usable((0.5, 0.25), (192, 256)) == (0.25, 0.5)
    assert usable((0.5, 0.25), (100, 256)) == (0.5,)
    assert usable((0.5, 1.0, 0.5), (192, 256)) == (0.5,)
    assert usable((0.25, 0.5), (40, 40)) == ()


def test_a_scale_has_its_own_cap_but_never_more_than_the_frame():
    assert [iterations_at(factor, 2000) for factor in (0.25, 0.5)] == [120, 60]
    assert iterations_at(0.25, 10) == 10


def test_what_a_coarse_stage_changed_is_carried_and_what_is_fine_in_the_start_stays():
    start = jax.random.uniform(jax.random.key(1), (HEIGHT, WIDTH, 3))
    small = resized(start, size=(33, 40))
    # Nothing changed: the start itself, whatever resampling loses.
    np.testing.assert_allclose(carried(start, small, size=start.shape), start, atol=1e-6)
    # A change that every size can show comes over whole.
    brighter = carried(start, small + 0.25, size=start.shape)
    np.testing.assert_allclose(brighter, start + 0.25, atol=1e-5)


@pytest.mark.slow
def test_a_frame_from_noise_goes_through_the_scales_and_then_counts_anew():
    seen = []

    def look(index, report, stage):
        seen.append((stage.number, stage.state.image.shape[:2], report.iteration))

    (frame,) = stylize(scales=[scale()], on_chunk=look)
    assert [place for place in seen if place[2] == 12] == [(0, (33, 40), 12), (1, (66, 80), 12)]
    assert frame.image.shape == (HEIGHT, WIDTH, 3)
    assert frame.info.iterations == 12
    assert [each.iterations for each in frame.info.coarse] == [12]
    assert frame.info.reports[0].iteration == 0


def test_it_begins_at_full_size_below_where_noise_does():
    (plain,) = stylize()
    (coarse,) = stylize(scales=[scale()])
    assert coarse.info.reports[0].loss < 0.5 * plain.info.reports[0].loss


def test_later_frames_and_frames_from_content_have_no_coarse_stage():
    content = dataclasses.replace(CONFIG, init="content")
    assert stylize(config=content, scales=[scale()])[0].info.coarse == ()
    first, second = stylize(2, scales=[scale()])
    assert len(first.info.coarse) == 1
    assert second.info.coarse == ()


@pytest.mark.slow
def test_frames_scales_and_caps_compile_the_solver_once_a_size():
    begin.clear_cache(), advance.clear_cache()
    cut = [{}, {1: Motion(STILL, STILL)}, {}, {1: Motion(STILL, STILL)}]
    frames = stylize(4, scales=[scale()], motions=cut)
    longer = dataclasses.replace(CONFIG, first_iterations=16, next_iterations=10)
    frames += stylize(2, scales=[scale()], config=longer)
    # Both ways of starting were there, and every cap.
    assert [len(frame.info.coarse) for frame in frames] == [1, 0, 1, 0, 1, 0]
    assert [frame.info.iterations for frame in frames] == [12, 6, 12, 6, 16, 10]
    assert begin.compiled == 2
    assert advance.compiled == 2


@pytest.mark.parametrize("number", [pytest.param(0, marks=pytest.mark.slow), 1])
def test_a_coarse_to_fine_solve_is_continued_bit_for_bit(number):
    kept = {}

    def keep(index, report, stage):
        if stage.number == number and report.iteration == 8:
            kept["leaves"] = [np.asarray(leaf) for leaf in jax.tree.leaves(stage)]

    (whole,) = stylize(scales=[scale()], on_chunk=keep)
    (again,) = stylize(scales=[scale()], resume=kept["leaves"])
    np.testing.assert_array_equal(again.image, whole.image)


@pytest.mark.parametrize(
    ("words", "factors"),
    [(("auto",), None), (("none",), ()), (("1",), ()), (("0.5", "0.25"), (0.5, 0.25))],
)
def test_the_option_is_read(words, factors):
    assert coarse_factors(words) == factors


@pytest.mark.parametrize("words", [("half",), ("0",), ("2",), ("nan",), (), ("auto", "0.5")])
def test_what_can_not_be_a_scale_is_refused(words):
    with pytest.raises(InputError, match="`scales`"):
        coarse_factors(words)
