import dataclasses
from fractions import Fraction

import numpy as np
import pytest
from support.films import FIVE_SHOTS_CUTS, five_shots

from jvst.app.inputs import clip_frames, open_clip, read_styles
from jvst.app.motion import ready_frames, split
from jvst.app.options import InputOptions, LookOptions, MotionOptions, StylizeConfig
from jvst.errors import InputError
from jvst.synthetic import clip, exact_flow, make_scene
from jvst.video import write_picture, write_video

SCENE = make_scene("alley", width=96, height=64)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clip") / "frames"
    write_video(folder, clip(SCENE, 4), frame_rate=Fraction(25))
    return folder


def config(folder, **options):
    return StylizeConfig(
        input=InputOptions(clip=str(folder), **options), motion=MotionOptions(flow_cache="none")
    )


def test_a_clip_is_counted_and_known_by_its_frames(folder):
    whole = open_clip(config(folder))
    assert (whole.count, whole.size, whole.frame_rate) == (4, (96, 64), Fraction(25))
    part = open_clip(config(folder, frames="1:3"))
    assert (part.start, part.count) == (1, 2)
    assert part.digest != whole.digest
    assert open_clip(config(folder)).digest == whole.digest
    assert open_clip(config(folder, frame_rate=29.97)).frame_rate == Fraction(2997, 100)


def test_more_frames_than_there_are_is_said(folder):
    assert not any(
        "`frames`" in notice for notice in open_clip(config(folder, frames="1:3")).notices
    )
    (said,) = [n for n in open_clip(config(folder, frames="1:60")).notices if "`frames`" in n]
    assert said.startswith("`frames` is 1:60, and ")
    assert said.endswith("are stylized")


def test_frames_come_at_the_size_to_work_at_and_from_any_number_on(folder):
    small = open_clip(config(folder, max_side=48))
    frames = list(clip_frames(small, first=2))
    assert [frame.shape for frame in frames] == [(32, 48, 3)] * 2
    rendered = list(clip(SCENE, 4))[2].astype(float)
    averaged = rendered.reshape(32, 2, 48, 2, 3).mean((1, 3))
    assert np.abs(frames[0] - averaged).max() <= 0.51  # halving by area is averaging, rounded


@pytest.mark.parametrize("first", [0, 1, 3])
def test_each_frame_comes_with_the_flow_to_the_one_before_and_back(folder, first):
    opened = open_clip(config(folder))
    ready = list(ready_frames(opened, config(folder), lags=(1, 2), first=first))
    assert [item.index for item in ready] == list(range(first, 4))
    for item in ready:
        assert sorted(item.motions) == [lag for lag in (1, 2) if lag <= item.index]
        for lag, (to_earlier, back, *_) in item.motions.items():
            truth = exact_flow(SCENE, item.index, item.index - lag)
            # DIS at this size is good to about a third of a pixel in the middle.
            assert np.median(np.abs(to_earlier - truth)) < 0.35
            reverse = exact_flow(SCENE, item.index - lag, item.index)
            assert np.median(np.abs(back - reverse)) < 0.35


def test_images_and_flows_part_in_step(folder):
    opened = open_clip(config(folder))
    images, motions = split(ready_frames(opened, config(folder), lags=(1,)))
    for number, (image, motion) in enumerate(zip(images, motions, strict=True)):
        assert image.shape == (64, 96, 3)
        assert float(image.max()) <= 1.0
        assert len(motion) == min(number, 1)


@pytest.mark.parametrize("scale", [0.5, 1.0, 1.5])
def test_a_painting_gets_the_area_of_the_frame_times_the_scale_squared(tmp_path, scale):
    write_picture(tmp_path / "style.png", np.full((300, 100, 3), 200, np.uint8))
    options = StylizeConfig(
        input=InputOptions(style=(str(tmp_path / "style.png"),)),
        look=LookOptions(style_scale=scale),
    )
    (image,), (digest,) = read_styles(options, (96, 64))
    height, width, _ = image.shape
    assert abs(height * width / (96 * 64 * scale**2) - 1) < 0.05
    assert abs(height / width - 3) < 0.2
    np.testing.assert_allclose(image, 200 / 255, atol=1e-3)
    assert len(digest) == 64


def test_a_painting_that_is_none_is_refused(tmp_path):
    (tmp_path / "style.png").write_text("no")
    options = StylizeConfig(input=InputOptions(style=(str(tmp_path / "style.png"),)))
    with pytest.raises(InputError, match=r"style\.png"):
        read_styles(options, (96, 64))


@pytest.mark.slow
def test_shots_begin_where_the_film_cuts_and_nothing_is_carried_over(tmp_path):
    film = str(five_shots(tmp_path))
    options = StylizeConfig(input=InputOptions(clip=film), motion=MotionOptions(flow_cache="none"))
    opened = open_clip(options)
    assert opened.cuts == FIVE_SHOTS_CUTS
    for item in ready_frames(opened, options, lags=(1, 3)):
        within = item.index - opened.shot_start(item.index)
        assert sorted(item.motions) == [lag for lag in (1, 3) if lag <= within]
    part = dataclasses.replace(options, input=InputOptions(clip=film, frames="20:40"))
    assert open_clip(part).cuts == (3, 16)  # of 14, 23, 36, 43


@pytest.mark.parametrize(
    ("choice", "cuts"), [("none", ()), ("2", (2,)), ("1,2,3", (1, 2, 3)), ("auto", ())]
)
def test_cuts_are_taken_as_they_are_given(folder, choice, cuts):
    given = config(folder)
    given = dataclasses.replace(given, input=dataclasses.replace(given.input, cuts=choice))
    assert open_clip(given).cuts == cuts
