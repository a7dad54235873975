"""What all layers of the harbour share.

Layers are drawn in coordinates (u, v) in short sides, whose origin lies in the middle of the
horizon, so that the water can ask for what stands above it.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from jvst.synthetic.fields import Field, Number, Picture, fractal_noise
from jvst.synthetic.harbour.light import Light
from jvst.synthetic.shapes import Shape

#: Height of the horizon below the frame's top, in heights of the frame.
HORIZON = 0.6
#: Places of the corners of an outline: finer than a pixel of a frame of 800, and wider than most.
LINE = np.arange(-2500, 2501) * 0.0012


@dataclass(frozen=True)
class View:
    """Where and when the harbour is seen.

    Args:
        seed: of hills, houses and waves.
        light: of the hour.
        tall: height of the frame, in short sides.
    """

    seed: int
    light: Light
    tall: Number

    def rng(self, number: int) -> np.random.Generator:
        """Return random numbers of one layer's own, the same whenever it is asked for."""
        return np.random.default_rng([self.seed, number])

    def along(self, number: int, *, frequency: Number, octaves: int) -> Float64[np.ndarray, " k"]:
        """Return noise at the corners of an outline, standard deviation about 1/2."""
        u = LINE.astype(np.float32)[None]
        noise = fractal_noise(self.rng(number), u, 0 * u, frequency=frequency, octaves=octaves)
        return noise[0].astype(np.float64)


#: Draws a layer of a view at (u, v): its outline and its colours.
Band = Callable[[View, Field, Field], tuple[Shape, Picture]]
