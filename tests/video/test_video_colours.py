"""Colours, light and fields of video, brought to what a common screen shows."""

from fractions import Fraction

import av
import numpy as np
import pytest
from support.raw_video import blocks, planes_frame, write_raw

from jvst.errors import InputError
from jvst.video import probe, read_frames, read_timed_frames, write_video
from jvst.video.tone import ToneMap, roll_off, to_bt709, to_light, to_pq

# Numbers of ITU-T H.273.
PQ, HLG, BT2020, P3 = 16, 18, 9, 12


def first_frame(path):
    return next(iter(read_frames(path)))


# --- The tags of colours ---------------------------------------------------------------------


@pytest.mark.parametrize("pixel_format", ["yuv444p", "yuv420p"])
@pytest.mark.parametrize("colour_range", [1, 2])  # limited, full
def test_ycgco_is_read_by_its_definition(tmp_path, colour_range, pixel_format):
    luma, green, orange = 120, 150, 100
    frame = planes_frame(
        (luma, green, orange), pixel_format=pixel_format, colorspace=8, color_range=colour_range
    )
    write_raw(
        tmp_path / "a.mp4",
        [frame],
        pixel_format=pixel_format,
        options={"crf": "0"},
        colorspace=8,
        color_range=colour_range,
    )
    y, g, o = (luma, green - 128, orange - 128)
    if colour_range == 1:
        y, g, o = (luma - 16) * 255 / 219, g * 255 / 224, o * 255 / 224
    expected = np.array([y - g + o, y + g, y - g - o])
    assert np.abs(first_frame(tmp_path / "a.mp4")[10, 10] - expected).max() <= 1


@pytest.mark.parametrize("matrix", range(18))
def test_every_matrix_of_the_standard_is_read_or_refused_in_a_line(tmp_path, matrix):
    frame = planes_frame((100, 120, 140), pixel_format="yuv444p", colorspace=matrix)
    write_raw(tmp_path / "a.mp4", [frame], pixel_format="yuv444p", colorspace=matrix)
    try:
        assert first_frame(tmp_path / "a.mp4").shape == (48, 64, 3)
    except InputError as error:
        assert f"matrix {matrix}" in str(error)
        assert "\n" not in str(error)
        assert matrix >= 10


def hue_wave(height=48, width=64):
    """Yellow and blue by turns from left to right: a shift of colours alone shows."""
    wave = 60 * np.sin(np.arange(width) / 6)
    frame = np.full((height, width, 3), 128.0)
    frame[..., 0] -= wave
    frame[..., 2] += wave
    return frame.round().astype(np.uint8)


def colour_shift(shown, drawn):
    """Pixels by which blue minus red lies to the right of where it was drawn."""
    row = len(drawn) // 2
    before, after = (f[row, :, 2].astype(float) - f[row, :, 0] for f in (drawn, shown))
    slope, inner = np.gradient(before), slice(4, -4)
    return -((after - before)[inner] @ slope[inner]) / (slope[inner] @ slope[inner])


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".webm"])
def test_colours_stay_in_place_through_a_round_trip(tmp_path, suffix):
    write_video(tmp_path / f"a{suffix}", [hue_wave()] * 2, frame_rate=Fraction(25), quality=4)
    assert abs(colour_shift(first_frame(tmp_path / f"a{suffix}"), hue_wave())) < 0.05


def test_colours_are_stored_above_the_left_of_two_pixels(tmp_path):
    # Read without jvst: the planes themselves, each chroma sample at twice its place.
    write_video(tmp_path / "a.mp4", [hue_wave()], frame_rate=Fraction(25), quality=2)
    with av.open(str(tmp_path / "a.mp4")) as container:
        planes = next(container.decode(video=0)).to_ndarray()  # [1.5 h, w]: Y, then U and V
    blue = planes[48:60].reshape(24, 32)[12].astype(float)  # U
    drawn = hue_wave()[24].astype(float) @ [-0.1146, -0.3854, 0.5] * 224 / 255 + 128
    left, centre = drawn[::2], (drawn[::2] + drawn[1::2]) / 2
    assert np.abs(blue - left)[2:-2].mean() < np.abs(blue - centre)[2:-2].mean() / 3


