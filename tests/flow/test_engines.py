"""Flow engines on frames whose motion is known exactly.

A texture is a sum of plane waves, a function of real coordinates: the second frame samples it
at coordinates moved by the inverse of the motion, so that the field is exact and only the
rounding to 8 bits is not.
"""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import cv2
import jaxtyping
import numpy as np
import pytest

from jvst.errors import InputError
from jvst.flow import ENGINES, engine_named, estimate, estimate_pair
from jvst.flow.engines.dis import Dis

WIDTH, HEIGHT = 161, 97
SMALL_TURN = np.array([[np.cos(0.03), -np.sin(0.03)], [np.sin(0.03), np.cos(0.03)]])
MOTIONS = {
    "whole pixels": (np.eye(2), (1.0, 0.0)),
    "fractions": (np.eye(2), (0.37, -0.61)),
    "turn": (SMALL_TURN, (1.3, -0.4)),  # up to 3.8 px in the corners
    "zoom": (1.04 * np.eye(2), (0.0, 0.0)),  # up to 3.7 px in the corners
}
# Those that match in JAX compile for seconds at every size.
COMPILED = ("deepmatching", "epicflow", "deepflow2")
EVERY_ENGINE = pytest.mark.parametrize(
    "engine",
    [pytest.param(e, marks=[pytest.mark.slow] if e in COMPILED else []) for e in ENGINES],
)


@pytest.fixture
def unchecked():
    """Call as a user does, whose program doesn't check jaxtyping's annotations."""
    before = jaxtyping.config.jaxtyping_disable
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", before)


def texture(x: np.ndarray, y: np.ndarray, seed: int = 0, waves: int = 60) -> np.ndarray:
    """8-bit RGB of a smooth random function: waves of 8 to 50 pixels in all directions."""
    random = np.random.default_rng(seed)
    frequency, angle = random.uniform(0.02, 0.12, waves), random.uniform(0, 2 * np.pi, waves)
    phase = random.uniform(0, 2 * np.pi, (3, waves))
    along = 2 * np.pi * frequency * (x[..., None] * np.cos(angle) + y[..., None] * np.sin(angle))
    channels = np.stack([np.sin(along + one).sum(-1) for one in phase], -1) / np.sqrt(waves / 2)
    return np.clip(np.rint(127.5 + 45 * channels), 0, 255).astype(np.uint8)


def moved_pair(matrix, shift, width=WIDTH, height=HEIGHT):
    """Two frames and the exact field of the affine motion p -> centre + M (p - centre) + s."""
    y, x = np.mgrid[:height, :width].astype(float)
    points, centre = np.stack([x, y], -1), np.array([(width - 1) / 2, (height - 1) / 2])
    flow = (points - centre) @ np.transpose(matrix) + centre + shift - points
    source = (points - centre - shift) @ np.linalg.inv(matrix).T + centre
    return texture(x, y), texture(source[..., 0], source[..., 1]), flow


def endpoint_error(flow: np.ndarray, exact: np.ndarray) -> float:
    return float(np.linalg.norm(flow - exact, axis=-1).mean())


