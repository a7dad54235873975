"""Cuts are found where shots change and nowhere else, and read in every form they are given in."""

import gc
import itertools
import json
import tracemalloc
from fractions import Fraction

import numpy as np
import pytest
from scenedetect import FrameTimecode
from scenedetect.scene_manager import write_scene_list
from support.films import FIVE_SHOTS_CUTS, RATE, five_shots, five_shots_frames, shot

from jvst.errors import InputError
from jvst.video import probe, read_frames, read_picture
from jvst.video.cuts import chosen_cuts, find_cuts, shots
from jvst.video.cuts.change import colour_change, colours, content_change, likeness, shrunk

SCENES = ("demo", "alley", "ambush", "blur", "bandage", "market")


def found(frames, **options):
    frames = np.clip(np.rint(frames), 0, 255).astype(np.uint8)
    return find_cuts(iter(frames), frame_rate=RATE, **options)


@pytest.fixture(scope="module")
def pieces():
    """Two quiet shots of 48 frames each."""
    return shot("demo", 0, 48).astype(np.float32), shot("alley", 1, 48).astype(np.float32)


def in_between(first, second, share):
    """Mix frame by frame; ``share`` of the second."""
    share = np.asarray(share, np.float32)[:, None, None, None]
    return (1 - share) * first + share * second


# Cuts from one frame to the next.


def test_the_cuts_of_five_shots_are_found_exactly():
    assert find_cuts(five_shots_frames(), frame_rate=RATE) == FIVE_SHOTS_CUTS


@pytest.mark.slow
@pytest.mark.parametrize("size", [(97, 61), (140, 200)])
def test_cuts_are_found_at_any_size(size):
    width, height = size
    frames = five_shots_frames(width=width, height=height)
    assert find_cuts(frames, frame_rate=RATE) == FIVE_SHOTS_CUTS


@pytest.mark.slow
def test_the_cuts_of_a_compressed_film_with_sound_are_found_exactly(tmp_path):
    film = five_shots(tmp_path)
    info = probe(film)
    assert (info.has_audio, info.frame_rate) == (True, RATE)
    frames = list(read_frames(film))
    assert len(frames) == 60
    assert find_cuts(iter(frames), frame_rate=RATE) == FIVE_SHOTS_CUTS
    assert [path.name for path in tmp_path.iterdir()] == ["five_shots.mp4"]


def test_cuts_between_still_pictures_are_found():
    pictures = [shot(name, 3, 1)[0] for name in SCENES]
    frames = [picture for picture in pictures for _ in range(10)]
    assert found(np.stack(frames)) == (10, 20, 30, 40, 50)


@pytest.mark.slow
@pytest.mark.parametrize("scene", SCENES)
def test_motion_is_no_cut(scene):
    assert found(shot(scene, 0, 26, width=256, height=192)) == ()


@pytest.mark.parametrize("scene", ["ambush", "blur", "market"])
def test_fast_motion_is_no_cut(scene):
    assert found(shot(scene, 1, 26, speed=3)) == ()


def test_a_real_scene_has_no_cuts(shared):
    files = sorted((shared / "marple8").glob("*.ppm"))
    assert len(files) == 5
    assert found(np.stack([read_picture(file) for file in files])) == ()


def test_noise_is_no_cut():
    clip = shot("alley", 0, 30, noise=25)
    assert np.abs(np.diff(clip[:2].astype(float), axis=0)).mean() > 20
    assert found(clip) == ()


