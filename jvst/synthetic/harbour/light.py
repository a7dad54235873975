"""Hours at a harbour: their light and colours."""

from dataclasses import dataclass

from jvst.synthetic.fields import Number, Palette, palette


@dataclass(frozen=True, eq=False)
class Light:
    """The colours of an hour, and where the sun or moon stands.

    Args:
        sky: from the zenith down to the horizon.
        sun: of the disc, then of its glow.
        cloud: in shadow, then lit, then lit next to the sun.
        haze: what far things fade to.
        rock: of hills in shadow, then lit.
        wood: of things close by in shadow, then lit.
        stone: of walls in shadow, then lit.
        roof: in shadow, then lit.
        water: its own colour, deep, then shallow.
        lamp: of lit windows.
        place: of the sun from the middle of the horizon, in short sides.
        radius: of its disc, in short sides.
        stars: brightness of the stars, in [0, 1].
    """

    sky: Palette
    sun: Palette
    cloud: Palette
    haze: Palette
    rock: Palette
    wood: Palette
    stone: Palette
    roof: Palette
    water: Palette
    lamp: Palette
    place: tuple[Number, Number]
    radius: Number
    stars: Number = 0.0


LIGHTS = {
    "evening": Light(
        sky=palette("172b5e", "2f4f8c", "6f74a8", "d9918f", "f8b06a", "ffdc92"),
        sun=palette("fffbe2", "ffb54a"),
        cloud=palette("4a4a80", "d98a86", "ffd08a"),
        haze=palette("e0a07f"),
        rock=palette("2f4468", "a5725f"),
        wood=palette("0b1622", "3f4a33"),
        stone=palette("1c2247", "d99a68"),
        roof=palette("1d2444", "a3523f"),
        water=palette("0f2547", "2f5a7f"),
        lamp=palette("ffd866"),
        place=(-0.2, -0.062),
        radius=0.04,
    ),
    "moonlight": Light(
        sky=palette("060d2b", "0f2258", "1f4488", "3f70a8", "7fa3bf"),
        sun=palette("fffdea", "c3d6dc"),
        cloud=palette("16295c", "5f86b8", "dfe8e0"),
        haze=palette("5f86ab"),
        rock=palette("142348", "3f5f86"),
        wood=palette("060b16", "1d3236"),
        stone=palette("141d42", "6f86ab"),
        roof=palette("0d1534", "3a4a78"),
        water=palette("081438", "1f4474"),
        lamp=palette("ffc94a"),
        place=(-0.22, -0.3),
        radius=0.05,
        stars=1.0,
    ),
    "morning": Light(
        sky=palette("4f86b8", "86b3cf", "bcd2d4", "f0dcc0", "fbe8bc"),
        sun=palette("fffdf0", "ffe09a"),
        cloud=palette("8f9fc0", "f0d9cf", "fff6df"),
        haze=palette("d9d6cc"),
        rock=palette("4a6a7f", "a8ab7f"),
        wood=palette("16291f", "6a7f3a"),
        stone=palette("6a6f86", "f3dcb3"),
        roof=palette("5a3f4a", "c9704f"),
        water=palette("1f4f66", "5f97a3"),
        lamp=palette("ffe9a0"),
        place=(-0.21, -0.11),
        radius=0.04,
    ),
}
