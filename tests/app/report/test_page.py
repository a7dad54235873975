import base64
import re
import weakref
from html.parser import HTMLParser

import numpy as np
import pytest

from jvst.app.options import StylizeConfig
from jvst.app.report import RunFrame, figures, write_report
from jvst.app.report.gather import gather
from jvst.app.report.highlights import remarks
from jvst.app.report.wording import duration, frame_list, number, option_value
from jvst.errors import InputError

TERMS = {"content": 60.0, "style": 30.0, "temporal": 9.0, "total_variation": 1.0}
INFO = {
    "iterations": 20,
    "evaluations": 22,
    "stopped": "converged",
    "fallback": "none",
    "loss": 100.0,
    "terms": TERMS,
    "seconds": 1.5,
}
REPORTS = [
    {"iteration": i, "evaluations": i, "loss": 200.0 - i, **TERMS, "content": 160.0 - i}
    for i in (0, 10, 20)
]
LUMA = np.array([0.2126, 0.7152, 0.0722])


def sources(count, height=23, width=37, seed=0):
    """A texture that moves one pixel to the left from frame to frame."""
    texture = np.random.default_rng(seed).integers(0, 256, (height, width + count, 3))
    return (texture[:, i : i + width].astype(np.uint8) for i in range(count))


def run_frames(count, height=23, width=37, **info):
    """A run whose output is the input and some noise, and whose flow is exact."""
    random = np.random.default_rng(1)
    for index, source in enumerate(sources(count, height, width)):
        noise = 0.2 * random.standard_normal(source.shape)
        flow = np.zeros((height, width, 2), np.float32)
        flow[..., 0] = 1.0
        mask = np.ones((height, width), np.float32)
        mask[:, -1] = 0.0  # not in the frame before
        first = index == 0
        yield RunFrame(
            index,
            source,
            (source / 255.0 + noise).astype(np.float32),
            {**INFO, "reports": REPORTS, **info},
            None if first else flow,
            None if first else mask,
        )


def manifest(count, **more):
    config = StylizeConfig().__dict__
    groups = {name: dict(group.__dict__) for name, group in config.items()}
    groups["input"] |= {"clip": "films/walk.mp4", "style": ("night.png",)}
    inputs = {"size": "37x23", "frames": count, "clip": "0123"}
    return {"inputs": inputs, "config": groups, "network": "vgg19", "device": "cpu", **more}


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    path = tmp_path_factory.mktemp("report") / "report.html"
    more = {
        "timings": {"flow": 3.0, "solving": 90.0, "total": 91.5},
        "options": {"loss_weights": {"content": 1.0, "style_layers": {"relu1_1": 0.25}}},
        "versions": {"jax": "0.7"},
        "cuts": [2],
        "command": "jvst --clip films/walk.mp4 --style night.png",
        "passes": [[INFO, {**INFO, "loss": 300.0}], [INFO]],
    }
    write_report(path, run_frames(4), manifest(4, **more))
    return path.read_text("utf-8")


