import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from support.pairs import small_pairs
from support.problems import network, picture

from jvst import (
    ClipConfig,
    LossWeights,
    Motion,
    SolverConfig,
    one_pass,
    painting_statistics,
    stylize_clip,
    warp,
)
from jvst.core.masks import MaskKnobs
from jvst.film.clip import prepare
from jvst.film.neighbours import neighbours_in_slots
from jvst.film.starts import noise_image
from jvst.lab.evaluation.appearance import loss_terms
from jvst.solver.objective import style_targets
from jvst.solver.solve import advance, begin

KEY = jax.random.key(7)
STILL = jnp.zeros((33, 40, 2))
WEIGHTS = LossWeights(content=1e-3, style=1.0, temporal=1e-2, total_variation=1e-8)
CONFIG = ClipConfig(
    first_iterations=12, next_iterations=6, solver=SolverConfig(tolerance=0.0), chunk=4
)


def clip(frames):
    return [picture(10 + i) for i in range(frames)]


def still_motions(frames, lags=(1,)):
    return [{lag: Motion(STILL, STILL) for lag in lags if lag <= i} for i in range(frames)]


def stylize(frames=3, *, config=CONFIG, weights=WEIGHTS, motions=None, **options):
    motions = still_motions(frames) if motions is None else motions
    style = style_targets(network(), [picture(2)])
    key = options.pop("key", KEY)
    images = options.pop("images", clip(frames))
    return list(
        stylize_clip(images, motions, network(), style, weights, config=config, key=key, **options)
    )


def test_a_clip_gives_one_frame_each_in_order_within_its_cap():
    frames = stylize(3)
    assert [frame.index for frame in frames] == [0, 1, 2]
    assert [frame.info.iterations for frame in frames] == [12, 6, 6]


@pytest.mark.slow
def test_five_frames_with_two_caps_compile_the_solver_once():
    begin.clear_cache(), advance.clear_cache(), prepare.clear_cache()
    stylize(5)
    assert begin.compiled == 1
    assert advance.compiled == 1
    assert prepare.compiled == 1


def test_a_later_frame_starts_from_the_warped_stylized_neighbour():
    flow = jnp.full((33, 40, 2), 1.5)
    motions = [{}, {1: Motion(flow, -flow)}]
    config = ClipConfig(first_iterations=5, next_iterations=0, solver=CONFIG.solver)
    first, second = stylize(2, config=config, motions=motions)
    np.testing.assert_array_equal(second.image, warp(first.image, flow))


def test_a_frame_without_a_neighbour_starts_from_the_one_noise_image_of_the_key():
    config = ClipConfig(first_iterations=0, next_iterations=0)
    frames = stylize(2, config=config, motions=[{}, {}])
    for frame in frames:
        np.testing.assert_array_equal(frame.image, noise_image(KEY, (33, 40, 3)))


def test_init_content_starts_from_the_frame_itself():
    config = ClipConfig(first_iterations=0, init="content")
    (frame,) = stylize(1, config=config)
    np.testing.assert_array_equal(frame.image, clip(1)[0])


def test_a_strong_temporal_term_holds_a_static_shot_still():
    images = [picture(10)] * 2
    loose = stylize(2, images=images, weights=WEIGHTS._replace(temporal=0.0))
    held = stylize(2, images=images, weights=WEIGHTS._replace(temporal=1e3))

    def change(frames):
        return float(jnp.mean(jnp.square(frames[1].image - frames[0].image)))

    assert change(held) < 0.05 * change(loose)


def test_the_temporal_term_does_not_act_where_the_flow_is_not_trusted():
    # Flow that does not return: everything is disoccluded.
    motions = [{}, {1: Motion(jnp.full((33, 40, 2), 3.0), jnp.full((33, 40, 2), 3.0))}]
    _, frame = stylize(2, motions=motions, weights=WEIGHTS._replace(temporal=1e3))
    assert frame.info.reports[-1].terms.temporal == 0.0


