"""Files and pictures of flow: masks, colours, and the command that writes a clip's."""

import jax.numpy as jnp
import numpy as np
import pytest

from jvst.app.cli.flow import run_flow_command
from jvst.core.masks import consistency_mask
from jvst.errors import InputError
from jvst.flow import estimate_pair, read_flow, write_flow
from jvst.flow.patterns import MaskFiles, read_mask, write_mask
from jvst.flow.pictures import (
    colour_flow,
    colour_wheel,
    overlay_mask,
    overlay_reasons,
    warped_difference,
)
from jvst.synthetic import make_scene, render
from jvst.video import read_picture, write_picture

WIDTH, HEIGHT = 96, 64


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """A folder of three frames, and the frames."""
    folder = tmp_path_factory.mktemp("clip")
    scene = make_scene("market", width=WIDTH, height=HEIGHT)
    frames = [render(scene, t, supersampling=1) for t in range(3)]
    for number, frame in enumerate(frames):
        write_picture(folder / f"{number:03d}.png", frame)
    return folder, frames


def run(clip, output, *options):
    folder, _ = clip
    common = ("--clip", str(folder), "--output", str(output), "--quiet", "--flow-cache", "none")
    return run_flow_command((*common, *options))


def names(folder):
    return sorted(path.name for path in folder.iterdir())


# masks


def test_a_mask_comes_back_level_by_level(tmp_path):
    levels = np.arange(256).reshape(8, 32).astype(np.float32) / 255
    write_mask(tmp_path / "a.pgm", levels)
    np.testing.assert_array_equal(read_mask(tmp_path / "a.pgm", size=(32, 8)), levels)
    content = (tmp_path / "a.pgm").read_bytes()
    assert content == b"P5\n32 8\n255\n" + bytes(range(256))


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("none.pgm", None, "does not exist"),
        ("a.pgm", b"", "not an 8-bit grey picture"),
        ("a.pgm", b"P5\n4 4\n255\n", "not an 8-bit grey picture"),
        ("a.pgm", b"P5\n4 2\n65535\n" + bytes(16), "not an 8-bit grey picture"),
        ("a.pgm", b"P6\n2 2\n255\n" + bytes(12), "not an 8-bit grey picture"),
        ("a.pgm", b"P5\n3 2\n255\n" + bytes(6), "3x2 pixels, the frames are 4x2"),
        ("a.jpg", b"", "not a mask by its ending"),
    ],
)
def test_a_bad_mask_is_refused_in_one_line(tmp_path, name, content, says):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=says) as caught:
        read_mask(tmp_path / name, size=(4, 2))
    assert "\n" not in str(caught.value)


def test_masks_are_found_by_the_torch_code_s_names(tmp_path):
    mask = np.eye(5, dtype=np.float32)
    write_mask(tmp_path / "reliable_3_2.pgm", mask)
    files = MaskFiles(f"files:{tmp_path}/reliable_[%d]_{{%d}}.pgm")
    np.testing.assert_array_equal(files.read(2, 1, size=(5, 5)), mask)
    with pytest.raises(InputError, match="does not exist"):
        files.read(1, 2)
    with pytest.raises(InputError, match="does not say where"):
        MaskFiles("reliable.pgm")


def test_the_authors_masks_can_be_read(shared):
    folder = shared / "marple8" / "deepflow"
    mask = read_mask(folder / "reliable_2_1.pgm")
    assert mask.shape == read_flow(folder / "backward_2_1.flo").shape[:2]
    assert 0.9 < mask.mean() <= 254 / 255


def test_a_mask_can_only_be_written_as_pgm(tmp_path):
    with pytest.raises(InputError, match=r"written as \.pgm"):
        write_mask(tmp_path / "a.png", np.zeros((2, 3), np.float32))
    with pytest.raises(InputError, match="folder that exists"):
        write_mask(tmp_path / "none" / "a.pgm", np.zeros((2, 3), np.float32))


