"""Colour profiles (ICC.1:2010) as small as they can be, and what they mean, in NumPy."""

import itertools
import struct

import numpy as np

ADOBE_RGB = ((0.64, 0.33), (0.21, 0.71), (0.15, 0.06))  # Adobe RGB (1998), 4.3.1.1
ADOBE_GAMMA = 563 / 256  # 4.3.1.2
SRGB = ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06))
#: Lab of paper with each of cyan, magenta, yellow and black ink, in that order of bits.
_INKS = {"c": (60, -30, -45), "m": (50, 70, 0), "y": (90, -5, 90), "k": (20, 0, 0)}
_D50 = np.array([0.9642, 1.0, 0.8249])
_D65 = np.array([0.3127 / 0.3290, 1.0, (1 - 0.3127 - 0.3290) / 0.3290])
# Bradford's cone response: ICC.1:2010, annex E.
_BRADFORD = np.array(
    [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]]
)


def to_xyz(primaries):
    """Matrix from linear RGB on D65 to XYZ on D65."""
    columns = np.array([[x / y, 1, (1 - x - y) / y] for x, y in primaries]).T
    return columns * np.linalg.solve(columns, _D65)


def adapted(matrix, *, white=_D65, to=_D50):
    """The same under another white."""
    scale = np.diag((_BRADFORD @ to) / (_BRADFORD @ white))
    return np.linalg.inv(_BRADFORD) @ scale @ _BRADFORD @ matrix


def matrix_profile(primaries, gamma):
    """Profile of an RGB screen."""
    red, green, blue = adapted(to_xyz(primaries)).T
    curve = b"curv" + struct.pack(">4xIH2x", 1, round(gamma * 256))
    return _profile(
        b"mntrRGB XYZ ",
        {
            b"rXYZ": _xyz(red),
            b"gXYZ": _xyz(green),
            b"bXYZ": _xyz(blue),
            b"rTRC": curve,
            b"gTRC": curve,
            b"bTRC": curve,
        },
    )


def grey_profile(gamma):
    """Profile of a grey screen."""
    curve = b"curv" + struct.pack(">4xIH2x", 1, round(gamma * 256))
    return _profile(b"mntrGRAYXYZ ", {b"kTRC": curve})


def ink_lab(cmyk):
    """Lab of full inks, each there or not."""
    lab = np.array([100.0, 0, 0])
    for ink, there in zip("cmyk", cmyk, strict=True):
        if there:
            light, *hue = _INKS[ink]
            lab = np.array([lab[0] * light / 100, *(lab[1:] * 0.5 + hue)])
    return np.array([0.0, 0, 0]) if all(cmyk) else np.clip(lab, (0, -128, -128), (100, 127, 127))


def cmyk_profile():
    """Profile of a printer, by a table of 2 steps a side."""
    corners = np.array([ink_lab(inks) for inks in itertools.product((0, 1), repeat=4)])
    table = np.round(corners * (2.55, 1, 1) + (0, 128, 128)).clip(0, 255).astype(np.uint8)
    straight = bytes(range(256))
    identity = struct.pack(">9i", *(65536 * np.eye(3, dtype=int)).ravel())
    lut = b"mft1" + struct.pack(">4x3Bx", 4, 3, 2) + identity
    return _profile(b"prtrCMYKLab ", {b"A2B0": lut + 4 * straight + table.tobytes() + 3 * straight})


def lab_to_srgb(lab):
    """8-bit sRGB of Lab on D50, by the definitions."""
    y = (lab[0] + 16) / 116
    cubes = np.array([y + lab[1] / 500, y, y - lab[2] / 200])
    xyz = _D50 * np.where(cubes > 6 / 29, cubes**3, 3 * (6 / 29) ** 2 * (cubes - 4 / 29))
    return encoded(np.linalg.solve(adapted(to_xyz(SRGB)), xyz))


def encoded(linear):
    """8-bit sRGB of linear RGB, IEC 61966-2-1; what is out of range is clipped."""
    linear = np.clip(linear, 0, 1)
    curve = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.round(255 * curve)


def _xyz(values):
    return b"XYZ " + struct.pack(">4x3i", *np.round(values * 65536).astype(int))


def _profile(kinds, tags):
    text = b"desc" + struct.pack(">4xI", 5) + b"test\0" + bytes(4 + 4 + 2 + 1 + 67)
    tags = {b"desc": text, b"wtpt": _xyz(_D50), b"cprt": b"text\0\0\0\0none\0", **tags}
    at, table, body = 128 + 4 + 12 * len(tags), b"", b""
    for name, data in tags.items():
        table += name + struct.pack(">II", at + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    size = at + len(body)
    head = struct.pack(">I4xI12s", size, 0x02400000, kinds)
    head += struct.pack(">6H4s", 2020, 1, 1, 0, 0, 0, b"acsp") + bytes(28)
    head += struct.pack(">3i", *np.round(_D50 * 65536).astype(int))
    return head.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body
