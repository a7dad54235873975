"""A film of five shots with sound, from cuts to the finished video, in one process and in two."""

import json
from fractions import Fraction

import numpy as np
import pytest
from command_lines import states
from films import FIVE_SHOTS_CUTS, RATE, five_shots
from test_video_audio import audio_packets

from jvst.cli import run_command
from jvst.video import probe

SMALL = ("--size", "64x48", "--flow", "dis")


@pytest.mark.slow
def test_a_film_of_five_shots_is_the_same_from_one_process_and_from_two(command, tmp_path):
    film = five_shots(tmp_path)
    line = (*SMALL, "--clip", str(film))
    assert run_command(command(*line, iterations=("2", "1"), run_dir="plain")) == 0
    manifest = json.loads((tmp_path / "plain" / "manifest.json").read_text())
    assert manifest["cuts"] == list(FIVE_SHOTS_CUTS)
    # A frame behind a cut starts anew, with the first frame's cap.
    begun = [i for i, frame in enumerate(manifest["frames"]) if frame["iterations"] == 2]
    assert begun == [0, *FIVE_SHOTS_CUTS]
    video = tmp_path / "plain" / "stylized.mp4"
    info = probe(video)
    assert (info.frames, info.frame_rate, info.has_audio) == (60, Fraction(RATE), True)
    assert audio_packets(video) == audio_packets(film)
    assert run_command(command(*line, "--jobs", "2", iterations=("2", "1"), run_dir="two")) == 0
    for one, two in zip(states(tmp_path / "plain"), states(tmp_path / "two"), strict=True):
        np.testing.assert_array_equal(one, two)
    assert audio_packets(tmp_path / "two" / "stylized.mp4") == audio_packets(film)