def test_video_of_wide_primaries_is_converted(tmp_path):
    # Full P3 green is out of BT.709's reach; a soft one is not.
    frame = planes_frame((120, 110, 110), pixel_format="yuv444p", colorspace=1)
    tags = {"pixel_format": "yuv444p", "colorspace": 1, "options": {"crf": "0"}}
    write_raw(tmp_path / "wide.mp4", [frame], color_primaries=P3, **tags)
    write_raw(tmp_path / "plain.mp4", [frame], color_primaries=1, **tags)
    plain, wide = (first_frame(tmp_path / f"{n}.mp4")[5, 5] for n in ("plain", "wide"))
    linear = to_bt709("p3") @ (plain / 255) ** 2.4
    expected = 255 * np.clip(linear, 0, 1) ** (1 / 2.4)
    assert np.abs(wide - expected).max() <= 1.5
    assert np.abs(wide.astype(int) - plain).max() >= 4
    assert probe(tmp_path / "plain.mp4").notices == ()
    (notice,) = probe(tmp_path / "wide.mp4").notices
    assert "P3" in notice


# --- High dynamic range ----------------------------------------------------------------------


def hdr_clip(path, transfer, level, *, chroma=(512, 512), options=None, codec="ffv1"):
    """A flat clip of 10 bits; ``level`` is the signal from 0 to 1."""
    luma = round(64 + 876 * level)
    frames = []
    for _ in range(2):
        frame = planes_frame((luma, *chroma), pixel_format="yuv420p10le", colorspace=BT2020)
        frame.color_trc, frame.color_primaries = transfer, BT2020
        frames.append(frame)
    write_raw(
        path,
        frames,
        codec=codec,
        pixel_format="yuv420p10le",
        options=options,
        colorspace=BT2020,
        color_trc=transfer,
        color_primaries=BT2020,
        color_range=1,
    )


def pq_signal(light):
    return float(to_pq(np.array([float(light)]))[0])


