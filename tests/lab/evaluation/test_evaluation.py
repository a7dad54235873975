"""Numbers, methods and tables of the evaluation; its command line is in test_command."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.ndimage import map_coordinates
from support.networks import small_network
from support.pairs import small_pairs
from support.problems import WEIGHTS, picture

from jvst import (
    ClipConfig,
    features,
    gram_matrix,
    one_pass,
    painting_statistics,
    style_targets,
    to_float,
)
from jvst.errors import InputError
from jvst.lab.evaluation.appearance import appearance
from jvst.lab.evaluation.measures import reappearing, stability
from jvst.lab.evaluation.methods import Method, Passes, Problem, parse_method, run_method
from jvst.lab.evaluation.results import Entry
from jvst.lab.evaluation.table import csv_text, markdown, methods_in_order
from jvst.lab.evaluation.truths import ScaledClip, ScaledMotion
from jvst.solver.objective import STYLE_LAYERS

HEIGHT, WIDTH, FRAMES = 33, 40, 4


class RandomClip:
    """Frames and motion without sense; motion that is not visible is unknown, as in files."""

    name, lags = "noise", (2,)

    def __init__(self, seed=0, moving=3.0):
        rng = np.random.default_rng(seed)
        self.frames = rng.integers(0, 256, (FRAMES, HEIGHT, WIDTH, 3), dtype=np.uint8)
        self._truths = {}
        pairs = [(i, i + lag) for lag in (1, 2) for i in range(FRAMES - lag)]
        for pair in [*pairs, *(("first", i) for i in range(1, FRAMES))]:
            flow = rng.normal(scale=moving, size=(HEIGHT, WIDTH, 2)).astype(np.float32)
            visible = rng.random((HEIGHT, WIDTH)) < 0.8
            flow[~visible] = 1e10
            self._truths[pair] = ScaledMotion(flow, visible)

    def image(self, index):
        return self.frames[index]

    def truth(self, index, lag=1):
        return self._truths.get((index, index + lag))

    def truth_from_first(self, index):
        return self._truths.get(("first", index))


def stylized(seed=5):
    """Frames that leave [0, 1] here and there."""
    rng = np.random.default_rng(seed)
    return [rng.uniform(-0.2, 1.2, (HEIGHT, WIDTH, 3)).astype(np.float32) for _ in range(FRAMES)]


def squares(image, other, truth):
    """Squared change along the motion and channel by channel, in float64; by SciPy."""
    image, other = (np.clip(i, 0, 1).astype(np.float64) for i in (image, other))
    flow = np.where(truth.visible[..., None], truth.flow, 0).astype(np.float64)
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    at = [y + flow[..., 1], x + flow[..., 0]]
    warped = [map_coordinates(other[..., c], at, order=1, mode="nearest") for c in range(3)]
    return (np.stack(warped, axis=-1) - image) ** 2


def masked_reference(image, other, truth, mask=None):
    mask = truth.visible if mask is None else mask
    return squares(image, other, truth)[mask].sum() / mask.sum()


def test_warping_errors_are_those_of_numpy():
    clip, images = RandomClip(), stylized()
    numbers = stability(images, list(clip.frames), clip)
    pairs = [(images[i], images[i + 1], clip.truth(i)) for i in range(FRAMES - 1)]
    whole = [np.mean(squares(*pair) * pair[2].visible[..., None]) for pair in pairs]
    assert numbers["warping_error"] == pytest.approx(np.mean(whole), rel=1e-4)
    masked = [masked_reference(*pair) for pair in pairs]
    assert numbers["masked_error"] == pytest.approx(np.mean(masked), rel=1e-4)
    long = [masked_reference(images[i], images[i + 2], clip.truth(i, 2)) for i in range(FRAMES - 2)]
    assert numbers["lag 2"] == pytest.approx(np.mean(long), rel=1e-4)
    first = [
        masked_reference(images[0], images[i], clip.truth_from_first(i)) for i in range(1, FRAMES)
    ]
    assert numbers["first"] == pytest.approx(np.mean(first), rel=1e-4)


def test_what_reappears_is_what_a_shorter_motion_hides():
    clip, images = RandomClip(), stylized()
    numbers = reappearing([np.clip(image, 0, 1) for image in images], clip)
    total, pixels = 0.0, 0
    for i in range(FRAMES - 2):
        again = clip.truth(i, 2).visible & ~clip.truth(i).visible
        pixels += again.sum()
        total += again.sum() * masked_reference(images[i], images[i + 2], clip.truth(i, 2), again)
    assert numbers["reappearing_pixels"] == pixels > 100
    assert numbers["reappearing"] == pytest.approx(total / pixels, rel=1e-4)


def test_what_could_not_be_measured_is_none():
    clip = RandomClip()
    clip._truths = {}
    numbers = stability(stylized(), list(clip.frames), clip)
    for name in ("warping_error", "masked_error", "lag 2", "first", "reappearing"):
        assert numbers[name] is None
    clip = RandomClip()
    blind = ScaledMotion(np.zeros((HEIGHT, WIDTH, 2), np.float32), np.zeros((HEIGHT, WIDTH), bool))
    clip._truths[0, 1] = blind
    pairs = [masked_reference(*stylized()[i : i + 2], clip.truth(i)) for i in (1, 2)]
    numbers = stability(stylized(), list(clip.frames), clip)
    assert numbers["masked_error"] == pytest.approx(np.mean(pairs), rel=1e-4)


def luminance(image, mask):
    return (np.clip(image, 0, 1) @ np.array([0.2126, 0.7152, 0.0722]))[mask]


@pytest.mark.parametrize("static", [True, False])
def test_drift_is_the_change_of_luminance_beyond_the_inputs(static):
    clip, images = RandomClip(moving=0.1 if static else 3.0), stylized()
    numbers = stability(images, list(clip.frames), clip)
    mask = np.ones((HEIGHT, WIDTH), bool)
    if static:  # about half of the pixels are visible in all three frames
        mask = np.all([clip.truth_from_first(i).visible for i in range(1, FRAMES)], axis=0)
    frames = clip.frames / 255
    for name, statistic in (("drift", np.mean), ("deviation_drift", np.std)):
        change, own = (
            statistic(luminance(clip[-1], mask)) - statistic(luminance(clip[0], mask))
            for clip in (images, frames)
        )
        assert numbers[name] == pytest.approx(change - own, abs=1e-6)
    assert numbers["steady"] == pytest.approx(np.mean(mask))
    assert (numbers["steady"] < 1.0) == static


named_features = jax.jit(features, static_argnames="layers")


def layers(image):
    names = (*STYLE_LAYERS, "relu4_2")
    return named_features(small_network(), jnp.asarray(image), layers=names)


def painted():
    found = layers(picture(2))
    return {layer: gram_matrix(found[layer]) for layer in STYLE_LAYERS}


def test_content_and_style_are_the_weighted_terms_of_the_later_frames():
    frames = [np.asarray(picture(i) * 255).astype(np.uint8) for i in range(3)]
    images = [np.asarray(picture(10 + i)) for i in range(3)]
    style = painted()
    numbers = appearance(images, frames, small_network(), style, WEIGHTS)
    content, styles = [], []
    for image, frame in zip(images[1:], frames[1:], strict=True):
        found = layers(image)
        wanted = layers(frame / np.float32(255))
        content.append(np.mean((np.asarray(found["relu4_2"]) - wanted["relu4_2"]) ** 2))
        styles.append(
            sum(np.mean((np.asarray(gram_matrix(found[k])) - style[k]) ** 2) for k in style)
        )
    assert numbers["content"] == pytest.approx(WEIGHTS.content * np.mean(content), rel=1e-4)
    assert numbers["style"] == pytest.approx(WEIGHTS.style * np.mean(styles), rel=1e-4)


def test_contrast_compares_the_border_with_the_middle():
    images = stylized()
    images[0] = np.full_like(images[0], 0.5)  # no contrast at all: no ratio
    style = painted()
    numbers = appearance(images, list(RandomClip().frames), small_network(), style, WEIGHTS)
    ratios, borders = [], []
    for image in images:
        light = luminance(image, ...)
        border, middle = [], []
        for y in range(2, HEIGHT - 2):
            for x in range(2, WIDTH - 2):
                deviation = light[y - 2 : y + 3, x - 2 : x + 3].std()
                near = [(y + 0.5) / HEIGHT, (x + 0.5) / WIDTH]
                outer = any(side < 0.1 or side > 0.9 for side in near)
                (border if outer else middle).append(deviation)
        borders.append(np.mean(border))
        if np.mean(middle) > 1e-6:
            ratios.append(np.mean(border) / np.mean(middle))
    assert len(ratios) == FRAMES - 1
    assert numbers["border_contrast"] == pytest.approx(np.mean(borders), rel=1e-4)
    assert numbers["contrast"] == pytest.approx(np.mean(ratios), rel=1e-4)


def test_a_clip_at_half_the_size_moves_half_as_far():
    clip = RandomClip()
    clip._truths = {}
    flow = np.zeros((HEIGHT, WIDTH, 2), np.float32) + np.array([3.0, -1.5], np.float32)
    visible = np.ones((HEIGHT, WIDTH), bool)
    visible[10, 20] = False
    clip._truths[0, 1] = ScaledMotion(flow, visible)
    small = ScaledClip(clip, (20, 11))  # a half and a third
    assert small.image(0).shape == (11, 20, 3)
    np.testing.assert_allclose(small.truth(0).flow, np.full((11, 20, 2), [1.5, -0.5]), atol=1e-6)
    hidden = np.argwhere(~small.truth(0).visible)
    np.testing.assert_array_equal(hidden, [[3, 10]])
    assert small.truth(1) is None
    assert (small.name, small.lags) == (clip.name, clip.lags)


def test_methods_are_read_from_their_names():
    assert parse_method("prev", engine="dis") == Method("prev", "prev")
    assert parse_method("short", engine="dis") == Method("short:dis", "short", "dis")
    assert parse_method("short:epic", engine="dis") == Method("short:epic", "short", "epic")
    long = parse_method("long:1,4", engine="dis")
    assert long == Method("long:1,4", "long", "dis", (1, 4))
    assert long.folder_name == "long-1-4"
    assert parse_method("long", engine="dis").lags[0] == 1
    assert parse_method("multipass", engine="epic").engine == "epic"
    assert parse_method("multipass:parallel", engine="dis").schedule == "parallel"
    peer = parse_method("frames:theirs=a/b=c", engine="dis")
    assert (peer.name, peer.folder) == ("frames:theirs", "a/b=c")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("magic", "'magic'"),
        ("prev:dis", "'prev:dis'"),
        ("short:magic", "'magic'"),
        ("long:5,1", "long:5,1"),
        ("long:0,1", "long:0,1"),
        ("long:1,,5", "rising numbers"),
        ("multipass:both", "multipass:parallel"),
        ("frames:here", "LABEL=DIR"),
        ("", "''"),
    ],
)
def test_a_name_of_no_method_is_refused(text, said):
    with pytest.raises(InputError, match=r"expected|use one of") as caught:
        parse_method(text, engine="dis")
    assert said in str(caught.value)


def entries():
    def entry(method, sequence, error, style, **more):
        numbers = {"warping_error": error, "style": style, "content": 2.0, **more}
        return Entry(method, sequence, 4, {}, numbers)

    return [
        entry("input", "a", 1e-4, 9.0),
        entry("frames:peer", "a", 7e-4, 8.0),
        entry("short:dis", "a", 2e-4, 3.0, seconds=1.5, **{"lag 5": 3e-4, "lag 10": None}),
        entry("short:dis", "b", 4e-4, 6.0, seconds=2.5),
        entry("multipass", "a", None, 3.0),
        entry("independent", "b", 9e-4, 4.0),
        entry("prev-warped", "a", 5e-4, 4.0),
        entry("independent", "a", 8e-4, 4.0),
        entry("prev", "a", 6e-4, 4.0),
        entry("long:1,5", "a", 2e-4, 4.0),
    ]


def tables():
    """Title -> rows of cells."""
    found, title = {}, ""
    for line in markdown(entries()).splitlines():
        if line.startswith("**"):
            title = line.strip("*")
            found[title] = []
        elif line.startswith("|"):
            found[title].append([cell.strip() for cell in line.strip("|").split("|")])
    return found


def test_rows_stand_in_the_order_of_the_methods_and_the_floor_is_last():
    assert methods_in_order(entries()) == [
        *("independent", "prev", "prev-warped", "short:dis", "long:1,5"),
        *("multipass", "frames:peer", "input"),
    ]
    title, rows = next(iter(tables().items()))
    assert title.startswith("Warping error")
    assert rows[0] == ["method", "a", "b", "mean"]
    assert rows[2] == ["independent", "8.00", "9.00", "8.50"]
    assert rows[-1] == ["input (floor)", "1.00", "–", "–"]
    assert rows[-3] == ["multipass", "–", "–", "–"]


def test_losses_are_related_to_independent_frames_of_the_same_clip():
    found = tables()
    rows = found["Content, style and cost, means over sequences"]
    at = rows[0].index("style ÷ independent")
    cells = {row[0]: row for row in rows}
    assert cells["independent"][at] == "1.000"
    assert cells["short:dis"][at] == f"{(3 / 4 + 6 / 4) / 2:.3f}"
    assert cells["short:dis"][-1] == "2.00"
    assert cells["prev"][-1] == "–"
    titles = list(found)
    assert titles.index("E_warp over 5 frames ×10⁻⁴") < titles.index("E_warp over 10 frames ×10⁻⁴")


def test_the_csv_file_holds_every_number_under_its_name():
    lines = [line.split(",") for line in csv_text(entries()).splitlines()]
    assert lines[0][:4] == ["method", "sequence", "frames", "warping_error"]
    assert len(lines) == 1 + len(entries())
    assert lines[1][:5] == ["independent", "b", "4", "0.0009", "4.0"]
    assert "lag 10" in lines[0]


def test_without_a_solve_frames_are_their_passes_or_held_along_the_flow():
    frames = [(255 * stylized()[0].clip(0, 1)).astype(np.uint8)] * 3
    paintings = painting_statistics([jnp.asarray(stylized()[1].clip(0, 1))], pairs=small_pairs(1))
    vgg = small_network()
    style = style_targets(vgg, [picture(2)])
    problem = Problem(vgg, style, WEIGHTS, ClipConfig(), jax.random.key(0), paintings)
    still = np.zeros((HEIGHT, WIDTH, 2), np.float32)
    made = {}
    for name in ("passes", "instant:dis"):
        method = parse_method(name, engine="epic")
        assert method.name == name
        options = {"passes": Passes(1, 1)}
        made[name] = list(run_method(method, frames, lambda *_: (still, still), problem, **options))
        assert [frame.index for frame in made[name]] == [0, 1, 2]
        assert {frame.iterations for frame in made[name]} == {0}
    own = one_pass(to_float(frames[0]), paintings)
    for one, other in zip(made["passes"], made["instant:dis"], strict=True):
        np.testing.assert_allclose(one.image, own, atol=1e-6)
        np.testing.assert_allclose(other.image, own, atol=1e-6)
