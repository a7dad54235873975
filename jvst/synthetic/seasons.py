"""The colours of landscapes."""

from dataclasses import dataclass

from jvst.synthetic.fields import Palette, palette


@dataclass(frozen=True, eq=False)
class Season:
    """The colours of a landscape: sky from the top down, hills from far to near."""

    sky: Palette
    sun: Palette
    cloud: Palette
    mountain: Palette
    hills: Palette
    stripes: Palette
    crowns: Palette
    night: bool = False


SEASONS = {
    "summer": Season(
        sky=palette("2f6fb7", "5fa6d8", "a9d4e4", "f3e3b5"),
        sun=palette("fff3c0", "ffd65c"),
        cloud=palette("fffaf0", "c9c3d6"),
        mountain=palette("6f86b8", "b9bfdc", "f4f2f5"),
        hills=palette("7fae8a", "86b04f", "4d8a3c", "2d6a35"),
        stripes=palette("a7c58c", "d9c24f", "7fb046", "4f9440"),
        crowns=palette("2c5a2f", "3f7a33", "8a9a2f", "6b4a86"),
    ),
    "dusk": Season(
        sky=palette("2b2f6b", "7a4b93", "d9697a", "f7a25a", "fbd98a"),
        sun=palette("fff0b0", "ff9a3c"),
        cloud=palette("ffb98a", "8a4b86"),
        mountain=palette("5a4a8a", "8f6aa6", "f2b8a6"),
        hills=palette("7a5a8c", "8a6a4f", "5f6b3a", "2f4a38"),
        stripes=palette("a07a9c", "c98f4a", "8c8f3f", "4a6a44"),
        crowns=palette("2a3a3a", "a3482f", "c9762f", "4a2f52"),
    ),
    "autumn": Season(
        sky=palette("4a86a8", "8fbcc2", "e6dcc0", "f6c98f"),
        sun=palette("fff6d8", "ffc46b"),
        cloud=palette("fbf1e2", "a9aebd"),
        mountain=palette("6a7a94", "a3a7b8", "efe9e4"),
        hills=palette("93a08a", "c98a3c", "a85a2a", "5f5a2f"),
        stripes=palette("b7b28c", "e0b04a", "c97a35", "8a7a3a"),
        crowns=palette("b83a24", "d9772a", "e0a92f", "6a3a2a"),
    ),
    "winter": Season(
        sky=palette("7a9cc0", "a9c3d9", "d9e3ea", "f6e6da"),
        sun=palette("fffdf2", "fbe3b0"),
        cloud=palette("ffffff", "a3b1c9"),
        mountain=palette("5a7396", "a3b7d0", "ffffff"),
        hills=palette("b7cadd", "dbe6ef", "c3d3e2", "eef3f6"),
        stripes=palette("9fb6cf", "c0cfdf", "a3b9cf", "cfdbe6"),
        crowns=palette("2f4f4a", "47655a", "6a5a4f", "3a4a66"),
    ),
    "night": Season(
        sky=palette("0b1440", "163070", "2f5a9c", "6a92b8"),
        sun=palette("fffbe0", "f2d873"),
        cloud=palette("8fb0d6", "24407f"),
        mountain=palette("1d2b5c", "3f5a94", "a9bfdc"),
        hills=palette("28406e", "1f4a5c", "1d3f3f", "10282f"),
        stripes=palette("3a5688", "2f6672", "2f5a4f", "1f3f3f"),
        crowns=palette("10242f", "1d3a3a", "24344f", "3a2f4a"),
        night=True,
    ),
    # Pure colours side by side: what a dab painting starts from.
    "fauve": Season(
        sky=palette("2a63c4", "39a3c9", "f2b6b8", "f9e07a"),
        sun=palette("fff7b5", "f5662f"),
        cloud=palette("fbe3d0", "e57fa0"),
        mountain=palette("5a3fa0", "8f5fc0", "f28fb0"),
        hills=palette("c93f6a", "2fa38a", "f0a22f", "d9402f"),
        stripes=palette("f07f4a", "1f6fb0", "e6d03f", "2f8f5a"),
        crowns=palette("12806a", "d9302f", "243f9a", "f2c22f"),
    ),
}