def expected_grey(light, peak=1000.0):
    """BT.2390 by a loop over one value, from the equations."""

    def pq(nits):
        power = (nits / 10000) ** (2610 / 16384)
        return ((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375

    e, w = pq(light) / pq(peak), pq(203) / pq(peak)
    k = 1.5 * w - 0.5
    if e > k:
        t = (e - k) / (1 - k)
        e = (2 * t**3 - 3 * t**2 + 1) * k + (t**3 - 2 * t**2 + t) * (1 - k)
        e += (-2 * t**3 + 3 * t**2) * w
    nits = np.interp(e * pq(peak), pq(np.linspace(0, 1000, 400001)), np.linspace(0, 1000, 400001))
    return 255 * (nits / 203) ** (1 / 2.4)


@pytest.mark.parametrize("light", [0.5, 10, 50, 100, 203, 500, 1000])
def test_pq_is_tone_mapped_by_bt2390_with_white_at_203_nits(tmp_path, light):
    level = pq_signal(light)
    hdr_clip(tmp_path / "a.mkv", PQ, level)
    got = first_frame(tmp_path / "a.mkv")
    assert np.ptp(got[10, 10].astype(int)) <= 1  # grey stays grey
    # 10 bits of PQ are steps of up to 1 % of the light.
    assert np.abs(got[10, 10] - expected_grey(light)).max() <= 2
    (notice,) = probe(tmp_path / "a.mkv").notices
    assert "HDR (PQ)" in notice and "1000 cd/m² (assumed)" in notice and "203" in notice


def test_hlg_white_is_pq_white(tmp_path):
    # BT.2408-7, table 1: reference white is 75 % of HLG and 58 % of PQ.
    hdr_clip(tmp_path / "hlg.mkv", HLG, 0.75)
    hdr_clip(tmp_path / "pq.mkv", PQ, pq_signal(203))
    hlg, pq = (first_frame(tmp_path / f"{name}.mkv")[10, 10] for name in ("hlg", "pq"))
    assert np.abs(hlg.astype(int) - pq).max() <= 2
    assert "HDR (HLG)" in probe(tmp_path / "hlg.mkv").notices[0]


def test_the_peak_is_that_of_the_screen_that_the_clip_was_made_on(tmp_path):
    screen = "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(40000000,50)"
    options = {"x265-params": f"log-level=none:lossless=1:master-display={screen}"}
    hdr_clip(tmp_path / "a.mkv", PQ, 0.7, options=options, codec="libx265")
    (notice,) = probe(tmp_path / "a.mkv").notices
    assert "4000 cd/m²," in notice and "assumed" not in notice
    light = float(to_light(np.array([0.7]), "pq")[0])
    got = first_frame(tmp_path / "a.mkv")[10, 10]
    assert np.abs(got - expected_grey(light, peak=4000.0)).max() <= 2


def test_black_and_peak_are_black_and_white():
    for transfer in ("pq", "hlg"):
        top = pq_signal(1000) if transfer == "pq" else 1.0
        signal = np.array([0, round(top * 65535)], np.uint16)
        got = ToneMap(transfer, "bt2020").convert(np.repeat(signal, 3).reshape(1, 2, 3))
        assert (got[0, 0] == 0).all()
        assert (got[0, 1] >= 254).all()


def test_pq_and_its_inverse_are_inverse():
    light = np.geomspace(0.001, 10_000, 50)
    np.testing.assert_allclose(to_light(to_pq(light), "pq"), light, rtol=1e-9)


def test_rolling_off_leaves_the_dark_and_never_falls():
    light = np.geomspace(0.01, 4000, 500)
    mapped = roll_off(light, peak=4000.0)
    np.testing.assert_allclose(mapped[light < 10], light[light < 10], rtol=1e-6)
    assert (np.diff(mapped) > 0).all()
    assert mapped[-1] == pytest.approx(203, rel=1e-6)


def test_dimming_keeps_the_hue():
    signal = np.zeros((1, 2, 3), np.uint16)
    signal[0] = [(50000, 42000, 42000), (40000, 33600, 33600)]  # PQ: a bright and a darker red
    got = ToneMap("pq", "bt709").convert(signal).astype(float) ** 2.4
    light = to_light(signal / 65535, "pq")
    np.testing.assert_allclose(
        got[..., 1] / got[..., 0], light[..., 1] / light[..., 0], rtol=0.05, atol=0.01
    )


# --- Interlaced video ------------------------------------------------------------------------


def fields(frames, *, height=48, width=64):
    """A bar that moves 4 pixels from field to field; the upper field is the earlier one."""
    drawn = []
    for number in range(frames):
        frame = np.zeros((height, width, 3), np.uint8)
        for later in (0, 1):
            place = 4 * (2 * number + later)
            frame[later::2, place : place + 8] = 255
        drawn.append(frame)
    return drawn


def combing(frame):
    """Mean difference between neighbouring rows: high where two fields are woven."""
    rows = frame[8:-8].astype(float)
    return np.abs(np.diff(rows, axis=0)).mean()


def interlaced(path, frames=6):
    options = {"flags": "+ildct+ilme", "crf": "5"}
    write_raw(path, fields(frames), options=options)


def test_interlaced_frames_become_whole_ones(tmp_path):
    interlaced(tmp_path / "a.mp4")
    frames = list(read_frames(tmp_path / "a.mp4"))
    assert len(frames) == 6
    woven = np.mean([combing(frame) for frame in fields(6)])
    assert max(map(combing, frames[1:-1])) < woven / 10
    (notice,) = probe(tmp_path / "a.mp4").notices
    assert "interlaced" in notice


def test_a_part_of_an_interlaced_clip_is_that_part_of_the_whole(tmp_path):
    interlaced(tmp_path / "a.mp4")
    whole = list(read_frames(tmp_path / "a.mp4"))
    np.testing.assert_array_equal(
        list(read_frames(tmp_path / "a.mp4", start=2, stop=4)), whole[2:4]
    )


@pytest.mark.parametrize("suffix", [".avi", ".mkv", ".ts"])
def test_whole_frames_keep_the_times_of_interlaced_ones(tmp_path, suffix):
    write_raw(
        tmp_path / f"a{suffix}",
        fields(6),
        codec="mpeg2video",
        options={"flags": "+ildct+ilme", "qscale": "2"},
    )
    frames = list(read_timed_frames(tmp_path / f"a{suffix}"))
    assert "interlaced" in probe(tmp_path / f"a{suffix}").notices[0]
    assert [float(f.time) for f in frames] == pytest.approx([n / 25 for n in range(6)], abs=0.001)
    assert all(abs(frame.duration - Fraction(1, 25)) <= Fraction(1, 900) for frame in frames)


@pytest.mark.parametrize(("order", "first"), [("tt", 0), ("bb", 1)])
def test_the_first_field_is_kept_also_where_only_the_container_tells_of_it(tmp_path, order, first):
    options = {"flags": "+ildct+ilme", "field_order": order}
    write_raw(tmp_path / "a.mkv", fields(6), codec="ffv1", pixel_format="yuv444p", options=options)
    frames = list(read_frames(tmp_path / "a.mkv"))
    assert max(map(combing, frames[1:-1])) < combing(fields(6)[2]) / 10
    for shown, drawn in zip(frames, fields(6), strict=True):
        np.testing.assert_array_equal(shown[first::2], drawn[first::2])


def test_a_clip_that_is_interlaced_from_some_frame_on_says_so(tmp_path):
    # Two streams of H.264 one after the other, as a recorder joins them.
    parts = []
    for name, options in (("a", {}), ("b", {"flags": "+ildct+ilme"})):
        write_raw(tmp_path / f"{name}.h264", fields(6), options={"crf": "5", **options})
        parts.append((tmp_path / f"{name}.h264").read_bytes())
    (tmp_path / "both.h264").write_bytes(b"".join(parts))
    assert probe(tmp_path / "both.h264").notices == ()
    told = []
    frames = [f.pixels for f in read_timed_frames(tmp_path / "both.h264", on_notice=told.append)]
    assert len(frames) == 12
    assert len(told) == 1 and "interlaced" in told[0]
    assert min(map(combing, frames[1:5])) > 5 * max(map(combing, frames[7:11]))


def test_progressive_clips_pass_as_they_are(tmp_path):
    write_raw(tmp_path / "a.mkv", blocks(4), codec="ffv1", pixel_format="bgr0")
    np.testing.assert_array_equal(list(read_frames(tmp_path / "a.mkv")), blocks(4))
    assert probe(tmp_path / "a.mkv").notices == ()


# --- Transparency ----------------------------------------------------------------------------


@pytest.mark.parametrize("codec", ["libvpx", "libvpx-vp9"])
def test_transparent_webm_lies_on_white(tmp_path, codec):
    picture = np.zeros((48, 64, 4), np.uint8)
    picture[..., :3] = 200, 30, 60  # also where nothing is seen of it
    picture[:, :32, 3] = 255
    frames = [
        av.VideoFrame.from_ndarray(picture, format="rgba").reformat(format="yuva420p")
        for _ in range(3)
    ]
    options = {"auto-alt-ref": "0", "crf": "4", "b": "2M"}
    path = tmp_path / "a.webm"
    write_raw(path, frames, codec=codec, pixel_format="yuva420p", options=options)
    shown = list(read_frames(path))
    assert len(shown) == 3
    for frame in shown:
        assert np.abs(frame[10, 10].astype(int) - (200, 30, 60)).max() <= 4
        assert (frame[10, 55] == 255).all()