def test_the_masks_knobs_decide_which_pixels_are_trusted():
    # Flow that leaves the frame on one side: widening that side takes trust from more pixels.
    flow = jnp.full((33, 40, 2), 1.5)
    trust = []
    for knobs in (MaskKnobs(), MaskKnobs(dilate=(0, 12, 0)), MaskKnobs(weights=(0.0, 0.0, 0.0))):
        slots = neighbours_in_slots(picture(1), [(picture(3), Motion(flow, -flow))])
        trust.append(float(prepare(picture(1), network(), {}, slots, knobs=knobs).trust.mean()))
    assert trust[1] < trust[0] < trust[2]
    assert trust[2] == pytest.approx(1.0)


@pytest.mark.parametrize("first", [1, 2])
def test_a_clip_continued_at_a_frame_is_bit_for_bit_the_uninterrupted_one(first):
    whole = stylize(3)
    rest = stylize(
        images=clip(3)[first:],
        motions=still_motions(3)[first:],
        first=first,
        earlier={first - 1: whole[first - 1].image},
    )
    for frame in rest:
        np.testing.assert_array_equal(frame.image, whole[frame.index].image)


def test_a_frame_interrupted_in_mid_solve_is_continued_bit_for_bit():
    kept = {}

    def keep(index, report, state):
        if index == 1 and report.iteration == 4:
            kept["leaves"] = [np.asarray(leaf) for leaf in jax.tree.leaves(state)]

    whole = stylize(2, on_chunk=keep)
    (again,) = stylize(
        images=clip(2)[1:],
        motions=still_motions(2)[1:],
        first=1,
        earlier={0: whole[0].image},
        resume=kept["leaves"],
    )
    np.testing.assert_array_equal(again.image, whole[1].image)


@pytest.mark.slow
def test_lags_that_do_not_exist_yet_change_nothing_and_compile_nothing():
    config = ClipConfig(lags=(1, 2), first_iterations=6, next_iterations=4, solver=CONFIG.solver)
    begin.clear_cache(), advance.clear_cache()
    longer = stylize(3, config=config, motions=still_motions(3, (1, 2)))
    assert advance.compiled == 1
    # Where lag 1 is trusted everywhere, nothing is left for lag 2.
    shorter = stylize(
        3, config=ClipConfig(first_iterations=6, next_iterations=4, solver=CONFIG.solver)
    )
    for one, two in zip(longer, shorter, strict=True):
        np.testing.assert_allclose(one.image, two.image, atol=1e-5)


def test_another_seed_draws_another_clip():
    one, two = stylize(1), stylize(1, key=jax.random.key(8))
    assert float(jnp.max(jnp.abs(one[0].image - two[0].image))) > 0.01


def test_frames_are_taken_lazily():
    taken = []

    def frames():
        for i, image in enumerate(clip(3)):
            taken.append(i)
            yield image

    style = style_targets(network(), [picture(2)])
    made = stylize_clip(
        frames(), still_motions(3), network(), style, WEIGHTS, config=CONFIG, key=KEY
    )
    next(made)
    assert taken == [0]
    made.close()


PAINTINGS = painting_statistics([picture(2)], pairs=small_pairs(2, 1))


def own_start(init, frame):
    """What a frame alone starts from."""
    if init == "content":
        return frame
    options = {"levels": (0,), "strength": 1.0} if init == "colours" else {}
    return one_pass(frame, PAINTINGS, **options)


def test_a_start_made_of_paintings_needs_their_statistics():
    with pytest.raises(ValueError, match=r"'onepass'.*give paintings=painting_statistics"):
        stylize(1, config=ClipConfig(init="onepass"))


@pytest.mark.parametrize("init", ["colours", "onepass"])
def test_frames_without_a_neighbour_start_in_the_paintings_look(init):
    config = ClipConfig(first_iterations=0, next_iterations=0, init=init)
    # The second is after a cut.
    for frame in stylize(2, config=config, motions=[{}, {}], paintings=PAINTINGS):
        expected = own_start(init, clip(2)[frame.index])
        np.testing.assert_array_equal(frame.image, expected)
        assert float(jnp.mean(jnp.abs(frame.image - clip(2)[frame.index]))) > 1e-2


