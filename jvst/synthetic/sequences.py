"""The named scenes as tables of layers, without sizes."""

from dataclasses import dataclass, replace

import numpy as np

from jvst.synthetic.fields import Number
from jvst.synthetic.harbour import HORIZON
from jvst.synthetic.scene import Pair, Trajectory


@dataclass(frozen=True)
class Sequence:
    """A named scene before it has a size: names in ``SPRITES`` and ``BANDS``, back to front."""

    background: str
    seasons: tuple[str, ...]
    camera: Trajectory
    sprites: tuple[tuple[str, Trajectory], ...]
    shutter: Number = 0.0


def _sway(
    sprite: str,
    centre: Pair,
    scale: Number,
    across: Pair,
    down: Pair,
    *,
    phase: Number,
    **more: Number,
) -> tuple[str, Trajectory]:
    """Put one sprite in a table; across and down are (amplitude, period)."""
    motion = Trajectory(
        centre=centre,
        scale=scale,
        sway=(across[0], down[0]),
        sway_period=(across[1], down[1]),
        sway_phase=(phase, phase + 0.21),
        **more,  # pyright: ignore[reportArgumentType]
    )
    return sprite, motion


_PAN = Trajectory(sway=(0.12, 0.03), sway_period=(96, 71), zoom=0.04, pulse_period=83)

SEQUENCES = {
    "demo": Sequence(
        "landscape",
        ("summer", "dusk", "autumn", "night", "winter"),
        _PAN,
        (
            _sway(
                "balloon",
                (0.68, 0.3),
                0.12,
                (0.3, 97),
                (0.06, 61),
                phase=0.4,
                swing=0.015,
                zoom=0.1,
            ),
            _sway(
                "balloon",
                (0.3, 0.38),
                0.19,
                (0.16, 88),
                (0.07, 67),
                phase=0.0,
                swing=0.02,
                zoom=0.12,
            ),
            _sway(
                "kite", (0.55, 0.3), 0.15, (0.5, 83), (0.12, 47), phase=0.86, swing=0.06, zoom=0.15
            ),
            _sway(
                "star", (0.5, 0.52), 0.12, (0.45, 73), (0.22, 59), phase=0.32, spin=0.012, zoom=0.2
            ),
            _sway(
                "sunflower",
                (0.78, 0.74),
                0.17,
                (0.22, 91),
                (0.07, 53),
                phase=0.1,
                spin=-0.008,
                zoom=0.08,
            ),
            _sway(
                "ball", (0.3, 0.76), 0.13, (0.6, 101), (0.08, 37), phase=0.97, spin=0.015, zoom=0.1
            ),
            _sway("tree", (0.06, 0.62), 0.24, (0.22, 96), (0.04, 71), phase=0.02),
        ),
    ),
    # A camera that hardly moves past houses; near things move more than far ones.
    "alley": Sequence(
        "town",
        ("summer", "dusk", "autumn"),
        Trajectory(sway=(0.06, 0.015), sway_period=(140, 120), zoom=0.03, pulse_period=150),
        (
            _sway("parasol", (0.62, 0.86), 0.12, (0.08, 140), (0.02, 120), phase=0, spin=0.001),
            _sway("sunflower", (0.2, 0.85), 0.1, (0.1, 140), (0.03, 120), phase=0.01, swing=0.02),
            _sway("tree", (0.93, 0.55), 0.26, (0.14, 140), (0.035, 120), phase=0.0),
        ),
    ),
    # Large motion of large things, in front of a shaking camera.
    "ambush": Sequence(
        "landscape",
        ("winter", "night", "dusk"),
        Trajectory(sway=(0.14, 0.07), sway_period=(23, 17), zoom=0.06, pulse_period=29),
        (
            _sway(
                "fish", (0.4, 0.35), 0.24, (0.7, 31), (0.1, 19), phase=0.1, swing=0.04, zoom=0.15
            ),
            _sway("star", (0.55, 0.6), 0.2, (0.55, 26), (0.3, 33), phase=0.6, spin=0.02, zoom=0.3),
            _sway("kite", (0.5, 0.5), 0.27, (0.7, 24), (0.25, 29), phase=0.35, swing=0.1, zoom=0.2),
        ),
    ),
    # Faster still, with the shutter open for most of the frame.
    "blur": Sequence(
        "landscape",
        ("night", "winter", "autumn"),
        Trajectory(sway=(0.16, 0.08), sway_period=(19, 14), zoom=0.06, pulse_period=23),
        (
            _sway("ball", (0.5, 0.4), 0.22, (0.8, 23), (0.3, 17), phase=0.2, spin=0.03, zoom=0.2),
            _sway("fish", (0.5, 0.65), 0.3, (0.8, 19), (0.15, 15), phase=0.7, swing=0.06, zoom=0.2),
        ),
        shutter=0.8,
    ),
    # Small motion behind and in front of things thinner than a flow engine's window.
    "bandage": Sequence(
        "landscape",
        ("autumn", "summer", "dusk"),
        Trajectory(sway=(0.03, 0.02), sway_period=(90, 75), zoom=0.02, pulse_period=80),
        (
            _sway(
                "balloon",
                (0.6, 0.4),
                0.26,
                (0.05, 70),
                (0.04, 55),
                phase=0.3,
                swing=0.02,
                zoom=0.05,
            ),
            _sway(
                "ribbon",
                (0.45, 0.5),
                0.6,
                (0.06, 60),
                (0.05, 45),
                phase=0.1,
                angle=0.06,
                swing=0.015,
            ),
            _sway(
                "ribbon", (0.6, 0.55), 0.7, (0.05, 50), (0.07, 65), phase=0.6, angle=0.2, swing=0.02
            ),
            _sway("post", (0.33, 0.5), 0.55, (0.05, 75), (0.02, 50), phase=0.4, swing=0.006),
            _sway("post", (0.82, 0.5), 0.5, (0.07, 85), (0.02, 50), phase=0.9, swing=0.006),
        ),
    ),
    # A crowd seen from above: most of it hides and shows again, some for a long time.
    "market": Sequence(
        "pavement",
        ("summer", "autumn"),
        Trajectory(sway=(0.1, 0.06), sway_period=(110, 95), swing=0.01, pulse_period=100),
        (
            _sway("carpet", (0.3, 0.3), 0.2, (0.1, 110), (0.06, 95), phase=0, angle=0.04),
            _sway("carpet", (0.78, 0.7), 0.17, (0.1, 110), (0.06, 95), phase=0, angle=-0.07),
            _sway("ball", (0.6, 0.3), 0.07, (0.7, 80), (0.2, 66), phase=0.15, spin=0.02),
            _sway("sunflower", (0.4, 0.6), 0.08, (0.5, 90), (0.3, 75), phase=0.5, spin=0.01),
            _sway("star", (0.2, 0.7), 0.08, (0.6, 70), (0.2, 85), phase=0.8, spin=-0.015),
            _sway("parasol", (0.2, 0.28), 0.17, (0.3, 77), (0.12, 91), phase=0.05, spin=0.004),
            _sway("parasol", (0.75, 0.35), 0.2, (0.25, 93), (0.15, 68), phase=0.45, spin=-0.005),
            _sway("parasol", (0.4, 0.78), 0.19, (0.4, 99), (0.1, 57), phase=0.7, spin=0.006),
            _sway("fish", (0.6, 0.55), 0.13, (0.6, 84), (0.15, 49), phase=0.3, swing=0.05),
            _sway("parasol", (0.88, 0.85), 0.16, (0.3, 71), (0.2, 79), phase=0.25, spin=-0.007),
        ),
    ),
}
# The four things that flow is hard at: what is hidden by a still pole, crosses fast, leaves the
# frame and comes back. The ground pans and zooms.
_CROSSING = (
    _sway("crate", (0.86, 0.68), 0.15, (0.5, 48), (0.04, 61), phase=0.95, zoom=0.05),
    _sway("disc", (0.45, 0.35), 0.16, (0.8, 56), (0.12, 43), phase=0.9, spin=0.004, zoom=0.08),
    _sway("spikes", (0.5, 0.66), 0.18, (0.65, 52), (0.1, 47), phase=0.42, spin=0.008),
    _sway("pole", (0.36, 0.5), 0.25, (0.0, 60), (0.0, 60), phase=0.0),
)
SEQUENCES["crossing"] = Sequence(
    "clouds",
    ("summer",),
    Trajectory(
        sway=(0.12, 0.05),
        sway_period=(80, 67),
        sway_phase=(0.92, 0.05),
        zoom=0.08,
        pulse_period=70,
    ),
    _CROSSING,
)
# The crossing with little to hold on to.
SEQUENCES["fog"] = replace(
    SEQUENCES["crossing"],
    background="mist",
    sprites=tuple((f"pale {sprite}", motion) for sprite, motion in _CROSSING),
)
SEQUENCES["haze"] = replace(SEQUENCES["fog"], background="haze")
# The demo with everything at rest.
SEQUENCES["static"] = replace(
    SEQUENCES["demo"],
    camera=Trajectory(),
    sprites=tuple(
        (sprite, Trajectory(centre=motion.centre, scale=motion.scale))
        for sprite, motion in SEQUENCES["demo"].sprites
    ),
)