class Page(HTMLParser):
    """What a page holds: tags, what they refer to, and its text."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.references, self.words = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.references += [v for k, v in attrs if k in ("src", "href", "srcset", "data", "poster")]

    def handle_data(self, data):
        self.words.append(data)


def said(text):
    return " ".join(" ".join(Page(text).words).split())


def test_a_page_refers_to_nothing_outside_itself(page):
    parsed = Page(page)
    assert "img" in parsed.tags
    assert not {"script", "iframe", "object", "embed", "base"} & set(parsed.tags)
    assert all(one.startswith(("data:", "#")) for one in parsed.references), parsed.references
    assert "@import" not in page
    assert "url(" not in page
    assert "//" not in re.sub(r"data:image/[\w+]+;base64,[\w+/=]+", "", page)


def test_a_drawing_refers_to_nothing_outside_itself(page):
    drawings = re.findall(r"data:image/svg\+xml;base64,([\w+/=]+)", page)
    assert len(drawings) == 7  # errors, drift, loss, stops, three frames
    for drawing in drawings:
        text = base64.b64decode(drawing).decode("utf-8")
        references = re.findall(r'(?:href="|url\()([^")]*)', text)
        assert references
        assert all(one.startswith("#") for one in references)
        addresses = set(re.findall(r"https?://[^\"\s<]+", text))
        assert addresses <= {"http://www.w3.org/1999/xlink", "http://www.w3.org/2000/svg"}


def test_every_link_of_a_page_has_its_place(page):
    places = set(re.findall(r'id="([^"]+)"', page))
    links = {one[1:] for one in Page(page).references if one.startswith("#")}
    assert links
    assert links <= places


def test_a_page_says_what_was_made_and_how(page):
    text = said(page)
    for part in (
        "walk.mp4 painted after night.png",
        "37×23 · 4 frames · network vgg19 · cpu",
        "4 of 4",  # converged
        "1 min 32 s",
        "--clip films/walk.mp4",
        "jvst --clip films/walk.mp4 --style night.png",
        "relu1_1 0.25",
        "jax 0.7",
    ):
        assert part in text, part
    # The passes: sums of iterations and time, means of the loss.
    assert "1 40 200 60 30 9 1 3.0 s 2 20 100 60 30 9 1 1.5 s" in text


def test_every_picture_of_a_page_can_be_read_and_is_small(page):
    cv2 = pytest.importorskip("cv2")
    encoded = re.findall(r"data:image/(?:png|jpeg);base64,([\w+/=]+)", page)
    # Wheel, 4 frames twice, 3 masks and flows, 2 slices, 3 worst frames twice.
    assert len(encoded) == 1 + 8 + 6 + 2 + 6
    for one in encoded:
        picture = cv2.imdecode(np.frombuffer(base64.b64decode(one), np.uint8), cv2.IMREAD_COLOR)
        assert max(picture.shape) <= 320


def test_names_of_files_never_become_markup(tmp_path):
    given = manifest(1, command="jvst --clip '<script>alert(1)</script>'")
    given["config"]["input"] |= {"clip": "a<b>&\"'<script>.mp4", "style": ("<img src=x>.png",)}
    path = tmp_path / "report.html"
    write_report(path, run_frames(1), given)
    text = path.read_text("utf-8")
    assert "<script" not in text
    assert "<img src=x>" not in text
    assert "a<b>&\"'<script>.mp4 painted after <img src=x>.png" in said(text)


SCANT = {"stopped": "iteration limit", "iterations": 0}
BROKEN = {
    "loss": float("nan"),
    "terms": dict.fromkeys(TERMS, float("inf")),
    "stopped": "non-finite loss",
    "fallback": "start image",
    "reports": [{"iteration": 0, "evaluations": 1, "loss": float("nan"), **TERMS}],
}


@pytest.mark.parametrize(
    ("count", "info", "masked"),
    [(1, {}, True), (2, {"reports": None}, False), (2, BROKEN, True), (1, SCANT, True)],
    ids=["one frame", "no reports, no masks", "non-finite", "no iterations"],
)
def test_a_page_of_a_poor_run_is_written_all_the_same(tmp_path, count, info, masked):
    frames = (f if masked else f._replace(mask=None) for f in run_frames(count, **info))
    path = tmp_path / "report.html"
    write_report(path, frames, manifest(count))
    text = said(path.read_text("utf-8"))
    assert ("warping error" in text.split("Numbers of every frame")[0]) == (count > 1)
    assert ("kept no losses" in text) == (info.get("reports", REPORTS) is None)
    assert ("Frames 1–2: the loss became non-finite twice" in text) == (info is BROKEN)
    assert ("stopped at the iteration cap" in text) == (info is SCANT)
    assert "nan" not in text.replace("luminance", "")


def test_a_page_of_an_old_run_without_most_of_its_manifest_is_written(tmp_path):
    bare = (f._replace(info={"stopped": "converged"}) for f in run_frames(2))
    path = tmp_path / "report.html"
    write_report(path, bare, {"inputs": {"frames": 2}})
    assert "2 of 2" in said(path.read_text("utf-8"))


@pytest.mark.slow
def test_a_page_of_a_long_clip_stays_small(tmp_path):
    height, width, count = 24, 1000, 430

    def frames():
        # Noise: no picture is heavier.
        random = np.random.default_rng(0)
        for index in range(count):
            source = random.integers(0, 256, (height, width, 3), dtype=np.uint8)
            image = random.random((height, width, 3), dtype=np.float32)
            flow = np.ones((height, width, 2), np.float32)
            info = {**INFO, "loss": float(random.random()), "reports": REPORTS * 50}
            yield RunFrame(index, source, image, info, flow if index else None, None)

    path = tmp_path / "report.html"
    write_report(path, frames(), manifest(count))
    assert path.stat().st_size < 5_000_000
    text = said(path.read_text("utf-8"))
    assert "only the middle is shown" in text
    assert "frame 16 415" in text


def test_lines_of_a_very_long_clip_become_pixels():
    numbers = gather(run_frames(2), 2).numbers
    assert figures.warping_errors(numbers, []).startswith("data:image/svg+xml;")
    random = np.random.default_rng(0)
    many = [numbers[1]._replace(error=float(random.random())) for _ in range(20_000)]
    plot = figures.warping_errors(many, [])
    assert plot.startswith("data:image/png;")
    assert len(plot) < 250_000


def test_a_page_that_can_not_be_written_is_said_in_one_line(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(InputError, match="can't be written"):
        write_report(tmp_path / "file" / "report.html", run_frames(1), manifest(1))


def test_a_page_that_fails_leaves_the_one_that_was_there(tmp_path):
    path = tmp_path / "report.html"
    path.write_text("older")
    with pytest.raises(ValueError, match="no frames"):
        write_report(path, iter([]), manifest(0))
    assert path.read_text() == "older"
    assert list(tmp_path.iterdir()) == [path]


def test_numbers_of_a_frame_are_those_of_its_pixels():
    frames = list(run_frames(3))
    numbers = gather(iter(frames), 3).numbers
    for before, frame, found in zip(frames[:-1], frames[1:], numbers[1:], strict=True):
        now, then = (np.clip(f.image, 0, 1).astype(np.float64) for f in (frame, before))
        change = now[:, :-1] - then[:, 1:]  # a pixel was one to the right in the frame before
        assert found.error == pytest.approx(np.sum(change**2) / now.size, rel=1e-4)
        assert found.floor == pytest.approx(0.0, abs=1e-12)
        assert found.trust == pytest.approx(36 / 37)
        light, source = now @ LUMA, frame.source / 255.0 @ LUMA
        assert found.drift == pytest.approx(light.mean() - source.mean(), abs=1e-5)
        assert found.spread == pytest.approx(light.std(), rel=1e-4)
        assert found.source_spread == pytest.approx(source.std(), rel=1e-4)
    assert np.isnan([numbers[0].error, numbers[0].floor, numbers[0].trust]).all()


def test_without_a_mask_every_pixel_counts():
    frames = [frame._replace(mask=None) for frame in run_frames(2)]
    masked = gather(run_frames(2), 2).numbers[1]
    found = gather(frames, 2).numbers[1]
    assert found.trust == 1.0
    assert found.floor > masked.floor


def test_the_worst_frames_are_those_of_the_largest_error():
    frames = list(run_frames(7))
    for index, amount in ((2, 0.5), (5, 1.0)):
        frames[index] = frames[index]._replace(image=(frames[index].image * (1 - amount)))
    gathered = gather(frames, 7)
    errors = [one.error for one in gathered.numbers]
    expected = sorted(range(1, 7), key=lambda i: -errors[i])[:3]
    assert [one.index for one in gathered.worst] == expected
    assert gathered.worst[0].error == errors[expected[0]]
    assert 5 in expected


def test_frames_are_let_go_once_they_were_seen():
    alive = []

    def watched():
        for frame in run_frames(30):
            held = sum(seen() is not None for seen in alive)
            assert held <= 2, "frames pile up"  # source and image of the frame before
            alive.extend(weakref.ref(array) for array in (frame.source, frame.image))
            yield frame

    gathered = gather(watched(), 30)
    assert len(gathered.numbers) == 30
    assert [row.index + 1 for row in gathered.sheet] == [1, 5, 9, 13, 18, 22, 26, 30]
    assert sorted(gathered.reports) == [0, 15, 29]


def test_a_slice_holds_one_row_of_every_frame_where_most_moves():
    frames = list(run_frames(3, height=24))
    for index in (1, 2):
        flow = np.zeros((24, 37, 2), np.float32)
        flow[18:22] = 3.0
        frames[index] = frames[index]._replace(flow=flow)
    slices = gather(frames, 3).slices
    assert slices.height == 20
    source, output = slices.pictures()
    np.testing.assert_array_equal(source, np.stack([f.source[20] for f in frames]))
    shown = np.stack([np.clip(f.image[20], 0, 1) * 255.0 for f in frames])
    assert np.abs(output - shown).max() <= 0.5 + 1e-3


def test_a_slice_of_a_still_clip_is_its_middle_row():
    frames = [frame._replace(flow=None, mask=None) for frame in run_frames(2, height=24)]
    assert gather(frames, 2).slices.height == 12


def test_motion_that_is_not_trusted_draws_no_slice():
    frames = list(run_frames(2, height=24))
    flow, mask = np.zeros((24, 37, 2), np.float32), np.ones((24, 37), np.float32)
    flow[18:22], mask[18:22], flow[6:10] = 90.0, 0.0, 1.0
    frames[1] = frames[1]._replace(flow=flow, mask=mask)
    assert gather(frames, 2).slices.height == 8


def numbers_of(*infos):
    [one] = gather(run_frames(1), 1).numbers
    return [one._replace(index=i, info={**INFO, **info}) for i, info in enumerate(infos)]


def test_fallbacks_come_first_and_caps_name_their_frames():
    capped = {"stopped": "iteration limit"}
    found = remarks(numbers_of(capped, capped, {}, {"fallback": "smaller step"}, capped))
    assert [one.grave for one in found] == [True, False]
    assert found[0].text.startswith("Frame 4: the loss became non-finite; solved again")
    assert found[1].text.startswith("Frames 1–2, 5 stopped at the iteration cap")


def test_a_run_without_trouble_has_no_remarks():
    assert remarks(numbers_of({}, {})) == []


def test_frames_with_little_trust_are_named():
    one, two = numbers_of({}, {})
    [remark] = remarks([one._replace(trust=0.9), two._replace(trust=0.1)])
    assert remark.text.startswith("Frame 2: less than half of the flow is trusted")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (0.0, "0"),
        (1234567.8, "1\u202f234\u202f568"),
        (12, "12"),
        (-0.01234, "−0.0123"),
        (1.234e-5, "1.23·10⁻⁵"),
        (float("nan"), "–"),
        (float("inf"), "∞"),
        (None, "–"),
    ],
)
def test_numbers_are_short(value, text):
    assert number(value) == text


def test_lists_durations_and_options_are_as_a_person_writes_them():
    assert frame_list([0]) == "frame 1"
    assert frame_list([0, 1, 2, 6]) == "frames 1–3, 7"
    assert frame_list(range(0, 60, 2), most=2) == "frames 1, 3 and 28 more"
    assert [duration(s) for s in (0.04, 59.4, 61.0, 7384.0)] == [
        "0.0 s",
        "59.4 s",
        "1 min 1 s",
        "2 h 3 min",
    ]
    assert option_value((30, 20)) == "30, 20"
    assert [option_value(v) for v in (True, (), None, "", 4.04e9)] == ["yes", *"–––", "4.04e+09"]
