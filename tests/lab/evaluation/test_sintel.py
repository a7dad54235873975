"""Sequences with ground truth: what is written is true, and Sintel's own folders are read."""

import struct
import zlib

import numpy as np
import PIL.Image
import pytest

from jvst.errors import InputError
from jvst.lab.evaluation.sintel import Truth, read_sequences, write_sequence
from jvst.synthetic import exact_flow, exact_occlusion, make_scene, mixed_pixels, render

WIDTH, HEIGHT, FRAMES, LAGS = 67, 41, 8, (2, 5)


def write_png(path, pixels, depth=8):
    """Write grey [h w] or RGB [h w 3] levels as PNG by its specification; grey of 1 or 8 bits."""
    height, width = pixels.shape[:2]
    rows = np.packbits(pixels > 0, axis=1) if depth == 1 else pixels.reshape(height, -1)
    raw = b"".join(b"\0" + row.tobytes() for row in rows.astype(np.uint8))
    header = struct.pack(">IIBBBBB", width, height, depth, 2 if pixels.ndim == 3 else 0, 0, 0, 0)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n")
        for kind, body in ((b"IHDR", header), (b"IDAT", zlib.compress(raw, 1)), (b"IEND", b"")):
            check = zlib.crc32(kind + body)
            file.write(struct.pack(">I", len(body)) + kind + body + struct.pack(">I", check))


def write_flo(path, flow):
    """Write flow [h w 2] as Middlebury's description says."""
    path.parent.mkdir(parents=True, exist_ok=True)
    header = struct.pack("<fii", 202021.25, flow.shape[1], flow.shape[0])
    path.write_bytes(header + np.asarray(flow, "<f4").tobytes())


