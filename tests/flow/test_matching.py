"""DeepMatching: each part against a plain transcription, and all of it on known motion."""

import jax
import jax.numpy as jnp
import jaxtyping
import numpy as np
import pytest
from scipy import ndimage

from jvst.errors import InputError
from jvst.flow import Matches, match
from jvst.flow.engines.deepmatching import fill
from jvst.flow.matching.correlation import correlate
from jvst.flow.matching.descriptors import describe as eager_describe
from jvst.flow.matching.matches import default_radius, match_batch
from jvst.flow.matching.pyramid import count_levels, offsets_of
from jvst.flow.matching.pyramid import decide as eager_decide
from jvst.synthetic import exact_flow, exact_occlusion, make_scene, render

REACH = (16, 16)
# As `match` compiles them: one program, instead of one a step.
describe, decide = jax.jit(eager_describe), jax.jit(eager_decide, static_argnames=("size", "reach"))


@pytest.fixture
def unchecked():
    """Call as a user does, whose program doesn't check jaxtyping's annotations."""
    before = jaxtyping.config.jaxtyping_disable
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", before)


def noise_picture(seed, height, width):
    random = np.random.default_rng(seed)
    smooth = ndimage.gaussian_filter(random.normal(size=(height, width)), 1.5)
    return np.clip(127 + 150 * smooth / np.abs(smooth).max(), 0, 255).astype(np.float32)


def rgb(grey):
    return np.repeat(np.rint(grey).astype(np.uint8)[..., None], 3, -1)


@pytest.fixture(scope="module")
def tiny():
    """Descriptors of two frames, whose right half moves by (6, 4), and their correlations."""
    picture = noise_picture(0, 60, 70)
    source, target = picture[8:48, 8:56], picture[8:48, 8:56].copy()
    target[:, 24:] = picture[4:44, 26:50]
    pair = [np.asarray(describe(jnp.asarray(p))) for p in (source, target)]
    bottom = jax.jit(correlate, static_argnames="reach")(*map(jnp.asarray, pair), reach=REACH)
    return *pair, np.asarray(bottom)


# parts


def test_a_descriptor_is_its_description():
    grey = noise_picture(1, 21, 30)
    blurred = ndimage.gaussian_filter(grey.astype(float), 1, radius=3, mode="nearest")
    gx = ndimage.correlate1d(blurred, [-1, 0, 1], 1, mode="nearest")
    gy = ndimage.correlate1d(blurred, [-1, 0, 1], 0, mode="nearest")
    channels = []
    for k in range(8):
        angle = k * np.pi / 4
        one = np.maximum(gx * np.cos(angle) + gy * np.sin(angle), 0)
        one = ndimage.gaussian_filter(one, 1, radius=3, mode="nearest")
        one = 2 / (1 + np.exp(-0.2 * one)) - 1
        channels.append(ndimage.gaussian_filter(one, 1, radius=3, mode="nearest"))
    expected = np.stack([*channels, np.full(grey.shape, 0.3)], -1)[:20]
    expected = expected.reshape(10, 2, 15, 2, 9).mean((1, 3))
    np.testing.assert_allclose(describe(jnp.asarray(grey)), expected, atol=1e-5)


