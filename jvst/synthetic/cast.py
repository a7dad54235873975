"""The sprites by name: outlines, textures and palettes."""

from dataclasses import dataclass

from jvst.synthetic import noise, sprites
from jvst.synthetic.fields import Palette, palette
from jvst.synthetic.shapes import Box, Polygon, Shape, Star, Superellipse, Union


@dataclass(frozen=True, eq=False)
class Sprite:
    """What a sprite looks like; its body has radius 1."""

    shape: Shape
    paint: sprites.Paint
    palettes: tuple[Palette, ...]


_DISC = Superellipse()
_BASKET = Polygon(((-0.26, 0.9), (0.26, 0.9), (0.19, 1.42), (-0.19, 1.42)))
_SAIL = Polygon(((0.0, -1.25), (0.78, -0.25), (0.0, 1.05), (-0.78, -0.25)))
_TAIL = Polygon(
    ((-0.04, 1.0), (0.04, 1.0), (0.2, 1.35), (0.0, 1.75), (0.1, 2.1), (-0.12, 1.75), (0.08, 1.35))
)
_BOW = Polygon(((-0.24, -0.13), (0.24, 0.13), (0.24, -0.13), (-0.24, 0.13)))
_FIN = Polygon(((-0.75, 0.0), (-1.35, -0.5), (-1.2, 0.0), (-1.35, 0.5)))

_HULL = Polygon(((-0.7, 0.43), (0.0, 0.48), (0.74, 0.38), (0.54, 0.62), (-0.54, 0.64)))
_MAIN = Polygon(((0.0, -1.0), (-0.17, -0.62), (-0.37, -0.14), (-0.56, 0.34), (0.0, 0.4)))
_JIB = Polygon(((0.06, -0.84), (0.2, -0.36), (0.56, 0.34), (0.07, 0.36)))
# What the boat's mirror image leaves between the waves.
_MIRRORED = tuple(
    (Superellipse(half, thick), (shift, level))
    for half, thick, shift, level in (
        (0.5, 0.034, -0.03, 0.7),
        (0.36, 0.03, 0.09, 0.79),
        (0.4, 0.036, -0.07, 0.885),
        (0.22, 0.03, 0.13, 0.98),
        (0.27, 0.034, -0.1, 1.085),
        (0.14, 0.032, 0.04, 1.21),
    )
)
_GULL = Polygon(
    (
        (-1.0, -0.12),
        (-0.6, -0.4),
        (-0.2, -0.26),
        (0.0, -0.06),
        (0.25, -0.34),
        (0.65, -0.5),
        (1.0, -0.3),
        (0.6, -0.28),
        (0.3, 0.0),
        (0.0, 0.22),
        (-0.25, 0.0),
        (-0.6, -0.2),
    )
)

_SPIKES, _CRATE, _POLE = Star(5, 0.35), Box(1.0, 0.75), Box(0.09, 3.0)

_BRIGHT = palette("d8392f", "f7c93f", "2f7fb8", "f5f0dc", "3f9a5a", "e87a2f")
_GARDEN = palette("6a3f9a", "f29ab8", "f7e06a", "2f8f8a", "f5f0e6", "c93f6a")

_CANDY = palette("9a4a3f", "e0b04a", "5a3f6f", "c98f8f")
_SEA = palette("3f6a8a", "a9c9b0", "d8a86a", "2f4a5f")
_LEAF = palette("6f8a3f", "d9d08a", "8a5a3f", "3f6f5a")
_BONE = palette("b9a88f", "6f5a4a", "8fa3a8", "e6dcc8")
# The same four without their contrast.
_PALE_CANDY = palette("b3837c", "c2a274", "a3747a", "c4968f")
_PALE_SEA = palette("6a7f92", "7f93a0", "5f7488", "8a9aa3")
_PALE_LEAF = palette("8fa07f", "a1ab8c", "7f9474", "98a893")
_PALE_BONE = palette("c8c0b2", "b9b3a8", "d4cdc2", "bdb4a4")

