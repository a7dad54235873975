"""Films made of several shots, with what is true of them."""

import functools
from fractions import Fraction
from pathlib import Path

import numpy as np
from support.sound import write_source

from jvst.synthetic import make_scene, render
from jvst.video import write_video

RATE = Fraction(25)
#: Scene, seed and frames of each shot; every scene moves.
FIVE_SHOTS = (
    ("demo", 0, 14),
    ("alley", 1, 9),
    ("market", 0, 13),
    ("bandage", 2, 7),
    ("ambush", 1, 17),
)
#: Frames, from 0, at which the second to the fifth shot begin.
FIVE_SHOTS_CUTS = (14, 23, 36, 43)


def shot(name, seed, frames, *, width=160, height=120, **options) -> np.ndarray:
    """Draw one shot, without smoothing its edges: [t h w 3]."""
    scene = make_scene(name, seed=seed, width=width, height=height, **options)
    return np.stack([render(scene, t, supersampling=1) for t in range(frames)])


@functools.cache
def five_shots_frames(*, width=160, height=120) -> tuple[np.ndarray, ...]:
    """Draw the 60 frames, once for all tests."""
    return tuple(
        render(scene, t, supersampling=2)
        for name, seed, frames in FIVE_SHOTS
        for scene in [make_scene(name, seed=seed, width=width, height=height)]
        for t in range(frames)
    )


def five_shots(folder: Path, *, width=160, height=120) -> Path:
    """Write a film of 60 frames and 5 shots with sound; its cuts are ``FIVE_SHOTS_CUTS``.

    It is ``folder / "five_shots.mp4"``, 25 frames per second, 2.4 s. Its tone has 400 Hz in the
    first second, 800 Hz in the next and 1200 Hz from then on.
    """
    path, sound = folder / "five_shots.mp4", folder / "five_shots_sound.mkv"
    write_source(sound, codec="aac")
    frames = five_shots_frames(width=width, height=height)
    write_video(path, frames, frame_rate=RATE, audio_from=sound)
    sound.unlink()
    return path