@pytest.mark.parametrize("init", ["content", "colours", "onepass"])
def test_what_the_neighbour_hides_is_the_frames_own_start_at_iteration_0(init):
    # The right part moves right by 4 and uncovers a strip: there the flow does not return.
    flow = jnp.zeros((33, 40, 2)).at[:, 20:, 0].set(-4.0)
    back = jnp.zeros((33, 40, 2)).at[:, 16:, 0].set(4.0)
    config = ClipConfig(first_iterations=3, next_iterations=0, init=init, solver=CONFIG.solver)
    motions = [{}, {1: Motion(flow, back)}]
    first, second = stylize(2, config=config, motions=motions, paintings=PAINTINGS)
    moved = warp(first.image, flow)
    strip = jnp.zeros((33, 40), bool).at[:, 16:20].set(True)
    painted = own_start(init, clip(2)[1])
    np.testing.assert_array_equal(second.image[:, 16:20], painted[:, 16:20])
    np.testing.assert_array_equal(second.image[~strip], moved[~strip])


LONG = ClipConfig(
    lags=(1, 2),
    long_term_after=4,
    first_iterations=6,
    next_iterations=10,
    solver=SolverConfig(tolerance=0.0),
    chunk=2,
)
LOST = jnp.zeros((33, 40, 2)).at[:, :20, 0].set(3.0)  # does not return on the left half


def long_motions():
    """The left half was hidden one frame ago and seen two frames ago."""
    return [{}, {1: Motion(STILL, STILL)}, {1: Motion(LOST, LOST), 2: Motion(STILL, STILL)}]


def test_the_longer_lags_join_after_the_nearest():
    seen = []

    def look(index, report, stage):
        if index == 2:
            seen.append((stage.number, report.iteration, report.terms.temporal))

    frames = stylize(3, config=LONG, motions=long_motions(), on_chunk=look)
    assert [place[:2] for place in seen] == [
        (0, 0),
        (0, 2),
        (0, 4),
        *((1, i) for i in range(4, 11, 2)),
    ]
    # The same picture, held to more: the half that lag 1 does not know counts now.
    assert seen[3][2] > 1.5 * seen[2][2]
    assert frames[2].info.iterations == 10
    assert [report.iteration for report in frames[2].info.reports] == [0, 2, 4, 4, 6, 8, 10]
    assert frames[2].info.evaluations >= 12


def test_a_longer_lag_holds_what_comes_back_to_how_it_looked():
    images = [picture(10), picture(11), picture(10)]
    strong = WEIGHTS._replace(temporal=1e2)
    options = {"images": images, "motions": long_motions(), "weights": strong}
    short = stylize(3, config=dataclasses.replace(LONG, lags=(1,)), **options)
    longer = stylize(3, config=LONG, **options)

    def change(frames):
        return float(jnp.mean(jnp.square(frames[2].image - frames[0].image)[:, :18]))

    assert change(longer) < 0.5 * change(short)


@pytest.mark.parametrize("stage", [0, 1])
def test_a_solve_in_stages_is_continued_bit_for_bit_in_either(stage):
    kept = {}

    def keep(index, report, state):
        if index == 2 and state.number == stage and report.iteration == (2, 6)[stage]:
            kept["leaves"] = [np.asarray(leaf) for leaf in jax.tree.leaves(state)]

    whole = stylize(3, config=LONG, motions=long_motions(), on_chunk=keep)
    (again,) = stylize(
        config=LONG,
        images=clip(3)[2:],
        motions=long_motions()[2:],
        first=2,
        earlier={0: whole[0].image, 1: whole[1].image},
        resume=kept["leaves"],
    )
    np.testing.assert_array_equal(again.image, whole[2].image)
    assert again.info.iterations == 10


def test_a_frame_behind_a_cut_starts_anew():
    scenes = [picture(10), 1.0 - picture(20)]
    # Smooth engines find no motion over a cut, both ways: the mask alone trusts all of it.
    motions = [{}, {1: Motion(STILL, STILL, scenes[0])}]
    _, after = stylize(images=scenes, motions=motions)
    (alone,) = stylize(images=scenes[1:], motions=[{}])
    np.testing.assert_array_equal(after.image, alone.image)
    assert after.info.iterations == CONFIG.first_iterations
    known = [{}, {1: Motion(STILL, STILL, scenes[1])}]  # not a cut, as far as this goes
    assert stylize(images=scenes, motions=known)[1].info.iterations == CONFIG.next_iterations