def sample(image: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Bilinear values at points inside the image, in float64."""
    left, top = np.floor(x).astype(int), np.floor(y).astype(int)
    a, b = (x - left)[..., None], (y - top)[..., None]
    image = image.astype(float)
    upper = (1 - a) * image[top, left] + a * image[top, left + 1]
    return (1 - b) * upper + b * ((1 - a) * image[top + 1, left] + a * image[top + 1, left + 1])


# accuracy


@pytest.mark.parametrize("motion", MOTIONS)
@EVERY_ENGINE
def test_an_engine_finds_small_motion_to_a_tenth_of_a_pixel(engine, motion):
    image_from, image_to, exact = moved_pair(*MOTIONS[motion])
    flow = estimate(engine, image_from, image_to)
    assert flow.shape == (HEIGHT, WIDTH, 2) and flow.dtype == np.float32
    # Measured 0.006 to 0.07, the most in the corners of turn and zoom, whose other end is out of
    # the frame; zero flow would be 0.7 to 2 off.
    assert endpoint_error(flow, exact) < 0.1


def test_dis_finds_motion_of_nine_pixels():
    image_from, image_to, exact = moved_pair(np.eye(2), (7.3, -5.2))
    # Measured 0.033; the search alone, without refinement, is 0.12 off.
    assert endpoint_error(estimate("dis", image_from, image_to), exact) < 0.1


@pytest.mark.parametrize("motion", MOTIONS)
def test_each_round_of_refinement_brings_the_field_closer(motion):
    image_from, image_to, exact = moved_pair(*MOTIONS[motion])
    refined = endpoint_error(estimate(Dis(), image_from, image_to), exact)
    once = endpoint_error(estimate(Dis(refinements=1), image_from, image_to), exact)
    alone = endpoint_error(estimate(Dis(refinements=0), image_from, image_to), exact)
    # Measured: the best is 0.036 to 0.012 (fractions), the least 0.098 to 0.067 (zoom).
    assert refined < once < alone and refined < 0.75 * alone


def test_without_refinement_dis_is_opencv_s_preset_medium():
    image_from, image_to, _ = moved_pair(*MOTIONS["turn"])
    grey = [cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) for image in (image_from, image_to)]
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    expected = search.calc(grey[0], grey[1], None)
    np.testing.assert_array_equal(estimate(Dis(refinements=0), image_from, image_to), expected)


@EVERY_ENGINE
def test_equal_frames_do_not_move(engine):
    image, _, _ = moved_pair(*MOTIONS["fractions"])
    np.testing.assert_array_equal(estimate(engine, image, image.copy()), 0.0)


@EVERY_ENGINE
@pytest.mark.parametrize("value", [0, 128, 255])
def test_flat_frames_do_not_move(engine, value):
    flat = np.full((HEIGHT, WIDTH, 3), value, np.uint8)
    np.testing.assert_array_equal(estimate(engine, flat, flat), 0.0)


# direction


@EVERY_ENGINE
def test_the_second_frame_at_p_plus_flow_is_the_first_frame_at_p(engine):
    image_from, image_to, _ = moved_pair(np.eye(2), (2.6, -1.4))
    flow = estimate(engine, image_from, image_to).astype(float)
    inside = (slice(8, -8), slice(8, -8))
    y, x = np.mgrid[:HEIGHT, :WIDTH][(slice(None), *inside)]
    there = sample(image_to, x + flow[inside][..., 0], y + flow[inside][..., 1])
    wrong = sample(image_to, x - flow[inside][..., 0], y - flow[inside][..., 1])
    here = image_from[inside].astype(float)
    assert np.abs(there - here).mean() < 2.0  # of 255; measured 1.25: rounding and lerp
    assert np.abs(wrong - here).mean() > 20.0  # measured 52


@EVERY_ENGINE
def test_a_pair_is_the_flow_of_each_direction(engine):
    image_from, image_to, _ = moved_pair(np.eye(2), (1.5, 0.5))
    flow, flow_back = estimate_pair(engine, image_from, image_to)
    np.testing.assert_array_equal(flow, estimate(engine, image_from, image_to))
    np.testing.assert_array_equal(flow_back, estimate(engine, image_to, image_from))
    np.testing.assert_allclose(np.median(flow, (0, 1)), [1.5, 0.5], atol=0.02)
    np.testing.assert_allclose(np.median(flow_back, (0, 1)), [-1.5, -0.5], atol=0.02)


# determinism


@pytest.mark.parametrize(
    "engine", [pytest.param(e, marks=[pytest.mark.slow] if e != "dis" else []) for e in ENGINES]
)
def test_calls_and_threads_agree_bit_for_bit(engine):
    pairs = [moved_pair(np.eye(2), (shift, 0.3))[:2] for shift in (0.5, 1.5, 2.5, 3.5)]
    one_by_one = [estimate(engine, *pair).tobytes() for pair in pairs]
    with ThreadPoolExecutor(4) as pool:
        at_once = list(pool.map(lambda pair: estimate(engine, *pair).tobytes(), pairs * 2))
    assert at_once == one_by_one * 2


@EVERY_ENGINE
def test_frames_that_are_views_give_the_flow_of_their_copies(engine):
    image_from, image_to, _ = moved_pair(*MOTIONS["turn"])
    views = image_from[::-1, ::-1], image_to[::-1, ::-1]
    copies = [np.ascontiguousarray(view) for view in views]
    np.testing.assert_array_equal(estimate(engine, *views), estimate(engine, *copies))


# small frames


def test_dis_works_on_small_and_on_narrow_frames():
    # OpenCV crashes the process on some of these when it is left to choose its scales, so
    # another process tries them.
    sizes = [(12, 12), (12, 300), (40, 15), (200, 12), (200, 15), (380, 16), (33, 32)]
    program = f"""
import numpy as np
from jvst.flow import estimate
random = np.random.default_rng(0)
for width, height in {sizes}:
    y, x = np.mgrid[:height, :width + 1]
    wide = 127 + 50 * np.sin(x / 2 + y / 5) + 50 * np.sin(x / 3 - y / 2)
    wide = np.repeat(wide.astype(np.uint8)[..., None], 3, -1)
    for _ in range(4):
        flow = estimate("dis", wide[:, 1:], wide[:, :-1])
    error = np.linalg.norm(flow - [1, 0], axis=-1).mean()
    assert error < 0.25, (width, height, error)
print("done")
"""
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=300
    )
    assert run.stdout.strip() == "done", (run.returncode, run.stderr)


@pytest.mark.parametrize(
    ("engine", "width", "height"),
    [
        ("dis", 11, 40),
        ("dis", 40, 11),
        ("dis", 1, 1),
        *(
            (engine, *size)
            for engine in ENGINES
            if engine != "dis"
            for size in ((39, 60), (60, 39))
        ),
    ],
)
def test_frames_too_small_for_an_engine_are_refused(engine, width, height):
    name = "DeepMatching" if engine in COMPILED else engine
    image = np.zeros((height, width, 3), np.uint8)
    with pytest.raises(InputError, match=f"{width}x{height} pixels.*{name} needs at least"):
        estimate(engine, image, image)


# what is refused


@pytest.mark.parametrize("name", ["raft2", "", "DIS"])
def test_an_unknown_engine_is_refused_with_the_names(name):
    image = np.zeros((16, 16, 3), np.uint8)
    with pytest.raises(InputError, match="dis, deepflow") as caught:
        estimate(name, image, image)
    assert repr(name) in str(caught.value)


def test_a_pattern_of_files_is_not_an_engine():
    with pytest.raises(InputError, match="frame numbers"):
        engine_named("files:flow_{from}_{to}.flo")


def test_deepflow_without_contrib_says_what_to_install(monkeypatch):
    image = np.zeros((64, 64, 3), np.uint8)
    monkeypatch.delattr(cv2.optflow, "createOptFlow_DeepFlow")
    with pytest.raises(InputError, match="pip install opencv-contrib-python-headless"):
        estimate("deepflow", image, image)
    monkeypatch.delattr(cv2, "optflow")
    with pytest.raises(InputError, match="pip install opencv-contrib-python-headless"):
        estimate("deepflow", image, image)
    estimate("dis", image, image)


@pytest.mark.parametrize("function", [estimate, estimate_pair])
@pytest.mark.parametrize(
    ("image_from", "image_to", "says"),
    [
        (np.zeros((20, 30, 3), np.uint8), np.zeros((20, 31, 3), np.uint8), "30x20 and 31x20"),
        (np.zeros((20, 30, 3), np.float32), np.zeros((20, 30, 3), np.uint8), "float32"),
        (np.zeros((20, 30, 3), np.uint8), np.zeros((20, 30), np.uint8), r"uint8\[20, 30\]"),
        (np.zeros((20, 30, 4), np.uint8), np.zeros((20, 30, 4), np.uint8), r"uint8\[20, 30, 4\]"),
        (np.zeros((0, 30, 3), np.uint8), np.zeros((0, 30, 3), np.uint8), r"uint8\[0, 30, 3\]"),
    ],
)
def test_what_is_not_two_frames_of_one_size_is_refused(
    unchecked, function, image_from, image_to, says
):
    with pytest.raises(InputError, match=says):
        function("dis", image_from, image_to)


class Constant:
    """A batched engine from outside: returns one value, and keeps the shapes it was given."""

    name = "constant"

    def __init__(self, value=0.0, cut=0):
        self.value, self.cut, self.batches = value, cut, []
        self.settings = {"value": value}

    def estimate_batch(self, images_from, images_to):
        self.batches.append(images_from.shape)
        n, height, width, _ = images_from.shape
        return np.full((n, height, width - self.cut, 2), self.value, np.float32)


def test_an_engine_of_ones_own_gets_both_directions_as_one_batch():
    image, engine = np.zeros((5, 7, 3), np.uint8), Constant(2.0)
    flow, flow_back = estimate_pair(engine, image, image)
    assert engine.batches == [(2, 5, 7, 3)]
    assert flow.shape == flow_back.shape == (5, 7, 2) and flow[0, 0, 0] == 2.0


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 2e9])
def test_a_field_that_is_not_finite_is_refused(value):
    image = np.zeros((5, 7, 3), np.uint8)
    with pytest.raises(InputError, match="engine constant found no finite flow"):
        estimate(Constant(value), image, image)


def test_an_engine_that_returns_another_shape_is_named():
    image = np.zeros((5, 7, 3), np.uint8)
    with pytest.raises(ValueError, match="engine constant returned"):
        estimate(Constant(0.0, cut=1), image, image)


@EVERY_ENGINE
def test_settings_name_the_version_of_opencv(engine):
    assert ENGINES[engine].name == engine
    assert ENGINES[engine].settings["opencv"] == cv2.__version__


def test_settings_tell_engines_apart():
    assert Dis().settings != Dis(refinements=1).settings
