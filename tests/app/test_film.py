"""A film of five shots with sound, from cuts to the finished video: one process, two, a cluster."""

import json
from fractions import Fraction

import pytest
from support.command_lines import states
from support.films import FIVE_SHOTS_CUTS, RATE, five_shots
from support.ray_cluster import needs_ray
from support.shots_at_work import assert_same_frames
from support.sound import audio_packets

from jvst.app.cli.main import run_command
from jvst.video import probe

SMALL = ("--size", "64x48", "--flow", "dis")


@pytest.fixture(scope="module")
def made():
    """What one process has made once and for all."""
    return {}


@pytest.fixture
def five_shots_line(command, made, tmp_path):
    """Returns what makes a command line; one process has been through its film."""
    if not made:
        made["film"] = five_shots(tmp_path)
        made["plain"] = tmp_path / "plain"

    def line(*extra, run_dir):
        film = ("--clip", str(made["film"]))
        return command(*SMALL, *film, *extra, iterations=("2", "1"), run_dir=run_dir)

    if not made["plain"].exists():
        assert run_command(line(run_dir="plain")) == 0
    return line


def assert_rate_length_and_sound_are_the_films(video, film):
    info = probe(video)
    assert (info.frames, info.frame_rate, info.has_audio) == (60, Fraction(RATE), True)
    assert audio_packets(video) == audio_packets(film)


@pytest.mark.slow
def test_the_cuts_and_the_sound_of_a_film_of_five_shots_are_kept(five_shots_line, made):
    manifest = json.loads((made["plain"] / "manifest.json").read_text())
    assert manifest["cuts"] == list(FIVE_SHOTS_CUTS)
    # A frame behind a cut starts anew, with the first frame's cap.
    begun = [i for i, frame in enumerate(manifest["frames"]) if frame["iterations"] == 2]
    assert begun == [0, *FIVE_SHOTS_CUTS]
    assert_rate_length_and_sound_are_the_films(made["plain"] / "stylized.mp4", made["film"])


@pytest.mark.slow
@pytest.mark.parametrize("workers", ["processes", pytest.param("cluster", marks=needs_ray)])
def test_two_workers_give_bit_for_bit_the_film_of_one_process(
    five_shots_line, made, tmp_path, request, workers
):
    if workers == "cluster":
        extra = ("--cluster", request.getfixturevalue("cluster"))
    else:
        extra = ("--jobs", "2")
    assert run_command(five_shots_line(*extra, run_dir="two")) == 0
    assert_same_frames(tmp_path / "two", states(made["plain"]))
    assert_rate_length_and_sound_are_the_films(tmp_path / "two" / "stylized.mp4", made["film"])
