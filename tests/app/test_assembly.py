"""A run's film: its pictures at their times, its sound at the same."""

from fractions import Fraction

import av
import numpy as np
import pytest
from support.raw_video import blocks, frame_times, write_raw
from support.sound import audio_packets, write_source

from jvst.app.assembly import film_plan, write_film
from jvst.app.events import Notice, Teller
from jvst.app.inputs import clip_frames, open_clip
from jvst.app.options import InputOptions, OutputOptions, StylizeConfig
from jvst.app.store import RunStore
from jvst.app.task import prepare_task
from jvst.errors import InputError
from jvst.video import probe, read_frames, write_picture, write_video

SLIDES = [Fraction(i, 2) for i in range(10)] + [5 + Fraction(i, 30) for i in range(60)]
RATE = 48000


def options(clip, output="", *, audio=True, **given):
    return StylizeConfig(
        input=InputOptions(clip=str(clip), cuts="none", **given),
        output=OutputOptions(output=str(output), audio=audio),
    )


def copied(folder, config):
    """Write the film of a run whose pictures are the clip's own frames."""
    clip = open_clip(config)
    with RunStore(folder / "run") as store:
        for index, frame in enumerate(clip_frames(clip)):
            write_picture(store.picture_path(index), frame)
        return write_film(clip, config, store, Teller())


def write_slides(path, times=SLIDES, frames=None, *, click=None):
    """Write frames at given times, and with ``click`` a sound that is loud for 50 ms then."""
    frames = blocks(len(times)) if frames is None else frames
    with av.open(str(path), "w") as output:
        video = output.add_stream("libx264", rate=30)
        video.height, video.width, video.pix_fmt = 48, 64, "yuv420p"
        video.time_base = video.codec_context.time_base = Fraction(1, 600)
        sound = None if click is None else output.add_stream("aac", rate=RATE, layout="mono")
        for frame, time in zip(frames, times, strict=True):
            picture = av.VideoFrame.from_ndarray(frame)
            picture.pts, picture.time_base = int(time * 600), Fraction(1, 600)
            output.mux(video.encode(picture))
        output.mux(video.encode())
        if sound is not None:
            wave = np.zeros(int(float(times[-1] + 1) * RATE), np.int16)
            place = int(click * RATE)
            wave[place : place + RATE // 20] = 12000 * np.sin(np.arange(RATE // 20) / 8)
            samples = av.AudioFrame.from_ndarray(wave[None], format="s16", layout="mono")
            samples.sample_rate, samples.pts = RATE, 0
            output.mux(sound.encode(samples))
            output.mux(sound.encode())


def click_of(path):
    """Read when the sound becomes loud, seconds."""
    with av.open(str(path)) as container:
        frames = list(container.decode(audio=0))
    wave = np.concatenate([frame.to_ndarray()[0] for frame in frames])
    return frames[0].time + np.argmax(np.abs(wave) > 0.2) / RATE


def flash_of(path):
    """Read when the picture becomes bright, seconds."""
    bright = [frame.mean() > 128 for frame in read_frames(path)].index(True)
    times = frame_times(path)
    return times[bright] - times[0]


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".webm"])
def test_a_varying_rate_comes_out_at_its_times_and_in_its_length(tmp_path, suffix):
    write_slides(tmp_path / "clip.mkv", click=Fraction(6))
    film = copied(tmp_path, options(tmp_path / "clip.mkv", tmp_path / f"out{suffix}"))
    times = frame_times(film)
    np.testing.assert_allclose(np.array(times) - times[0], [float(t) for t in SLIDES], atol=0.002)
    assert click_of(film) - times[0] == pytest.approx(6, abs=0.05)


def test_a_flash_comes_with_its_sound(tmp_path):
    # As telephones film: 25 a second in a fast part, slower before.
    times = [Fraction(n, 10) for n in range(10)] + [1 + Fraction(n, 25) for n in range(50)]
    frames = [np.full((48, 64, 3), 230 if time >= 1 else 20, np.uint8) for time in times]
    write_slides(tmp_path / "clip.mp4", times, frames, click=Fraction(1))
    film = copied(tmp_path, options(tmp_path / "clip.mp4", tmp_path / "out.mp4"))
    assert flash_of(film) == pytest.approx(1.0, abs=0.001)
    assert click_of(film) == pytest.approx(1.0, abs=0.03)


