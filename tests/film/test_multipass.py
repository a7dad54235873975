"""Multi-pass: its schedule against a plain transcription, its resume, its batches and devices."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from support import reference
from support.pairs import small_pairs
from support.problems import network, picture
from support.several_passes import (
    CLIP,
    FRAMES,
    HEIGHT,
    KEY,
    WEIGHTS,
    WIDTH,
    clip,
    smooth_motions,
    stylize,
)

from jvst import (
    ClipConfig,
    InputError,
    MultipassConfig,
    one_pass,
    painting_statistics,
    stylize_multipass,
)
from jvst.film.schedule import batches
from jvst.solver.objective import style_targets


def go_on(config, finished, **options):
    """Continue a clip of which some frames are finished, keeping results as a caller does."""
    results = {(frame.pass_number, frame.index): frame.image for frame in finished}
    made = stylize_multipass(
        clip(),
        smooth_motions(),
        network(),
        style_targets(network(), [picture(2)]),
        WEIGHTS,
        config=config,
        key=KEY,
        first_pass=1 + len(finished) // FRAMES,
        position=len(finished) % FRAMES,
        results=results,
        **options,
    )
    for frame in made:
        results[frame.pass_number, frame.index] = frame.image
        yield frame


def plain_mask(flow, back):
    outside, hidden, boundary, _ = reference.mask_reasons(
        np.asarray(flow), np.asarray(back), edge="clamp"
    )
    return np.where(outside | hidden | boundary, 0.0, 1.0)


def plain_warp(image, flow):
    moved = np.empty_like(image)
    for y, x in np.ndindex(HEIGHT, WIDTH):
        u, v = np.asarray(flow, np.float64)[y, x]
        moved[y, x] = reference.read_bilinear(image, x + u, y + v)
    return moved


def between(motions, index, other):
    """Flow from a frame to its neighbour, and the way back."""
    motion = motions[max(index, other)]
    return (motion.flow, motion.flow_back) if other < index else (motion.flow_back, motion.flow)


def transcribed(images, motions, passes, strength, schedule):
    """Equations of section 5.4 with solves that return their start."""
    x = [np.asarray(image, np.float64) for image in images]
    for number in range(2, passes + 1):
        if schedule == "sequential":
            order = list(range(len(x)))
            if number % 2 == 1:
                order.reverse()
            for place, i in enumerate(order):
                if place == 0:
                    continue
                k = order[place - 1]
                flow, back = between(motions, i, k)
                c = plain_mask(flow, back)[..., None]
                moved = plain_warp(x[k], flow)
                x[i] = strength * c * moved + ((1 - strength) + strength * (1 - c)) * x[i]
        else:
            old = [image.copy() for image in x]
            for i in range(len(x)):
                found = []
                for k in (i - 1, i + 1):
                    if 0 <= k < len(x):
                        flow, back = between(motions, i, k)
                        found.append((plain_mask(flow, back)[..., None], plain_warp(old[k], flow)))
                total = np.maximum(sum(c for c, _ in found), 1.0)
                x[i] = old[i] + strength * sum(c / total * (w - old[i]) for c, w in found)
    return x


@pytest.mark.parametrize(("schedule", "strength"), [("sequential", 0.5), ("parallel", 0.8)])
def test_passes_without_iterations_are_the_equations_of_the_paper(schedule, strength):
    config = MultipassConfig(
        passes=3,
        pass_iterations=0,
        blend=strength,
        schedule=schedule,
        clip=ClipConfig(init="content"),
    )
    made = stylize(config)
    expected = transcribed(clip(), smooth_motions(), 3, strength, schedule)
    last = {frame.index: frame.image for frame in made if frame.pass_number == 3}
    for index, image in enumerate(expected):
        # float32 rounding of a warp's coordinates times the picture's slope.
        np.testing.assert_allclose(last[index], image, atol=2e-5)


def test_a_sequential_pass_alternates_in_direction_and_pass_1_goes_forward():
    made = stylize(MultipassConfig(passes=3, pass_iterations=0, clip=CLIP))
    order = [(frame.pass_number, frame.index) for frame in made]
    forward = list(range(FRAMES))
    assert order == [
        *((1, i) for i in forward),
        *((2, i) for i in forward),
        *((3, i) for i in reversed(forward)),
    ]


def test_pass_1_starts_every_frame_from_one_noise_image():
    made = stylize(MultipassConfig(passes=1, pass_iterations=0, clip=CLIP))
    for frame in made[1:]:
        np.testing.assert_array_equal(frame.image, made[0].image)
    assert float(jnp.std(made[0].image)) > 0.05


@pytest.mark.parametrize("batch", [1, 2])
def test_pass_1_starts_every_frame_from_its_own_pass(batch):
    paintings = painting_statistics([picture(2)], pairs=small_pairs(2, 1))
    start = ClipConfig(init="onepass", solver=CLIP.solver)
    config = MultipassConfig(passes=1, pass_iterations=0, clip=start, batch=batch)
    for made in stylize(config, paintings=paintings):
        expected = one_pass(clip()[made.index], paintings)
        np.testing.assert_allclose(made.image, expected, atol=1e-6)


@pytest.mark.parametrize(("passes", "first"), [(15, 8), (10, 5), (2, 2)])
def test_the_temporal_term_begins_like_the_torch_codes_in_proportion(passes, first):
    config = MultipassConfig(passes=passes)
    numbers = range(1, passes + 1)
    assert [n for n in numbers if config.has_temporal_term(n)] == list(range(first, passes + 1))


def test_a_pass_has_a_temporal_term_from_the_pass_that_was_named():
    config = MultipassConfig(passes=3, pass_iterations=1, temporal_from=3, clip=CLIP)
    for frame in stylize(config):
        temporal = frame.info.reports[-1].terms.temporal
        alone = frame.index == FRAMES - 1  # the backward pass begins there
        assert (temporal > 0.0) == (frame.pass_number == 3 and not alone)


@pytest.mark.slow
@pytest.mark.parametrize("schedule", ["sequential", "parallel"])
@pytest.mark.parametrize("place", [4, 7, 13])
def test_a_run_continued_anywhere_is_bit_for_bit_the_uninterrupted_one(schedule, place):
    config = MultipassConfig(
        passes=3, pass_iterations=4, temporal_from=2, schedule=schedule, batch=2, clip=CLIP
    )
    whole = stylize(config)
    rest = list(go_on(config, whole[:place]))
    assert len(rest) == len(whole) - place
    for one, two in zip(whole[place:], rest, strict=True):
        assert one[:2] == two[:2]
        np.testing.assert_array_equal(one.image, two.image)


@pytest.mark.slow
@pytest.mark.parametrize("schedule", ["sequential", "parallel"])
def test_frames_interrupted_in_mid_solve_are_continued_bit_for_bit(schedule):
    config = MultipassConfig(
        passes=2, pass_iterations=6, schedule=schedule, batch=2, clip=CLIP, temporal_from=2
    )
    kept = {}

    def keep(chunk):
        if (chunk.pass_number, chunk.indices[0]) == (2, 2) and chunk.reports[0].iteration == 3:
            kept["leaves"] = [np.asarray(leaf) for leaf in jax.tree.leaves(chunk.state)]

    whole = stylize(config, on_chunk=keep)
    # Of the second pass two frames are finished; in batches of two the next holds frames 2 and 3.
    before = FRAMES + 2
    again = next(go_on(config, whole[:before], resume=kept["leaves"]))
    assert again.index == 2
    np.testing.assert_array_equal(again.image, whole[before].image)
    assert again.info.iterations == 6


@pytest.mark.slow
def test_frames_solved_together_are_those_solved_alone():
    alone = stylize(MultipassConfig(passes=1, pass_iterations=6, batch=1, clip=CLIP))
    together = stylize(MultipassConfig(passes=1, pass_iterations=6, batch=3, clip=CLIP))
    for one, two in zip(alone, together, strict=True):
        # Batched convolutions add in another order; six steps of L-BFGS amplify that.
        np.testing.assert_allclose(one.image, two.image, atol=2e-3)
        assert one.info.iterations == two.info.iterations == 6
        assert [report.iteration for report in two.info.reports] == [0, 3, 6]


def test_nothing_is_carried_over_where_there_is_no_motion():
    motions = smooth_motions()
    motions[3] = None
    config = MultipassConfig(passes=3, pass_iterations=0, clip=ClipConfig(init="content"))
    one = stylize(config, motions=motions)
    other = stylize(
        config, frames=[*clip()[:3], picture(50, 33, 40), picture(51, 33, 40)], motions=motions
    )
    for before, after in zip(one, other, strict=True):
        same = bool(jnp.all(before.image == after.image))
        assert same == (before.index < 3)


@pytest.mark.parametrize("frames", [1, 2, 7, 12])
@pytest.mark.parametrize("most", [1, 3, 8])
@pytest.mark.parametrize("devices", [1, 4])
def test_batches_hold_every_frame_once_and_share_out_evenly(frames, most, devices):
    parts = batches(frames, most, devices)
    assert [index for part in parts for index in part] == list(range(frames))
    assert all(len(part) <= -(-most // devices) * devices for part in parts)
    sizes = {len(part) for part in parts[:-1]}
    assert all(size % devices == 0 for size in sizes) and len(sizes) <= 1


FOUR = """
import sys; sys.path.insert(0, {tests!r})
import jax, numpy as np
from jvst import MultipassConfig
from support.several_passes import CLIP, stylize
assert len(jax.devices()) == 4
config = MultipassConfig(passes=2, pass_iterations=5, schedule="parallel", batch={batch},
                         temporal_from=2, clip=CLIP)