def test_frames_shown_twice_or_three_times_make_no_cut():
    clip = shot("market", 1, 30)
    for times in (2, 3):
        assert found(clip[np.arange(30) // times * times]) == ()


@pytest.mark.parametrize("light", [80, 200, -255])
@pytest.mark.parametrize("length", [1, 3])
def test_a_flash_or_a_drop_out_is_no_cut(pieces, light, length):
    clip = pieces[0].copy()
    clip[14 : 14 + length] += light
    assert found(clip) == ()


def test_a_flash_in_the_last_frame_is_no_cut(pieces):
    clip = pieces[0].copy()
    clip[-1] += 150
    assert found(clip) == ()


def test_a_flash_at_a_cut_makes_one_cut(pieces):
    clip = np.concatenate([pieces[0][:20], np.full_like(pieces[0][:1], 255), pieces[1][:20]])
    assert found(clip) in {(20,), (21,)}


def test_shots_shorter_than_a_quarter_of_a_second_are_not_told_apart(pieces):
    first, second = pieces
    for insert in range(1, 6):
        clip = np.concatenate([first[:15], second[:insert], shot("market", 0, 15)])
        cuts = found(clip)
        assert len(cuts) == 1 and 15 <= cuts[0] <= 15 + insert
    clip = np.concatenate([first[:15], second[:6], shot("market", 0, 15)])
    assert found(clip) == (15, 21)
    assert find_cuts(iter(clip.astype(np.uint8)), frame_rate=Fraction(50)) != (15, 21)


def test_a_clip_may_begin_and_end_in_the_middle_of_a_shot(pieces):
    clip = np.concatenate([pieces[0][:3], pieces[1][:14], shot("market", 0, 3)])
    assert found(clip) == (3, 17)


# Transitions that take their time.


@pytest.mark.parametrize("length", [3, 6, 12, 24])
@pytest.mark.parametrize("light", [0, 255])
def test_a_fade_is_cut_near_its_middle(pieces, length, light):
    first, second = pieces
    going = np.linspace(0, 1, length + 2)[1:-1]
    colour = np.full_like(first[:2], light)
    clip = np.concatenate(
        [
            first[:20],
            in_between(first[20 : 20 + length], light, going),
            colour,
            in_between(second[:length], light, going[::-1]),
            second[length : length + 8],
        ]
    )
    middle = 20 + length + 1
    cuts = found(clip)
    assert len(cuts) == 1
    assert abs(cuts[0] - middle) <= max(length // 2, 2)


@pytest.mark.parametrize("length", [3, 5, 8, 12, 18, 25])
def test_a_dissolve_is_cut_near_its_middle(pieces, length):
    first, second = pieces
    share = np.arange(1, length + 1) / (length + 1)
    mixed = in_between(first[20 : 20 + length], second[:length], share)
    clip = np.concatenate([first[:20], mixed, second[length : length + 20]])
    cuts = found(clip)
    assert len(cuts) == 1
    assert abs(cuts[0] - (20 + length / 2)) <= length / 4 + 1.5


def test_a_fade_from_black_and_one_to_black_are_no_cuts(pieces):
    going = np.linspace(0, 1, 10)
    clip = np.concatenate(
        [
            np.zeros_like(pieces[0][:8]),
            in_between(0, pieces[0][:10], going),
            pieces[0][10:20],
            in_between(pieces[0][20:30], 0, going),
            np.zeros_like(pieces[0][:8]),
        ]
    )
    assert found(clip) == ()


def test_motion_and_fades_that_begin_at_once_are_no_cuts(pieces):
    still = np.repeat(pieces[0][:1], 15, axis=0)
    rolling = np.stack([np.roll(pieces[0][0], 12 * (1 + t), axis=1) for t in range(15)])
    assert content_change(*rolling[:2].astype(np.uint8)) > 15
    assert found(np.concatenate([still, rolling])) == ()
    share = np.minimum(np.arange(15) / 8, 0.8)
    assert found(np.concatenate([still, in_between(still, 255, share)])) == ()


def test_light_that_grows_is_no_dissolve(pieces):
    assert found(pieces[0] * np.linspace(0.3, 1.2, 48)[:, None, None, None]) == ()


# How it is asked for.


def test_more_sensitivity_finds_no_fewer_cuts():
    plain, other = (shot(name, 3, 1).astype(np.float32) for name in ("demo", "market"))
    faint = [in_between(plain, other, [share]) for share in (0.0, 0.7, 0.3, 0.5, 0.4)]
    frames = np.repeat(np.concatenate(faint), 10, axis=0)
    counts = [len(found(frames, sensitivity=s)) for s in (0.0, 0.25, 0.5, 0.75, 1.0)]
    assert counts == sorted(counts)
    assert counts[0] < counts[2] < counts[4]


@pytest.mark.slow
def test_frames_are_taken_once_one_by_one_and_let_go():
    taken = 0

    def frames(count):
        nonlocal taken
        rng = np.random.default_rng(0)
        for _ in range(count):
            taken += 1
            yield rng.integers(0, 255, (36, 48, 3), np.uint8)

    def peak(count):
        gc.collect()
        tracemalloc.start()
        find_cuts(frames(count), frame_rate=RATE)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(10)
    short, long = peak(80), peak(240)
    assert taken == 330
    assert long < 1.1 * short


def test_clips_too_short_to_tell_have_no_cuts(pieces):
    for length in range(4):
        assert found(pieces[0][:length]) == ()
    assert found(np.concatenate([pieces[0][:1], pieces[1][:1]])) == ()


@pytest.mark.parametrize("sensitivity", [-0.1, 1.1, float("nan")])
def test_a_sensitivity_out_of_range_is_one_line(pieces, sensitivity):
    with pytest.raises(InputError, match="from 0 to 1"):
        found(pieces[0][:1], sensitivity=sensitivity)


def test_a_frame_rate_of_zero_is_refused():
    with pytest.raises(InputError, match="frames per second"):
        find_cuts(iter(()), frame_rate=Fraction(0))


# What the scores are.


def test_the_change_of_a_picture_to_itself_is_nothing(pieces):
    picture = pieces[0][0].astype(np.uint8)
    assert content_change(picture, picture) == 0
    assert colour_change(colours(picture), colours(picture)) == pytest.approx(0, abs=1e-3)
    assert likeness(picture, picture) == pytest.approx(1, abs=1e-4)


def test_change_has_the_values_of_its_definition():
    rng = np.random.default_rng(0)
    grey = np.repeat(rng.integers(0, 200, (24, 32, 1), np.uint8), 3, axis=2)
    # Grey has no hue and no saturation: a third of the change of value remains.
    assert content_change(grey, grey + 30) == pytest.approx(10)
    other = rng.integers(0, 255, (24, 32, 3), np.uint8)
    first, second = (np.histogramdd(p.reshape(-1, 3), 8, [(0, 256)] * 3)[0] for p in (grey, other))
    overlap = np.sum(np.sqrt(first * second)) / first.sum()
    assert colour_change(colours(grey), colours(other)) == pytest.approx((1 - overlap) ** 0.5, 1e-4)
    assert likeness(grey, (0.5 * grey).astype(np.uint8)) == pytest.approx(1, abs=1e-3)
    assert likeness(grey, 255 - grey) == pytest.approx(-1, abs=1e-4)


def test_pictures_are_shrunk_and_never_enlarged():
    assert shrunk(np.zeros((300, 400, 3), np.uint8), 96).shape == (72, 96, 3)
    assert shrunk(np.zeros((400, 3, 3), np.uint8), 96).shape == (96, 1, 3)
    assert shrunk(np.zeros((30, 40, 3), np.uint8), 96).shape == (30, 40, 3)


# Cuts that are given.

BLACK = np.zeros((8, 10, 3), np.uint8)


def given(choice, count=60):
    return chosen_cuts(str(choice), (BLACK for _ in range(count)), frame_rate=RATE)


def test_auto_finds_them():
    assert chosen_cuts("auto", five_shots_frames(), frame_rate=RATE) == FIVE_SHOTS_CUTS


@pytest.mark.parametrize(
    ("choice", "cuts"),
    [
        ("none", ()),
        ("24,48", (24, 48)),
        ("24", (24,)),
        (" 0 , 7,59 ", (7, 59)),
        (",".join(map(str, range(60))), tuple(range(1, 60))),
    ],
)
def test_numbers_on_the_command_line(choice, cuts):
    assert given(choice) == cuts


@pytest.mark.parametrize(
    "text",
    [
        "[12, 30, 47]",
        '{"cuts": [12, 30, 47], "options": {}}',
        '{"options": {"cuts": [0, 12, 30, 47]}, "config": {"input": {"cuts": "auto"}}}',
        "12\n30\n47\n",
        "\ufeff12\r\n\r\n30 # the street\r\n47",
        "# by hand\n12, 30, 47",
    ],
)
def test_numbers_in_a_file(tmp_path, text):
    (tmp_path / "cuts").write_bytes(text.encode())
    assert given(tmp_path / "cuts") == (12, 30, 47)


@pytest.mark.parametrize("with_times", [True, False])
def test_the_scene_list_of_pyscenedetect(tmp_path, with_times):
    times = [FrameTimecode(frame, 25.0) for frame in (0, 12, 30, 47, 60)]
    scenes = list(itertools.pairwise(times))
    with (tmp_path / "scenes.csv").open("w", newline="") as file:
        write_scene_list(file, scenes, include_cut_list=with_times)
    assert len((tmp_path / "scenes.csv").read_text().splitlines()) == 5 + with_times
    assert given(tmp_path / "scenes.csv") == (12, 30, 47)


def test_an_empty_list_is_no_cuts(tmp_path):
    (tmp_path / "cuts.json").write_text("[]")
    assert given(tmp_path / "cuts.json") == ()


def test_frames_are_taken_to_the_end_whatever_the_choice():
    for choice in ("none", "3", "auto"):
        frames = iter([BLACK] * 9)
        chosen_cuts(choice, frames, frame_rate=RATE)
        assert next(frames, None) is None


def test_a_clip_without_frames_has_no_cuts():
    assert given("12", count=0) == given("none", count=0) == ()


@pytest.mark.parametrize(
    ("choice", "says"),
    [
        ("60", "frame 60 of a clip of 60"),
        ("-1", "frame -1 of a clip"),
        ("12,12", "frame 12 after one at 12"),
        ("12,8", "frame 8 after one at 12"),
        ("0,0", "frame 0 after one at 0"),
        ("999999999999999", "of a clip of 60"),
        ("12;24", "auto, none, frame numbers"),
        ("12,,24", "auto, none, frame numbers"),
        ("1.5", "auto, none, frame numbers"),
        ("", "can't be read"),
        ("Auto", "auto, none, frame numbers"),
        ("٣", "auto, none, frame numbers"),
        ("9" * 300, "can't be read"),
        ("no\0name", "can't be read"),
        (".", "can't be read"),
    ],
)
def test_a_wrong_choice_is_one_line(choice, says, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=says) as caught:
        given(choice)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"a b c",
        b"12.5",
        b"1_2",
        b"[12, 30",
        b"[12.0]",
        b"[true]",
        b'["12"]',
        b'{"cuts": 12}',
        b'{"options": 3}',
        b'{"options": {}}',
        b"[" * 100_000,
        b"[" + b"9" * 5000 + b"]",
        b"9" * 5000,
        b"\xff\xfe\x00\x01",
        b"Start Frame",
        b'"Start Frame"\n\nlast',
        b"Number,Start Frame\n1",
        b"Number;Start Frame\n1;1",
        b"\0" * 20_000_000,
    ],
)
def test_a_file_without_frame_numbers_is_one_line(tmp_path, data):
    (tmp_path / "cuts").write_bytes(data)
    with pytest.raises(InputError, match="expected a JSON list") as caught:
        given(tmp_path / "cuts")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "says"), [("70", "frame 70 of a clip of 60"), ("[5, 3]", "frame 3 after one at 5")]
)
def test_numbers_in_a_file_that_the_clip_does_not_have(tmp_path, text, says):
    (tmp_path / "cuts").write_text(text)
    with pytest.raises(InputError, match=says) as caught:
        given(tmp_path / "cuts")
    assert str(tmp_path / "cuts") in str(caught.value)


def test_what_was_found_can_be_given_back(tmp_path):
    cuts = chosen_cuts("auto", five_shots_frames(), frame_rate=RATE)
    (tmp_path / "manifest.json").write_text(json.dumps({"options": {"cuts": cuts}}))
    assert given(tmp_path / "manifest.json") == cuts


def test_shots_lie_between_cuts():
    assert shots(60, FIVE_SHOTS_CUTS) == [
        range(0, 14),
        range(14, 23),
        range(23, 36),
        range(36, 43),
        range(43, 60),
    ]
    assert shots(5, ()) == [range(0, 5)]
    assert shots(3, (1, 2)) == [range(0, 1), range(1, 2), range(2, 3)]
    assert shots(3, (0,)) == [range(0, 3)]
    assert shots(0, ()) == []