def _past(speed: Number, *, shear: Number = 0.0) -> Trajectory:
    """Return the motion of a layer of the harbour that the camera slides past.

    Args:
        speed: at most, in short sides a frame to the right; the nearer, the faster.
        shear: what that grows by, per short side that a point of the layer lies lower.
    """
    period = 120.0
    swing = period / (2 * np.pi)
    return Trajectory(
        centre=(0.5, HORIZON),
        sway=(speed * swing, 0.0),
        sway_period=(period, period),
        # Half way in the middle of 24 frames.
        sway_phase=(-11.5 / period, 0.0),
        shear=shear * swing,
    )


# The water lies flat: its near end moves past the fastest, and the jetty with it.
_WATER = _past(0.0016, shear=0.008)
# A bay at evening; boats and gulls have ways of their own.
SEQUENCES["harbour"] = Sequence(
    "harbour sky",
    ("evening", "moonlight", "morning"),
    _past(0.0004),
    (
        ("far range", _past(0.0007)),
        ("middle range", _past(0.001)),
        ("near range", _past(0.0013)),
        ("castle hill", _past(0.0018)),
        ("harbour water", _WATER),
        _sway("gull", (0.5, 0.19), 0.024, (0.1, 190), (0.02, 70), phase=-0.06, swing=0.03),
        _sway("gull", (0.44, 0.25), 0.019, (0.1, 190), (0.02, 60), phase=-0.05, swing=0.03),
        _sway("gull", (0.55, 0.14), 0.016, (0.1, 190), (0.02, 80), phase=-0.07, swing=0.03),
        _sway("sailing boat", (0.41, 0.6), 0.035, (0.06, 180), (0, 90), phase=-0.06, swing=0.003),
        _sway(
            "sailing boat", (0.49, 0.685), 0.15, (0.09, 180), (0.002, 31), phase=-0.06, swing=0.006
        ),
        ("jetty", _WATER),
        ("cypresses", _past(0.0045)),
        ("bank", _past(0.007)),
    ),
)