made = stylize(config, devices={devices})
np.save({out!r}, np.stack([np.asarray(frame.image) for frame in made]))
"""


@pytest.mark.slow
def test_four_devices_give_what_one_gives(tmp_path):
    found = []
    for name, batch, devices in (("one", 1, "None"), ("four", 4, "jax.devices()")):
        out = str(tmp_path / f"{name}.npy")
        code = FOUR.format(
            tests=str(Path(__file__).parents[1]), batch=batch, devices=devices, out=out
        )
        flags = os.environ.get("XLA_FLAGS", "") + " --xla_force_host_platform_device_count=4"
        environment = {**os.environ, "XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu"}
        subprocess.run([sys.executable, "-c", code], check=True, env=environment, timeout=900)
        found.append(np.load(out))
    # One frame a device: the same program but for the axis of length 1 that vmap adds.
    np.testing.assert_allclose(*found, atol=2e-3)


def masked_motions(mask, mask_back):
    """Motion with masks that were made elsewhere."""
    return [
        motion and motion._replace(mask=mask, mask_back=mask_back) for motion in smooth_motions(3)
    ]


@pytest.mark.parametrize("schedule", ["sequential", "parallel"])
def test_masks_made_elsewhere_count_in_both_directions(schedule):
    config = MultipassConfig(passes=3, pass_iterations=0, schedule=schedule, clip=CLIP)
    ones, zeros = jnp.ones((HEIGHT, WIDTH)), jnp.zeros((HEIGHT, WIDTH))

    def images(mask, mask_back):
        made = stylize(config, frames=clip(3), motions=masked_motions(mask, mask_back))
        return {(frame.pass_number, frame.index): frame.image for frame in made}

    forward, backward = images(ones, zeros), images(zeros, ones)
    # Frame 0 has no frame before it, frame 2 none after it; solves return their start.
    np.testing.assert_array_equal(forward[3, 0], forward[1, 0])
    np.testing.assert_array_equal(backward[3, 2], backward[1, 2])
    assert jnp.max(jnp.abs(forward[2, 2] - forward[1, 2])) > 0.01
    assert jnp.max(jnp.abs(backward[3, 0] - backward[2, 0])) > 0.01


@pytest.mark.parametrize(
    ("masks", "message"),
    [
        ({"mask": jnp.ones((HEIGHT, WIDTH))}, r"motions\[1\] has a mask and no mask_back"),
        ({"mask_back": jnp.ones((HEIGHT, WIDTH))}, r"motions\[1\] has a mask_back and no mask;"),
    ],
)
def test_a_mask_for_one_direction_is_refused_before_pass_1(masks, message):
    motions = [motion and motion._replace(**masks) for motion in smooth_motions(2)]
    given = clip(2), motions, network(), {}, WEIGHTS
    config = MultipassConfig(passes=3, clip=CLIP)
    with pytest.raises(InputError, match=message):
        stylize_multipass(*given, config=config, key=KEY)
    # Two passes in turn go forward alone.
    stylize_multipass(*given, config=MultipassConfig(passes=2, clip=CLIP), key=KEY)


def test_motion_that_is_read_lazily_is_looked_at_when_it_is_first_used():
    class Motions(Sequence):
        def __len__(self):
            return 2

        def __getitem__(self, index):
            motion = smooth_motions(2)[index]
            return motion and motion._replace(mask=jnp.ones((HEIGHT, WIDTH)))

    config = MultipassConfig(passes=3, pass_iterations=0, clip=CLIP)
    made = stylize_multipass(clip(2), Motions(), network(), {}, WEIGHTS, config=config, key=KEY)
    passes = []
    with pytest.raises(InputError, match=r"motions\[1\] has a mask and no mask_back"):
        passes.extend(frame.pass_number for frame in made)
    assert set(passes) <= {1, 2}