# pictures


def test_the_wheel_has_the_benchmark_s_55_colours():
    wheel = colour_wheel()
    assert wheel.shape == (55, 3)
    np.testing.assert_allclose(wheel[[0, 15, 21, 25, 36, 49]], [
        [1, 0, 0], [1, 1, 0], [0, 1, 0], [0, 1, 1], [0, 0, 1], [1, 0, 1],
    ])  # fmt: skip


def test_flow_is_coloured_as_the_benchmark_does():
    """Middlebury's own examples of direction: right is red, left cyan, down yellow, up blue."""
    flow = np.array([[[1, 0], [-1, 0], [0, 1], [0, -1], [0, 0]]], np.float32)
    right, left, down, up, still = colour_flow(flow)[0].astype(int)
    np.testing.assert_array_equal(still, 255)
    assert right[0] == 255 and max(right[1:]) < 60
    assert left[0] == 0 and min(left[1:]) > 150
    assert min(down[:2]) > 200 and down[2] == 0
    assert up[2] == 255 and up[1] < 160
    half = colour_flow(flow / 2, largest=1.0)[0].astype(int)
    np.testing.assert_allclose(half[0], (right + 255) / 2, atol=1)
    assert colour_flow(2 * flow, largest=1.0).max(-1)[0, 0] < 192  # too long: darker


def test_overlays_show_what_is_not_trusted():
    frame = np.full((4, 6, 3), 100, np.uint8)
    mask = np.ones((4, 6), np.float32)
    mask[1, 2] = 0
    picture = overlay_mask(frame, mask).astype(int)
    assert picture[1, 2, 0] > picture[1, 2, 1] + 80
    assert np.ptp(picture[0, 0]) == 0
    nothing = np.zeros((4, 6), bool)
    areas = [nothing.copy() for _ in range(3)]
    for i, area in enumerate(areas):
        area[0, i] = True
    colours = overlay_reasons(frame, *areas)[0].astype(int)
    assert colours[0].argmax() == 0 and colours[1].argmax() == 2 and colours[2].argmin() == 2
    assert np.ptp(colours[4]) == 0


def test_what_warping_explains_is_black():
    frame = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    other = np.roll(frame, 3, 1)
    flow = np.full((20, 30, 2), [3.0, 0.0], np.float32)
    difference = warped_difference(frame, other, flow)
    assert difference[:, :26].max() == 0 and difference[:, 27:].max() > 100
    assert warped_difference(frame, other, 0 * flow)[:, :26].max() > 100


# the command


def test_the_command_writes_what_the_torch_code_reads(tmp_path, clip, capsys):
    assert run(clip, tmp_path / "out") == 0
    expected = ["backward_2_1.flo", "backward_3_2.flo", "forward_1_2.flo", "forward_2_3.flo"]
    masks = [f"reliable_{a}_{b}.pgm" for a, b in ((1, 2), (2, 1), (2, 3), (3, 2))]
    assert names(tmp_path / "out") == sorted([*expected, *masks])
    assert "2 pairs of frames" in capsys.readouterr().out
    _, frames = clip
    forward, backward = estimate_pair("dis", frames[1], frames[2])
    np.testing.assert_array_equal(read_flow(tmp_path / "out" / "forward_2_3.flo"), forward)
    np.testing.assert_array_equal(read_flow(tmp_path / "out" / "backward_3_2.flo"), backward)
    # reliable_3_2 lives on frame 3 and is made of (backward_3_2, forward_2_3).
    pair = jnp.asarray(backward), jnp.asarray(forward)
    mask = consistency_mask(*pair, mode="soft", edge="torch")
    np.testing.assert_allclose(read_mask(tmp_path / "out" / "reliable_3_2.pgm"), mask, atol=1e-6)