def test_a_mask_that_is_given_replaces_ours():
    mask = jnp.zeros((33, 40)).at[:, :10].set(0.5)
    slots = neighbours_in_slots(picture(1), [(picture(3), Motion(STILL, STILL, None, mask)), None])
    trust = prepare(picture(1), network(), {}, slots).trust
    np.testing.assert_array_equal(trust[0], mask)
    np.testing.assert_array_equal(trust[1], 0.0)


def test_photometric_masks_look_at_both_frames_and_are_the_papers_where_one_is_not_known():
    boundary = jnp.zeros((33, 40, 2)).at[:, 20:, 0].set(-0.4)
    grey = jnp.full((33, 40, 3), 0.5)
    trust = {}
    for mode, other in (("photometric", grey), ("photometric", None), ("binary", None)):
        slots = neighbours_in_slots(grey, [(picture(3), Motion(boundary, -boundary, other))])
        trust[mode, other is None] = prepare(grey, network(), {}, slots, mask=mode).trust[0]
    assert float(trust["photometric", False].min()) == 1.0
    np.testing.assert_array_equal(trust["photometric", True], trust["binary", True])
    assert float(trust["binary", True].min()) == 0.0


def random_motion(seed, other=None):
    random = np.random.default_rng(seed)
    flows = (jnp.asarray(random.normal(scale=20.0, size=(33, 40, 2)), jnp.float32) for _ in "ab")
    return Motion(*flows, other)


def style_of(image):
    style = style_targets(network(), [picture(2)])
    return float(loss_terms(image, network(), picture(11), style, WEIGHTS).style)


@pytest.mark.parametrize(
    ("mask", "init"),
    [
        ("binary", "noise"),
        ("photometric", "content"),
        pytest.param("binary", "content", marks=pytest.mark.slow),
        pytest.param("photometric", "noise", marks=pytest.mark.slow),
    ],
)
@pytest.mark.parametrize("frame", ["with random flow", "uncovered as a whole"])
def test_a_frame_that_is_uncovered_as_a_whole_is_finite_and_painted(frame, mask, init):
    images = clip(2)
    motion = random_motion(5, images[0])
    if frame == "uncovered as a whole":
        motion = motion._replace(mask=jnp.zeros((33, 40)))
    config = dataclasses.replace(CONFIG, init=init, mask=mask)
    _, made = stylize(2, images=images, motions=[{}, {1: motion}], config=config)
    assert bool(jnp.all(jnp.isfinite(made.image)))
    # Painted: of its style term less is left than of the content frame.
    assert style_of(made.image) < 0.5 * style_of(images[1])


@pytest.mark.parametrize("direction", ["flow", "flow_back"])
@pytest.mark.parametrize("mask", [None, jnp.ones((33, 40))], ids=["own mask", "given mask"])
def test_a_vector_that_is_not_finite_spoils_no_frame(direction, mask):
    lost = Motion(STILL, STILL, mask=mask)._replace(**{direction: STILL.at[9, 8].set(jnp.nan)})
    config = dataclasses.replace(CONFIG, first_iterations=2, next_iterations=2)
    # Knobs that ignore a way back that misses still distrust one that is not there.
    config = dataclasses.replace(config, knobs=MaskKnobs(weights=(0.0, 0.0, 0.0)))
    for frame in stylize(3, config=config, motions=[{}, {1: lost}, {1: lost}]):
        assert jnp.isfinite(frame.image).all()
        assert frame.info.fallback == "none"
    slots = neighbours_in_slots(picture(1), [(picture(3), lost)])
    targets = prepare(picture(1), network(), {}, slots, knobs=config.knobs)
    assert targets.trust[0, 9, 8] == 0.0
    assert jnp.sum(targets.trust[0] == 1.0) >= 33 * 40 - 4