SPRITES = {
    "balloon": Sprite(
        Union(((_DISC, (0.0, 0.0)), (_BASKET, (0.0, 0.0)))),
        sprites.balloon,
        (
            palette("d8392f", "f6e7c1", "f2b134", "2f4b8a"),
            palette("2a7f9e", "f5efe0", "e9663c", "f6c945"),
            palette("6b3fa0", "f4c24d", "e8486a", "fff3d6"),
            palette("2f8f5a", "f3e37c", "d9482f", "fdf6e3"),
        ),
    ),
    "ball": Sprite(_DISC, sprites.ball, (_BRIGHT, _GARDEN)),
    "sunflower": Sprite(
        Star(16, 0.13),
        sprites.sunflower,
        (palette("f9d13a", "f0932b", "d9601f"), palette("fbe9f0", "e86a92", "a8305f")),
    ),
    "star": Sprite(
        Star(5, 0.42),
        sprites.star,
        (palette("e0452f", "ffb347", "fff0b8"), palette("3f6fc9", "8fe0e6", "f5f7d0")),
    ),
    "kite": Sprite(
        Union(
            ((_SAIL, (0.0, 0.0)), (_TAIL, (0.0, 0.0)), (_BOW, (0.1, 1.35)), (_BOW, (-0.06, 1.75)))
        ),
        sprites.kite,
        (_BRIGHT, _GARDEN, palette("e84a5f", "2a9d8f", "f4a261", "264653")),
    ),
    "tree": Sprite(
        Union(
            (
                (Box(0.15, 1.5), (0.0, 1.2)),
                (Superellipse(0.75, 0.62), (-0.38, 0.3)),
                (Superellipse(0.7, 0.6), (0.42, 0.36)),
                (Superellipse(0.8, 0.75), (0.05, -0.3)),
            )
        ),
        sprites.tree,
        (
            palette("3f7a35", "5c9a3c", "8fb545", "2f5f3a", "c9b83f"),
            palette("b84a28", "d9822f", "e8b23c", "8f3a2a", "6f6a2f"),
        ),
    ),
    "fish": Sprite(
        Union(((Superellipse(1.0, 0.52, 2.2), (0.0, 0.0)), (_FIN, (0.0, 0.0)))),
        sprites.fish,
        (
            palette("e8552f", "ffd27f", "a82f3f", "f7a23c"),
            palette("2f6fb0", "a9e0d9", "1f3f7f", "f2c84f"),
        ),
    ),
    "parasol": Sprite(
        Star(8, 0.05),
        sprites.parasol,
        (
            palette("d9402f", "f7ecd6", "f2b53c", "3f5a8f"),
            palette("2f8f9a", "f5efdc", "e8663f", "f7d04f"),
            palette("f2b234", "c9452f", "fbf0d2", "5a2f4a"),
            palette("7f5aa8", "f2dff0", "4f9a6a", "f7e27a"),
        ),
    ),
    "carpet": Sprite(
        Box(1.4, 0.9),
        sprites.cloth,
        (
            palette("a8322f", "e8c07a", "2f4a6f", "7a2f3f"),
            palette("2f6f6a", "f0d9a8", "c9653f", "3f3f6a"),
        ),
    ),
    "ribbon": Sprite(Box(1.6, 0.035), sprites.cloth, (_BRIGHT, _GARDEN)),
    "post": Sprite(
        Box(0.045, 1.6),
        sprites.wood,
        (palette("c9403a", "f5ead2"), palette("2f5f8f", "f2d98a"), palette("6a4a34", "a87a4f")),
    ),
    "sailing boat": Sprite(
        Union(
            (
                (_HULL, (0.0, 0.0)),
                (_MAIN, (0.0, 0.0)),
                (_JIB, (0.0, 0.0)),
                (Box(0.028, 0.78), (0.03, -0.32)),
                *_MIRRORED,
            )
        ),
        sprites.sailing_boat,
        (
            palette("5f5f8a", "fff3cf", "1d2a3f", "b8543f"),
            palette("5a1c2c", "f08a4a", "141c33", "c9a06f"),
        ),
    ),
    "gull": Sprite(_GULL, sprites.gull, (palette("1f2a4a", "5f6486"),)),
    # Plain outlines covered with noise.
    "disc": Sprite(_DISC, noise.textured, (_CANDY,)),
    "spikes": Sprite(_SPIKES, noise.textured, (_LEAF,)),
    "crate": Sprite(_CRATE, noise.textured, (_SEA,)),
    "pole": Sprite(_POLE, noise.textured, (_BONE,)),
    "pale disc": Sprite(_DISC, noise.faint, (_PALE_CANDY,)),
    "pale spikes": Sprite(_SPIKES, noise.faint, (_PALE_LEAF,)),
    "pale crate": Sprite(_CRATE, noise.faint, (_PALE_SEA,)),
    "pale pole": Sprite(_POLE, noise.faint, (_PALE_BONE,)),
}