def test_lags_numbers_and_pictures_follow_the_options(tmp_path, clip):
    options = ("--lags", "2", "--first-number", "10", "--show", "--mask", "binary")
    assert run(clip, tmp_path, *options, "--mask-dilate", "1") == 0
    files = ["backward_12_10.flo", "forward_10_12.flo", "reliable_10_12.pgm", "reliable_12_10.pgm"]
    assert names(tmp_path) == [*files, "show"]
    kinds = ("difference", "flow", "mask", "reasons")
    assert names(tmp_path / "show") == sorted(
        f"{k}_{n}.png" for k in kinds for n in ("10_12", "12_10")
    )
    assert read_picture(tmp_path / "show" / "flow_10_12.png").shape == (HEIGHT, WIDTH, 3)
    assert set(np.unique(read_mask(tmp_path / "reliable_10_12.pgm"))) <= {0.0, 1.0}


def test_fields_of_another_program_get_masks(tmp_path, clip):
    flow = np.zeros((HEIGHT, WIDTH, 2), np.float32)
    for i, j in ((1, 2), (2, 3)):
        write_flow(tmp_path / f"forward_{i}_{j}.flo", flow)
        write_flow(tmp_path / f"backward_{j}_{i}.flo", flow)
    pattern = f"files:{tmp_path}/backward_[%d]_{{%d}}.flo"
    assert run(clip, tmp_path / "out", "--flow", pattern) == 0
    mask = np.rint(read_mask(tmp_path / "out" / "reliable_2_1.pgm") * 255)
    # The Torch code's grey levels for a static shot.
    np.testing.assert_array_equal(mask[5, -5:], [254, 254, 249, 191, 69])
    assert mask[-1, -1] == 18


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--flow", "nonsense"), "no flow engine 'nonsense'"),
        (("--flow", "files:a.flo"), "does not say where"),
        (("--flow", "files:none_{from}_{to}.flo"), "does not exist"),
        (("--mask", "hard"), "--mask is 'hard'"),
        (("--mask-edge", "x"), "--mask-edge is 'x'"),
        (("--mask-dilate", "-1"), "dilate are -1"),
        (("--mask-weights", "1", "2"), "expected 3 numbers"),
        (("--mask-blur", "x"), "mask-blur"),
        (("--flow-scale", "0"), "flow scale is 0"),
        (("--flow-scale", "0.05"), "needs at least"),
        (("--lags", "0"), "--lags is 0"),
        (("--lags", "3"), "has 3 frames"),
        (("--flow-workers", "0"), "--flow-workers is 0"),
        (("--clip", "none.mp4"), "none.mp4"),
        (("--unknown", "1"), "unknown"),
    ],
)
def test_what_can_not_be_meant_is_one_line_and_status_2(tmp_path, clip, capsys, options, says):
    assert run(clip, tmp_path / "out", *options) == 2
    said = capsys.readouterr().err.strip()
    assert said.startswith("flow: ") and says in said and "\n" not in said


def test_a_damaged_cache_is_computed_again_and_said(tmp_path, clip, capsys):
    cache = ("--flow-cache", str(tmp_path / "cache"))
    assert run(clip, tmp_path / "out", *cache) == 0
    whole = {name: (tmp_path / "out" / name).read_bytes() for name in names(tmp_path / "out")}
    assert capsys.readouterr().err == ""
    next((tmp_path / "cache").glob("*/*.flo")).write_bytes(b"PIEH")
    assert run(clip, tmp_path / "again", *cache) == 0
    assert "1 damaged fields in the flow cache, computed again" in capsys.readouterr().err
    assert whole == {name: (tmp_path / "again" / name).read_bytes() for name in whole}


def test_a_full_disk_is_one_line(tmp_path, clip, capsys, monkeypatch):
    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    assert run(clip, tmp_path / "out") == 2
    assert "No space left on device" in capsys.readouterr().err


def test_a_clip_and_a_folder_are_asked_for(capsys):
    assert run_flow_command([]) == 2
    assert "--clip was not given" in capsys.readouterr().err
