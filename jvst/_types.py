"""The arrays that jvst speaks of, as jaxtyping aliases.

Shape letters: ``h w c`` image, ``j`` lag, ``t`` frame, ``n`` batch. Device arrays are float
and unbatched; what comes from or goes to a file is NumPy. What ends in ``Like`` is an argument of
the library: an array of JAX or of NumPy.
"""

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
from jaxtyping import Array, Float, Float32, UInt8

#: RGB in [0, 1].
Image = Float[Array, "h w 3"]
#: (dx, dy) in pixels, on the frame where the arrow starts.
Flow = Float[Array, "h w 2"]
#: Trust in [0, 1], on the frame that is being stylized; 1 = trust.
Mask = Float[Array, "h w"]
#: One layer of the network.
Activation = Float[Array, "h w c"]
#: Products of the channels of one layer.
Gram = Float[Array, "c c"]
#: Named layers; a leading underscore leaves a size unchecked, as each layer has its own.
Activations = dict[str, Float[Array, "_h _w _c"]]
#: What named layers are drawn to: Gram matrices ``[c c]``, or ``core.statistics.StyleTarget``.
StyleTargets = dict[str, Any]
#: A number in a formula.
Scalar = Float[Array, ""]

#: An array of JAX or of NumPy.
AnyArray: TypeAlias = Array | np.ndarray
ImageLike = Float[AnyArray, "h w 3"]
FlowLike = Float[AnyArray, "h w 2"]
MaskLike = Float[AnyArray, "h w"]
ActivationLike = Float[AnyArray, "h w c"]
GramLike = Float[AnyArray, "c c"]
ActivationsLike = Mapping[str, Float[AnyArray, "_h _w _c"]]
StyleTargetsLike = Mapping[str, Any]
#: A number in a formula, as an argument.
ScalarLike = Float[AnyArray, ""] | np.number | float | int
#: A whole number, as an argument.
Count: TypeAlias = int | np.integer

#: A decoded frame: 8-bit RGB, in host memory.
Frame = UInt8[np.ndarray, "h w 3"]
#: A flow field in host memory: (dx, dy) in pixels.
FlowField = Float32[np.ndarray, "h w 2"]

#: A ``jax.Device``, which type checkers take for a variable.
Device = Any
