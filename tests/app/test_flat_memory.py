"""A run holds on to no more of a long clip than of a short one; docs/scaling.md has the measure."""

import weakref
from fractions import Fraction

import jax
import numpy as np

import jvst.app.motion
from jvst.app.cli.main import run_command
from jvst.synthetic import clip, make_scene
from jvst.video import write_video

LENGTH = 24
# The one that is solved, four that flow is computed ahead for, the one before these, and one for
# each of two threads that may not have let go of it yet.
MOST_FRAMES = 8


def test_a_run_lets_go_of_the_frames_that_it_has_finished(command, monkeypatch, tmp_path):
    scene = make_scene("demo", width=48, height=41)
    write_video(tmp_path / "long", clip(scene, LENGTH), frame_rate=Fraction(25))
    decoded: list = []  # weak references
    frames_alive, on_device = [], []
    read = jvst.app.motion.clip_frames

    def watched(*where, **options):
        for frame in read(*where, **options):
            own = np.array(frame)
            decoded.append(weakref.ref(own))
            frames_alive.append(sum(one() is not None for one in decoded))
            on_device.append(sum(one.nbytes for one in jax.live_arrays()))
            yield own

    monkeypatch.setattr(jvst.app.motion, "clip_frames", watched)
    options = ("--cuts", "none", "--flow", "dis")
    assert run_command(command(*options, clip=tmp_path / "long", iterations=("1", "1"))) == 0
    assert len(decoded) == LENGTH
    assert max(frames_alive) <= MOST_FRAMES
    # On the device, too; the first five frames are read before anything is solved. What a thread
    # is about to let go of moves the sum by a frame or two.
    kept = 8 * 48 * 41 * 12  # bytes, if a float state of each of eight frames were
    assert max(on_device[16:]) - max(on_device[8:16]) < kept / 2
