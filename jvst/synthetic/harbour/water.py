"""Water that mirrors what stands above it."""

import numpy as np

from jvst.synthetic.fields import Field, Picture, fractal_noise, mix, ramp, smoothstep
from jvst.synthetic.harbour.castle import castle_hill
from jvst.synthetic.harbour.hills import far_range, middle_range, near_range
from jvst.synthetic.harbour.jetty import darkness_below
from jvst.synthetic.harbour.sky import harbour_sky
from jvst.synthetic.harbour.view import LINE, View
from jvst.synthetic.shapes import Shape, Skyline


def water(view: View, u: Field, v: Field) -> tuple[Shape, Picture]:
    """Draw waves that mirror what stands above them, and glitter below the sun."""
    light = view.light
    depth = np.maximum(v, 0) + 0.012
    rng = view.rng(3)
    # Waves lie flat: they shrink and draw together towards the horizon.
    x, y = 0.32 * u / (depth + 0.06), 1.5 * np.log(depth + 0.02)
    swell = fractal_noise(rng, x, y, frequency=3.1, octaves=2)
    ripple = fractal_noise(rng, 1.3 * x, 1.6 * y, frequency=7.0, octaves=3)
    calm = smoothstep(0.0, 0.1, v)
    waves = calm * (0.6 * swell + ripple)
    mirrored_v = -np.maximum(1.05 * depth - 0.012 + waves * (0.012 + 0.12 * depth), 0.001)
    mirrored_u = u + waves * (0.002 + 0.03 * depth)
    above = (harbour_sky, far_range, middle_range, near_range, castle_hill)
    picture = np.zeros((*u.shape, 3), np.float32)
    for band in above:
        outline, colours = band(view, mirrored_u, mirrored_v)
        seen = outline.inside(mirrored_u.ravel(), mirrored_v.ravel()).reshape(u.shape)
        picture = np.where(seen[..., None], colours, picture)
    # The steeper the sight, the more of the water's own colour is seen.
    own = ramp(light.water, 0.35 + 0.5 * waves)
    steep = np.clip(0.16 + 1.15 * depth + 0.22 * waves, 0, 0.86)
    picture = mix(picture, own, steep)
    wide = 0.03 + 0.16 * depth
    path = np.exp(-np.square((u - light.place[0]) / wide))
    sparkle = smoothstep(0.3, 0.7, 1.25 * ripple + 0.5 * swell + 0.95 * path - 0.55)
    picture = mix(picture, light.sun[1], 0.7 * path * (0.5 + 0.5 * sparkle))
    picture = mix(picture, light.sun[0], 0.9 * path * sparkle)
    picture = mix(picture, light.water[0] * np.float32(0.6), 0.75 * darkness_below(u, v, waves))
    shore = 0.006 + 0.004 * view.along(4, frequency=6, octaves=3)
    shore += 0.012 * smoothstep(-0.02, 0.25, LINE)
    return Skyline(LINE, shore), picture
