"""The benchmarks of masks: rules, shares and short films, at tiny sizes."""

import json

import jax.numpy as jnp
import numpy as np
import pytest

from jvst.core.image import to_float
from jvst.core.masks import consistency_mask
from jvst.flow import write_flow
from jvst.flow.patterns import write_mask
from jvst.lab.benchmark.command import run_command
from jvst.lab.benchmark.known_clips import DrawnClip, PublishedClip
from jvst.lab.benchmark.masks import EXACT, drawn_pairs, published_pairs, score
from jvst.lab.benchmark.outlines import near_outlines
from jvst.lab.benchmark.trust import NAMES, RULES, trust
from jvst.video import write_picture

SIZE = (64, 48)


@pytest.fixture(scope="module")
def pairs():
    return drawn_pairs("market", 1.0, 0.0, SIZE)


def arrays(pair):
    pictures = (to_float(jnp.asarray(picture)) for picture in (pair.frame, pair.other))
    return jnp.asarray(pair.flow), jnp.asarray(pair.flow_back), *pictures


@pytest.fixture(scope="module")
def published(tmp_path_factory, pairs):
    """The scene as a clip of three frames with fields between the first two."""
    folder = tmp_path_factory.mktemp("clip")
    clip = DrawnClip("market", SIZE, speed=1.0, noise=0.0)
    for index in range(3):
        write_picture(folder / f"frame_{index + 1}.png", clip.image(index))
    (folder / "deepflow").mkdir()
    write_flow(folder / "deepflow" / "forward_1_2.flo", pairs[0].flow)
    write_flow(folder / "deepflow" / "backward_2_1.flo", pairs[1].flow)
    write_mask(folder / "deepflow" / "reliable_1_2.pgm", 1.0 - pairs[0].hidden.astype(np.float32))
    return folder


@pytest.fixture
def measured(tmp_path, capsys):
    """Run a benchmark; return what it printed and what it wrote."""

    def run(*line):
        path = tmp_path / "figures.json"
        assert run_command([*line, "--json", str(path)]) == 0
        return capsys.readouterr().out, json.loads(path.read_text())

    return run


def test_a_mode_as_a_rule_is_its_mask(pairs):
    flow, back, image, other = arrays(pairs[0])
    for mode in ("binary", "photometric"):
        mask = consistency_mask(flow, back, mode=mode, image=image, other=other)
        np.testing.assert_array_equal(trust(mode, flow, back, image, other), mask)


def test_every_rule_trusts_no_less_than_without_any_boundary(pairs):
    given = arrays(pairs[0])
    most = np.asarray(trust("no boundary", *given))
    binary = np.asarray(trust("binary", *given))
    for name in RULES:
        mask = np.asarray(trust(name, *given))
        assert set(np.unique(mask)) <= {0.0, 1.0} and np.all(mask <= most)
        if "where" not in name:
            assert np.all(mask >= binary)


def test_the_shares_of_what_is_untrusted_are_all_of_it(pairs):
    for name in NAMES:
        found = score(name, pairs[0], pairs[0].flow, pairs[0].flow_back)
        assert found["uncovered"] + found["wrong"] + found["wide"] == pytest.approx(1.0)
        assert found["wrong"] == 0.0  # by the exact flow
        off = score(name, pairs[0], pairs[0].flow + 1.0, pairs[0].flow_back)
        assert off["recall"] == 0.0 and off["precision"] == 0.0 and off["wide"] == 0.0


def test_a_mask_of_the_truth_would_score_1(pairs):
    # Nothing moves: nothing is hidden, and every mask trusts everything.
    pair = pairs[0]
    still = np.zeros_like(pair.flow)
    same = pair._replace(
        other=pair.frame, flow=still, flow_back=still, hidden=np.zeros_like(pair.hidden)
    )
    found = score("binary", same, still, still)
    assert found["precision"] == found["recall"] == 1.0 and found["untrusted"] == 0.0


def test_published_fields_are_read_both_ways(published, pairs):
    found = published_pairs(published)
    assert len(found) == 2
    for pair, drawn in zip(found, pairs, strict=True):
        np.testing.assert_array_equal(pair.flow, drawn.flow)
        np.testing.assert_array_equal(pair.frame, drawn.frame)
    clip = PublishedClip(published)
    np.testing.assert_array_equal(clip.truth(0).flow, pairs[0].flow)
    np.testing.assert_array_equal(clip.truth(0).visible, ~pairs[0].hidden)
    assert clip.truth(1) is None


def test_near_outlines_is_where_the_motion_breaks_or_something_is_hidden(pairs):
    near = near_outlines(DrawnClip("market", SIZE, speed=1.0, noise=0.0).truth(0))
    assert np.all(near[pairs[0].hidden])
    assert 0.1 < near.mean() < 0.9


def test_the_command_measures_masks_and_warps(measured, published):
    printed, held = measured(
        "masks", "--scenes", "market:1", "--size", "64x48", "--engines", "dis",
        "--masks", "binary", "photometric", "--reference", str(published),
    )  # fmt: skip
    for key in ("scene_0", "reference"):
        rows = held["figures"][key]
        assert [row["engine"] for row in rows] == [EXACT, EXACT, "dis", "dis"]
        assert [row["mask"] for row in rows] == ["binary", "photometric"] * 2
    areas = held["figures"]["warp"]
    assert sum(row["share"] for row in areas) == pytest.approx(1.0)
    assert sum(row["part"] for row in areas) == pytest.approx(1.0)
    assert areas[0]["warped"] > areas[2]["warped"]
    assert "market, speed 1, 64x48" in printed


@pytest.mark.slow
def test_the_command_makes_short_films(measured, published, tmp_path):
    _, held = measured(
        "outlines", "--scenes", "market:1", "--size", "64x48", "--frames", "2", "--masks",
        "binary", "photometric", "--iterations", "2", "2", "--solves", "1", "3",
        "--published", str(published), "--pictures", str(tmp_path / "pictures"),
    )  # fmt: skip
    for name in ("market, speed 1", published.name):
        alone, *films = held["figures"][name]
        assert alone["energy"] == 1.0
        assert [film["mask"] for film in films] == ["binary", "photometric"]
        assert all(0.0 < film["untrusted"] < 1.0 for film in films)
        assert all(film["masked_error"] >= film["warping_error"] > 0.0 for film in films)
    first, last = held["figures"]["solves"][:2]
    assert first["free"] > 0.0 and last["free"] == last["held"] == 0.0
    kept = sorted((tmp_path / "pictures" / "market_speed_1" / "dis_binary").iterdir())
    assert [path.name for path in kept] == ["frame_0001.png", "frame_0002.png"]
