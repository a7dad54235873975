"""A jetty from the near shore into the water."""

import numpy as np

from jvst.synthetic.fields import Field, Picture, fractal_noise, mix, smoothstep
from jvst.synthetic.harbour.view import HORIZON, View
from jvst.synthetic.shapes import Box, Polygon, Shape, Union

# The jetty's edges leave the horizon here and go to the viewer's right, in u over v.
_VANISHING, _LEFT_EDGE, _RIGHT_EDGE = 0.08, 0.72, 1.1
_JETTY_END = 0.2
_POSTS = (0.2, 0.243, 0.3, 0.38)


def jetty(view: View, u: Field, v: Field) -> tuple[Shape, Picture]:
    """Draw planks on posts that lead out over the water."""
    light = view.light
    near = (1 - HORIZON) * view.tall + 0.1
    edge = [
        (_VANISHING + lean * at, at)
        for at in (_JETTY_END, near)
        for lean in (_LEFT_EDGE, _RIGHT_EDGE)
    ]
    side = [(edge[0][0], _JETTY_END * 1.07), (edge[2][0], near * 1.07)]
    deck = Polygon((edge[0], edge[1], edge[3], edge[2], side[1], side[0]))
    posts = []
    for at in _POSTS:
        for lean in (_LEFT_EDGE, _RIGHT_EDGE):
            foot = (_VANISHING + lean * at, at * (1.05 if lean == _LEFT_EDGE else 0.93))
            posts.append((Box(0.045 * at, 0.24 * at), foot))
    rng = view.rng(60)
    depth = np.maximum(v, 0.05)
    lean = (u - _VANISHING) / depth
    plank = 4.5 / depth
    grain = fractal_noise(rng, 3 * lean, 0.35 * plank, frequency=9, octaves=3)
    number = np.floor(plank)
    tone = np.clip(0.45 + 0.35 * grain + 0.3 * np.sin(2.3 * number * number), 0, 1)
    gap = smoothstep(0.04, 0.14, np.minimum(plank - number, number + 1 - plank))
    lit = 0.6 * light.rock[1] + 0.25 * light.sun[1]
    board = mix(light.wood[0], mix(0.55 * lit, lit, tone), 0.25 + 0.75 * gap)
    board = mix(board, light.sun[1], 0.7 * smoothstep(_LEFT_EDGE + 0.05, _LEFT_EDGE, lean))
    on_deck = smoothstep(_LEFT_EDGE - 0.01, _LEFT_EDGE + 0.01, lean)
    picture = mix(light.wood[0], board, on_deck)
    for box, (at_u, at_v) in posts:
        inside = np.maximum(np.abs(u - at_u) / box.half_width, np.abs(v - at_v) / box.half_height)
        lit = smoothstep(0.2, -0.9, (u - at_u) / box.half_width)
        shade = mix(light.wood[0], 0.45 * light.sun[1] + 0.3 * light.stone[0], 0.75 * lit)
        picture = mix(picture, shade, smoothstep(1.06, 0.98, inside))
    return Union(((deck, (0.0, 0.0)), *posts)), picture


def darkness_below(u: Field, v: Field, waves: Field) -> Field:
    """Return how much the jetty and its posts darken the water beside them."""
    depth = np.maximum(v, 0.05)
    lean = (u + 0.03 * waves * depth - _VANISHING) / depth
    dark = smoothstep(_LEFT_EDGE - 0.22, _LEFT_EDGE - 0.06, lean) * smoothstep(1.1, 0.9, lean)
    dark *= smoothstep(_JETTY_END - 0.004, _JETTY_END + 0.004, v)
    for at in _POSTS:
        across = np.abs(u + 0.05 * waves * depth - _VANISHING - _LEFT_EDGE * at) / at
        post = smoothstep(0.07, 0.04, across) * smoothstep(at * 1.8, at * 1.5, v) * (v > at)
        dark = np.maximum(dark, post)
    return dark
