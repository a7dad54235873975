"""A film without a solve: whole, stopped and continued, cut, and asked for what it can't do."""

import dataclasses
import threading

import numpy as np
import pytest
from support.pairs import small_pairs

import jvst
from jvst import painting_statistics
from jvst.app import instant
from jvst.app.claims import CARRIED
from jvst.app.events import FramesStarted, StoppedError, Teller
from jvst.app.instant import instant_notices, stylize_instant
from jvst.app.motion import MotionSource
from jvst.app.options import (
    InputOptions,
    MotionOptions,
    NetworkOptions,
    RunOptions,
    StylizeConfig,
    TimeOptions,
)
from jvst.app.store import RunStore
from jvst.app.task import prepare_task
from jvst.film.events import FrameDone
from jvst.synthetic import make_scene, painting, render
from jvst.video import write_picture

FRAMES, CUT = 12, 7


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A task of two shots, its paintings, and the states of an uninterrupted run."""
    folder = tmp_path_factory.mktemp("instant")
    (folder / "clip").mkdir()
    for i in range(FRAMES):
        scene = make_scene("demo" if i < CUT else "market", width=64, height=48)
        write_picture(folder / "clip" / f"{i:02d}.png", render(scene, i, supersampling=1))
    write_picture(folder / "painting.png", painting("swirls", 64, 48))
    config = StylizeConfig(
        input=InputOptions(clip=str(folder / "clip"), style=(str(folder / "painting.png"),)),
        network=NetworkOptions(weights="embedded"),
        motion=MotionOptions(flow="dis", flow_cache=str(folder / "flow")),
        run=RunOptions(keep="all"),
    )
    task = prepare_task(config)
    assert task.clip.cuts == (CUT,)
    paintings = painting_statistics(task.styles, pairs=small_pairs(2, 1))
    return task, paintings, paint(task, paintings, folder / "whole")


def paint(task, paintings, folder, *, tell=None, fresh=True):
    """Run, and return the states."""
    tell = Teller() if tell is None else tell
    with RunStore(folder) as store:
        store.open_run(task.manifest(), fresh=fresh)
        source = MotionSource(task.clip, task.config)
        stylize_instant(task, source, paintings, store, tell)
        return [store.load(index) for index in range(task.clip.count)]


def test_every_frame_is_written_with_notes_and_nothing_is_left_over(made, tmp_path):
    task, paintings, whole = made
    events = []
    again = paint(task, paintings, tmp_path, tell=Teller(events.append))
    np.testing.assert_array_equal(again, whole)
    assert [e.index for e in events if isinstance(e, FrameDone)] == list(range(FRAMES))
    assert next(e for e in events if isinstance(e, FramesStarted)).finished == 0
    assert not (tmp_path / CARRIED).exists()
    with RunStore(tmp_path) as store:
        info = store.load_info(3)
    assert (info["iterations"], info["stopped"]) == (0, "one pass")
    assert info["seconds"] >= 0


@pytest.mark.parametrize("at", [0, 4, 6, 9])
def test_stopped_and_continued_it_is_bit_for_bit_the_uninterrupted_one(at, made, tmp_path):
    task, paintings, whole = made
    cancel = threading.Event()

    def stop(event):
        if isinstance(event, FrameDone) and event.index == at:
            cancel.set()

    with pytest.raises(StoppedError):
        paint(task, paintings, tmp_path, tell=Teller(stop, cancel=cancel))
    assert (tmp_path / CARRIED).exists()
    events = []
    again = paint(task, paintings, tmp_path, tell=Teller(events.append), fresh=False)
    np.testing.assert_array_equal(again, whole)
    painted = [e.index for e in events if isinstance(e, FrameDone)]
    assert painted == list(range(at + 1, FRAMES))


def test_where_states_are_not_kept_pictures_go_on_all_the_same(made, tmp_path):
    task, paintings, whole = made
    run = dataclasses.replace(task.config.run, keep="pictures")
    task = dataclasses.replace(task, config=dataclasses.replace(task.config, run=run))
    cancel = threading.Event()

    def stop(event):
        if isinstance(event, FrameDone) and event.index == 9:
            cancel.set()

    with RunStore(tmp_path) as store:
        store.open_run(task.manifest(), fresh=True)
        source = MotionSource(task.clip, task.config)
        with pytest.raises(StoppedError):
            stylize_instant(task, source, paintings, store, Teller(stop, cancel=cancel))
        stylize_instant(task, source, paintings, store, Teller())
        for index in range(FRAMES):
            shown = store.load_shown(index)
            np.testing.assert_allclose(shown, whole[index].clip(0, 1), atol=0.5 / 255 + 1e-6)
        assert store.kept() == [FRAMES - 1]


def test_killed_it_paints_again_from_what_was_kept_or_the_start_of_the_shot(made, tmp_path):
    task, paintings, whole = made
    paint(task, paintings, tmp_path)
    (tmp_path / "frames" / "0011.npy").unlink()
    events = []
    again = paint(task, paintings, tmp_path, tell=Teller(events.append), fresh=False)
    np.testing.assert_array_equal(again, whole)
    assert [e.index for e in events if isinstance(e, FrameDone)] == list(range(CUT, 11))


def test_coordinates_are_kept_now_and_then(made, tmp_path, monkeypatch):
    task, paintings, _ = made
    monkeypatch.setattr(instant, "_KEEP_EVERY", 0.0)
    kept = []

    def look(event):
        if isinstance(event, FrameDone) and event.index:
            kept.append((tmp_path / CARRIED).exists())

    paint(task, paintings, tmp_path, tell=Teller(look))
    assert kept == [True] * (FRAMES - 1)


def test_what_was_kept_and_is_something_else_is_not_gone_on_from(made, tmp_path):
    task, paintings, whole = made
    with RunStore(tmp_path) as store:
        store.open_run(task.manifest(), fresh=True)
        store.save_kept(CARRIED, [3], [np.zeros((2, 48, 64, 3), np.float32)] * 3)
    again = paint(task, paintings, tmp_path, fresh=False)
    np.testing.assert_array_equal(again, whole)


def test_a_cut_shows_the_own_pass_of_the_frame_behind_it(made):
    _, paintings, whole = made
    scene = make_scene("market", width=64, height=48)
    frame = jvst.to_float(np.asarray(render(scene, CUT, supersampling=1)))
    np.testing.assert_allclose(whole[CUT], jvst.one_pass(frame, paintings), atol=1e-5)


def test_several_passes_are_refused_and_longer_lags_are_said_to_do_nothing():
    config = StylizeConfig()
    assert instant_notices(config) == []
    several = dataclasses.replace(config, time=TimeOptions(passes=3))
    with pytest.raises(jvst.InputError, match="`passes` is 3, and the effort is instant"):
        instant_notices(several)
    (notice,) = instant_notices(dataclasses.replace(config, time=TimeOptions(lags=(1, 10))))
    assert "`lags` has no effect" in notice
