"""A picture made of the newest passes: light, outlines, sharpness and what it may name."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jvst.core.image import gaussian_blur
from jvst.core.metrics import gradient_energy
from jvst.film.composite import FADE, OLDEST, PASSES, carry_step, nothing_carried

HEIGHT, WIDTH = 42, 57
STILL = jnp.zeros((HEIGHT, WIDTH, 2))
TRUST = jnp.ones((HEIGHT, WIDTH))


def texture(seed, height=HEIGHT, width=WIDTH, sigma=1.0):
    """Smooth noise of every colour around grey."""
    noise = np.random.default_rng(seed).normal(size=(height, width, 3))
    image = gaussian_blur(jnp.asarray(noise, jnp.float32), sigma, 4)
    return jnp.clip(0.5 + 0.15 * image / jnp.std(image), 0.0, 1.0)


def run(frames, passes, flows=None, trusts=None):
    """Go through a clip; returns the pictures and the coordinates of each."""
    state = nothing_carried(*frames[0].shape[:2])
    pictures, coordinates = [], []
    for i, (frame, own) in enumerate(zip(frames, passes, strict=True)):
        flow = jnp.zeros((*frame.shape[:2], 2)) if flows is None else flows[i]
        trust = jnp.full(frame.shape[:2], float(i > 0)) if trusts is None else trusts[i]
        state, picture = carry_step(state, frame, own, flow, trust)
        pictures.append(picture)
        coordinates.append(state.coordinates)
    return pictures, coordinates


def test_what_rests_is_its_first_pass_until_that_is_old_and_then_fades_into_a_newer_one():
    frame = texture(0)
    passes = [texture(10 + i) for i in range(OLDEST + FADE + 1)]
    pictures, _ = run([frame] * len(passes), passes)
    for picture in pictures[:OLDEST]:
        np.testing.assert_allclose(picture, passes[0], atol=1e-6)
    new = passes[OLDEST]
    for i in range(FADE):
        share = (i + 1) / FADE
        wanted, found = (1 - share) * passes[0] + share * new, pictures[OLDEST + i]
        miss = gaussian_blur(found - wanted, 4.0, 12)
        assert float(jnp.max(jnp.abs(miss))) < 0.02
        # They have nothing in common, so that the mixture alone has as little as half.
        energy = gradient_energy(found) / gradient_energy(new)
        assert 0.9 < float(energy) < 1.1
    np.testing.assert_allclose(pictures[-1], new, atol=1e-6)


def test_equal_passes_fade_into_each_other_unseen():
    frame, own = texture(0), texture(1)
    pictures, _ = run([frame] * (OLDEST + FADE), [own] * (OLDEST + FADE))
    for picture in pictures:
        np.testing.assert_allclose(picture, own, atol=1e-5)


def test_without_trust_a_frame_shows_its_own_pass_at_once_and_in_doubt_softly():
    frames, passes = [texture(0)] * 3, [texture(10 + i) for i in range(3)]
    trust = TRUST.at[:, :20].set(0.0).at[:, 20:40].set(0.5)
    pictures, _ = run(frames, passes, trusts=[0 * TRUST, trust, TRUST])
    np.testing.assert_allclose(pictures[1][:, :20], passes[1][:, :20], atol=1e-6)
    middle = (1 - 1 / FADE) * passes[0] + passes[1] / FADE
    doubted = np.asarray(jnp.square(pictures[1] - middle)[:, 20:40]).mean()
    # The gain of detail is the rest.
    assert doubted < 0.25 * np.asarray(jnp.square(passes[0] - middle)[:, 20:40]).mean()
    np.testing.assert_allclose(pictures[1][:, 40:], passes[0][:, 40:], atol=1e-6)


def lit(kind, i):
    """The gain of light at a frame."""
    x = jnp.arange(WIDTH)[None, :, None]
    if kind == "fade":
        return jnp.float32(1.0 - 0.05 * i)
    if kind == "flash":
        return jnp.float32(1.6 if i == 5 else 1.0)
    return jnp.where(x < 6 * i, 0.6, 1.0)  # a shadow comes in from the left


@pytest.mark.parametrize("kind", ["fade", "flash", "shadow"])
def test_light_arrives(kind):
    base, painted = texture(0), texture(1)
    count = 9
    frames = [jnp.clip(base * lit(kind, i), 0.0, 1.0) for i in range(count)]
    passes = [painted * lit(kind, i) for i in range(count)]
    pictures, _ = run(frames, passes)
    for picture, own in zip(pictures, passes, strict=True):
        # A quarter of the change may be on its way: that below the threshold, or in a fade.
        allowed = 0.25 * float(jnp.max(jnp.abs(own - passes[0]))) + 0.01
        miss = gaussian_blur(picture - own, 6.0, 18)
        assert float(jnp.max(jnp.abs(miss))) < allowed


def test_where_light_does_not_change_a_lighter_pass_is_not_followed():
    rng = np.random.default_rng(0)
    base, painted = texture(0), texture(1)
    noise = [jnp.asarray(rng.normal(0, 4 / 255, base.shape), jnp.float32) for _ in range(6)]
    frames = [jnp.clip(base + one, 0.0, 1.0) for one in noise]
    passes = [painted + 0.02 * i for i in range(6)]
    pictures, _ = run(frames, passes)
    np.testing.assert_allclose(pictures[-1], pictures[0], atol=1e-3)


def crossing(frames=30, speed=4):
    """A disc crosses a still ground, and its pass draws a halo of 9 pixels around it."""
    h, w = 48, 96
    y, x = np.mgrid[:h, :w]
    ground = np.asarray(texture(0, h, w))
    passes, pictures, flows, trusts = [], [], [], []

    def disc(i, grown=0.0):
        return np.hypot(x - 8 - speed * i, y - 24) < 8 + grown

    for i in range(frames):
        inside, halo = disc(i), disc(i, 9) & ~disc(i)
        pictures.append(np.where(inside[..., None], 0.9, ground))
        passes.append(np.where(inside[..., None], 0.9, np.where(halo[..., None], 0.1, ground)))
        flow = np.where(inside[..., None], [-float(speed), 0.0], 0.0)
        flows.append(flow)
        seen = inside | ~disc(i - 1) if i else np.zeros_like(inside)
        trusts.append(seen.astype(np.float32))
    arrays = [[jnp.asarray(each, jnp.float32) for each in those] for those in (pictures, passes)]
    fields = [[jnp.asarray(each, jnp.float32) for each in those] for those in (flows, trusts)]
    return *arrays, *fields, ground, disc


def test_the_halo_around_a_mover_goes_where_the_mover_goes():
    frames, passes, flows, trusts, ground, disc = crossing()
    pictures, _ = run(frames, passes, flows, trusts)
    for i in range(8, 22):
        # Beyond the outline's 16 pixels it fades within 4 frames of 4 pixels, and 3 more pass
        # until a fade that is under way is over.
        clear = ~disc(i, 16 + 4 * (FADE + 3))
        miss = np.abs(np.asarray(pictures[i]) - ground).max(-1)
        assert miss[clear].max() < 0.01  # the halo is 0.4 deep
        # Behind the mover it is there.
        halo = disc(i, 8) & ~disc(i, 1) & (np.arange(96) < 8 + 4 * i)
        assert np.asarray(pictures[i])[halo].mean() < 0.4


def pan(frames, step=0.37):
    """A ground that moves by a part of a pixel a frame, and passes of their own grain."""
    wide = np.asarray(texture(3, HEIGHT, WIDTH + 80, sigma=1.2), np.float64)
    spectrum = np.fft.fft(np.concatenate([wide, wide[:, ::-1]], axis=1), axis=1)
    k = np.fft.fftfreq(spectrum.shape[1])[None, :, None]

    def shifted(offset):
        moved = np.fft.ifft(spectrum * np.exp(2j * np.pi * k * offset), axis=1).real
        return jnp.asarray(moved[:, 20 : 20 + WIDTH], jnp.float32)

    flow = STILL + jnp.asarray([step, 0.0])
    return [shifted(step * i) for i in range(frames)], [flow] * frames


def test_a_pan_of_100_frames_by_exact_flow_keeps_its_sharpness_and_its_place():
    frames, flows = pan(100)
    pictures, _ = run(frames, frames, flows)
    for i in (9, 50, 99):
        energy = float(gradient_energy(pictures[i]) / gradient_energy(frames[i]))
        assert abs(energy - 1.0) < 0.15
        # Half a pixel aside would leave this much.
        aside = jnp.mean(jnp.square(frames[i][:, 1:] - frames[i][:, :-1])) / 4
        assert float(jnp.mean(jnp.square(pictures[i] - frames[i]))) < 0.1 * float(aside)


# (turn in radians, enlargement, pan in pixels) a frame
@pytest.mark.parametrize("motion", [(0.0, 1.0, 0.37), (0.02, 1.0, 0.0), (0.0, 0.99, 0.0)])
def test_over_200_frames_of_exact_flow_coordinates_stay_in_their_place(motion):
    turn, zoom, step = motion
    grid = np.stack(np.meshgrid(np.arange(WIDTH), np.arange(HEIGHT)), -1).astype(np.float64)
    middle, aside = np.array([(WIDTH - 1) / 2, (HEIGHT - 1) / 2]), [step, 0.0]
    back = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]]) / zoom

    def before(places):
        return (places - middle) @ back.T + middle + aside

    flow, frame = jnp.asarray(before(grid) - grid, jnp.float32), texture(0)
    # Where each pixel was so many frames before.
    truth = [grid]
    for _ in range(PASSES):
        truth.append(before(truth[-1]))
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    state, worst = nothing_carried(HEIGHT, WIDTH), []
    for i in range(200):
        state, _ = carry_step(state, frame, frame, flow, TRUST * float(i > 0))
        age = i - np.asarray(state.coordinates.shown.source)
        miss = np.asarray(state.coordinates.shown.where) - np.stack(truth)[age, rows, columns]
        worst.append(np.abs(miss).max())
    # A corner that takes after its neighbour is not turned with it.
    assert max(worst) < (1.0 if turn else 0.5)
    assert max(worst[100:]) < 2 * max(worst[:100])


@pytest.mark.parametrize("kind", ["pan", "random"])
def test_no_pixel_names_a_pass_that_is_not_kept(kind):
    rng = np.random.default_rng(0)
    frames, flows = pan(40)
    if kind == "random":
        flows = [jnp.asarray(rng.normal(0, 9, STILL.shape), jnp.float32) for _ in frames]
    pictures, coordinates = run(frames, frames, flows)
    for i, each in enumerate(coordinates):
        oldest = jnp.where(each.fade > 0, each.former.source, each.shown.source)
        assert int(jnp.min(oldest)) > i - PASSES
        assert int(jnp.max(each.shown.source)) <= i
        assert bool(jnp.all(jnp.isfinite(pictures[i])))


def test_flow_that_is_wrong_everywhere_leaves_a_frame_near_its_own_pass():
    rng = np.random.default_rng(0)
    frames = [texture(0)] * 8
    flows = [jnp.asarray(rng.normal(0, 9, STILL.shape), jnp.float32) for _ in frames]
    pictures, coordinates = run(frames, frames, flows)
    assert float(jnp.mean(coordinates[-1].shown.source >= 3)) > 0.95
    assert float(jnp.mean(jnp.abs(pictures[-1] - frames[-1]))) < 0.12


def test_what_is_enlarged_to_twice_its_size_is_repainted():
    grid = jnp.stack(jnp.meshgrid(jnp.arange(WIDTH), jnp.arange(HEIGHT)), -1).astype(jnp.float32)
    middle = jnp.asarray([(WIDTH - 1) / 2, (HEIGHT - 1) / 2])
    flow = (grid - middle) / 1.12 + middle - grid
    frames = [jnp.full((HEIGHT, WIDTH, 3), 0.5)] * 10
    _, coordinates = run(frames, frames, [flow] * 10)
    sources = [int(jnp.min(each.shown.source)) for each in coordinates]
    # 1.12 to the 6th is 1.97, to the 7th 2.21.
    assert sources[6] == 0
    assert sources[7] == 7


def test_a_cut_begins_anew():
    frames, flows = pan(4)
    trusts = [0 * TRUST, TRUST, 0 * TRUST, TRUST]
    pictures, coordinates = run(frames, frames, flows, trusts)
    np.testing.assert_allclose(pictures[2], frames[2], atol=1e-6)
    assert not bool(coordinates[2].unsettled.any())
    assert int(jnp.min(coordinates[3].shown.source)) >= 2


def test_under_jit_it_is_the_same():
    frames, flows = pan(3)
    state = nothing_carried(HEIGHT, WIDTH)
    for frame, flow in zip(frames, flows, strict=True):
        jitted, one = jax.jit(carry_step)(state, frame, frame, flow, TRUST)
        state, other = carry_step(state, frame, frame, flow, TRUST)
        np.testing.assert_allclose(one, other, atol=1e-5)
    np.testing.assert_array_equal(jitted.coordinates.shown.source, state.coordinates.shown.source)