@pytest.mark.parametrize(("shape", "reach"), [((20, 24), (16, 16)), ((9, 150), (4, 6))])
def test_correlations_are_cosines_of_patches_and_windows(shape, reach):
    random = np.random.default_rng(2)
    source, target = random.uniform(size=(2, *shape, 9)).astype(np.float32)
    found = np.asarray(correlate(jnp.asarray(source), jnp.asarray(target), reach=reach))
    rows, columns = shape[0] // 4, shape[1] // 4
    assert found.shape == (rows, columns, 2 * reach[0] + 1, 2 * reach[1] + 1)
    padded = np.pad(target, ((40, 40), (40, 40), (0, 0)))
    for py, px in [(0, 0), (rows - 1, columns - 1), (rows // 2, columns // 3), (0, columns - 2)]:
        patch = source[4 * py : 4 * py + 4, 4 * px : 4 * px + 4].ravel()
        for dy in range(-reach[0], reach[0] + 1):
            for dx in range(-reach[1], reach[1] + 1):
                y, x = 40 + 4 * py + dy, 40 + 4 * px + dx
                window = padded[y : y + 4, x : x + 4].ravel()
                length = np.linalg.norm(patch) * np.linalg.norm(window)
                expected = patch @ window / length if length > 1e-6 else 0.0
                assert abs(found[py, px, dy + reach[0], dx + reach[1]] - expected) < 1e-5


def transcribed(bottom, size):
    """The pyramid in plain NumPy, downwards by recursion; best scores of level 0."""
    levels = count_levels(*size, REACH)
    rows, columns, steps, _ = bottom.shape
    reach = steps // 2

    def is_inside(count, side):
        return np.array(
            [
                [0 <= 4 * p + 1.5 + d <= side - 1 for d in range(-reach, reach + 1)]
                for p in range(count)
            ]
        )

    down, across = is_inside(rows, size[0]), is_inside(columns, size[1])
    inside = down[:, None, :, None] & across[None, :, None, :]
    maps = [np.where(inside, bottom.astype(float) ** 1.4, 0)]
    for offsets in offsets_of(levels):
        child = maps[-1]
        n, m, s, _ = child.shape
        half = (s + 1) // 2
        pooled, valid = np.zeros((n, m, half, half)), np.zeros((n, m, half, half), bool)
        for y in range(half):
            for x in range(half):
                window = np.s_[:, :, max(2 * y - 1, 0) : 2 * y + 2, max(2 * x - 1, 0) : 2 * x + 2]
                pooled[:, :, y, x] = child[window].max((2, 3))
                valid[:, :, y, x] = inside[window].any((2, 3))
        more = 1 if len(maps) == 1 else 0
        parent = np.zeros((n + more, m + more, half, half))
        count = np.zeros(parent.shape)
        for py in range(n + more):
            for px in range(m + more):
                for oy in offsets:
                    for ox in offsets:
                        cy, cx = py + oy, px + ox
                        if 0 <= cy < n and 0 <= cx < m:
                            parent[py, px] += pooled[cy, cx]
                            count[py, px] += valid[cy, cx]
        maps.append((parent / (np.maximum(count, 1) ** 0.9 * 4**0.1)) ** 1.4)
        inside = count > 0
    best = [np.full(m.shape, -np.inf) for m in maps]

    def visit(level, py, px, y, x, score):
        score += maps[level][py, px, y, x]
        if score <= best[level][py, px, y, x]:
            return
        best[level][py, px, y, x] = score
        if level == 0:
            return
        child = maps[level - 1]
        for oy in offsets_of(levels)[level - 1]:
            for ox in offsets_of(levels)[level - 1]:
                cy, cx = py + oy, px + ox
                if 0 <= cy < child.shape[0] and 0 <= cx < child.shape[1]:
                    top, left = max(2 * y - 1, 0), max(2 * x - 1, 0)
                    window = child[cy, cx, top : 2 * y + 2, left : 2 * x + 2]
                    at = np.unravel_index(window.argmax(), window.shape)
                    visit(level - 1, cy, cx, top + at[0], left + at[1], score)

    for cell in np.ndindex(maps[-1].shape):
        visit(levels - 1, *cell, 0.0)
    return best[0]


@pytest.mark.slow
def test_the_pyramid_is_a_plain_transcription(tiny):
    source, _, bottom = tiny
    size = source.shape[:2]
    assert count_levels(*size, REACH) == 3
    best = decide(jnp.asarray(bottom), size=size, reach=REACH)
    expected = transcribed(bottom, size)
    flat = expected.reshape(*expected.shape[:2], -1)
    np.testing.assert_allclose(best.score, flat.max(-1), rtol=1e-4)
    where = np.stack(np.unravel_index(flat.argmax(-1), expected.shape[2:]), -1)[..., ::-1] - 16
    # The parabola moves by half a cell at most.
    near = np.abs(np.asarray(best.displacement) - where).max(-1) <= 0.5
    assert near.mean() > 0.95  # a tie may fall to either


def test_large_patches_decide_among_small_ones(tiny):
    source, _, bottom = tiny
    best = decide(jnp.asarray(bottom), size=source.shape[:2], reach=REACH)
    moved = np.asarray(best.displacement)[1:-1, 3:-1]
    np.testing.assert_allclose(moved, np.broadcast_to([3.0, 2.0], moved.shape), atol=0.6)
    still = np.asarray(best.displacement)[1:-1, :2]
    np.testing.assert_allclose(still, 0.0, atol=0.6)


# the whole


@pytest.fixture(scope="module")
def crowd():
    scene = make_scene("market", width=192, height=128, speed=2.0)
    return scene, render(scene, 3.0), render(scene, 4.0)


@pytest.mark.slow
def test_textured_frames_are_matched_within_3_pixels(crowd):
    scene, image_from, image_to = crowd
    matches = match(image_from, image_to)
    assert len(matches.scores) > 0.85 * (192 // 8) * (128 // 8)
    x, y = np.rint(matches.points_from).astype(int).T
    truth, hidden = exact_flow(scene, 3, 4)[y, x], exact_occlusion(scene, 3, 4)[y, x]
    error = np.linalg.norm(matches.points_to - matches.points_from - truth, axis=-1)
    assert (error[~hidden] < 3).mean() > 0.95 and np.median(error) < 1.0


@pytest.mark.slow
def test_matches_are_best_first_one_a_patch_and_in_the_frame(crowd):
    _, image_from, image_to = crowd
    matches = match(image_from, image_to)
    assert np.all(np.diff(matches.scores) <= 0)
    for points in matches[:2]:
        cells = points // 8
        assert len(np.unique(cells, axis=0)) == len(points)
        assert np.all(points >= 0) and np.all(points <= [191, 127])


@pytest.mark.slow
def test_a_batch_is_the_matches_of_each_pair(crowd):
    _, a, b = crowd
    batch = match_batch(np.stack([a, b, a]), np.stack([b, a, a]))
    for got, pair in zip(batch, [(a, b), (b, a), (a, a)], strict=True):
        alone = match(*pair)
        for one, other in zip(got, alone, strict=True):
            np.testing.assert_array_equal(one, other)
    np.testing.assert_allclose(batch[2].points_to, batch[2].points_from, atol=1.0)


@pytest.mark.slow
def test_the_full_search_finds_what_is_beyond_the_radius():
    picture = noise_picture(4, 64, 200)
    image_from, image_to = rgb(picture[:, :120]), rgb(picture[:, 50:170])
    wide, narrow = (match(image_from, image_to, radius=r) for r in (1000, 20))

    def right(matches):
        moved = matches.points_to - matches.points_from
        visible = matches.points_from[:, 0] > 62
        return (np.abs(moved - [-50, 0]).max(-1) < 2)[visible].mean()

    assert right(wide) > 0.9
    assert right(narrow) < 0.1


def test_the_radius_grows_with_the_frame():
    assert default_radius(320) == 80 and default_radius(1024) == 128


@pytest.mark.parametrize("size", [(39, 60), (60, 39), (1, 1)])
def test_frames_too_small_are_refused(size):
    image = np.zeros((*size, 3), np.uint8)
    with pytest.raises(InputError, match=f"{size[1]}x{size[0]} pixels; DeepMatching needs"):
        match(image, image)


def test_what_can_not_be_matched_is_refused(unchecked):
    image = np.zeros((48, 48, 3), np.uint8)
    with pytest.raises(InputError, match="48x48 and 49x48"):
        match(image, np.zeros((48, 49, 3), np.uint8))
    with pytest.raises(InputError, match="radius is 0"):
        match(image, image, radius=0)


# filling in


def test_filling_spreads_matches_and_drops_an_outlier():
    y, x = np.mgrid[:6, :8].astype(np.float32)
    points = np.stack([8 * x + 3.5, 8 * y + 3.5], -1).reshape(-1, 2)
    moved = points + np.float32([2.5, -1.5])
    moved[20] += 30
    kept = np.arange(len(points)) % 3 != 1
    matches = Matches(points[kept], moved[kept], np.ones(kept.sum(), np.float32))
    flow = fill(matches, (50, 67))
    assert flow.shape == (50, 67, 2) and flow.dtype == np.float32
    np.testing.assert_allclose(flow, np.broadcast_to([2.5, -1.5], flow.shape), atol=1e-5)


def test_filling_without_matches_stands_still():
    none = np.zeros((0, 2), np.float32)
    np.testing.assert_array_equal(fill(Matches(none, none, none[:, 0]), (40, 48)), 0.0)
