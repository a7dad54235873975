"""Outlines of sprites, exact at any real point."""

# ruff: noqa: D102 - what each method says is written once, in Shape.

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float, Float64

from jvst.synthetic.fields import Number

#: Coordinates of a list of points.
Points = Float[np.ndarray, " n"]
Inside = Bool[np.ndarray, " n"]


@runtime_checkable
class Shape(Protocol):
    """An outline around the origin."""

    @property
    def radius(self) -> float:
        """Of a circle around the origin that holds the shape; infinite for a background."""
        ...

    def inside(self, u: Points, v: Points) -> Inside:
        """Tell for each point whether the shape covers it."""
        ...


@dataclass(frozen=True)
class Everywhere:
    """The whole plane: a background."""

    @property
    def radius(self) -> float:
        return float("inf")

    def inside(self, u: Points, v: Points) -> Inside:
        return np.ones(u.shape, bool)


@dataclass(frozen=True, eq=False)
class Skyline:
    """Everything below a line from side to side: a range of hills, roofs, a shore.

    Args:
        u: of the line's corners, rising.
        v: of the same corners; beyond the first and the last the line is level.
    """

    u: Float64[np.ndarray, " k"]
    v: Float64[np.ndarray, " k"]

    @property
    def radius(self) -> float:
        return float("inf")

    def inside(self, u: Points, v: Points) -> Inside:
        # Most points lie above or below the whole line, and need no search for their place in it.
        covered = v >= self.v.max()
        between = np.flatnonzero((v >= self.v.min()) & ~covered)
        covered[between] = v[between] >= np.interp(u[between], self.u, self.v)
        return covered


@dataclass(frozen=True)
class Superellipse:
    r"""All points with :math:`|u/r_u|^p + |v/r_v|^p \le 1`; p = 2 is an ellipse."""

    radius_u: Number = 1.0
    radius_v: Number = 1.0
    exponent: Number = 2.0

    @property
    def radius(self) -> float:
        return float(np.hypot(self.radius_u, self.radius_v))

    def inside(self, u: Points, v: Points) -> Inside:
        p = self.exponent
        if p == 2:
            return np.square(u / self.radius_u) + np.square(v / self.radius_v) <= 1
        return np.abs(u / self.radius_u) ** p + np.abs(v / self.radius_v) ** p <= 1


@dataclass(frozen=True)
class Box:
    """A rectangle, bar or pole."""

    half_width: Number = 1.0
    half_height: Number = 1.0

    @property
    def radius(self) -> float:
        return float(np.hypot(self.half_width, self.half_height))

    def inside(self, u: Points, v: Points) -> Inside:
        return (np.abs(u) <= self.half_width) & (np.abs(v) <= self.half_height)


@dataclass(frozen=True)
class Star:
    r"""All points with :math:`r \le (1 + a \cos n\varphi)/(1 + a)`: petals, scallops, stars."""

    points: int = 5
    depth: Number = 0.3

    @property
    def radius(self) -> float:
        return 1.0

    def inside(self, u: Points, v: Points) -> Inside:
        edge = 1 + self.depth * np.cos(self.points * np.arctan2(u, -v))
        return np.hypot(u, v) * (1 + self.depth) <= edge


@dataclass(frozen=True)
class Polygon:
    """Straight edges through the corners in order; even-odd rule."""

    corners: tuple[tuple[Number, Number], ...]

    @property
    def radius(self) -> float:
        return max(float(np.hypot(*corner)) for corner in self.corners)

    def inside(self, u: Points, v: Points) -> Inside:
        odd = np.zeros(u.shape, bool)
        for (u0, v0), (u1, v1) in zip(
            self.corners, self.corners[1:] + self.corners[:1], strict=True
        ):
            if v0 == v1:
                continue
            crosses = (v >= min(v0, v1)) & (v < max(v0, v1))
            odd ^= crosses & (u < u0 + (v - v0) * ((u1 - u0) / (v1 - v0)))
        return odd


@dataclass(frozen=True)
class Union:
    """Several shapes in one, each moved by its (u, v) offset."""

    parts: tuple[tuple[Shape, tuple[Number, Number]], ...]

    @property
    def radius(self) -> float:
        return max(part.radius + float(np.hypot(*offset)) for part, offset in self.parts)

    def inside(self, u: Points, v: Points) -> Inside:
        covered = np.zeros(u.shape, bool)
        for part, (offset_u, offset_v) in self.parts:
            covered |= part.inside(u - offset_u, v - offset_v)
        return covered
