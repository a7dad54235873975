"""Pure functions of arrays.

There is no I/O, no state and no hidden randomness.

Images are RGB float32 in [0, 1], ``[h w 3]``; flow is (dx, dy) in pixels, ``[h w 2]``; masks are
``[h w]``, 1 = trust. Functions are unbatched: batch them with ``jax.vmap``. ``losses`` has the
terms of the energy, ``warp`` moves a picture along a flow, ``consistency`` and ``masks`` say where
the flow can be trusted, ``cuts`` where two frames show the same thing at all, ``blend`` mixes
passes, ``metrics`` measures the result; ``arguments`` refuses what can't be meant.
"""
