"""Edge-preserving smoothing, the same on any number of threads."""

import numpy as np
from jaxtyping import Float, UInt8

#: Rounds over rows and columns, and how the strength falls from one to the next: what a round
#: leaves in streaks the next takes away.
_ROUNDS, _FALL = 3, 0.25
#: No edge is wholly tight: single pixels between edges take what surrounds them.
_TIGHT = 1e-6


def smooth_along(
    guide: UInt8[np.ndarray, "h w 3"],
    values: Float[np.ndarray, "h w c"],
    *,
    reach: float,
    edge: float,
) -> Float[np.ndarray, "h w c"]:
    r"""Smooth each row, then each column, some rounds; each line u minimises

    .. math:: \sum_p (u_p - f_p)^2
        + \lambda \sum_p e^{-|g_p - g_{p+1}|^2 / \sigma^2} (u_p - u_{p+1})^2

    Args:
        guide: g, whose edges stop the smoothing.
        values: f.
        reach: :math:`\lambda`; its root is about how many pixels it carries where g is flat.
        edge: :math:`\sigma`, the length of a step of colour that counts as an edge, of 255.

    Source: Min et al. 2014, "Fast global image smoothing based on weighted least squares", with
    the settings of OpenCV's FastGlobalSmootherFilter, whose last bits depend on its threads.
    Differs from it in the square: an outline spreads over two or three pixels, and with steps
    counted as they are, a chain of them let a thing's motion leak into the flat area beside it.
    """
    colours, smooth = guide.astype(float), values.astype(float)
    across, down = (
        np.maximum(np.exp(-np.square(np.diff(colours, axis=axis) / edge).sum(-1)), _TIGHT)
        for axis in (1, 0)
    )
    across = np.ascontiguousarray(across.T)
    for number in range(_ROUNDS):
        strength = reach * _FALL**number
        rows = np.ascontiguousarray(np.swapaxes(smooth, 0, 1))
        rows = _solve(strength * across, rows)
        smooth = _solve(strength * down, np.ascontiguousarray(np.swapaxes(rows, 0, 1)))
    return smooth


def _solve(
    bonds: Float[np.ndarray, "_ m"], values: Float[np.ndarray, "n m c"]
) -> Float[np.ndarray, "n m c"]:
    """Solve m lines of n values, with n-1 bonds: a tridiagonal system each, eliminated along n."""
    bonds = np.pad(bonds, ((1, 1), (0, 0)))  # none before the first value and after the last
    shares = np.zeros_like(bonds)
    solved = values.copy()
    for i in range(len(values)):
        before = bonds[i]
        pivot = 1 / (1 + bonds[i + 1] + before * (1 - shares[i]))
        shares[i + 1] = bonds[i + 1] * pivot
        if i > 0:
            solved[i] += before[:, None] * solved[i - 1]
        solved[i] *= pivot[:, None]
    for i in range(len(values) - 2, -1, -1):
        solved[i] += shares[i + 1][:, None] * solved[i + 1]
    return solved
