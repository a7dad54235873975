r"""Tone-mapping of high dynamic range for common screens.

The signal is decoded to light, the light's peak is rolled off, and the result is encoded for a
screen whose white is the reference white of 203 cd/m² (ITU-R BT.2408-7, table 1).
"""

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from jaxtyping import Float, Float32, Float64, UInt8, UInt16

#: Reference white, cd/m²: ITU-R BT.2408-7, table 1.
WHITE = 203.0
#: Peak that is assumed where the clip doesn't say it, cd/m²: HLG's nominal peak, BT.2100-2.
COMMON_PEAK = 1000.0
#: Light at PQ's largest signal, cd/m²: BT.2100-2, table 4.
_PQ_PEAK = 10_000.0

Transfer = Literal["pq", "hlg", "gamma"]
Light = Float[np.ndarray, "*shape"]

# PQ, BT.2100-2, table 4.
_M1, _M2 = 2610 / 16384, 2523 / 4096 * 128
_C1, _C2, _C3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
# HLG, BT.2100-2, table 5: the curve's constants, and the gamma of a screen of 1000 cd/m².
_A = 0.17883277
_B, _C = 1 - 4 * _A, 0.5 - _A * np.log(4 * _A)
_HLG_GAMMA = 1.2
#: Exponent of a common screen: ITU-R BT.1886.
_SCREEN_GAMMA = 2.4

#: Luminance of BT.2020's primaries: BT.2020-2, table 4.
_LUMINANCE_2020 = np.array([0.2627, 0.6780, 0.0593])
#: Chromaticities (x, y) of red, green and blue: BT.709-6, BT.2020-2, SMPTE EG 432-1; all on D65.
_PRIMARIES = {
    "bt709": ((0.640, 0.330), (0.300, 0.600), (0.150, 0.060)),
    "bt2020": ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046)),
    "p3": ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),
}
_D65 = (0.3127, 0.3290)

# Steps of the table of the last curve; between two of them the result changes by 1/30 level.
_STEPS = 1 << 13


@dataclass(frozen=True)
class ToneMap:
    """How the light of a clip is shown on a common screen.

    Attributes:
        transfer: how its signal stands for light.
        primaries: of its colours: "bt709", "bt2020" or "p3".
        peak: its largest light, cd/m²; of no effect for "gamma".
    """

    transfer: Transfer
    primaries: str
    peak: float = COMMON_PEAK

    def convert(self, signal: UInt16[np.ndarray, "h w 3"]) -> UInt8[np.ndarray, "h w 3"]:
        """Convert 16-bit R'G'B' to 8-bit R'G'B' of BT.709."""
        light = to_light(np.arange(65536) / 65535, self.transfer).astype(np.float32)[signal]
        if self.transfer == "hlg":
            scene = cv2.transform(light, _LUMINANCE_2020[None])
            light *= COMMON_PEAK * cv2.pow(scene, _HLG_GAMMA - 1)[..., None]
        light = np.maximum(cv2.transform(light, to_bt709(self.primaries)), 0)
        if self.transfer != "gamma":
            largest = np.maximum(np.maximum(light[..., 0], light[..., 1]), light[..., 2])
            light *= self._factor(largest)[..., None]
        levels = 255 * cv2.pow(np.minimum(light, 1), 1 / _SCREEN_GAMMA)
        return np.rint(levels).astype(np.uint8)

    def _factor(self, largest: Float32[np.ndarray, "h w"]) -> Float32[np.ndarray, "h w"]:
        """Return what light in cd/m² is multiplied by: one factor for a pixel keeps its hue."""
        # Even steps of the signal, as the eye sees them.
        steps = to_light(np.linspace(0, 1, _STEPS), "pq")
        shown = roll_off(steps, peak=max(self.peak, WHITE)) / np.maximum(steps, 1e-9)
        return (np.interp(largest, steps, shown) / WHITE).astype(np.float32)


def to_light(signal: Light, transfer: Transfer) -> Light:
    r"""Decode a signal in [0, 1].

    .. math:: F_{PQ} = 10000 \left(\frac{\max(E^{1/m_2} - c_1, 0)}{c_2 - c_3 E^{1/m_2}}
        \right)^{1/m_1}

    Returns:
        For "pq" light in cd/m²; for "hlg" the scene's light in [0, 1]; for "gamma" the screen's
        light in [0, 1].

    Source: ITU-R BT.2100-2, tables 4 and 5; ITU-R BT.1886.
    """
    if transfer == "gamma":
        return signal**_SCREEN_GAMMA
    if transfer == "hlg":
        return np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - _C) / _A) + _B) / 12)
    power = signal ** (1 / _M2)
    return _PQ_PEAK * (np.maximum(power - _C1, 0) / (_C2 - _C3 * power)) ** (1 / _M1)


def to_pq(light: Light) -> Light:
    """Encode light in cd/m² as PQ's signal, the inverse of ``to_light``."""
    power = (np.clip(light, 0, _PQ_PEAK) / _PQ_PEAK) ** _M1
    return ((_C1 + _C2 * power) / (1 + _C3 * power)) ** _M2


def roll_off(light: Light, *, peak: float, white: float = WHITE) -> Light:
    r"""Bring light up to ``peak`` down to a screen's white; what is dark stays.

    .. math:: P(E) = (2t^3 - 3t^2 + 1) k + (t^3 - 2t^2 + t)(1 - k) + (-2t^3 + 3t^2) w,
        \qquad t = \frac{E - k}{1 - k}, \quad k = \tfrac32 w - \tfrac12

    for signals ``E > k``, in PQ's scale divided by that of the peak; ``w`` is the white's.

    Args:
        light: cd/m².
        peak: the largest light of the clip, cd/m².
        white: the largest light of the screen, cd/m².

    Source: ITU-R BT.2390-11, 5.4.1, with a black of 0.
    """
    top, screen = to_pq(np.array([peak, white]))
    signal = np.minimum(to_pq(light) / top, 1)
    largest = screen / top
    knee = 1.5 * largest - 0.5
    if knee >= 1:
        return np.minimum(light, white)
    t = np.maximum(signal - knee, 0) / (1 - knee)
    spline = (
        (2 * t**3 - 3 * t**2 + 1) * knee
        + (t**3 - 2 * t**2 + t) * (1 - knee)
        + (-2 * t**3 + 3 * t**2) * largest
    )
    return to_light(np.where(signal < knee, signal, spline) * top, "pq")


def to_bt709(primaries: str) -> Float64[np.ndarray, "3 3"]:
    """Return the matrix from linear RGB of some primaries to linear RGB of BT.709's.

    Source: SMPTE RP 177, 3.3.
    """
    return np.linalg.inv(_to_xyz(_PRIMARIES["bt709"])) @ _to_xyz(_PRIMARIES[primaries])


def _to_xyz(primaries: tuple[tuple[float, float], ...]) -> Float64[np.ndarray, "3 3"]:
    columns = np.array([[x / y, 1, (1 - x - y) / y] for x, y in primaries]).T
    x, y = _D65
    white = np.array([x / y, 1, (1 - x - y) / y])
    return columns * np.linalg.solve(columns, white)