def test_sound_begins_where_the_part_does_whatever_the_rate(tmp_path):
    write_source(tmp_path / "clip.mkv", codec="flac", seconds=3)
    config = options(
        tmp_path / "clip.mkv", tmp_path / "out.mkv", frames="50:53", frame_rate=12.5, size="48x32"
    )
    film = copied(tmp_path, config)
    given = dict.fromkeys(data for time, data in audio_packets(tmp_path / "clip.mkv") if time >= 2)
    got = [data for _, data in audio_packets(film)]
    assert got and got == list(given)[: len(got)]
    assert probe(film).frame_rate == Fraction(25, 2)
    assert len(list(read_frames(film))) == 2  # 0.12 s


@pytest.mark.parametrize(("rate", "count"), [(12.5, 38), (50.0, 150)])
def test_a_given_rate_keeps_speed_and_length_and_is_said(tmp_path, rate, count):
    write_source(tmp_path / "clip.mkv", codec="flac", seconds=3)
    config = options(tmp_path / "clip.mkv", tmp_path / "out.mkv", frame_rate=rate, size="48x32")
    (notice,) = film_plan(open_clip(config), config).notices
    assert f"{count} pictures of the clip's 75 frames" in notice
    film = copied(tmp_path, config)
    assert len(list(read_frames(film))) == count
    assert len(audio_packets(film)) == len(audio_packets(tmp_path / "clip.mkv"))


def test_pictures_are_shown_at_the_given_rate(tmp_path):
    write_video(tmp_path / "clip", blocks(5), frame_rate=Fraction(25))
    film = copied(tmp_path, options(tmp_path / "clip", tmp_path / "out.mp4", frame_rate=12.5))
    assert (probe(film).frame_rate, len(list(read_frames(film)))) == (Fraction(25, 2), 5)


def test_a_folder_gets_repeats_at_a_constant_rate_and_that_is_said(tmp_path):
    write_slides(tmp_path / "clip.mp4")
    config = options(tmp_path / "clip.mp4", f"{tmp_path}/out/", max_side=64)
    plan = film_plan(open_clip(config), config)
    assert (plan.frame_rate, len(plan.order)) == (30, 210)
    assert "140 are repeats" in plan.notices[0]
    copied(tmp_path, config)
    assert len(list((tmp_path / "out").iterdir())) == 210


def test_a_gif_of_a_fast_clip_leaves_frames_out(tmp_path):
    write_raw(tmp_path / "clip.mp4", blocks(12), rate=60)
    film = copied(tmp_path, options(tmp_path / "clip.mp4", tmp_path / "out.gif"))
    assert len(list(read_frames(film))) == 10


def test_a_gap_in_the_numbers_holds_the_picture_before(tmp_path):
    for number in (1, 2, 5):
        write_picture(tmp_path / f"x{number}.png", blocks(1)[0] // number)
    config = options(tmp_path / "x%d.png", tmp_path / "out.mp4")
    np.testing.assert_allclose(frame_times(copied(tmp_path, config)), [0, 0.04, 0.16], atol=1e-6)


def test_a_constant_rate_stays_exact_through_a_clock_of_milliseconds(tmp_path):
    rate = Fraction(30000, 1001)
    write_video(tmp_path / "clip.mkv", blocks(40), frame_rate=rate)
    film = copied(tmp_path, options(tmp_path / "clip.mkv", tmp_path / "out.mp4"))
    assert probe(film).frame_rate == rate


def test_what_is_assumed_of_a_clip_is_said_once_before_the_work(tmp_path, files):
    write_slides(tmp_path / "clip.mp4")
    base = options(tmp_path / "clip.mp4", f"{tmp_path}/out/")
    config = StylizeConfig(
        input=InputOptions(clip=base.input.clip, cuts="none", style=(str(files / "style.png"),)),
        output=base.output,
    )
    told = []
    task = prepare_task(config, on_event=told.append)
    notices = [event.text for event in told if isinstance(event, Notice)]
    assert sum("repeats" in text for text in notices) == 1
    told.clear()
    prepare_task(config, clip=task.clip, on_event=told.append)
    assert not [event for event in told if isinstance(event, Notice) and "repeats" in event.text]


def test_a_sound_that_the_clip_lacks_is_refused_before_the_work(tmp_path):
    write_source(tmp_path / "clip.mkv", codec="flac", seconds=1)
    with pytest.raises(InputError, match="`audio_stream` 3"):
        open_clip(options(tmp_path / "clip.mkv", audio_stream=3, size="48x32"))
    assert (
        open_clip(options(tmp_path / "clip.mkv", audio_stream=3, audio=False, size="48x32")).count
        == 25
    )