def real_sintel(folder, name="alley_2", frames=3, size=(1024, 436), depth=8, level=255):
    """A folder as the published archive has it, of made-up content; what is in its files."""
    rng = np.random.default_rng(0)
    width, height = size
    pictures, truths = [], []
    for number in range(1, frames + 1):
        levels = rng.integers(0, 256, (height // 4, width // 4, 3), np.uint8)
        pictures.append(levels.repeat(4, 0).repeat(4, 1))
        write_png(folder / "final" / name / f"frame_{number:04d}.png", pictures[-1])
        if number < frames:
            flow = np.zeros((height, width, 2), np.float32)
            flow[..., 0], flow[..., 1] = number, -2.5
            hidden = np.zeros((height, width), bool)
            hidden[10 : 10 + number, 20:30] = True
            write_flo(folder / "flow" / name / f"frame_{number:04d}.flo", flow)
            path = folder / "occlusions" / name / f"frame_{number:04d}.png"
            write_png(path, hidden * np.uint8(level), depth)
            truths.append((flow, hidden))
    return pictures, truths


@pytest.fixture(scope="module")
def scene():
    return make_scene("ambush", width=WIDTH, height=HEIGHT)


@pytest.fixture(scope="module")
def written(scene, tmp_path_factory):
    folder = tmp_path_factory.mktemp("sequences")
    write_sequence(folder, "ambush", scene, FRAMES, lags=(*LAGS, 40))
    return folder


def test_a_written_sequence_is_read_as_the_scene_has_it(scene, written):
    (sequence,) = read_sequences(written)
    assert (sequence.name, sequence.folder, sequence.lags) == ("ambush", written, LAGS)
    assert [path.name for path in sequence.frames] == [
        f"frame_{number:04d}.png" for number in range(1, FRAMES + 1)
    ]
    for index in range(FRAMES):
        np.testing.assert_array_equal(sequence.image(index), render(scene, index))
        for lag in (1, *LAGS):
            truth = sequence.truth(index, lag)
            if index + lag >= FRAMES:
                assert truth is None
                continue
            assert isinstance(truth, Truth)
            np.testing.assert_array_equal(truth.flow, exact_flow(scene, index, index + lag))
            hidden = exact_occlusion(scene, index, index + lag)
            np.testing.assert_array_equal(truth.visible, ~hidden)
        first = sequence.truth_from_first(index)
        if index == 0:
            assert first is None
        else:
            np.testing.assert_array_equal(first.flow, exact_flow(scene, 0, index))
            np.testing.assert_array_equal(first.visible, ~exact_occlusion(scene, 0, index))
    assert sequence.truth(0, 3) is None


def test_the_folders_hold_what_sintel_has_and_the_longer_motions(written):
    counts = {
        str(path.relative_to(written)): len(list(path.iterdir())) for path in written.glob("*/*")
    }
    once, pairs = FRAMES, FRAMES - 1
    assert counts == {
        "final/ambush": once,
        **{f"{kind}/ambush": pairs for kind in ("flow", "occlusions", "invalid")},
        **{f"{kind}_first/ambush": pairs for kind in ("flow", "occlusions")},
        **{f"{kind}_02/ambush": FRAMES - 2 for kind in ("flow", "occlusions")},
        **{f"{kind}_05/ambush": FRAMES - 5 for kind in ("flow", "occlusions")},
    }
    assert (written / "flow_first" / "ambush" / "frame_0002.flo").is_file()
    assert not (written / "flow_first" / "ambush" / "frame_0001.flo").exists()


def test_hidden_and_outside_are_told_apart_and_are_black_and_white(scene, written):
    flow, both = exact_flow(scene, 3, 4), exact_occlusion(scene, 3, 4)
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    x, y = x + flow[..., 0].astype(float), y + flow[..., 1].astype(float)
    outside = (x < 0) | (x > WIDTH - 1) | (y < 0) | (y > HEIGHT - 1)
    assert outside.any()
    assert (both & ~outside).any()
    for kind, expected in (("invalid", outside), ("occlusions", both & ~outside)):
        picture = PIL.Image.open(written / kind / "ambush" / "frame_0004.png")
        assert picture.mode == "L"
        np.testing.assert_array_equal(np.asarray(picture), np.where(expected, 255, 0))


def test_a_picture_warped_by_the_true_flow_is_the_one_before(written, scene):
    (sequence,) = read_sequences(written, names=["ambush"])
    for index in range(FRAMES - 1):
        flow, visible = sequence.truth(index)
        y, x = np.mgrid[:HEIGHT, :WIDTH]
        there = sequence.image(index + 1).astype(float)
        column = np.clip(np.rint(x + flow[..., 0]).astype(int), 0, WIDTH - 1)
        row = np.clip(np.rint(y + flow[..., 1]).astype(int), 0, HEIGHT - 1)
        here = sequence.image(index)
        visible &= ~mixed_pixels(scene, index)
        moved = np.abs(there[row, column] - here)[visible].mean()
        still = np.abs(there - here)[visible].mean()
        assert moved < still / 2


@pytest.mark.parametrize(("depth", "level"), [(1, 1), (8, 1), (8, 255)])
def test_sintel_as_published_is_read_without_the_extras(tmp_path, depth, level):
    pictures, truths = real_sintel(tmp_path, depth=depth, level=level)
    (sequence,) = read_sequences(tmp_path)
    assert (sequence.name, sequence.lags, len(sequence.frames)) == ("alley_2", (), 3)
    np.testing.assert_array_equal(sequence.image(2), pictures[2])
    for index, (flow, hidden) in enumerate(truths):
        truth = sequence.truth(index)
        assert truth.flow.dtype == np.float32
        np.testing.assert_array_equal(truth.flow, flow)
        # To the right by index + 1 pixels and up by 2.5: that much of the frame leaves.
        outside = np.zeros((436, 1024), bool)
        outside[:3], outside[:, 1024 - (index + 1) :] = True, True
        np.testing.assert_array_equal(truth.visible, ~(hidden | outside))
        assert sequence.truth(index, 10) is None
    assert sequence.truth(2) is None
    assert sequence.truth_from_first(1) is None


def test_invalid_pixels_are_not_visible(tmp_path):
    real_sintel(tmp_path, size=(40, 36))
    invalid = np.zeros((36, 40), np.uint8)
    invalid[30, 5] = 255
    (sequence,) = read_sequences(tmp_path)
    assert sequence.truth(0).visible[30, 5]
    write_png(tmp_path / "invalid" / "alley_2" / "frame_0001.png", invalid)
    assert not sequence.truth(0).visible[30, 5]
    assert sequence.truth(1).visible[30, 5]


def test_sequences_are_sorted_or_in_the_order_asked_for(tmp_path):
    for name in ("market_6", "alley_2", "ambush_5"):
        real_sintel(tmp_path, name, size=(40, 36))
    names = [sequence.name for sequence in read_sequences(tmp_path)]
    assert names == ["alley_2", "ambush_5", "market_6"]
    asked = read_sequences(str(tmp_path), names=("market_6", "alley_2"))
    assert [sequence.name for sequence in asked] == ["market_6", "alley_2"]


def test_the_clean_pass_has_the_same_truth(tmp_path):
    _, truths = real_sintel(tmp_path, size=(40, 36))
    (tmp_path / "final").rename(tmp_path / "clean")
    (sequence,) = read_sequences(tmp_path, passname="clean")
    assert sequence.frames[0] == tmp_path / "clean" / "alley_2" / "frame_0001.png"
    np.testing.assert_array_equal(sequence.truth(1).flow, truths[1][0])


def cut_short(path):
    path.write_bytes(path.read_bytes()[:-7])


DAMAGE = {
    "no folder": (lambda at: at.rename(at.parent / "elsewhere"), "has no folder final.*training"),
    "no sequence": (lambda at: (at / "final" / "alley_2").rename(at / "x"), "holds no sequence"),
    "one frame": (
        lambda at: [path.unlink() for path in (at / "final" / "alley_2").glob("*[23].png")],
        "holds 1 frames; expected at least 2",
    ),
    "gap": (
        lambda at: (at / "final" / "alley_2" / "frame_0002.png").unlink(),
        "from frame 1 to 3",
    ),
    "no flow": (
        lambda at: (at / "flow" / "alley_2" / "frame_0002.flo").unlink(),
        r"flow/alley_2/frame_0002\.flo is missing",
    ),
    "no occlusions": (
        lambda at: (at / "occlusions").rename(at / "occlusion"),
        r"occlusions/alley_2/frame_0001\.png is missing",
    ),
    "other size": (
        lambda at: write_png(
            at / "final" / "alley_2" / "frame_0003.png", np.zeros((36, 41, 3), np.uint8)
        ),
        r"frame_0003\.png is 41x36 pixels, frame_0001\.png is 40x36",
    ),
    "damaged frame": (
        lambda at: (at / "final" / "alley_2" / "frame_0003.png").write_bytes(b"no picture"),
        r"frame_0003\.png is not a picture",
    ),
    "flow cut short": (
        lambda at: cut_short(at / "flow" / "alley_2" / "frame_0001.flo"),
        r"frame_0001\.flo is cut short",
    ),
    "flow of another size": (
        lambda at: write_flo(at / "flow" / "alley_2" / "frame_0001.flo", np.zeros((36, 41, 2))),
        r"frame_0001\.flo is 41x36 pixels, the frames are 40x36",
    ),
    "occlusions of another size": (
        lambda at: write_png(
            at / "occlusions" / "alley_2" / "frame_0001.png", np.zeros((35, 40), np.uint8)
        ),
        r"occlusions/alley_2/frame_0001\.png is 40x35 pixels, the frames are 40x36",
    ),
    "damaged occlusions": (
        lambda at: (at / "occlusions" / "alley_2" / "frame_0001.png").write_bytes(b""),
        r"occlusions/alley_2/frame_0001\.png is not a picture",
    ),
}


@pytest.mark.parametrize("what", DAMAGE)
def test_a_damaged_folder_is_answered_in_one_line(tmp_path, what):
    damage, message = DAMAGE[what]
    folder = tmp_path / "training"
    real_sintel(folder, size=(40, 36))
    damage(folder)
    with pytest.raises(InputError, match=message) as caught:
        read_sequences(folder)[0].truth(0)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda at, _: read_sequences(at, names=["alley_2"]), "no sequence 'alley_2'.*ambush"),
        (lambda at, _: read_sequences(at, names=["../final/ambush"]), "no sequence"),
        (lambda at, _: read_sequences(at, passname="clean"), "no folder clean"),
        (lambda at, _: read_sequences(at / ("x" * 300)), "can't be read"),
        (lambda at, _: read_sequences(at)[0].image(FRAMES), "no frame 8; expected 0 to 7"),
        (lambda at, _: read_sequences(at)[0].truth(-1), "no frame -1"),
        (lambda at, _: read_sequences(at)[0].truth_from_first(99), "no frame 99"),
        (lambda at, _: read_sequences(at)[0].truth(0, 0), "lag is 0"),
        (lambda at, scene: write_sequence(at, "ambush", scene, 4), "exists already"),
        (lambda at, scene: write_sequence(at, "../x", scene, 4), "'../x' can't name"),
        (lambda at, scene: write_sequence(at, "x", scene, 1), "1 frames.*at least 2"),
        (lambda at, scene: write_sequence(at, "x", scene, 4, lags=(1, 5)), "long lags are 1 5"),
        (lambda at, scene: write_sequence(at, "x", scene, 4, lags=(5, 5)), "long lags are 5 5"),
    ],
)
def test_bad_input_is_answered_in_one_line(written, scene, call, message):
    with pytest.raises(InputError, match=message) as caught:
        call(written, scene)
    assert "\n" not in str(caught.value)
    assert sorted(path.name for path in (written / "final").iterdir()) == ["ambush"]
