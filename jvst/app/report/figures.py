"""The plots of the page, as scalable drawings."""

import io
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from jvst.app.report.gather import FrameNumbers
from jvst.app.report.thumbnails import address

#: The loss terms in their order, with what the page calls them and their colours, which people who
#: see no red or no green tell apart too (Okabe and Ito 2008, *Color universal design*).
TERMS = {
    "content": ("content", "#0072b2"),
    "style": ("style", "#d55e00"),
    "temporal": ("temporal", "#009e73"),
    "total_variation": ("total variation", "#cc79a7"),
}
#: What can have stopped a frame, and its colour.
STOPS = {
    "converged": "#009e73",
    "iteration limit": "#e69f00",
    "non-finite loss": "#c0392b",
}
_OUTPUT, _INPUT = "#0072b2", "#8a8f98"
_SIZE = (5.0, 2.8)  # inches: two stand side by side on a desktop, one across a phone
_TALL = (5.0, 3.5)  # those of steadiness, one of which has two parts
_MARKED = 60  # frames; more points than these touch each other
_LEAST_SPAN = 0.05  # of light in [0, 1]; less is hardly seen
_HEAVIEST_SVG = 150_000  # bytes; pixels weigh less than a very long clip's lines


def loss_per_frame(numbers: Sequence[FrameNumbers], cuts: Sequence[int]) -> str:
    """Plot the weighted terms at the end of each frame."""
    figure, axes = _figure()
    terms = [one.info.get("terms") or {} for one in numbers]
    for name, (title, colour) in TERMS.items():
        _line(axes, [_finite(term.get(name)) for term in terms], title, colour)
    _line(axes, [_finite(one.info.get("loss")) for one in numbers], "sum", "#333333", width=0.9)
    _decorate(axes, len(numbers), "weighted loss", cuts, logarithmic=True)
    return _drawn(figure)


def loss_per_iteration(
    reports: Sequence[Mapping[str, Any]], limits: tuple[float, float] | None
) -> str:
    """Plot the weighted terms over the iterations of one frame.

    Args:
        reports: as they came, the start first.
        limits: of the loss, the same for every frame; None where nothing is positive.
    """
    figure, axes = _figure((3.7, 2.8))
    iterations = [int(report["iteration"]) for report in reports]
    for name, (title, colour) in TERMS.items():
        values = [_finite(report.get(name)) for report in reports]
        _line(axes, values, title, colour, at=iterations)
    losses = [_finite(report.get("loss")) for report in reports]
    _line(axes, losses, "sum", "#333333", at=iterations, width=0.9)
    _decorate(axes, 0, "weighted loss", (), logarithmic=True)
    axes.set_xlabel("iteration")
    axes.set_xlim(-0.5, max(iterations) + 0.5)
    if limits is not None:
        axes.set_ylim(*limits)
    return _drawn(figure)


def loss_limits(reports: Sequence[Sequence[Mapping[str, Any]]]) -> tuple[float, float] | None:
    """Return what holds every positive loss term of several frames, with some room."""
    names = [*TERMS, "loss"]
    values = np.array([_finite(r.get(n)) for several in reports for r in several for n in names])
    positive = values[values > 0.0]  # NaN is not
    return (float(positive.min()) / 1.5, float(positive.max()) * 1.5) if len(positive) else None


def stops(numbers: Sequence[FrameNumbers], cuts: Sequence[int]) -> str:
    """Plot the iterations of each frame in the colour of what stopped it."""
    figure, axes = _figure()
    edges = np.arange(len(numbers) + 1) + 0.5
    heights = np.array([_finite(one.info.get("iterations")) for one in numbers])
    reasons = np.array([str(one.info.get("stopped", "unknown")) for one in numbers])
    for reason in dict.fromkeys([*STOPS, *reasons]):
        here = reasons == reason
        if here.any():
            bars = np.where(here, heights, 0.0)
            colour = STOPS.get(reason, "#555555")
            axes.stairs(bars, edges, fill=True, color=colour, label=f"{reason} ({here.sum()})")
    failed = np.flatnonzero([one.info.get("fallback", "none") != "none" for one in numbers])
    if len(failed):  # a single bar among a thousand isn't seen
        top = 1.06 * np.nanmax([*heights, 1.0])
        tops, colour = np.full(len(failed), top), STOPS["non-finite loss"]
        axes.plot(failed + 1, tops, "v", color=colour, label="fell back", markersize=5)
    if len(numbers) <= _MARKED:
        higher = np.fmax([*heights, 0.0], [0.0, *heights])  # of the two bars at each edge
        axes.vlines(edges, 0.0, higher, color="white", linewidth=2.0)
    _decorate(axes, len(numbers), "iterations", cuts)
    return _drawn(figure)


def warping_errors(numbers: Sequence[FrameNumbers], cuts: Sequence[int]) -> str:
    """Plot how much output and input change along the motion."""
    figure, axes = _figure(_TALL)
    _line(axes, [one.error * 1e4 for one in numbers], "output", _OUTPUT)
    _line(axes, [one.floor * 1e4 for one in numbers], "input (the floor)", _INPUT)
    _decorate(axes, len(numbers), "warping error, ×10⁻⁴", cuts)
    return _drawn(figure)


def drift(numbers: Sequence[FrameNumbers], cuts: Sequence[int]) -> str:
    """Plot how light and contrast of the output wander."""
    figure = Figure(figsize=_TALL, layout="constrained")
    above, below = figure.subplots(2, sharex=True)
    _line(above, [one.drift for one in numbers], "output − input", _OUTPUT)
    _line(below, [one.spread for one in numbers], "output", _OUTPUT)
    _line(below, [one.source_spread for one in numbers], "input", _INPUT)
    for axes, title in ((above, "mean luminance"), (below, "contrast")):
        _decorate(axes, len(numbers), title, cuts, floor=False)
        # Without this, noise in the fourth decimal would fill the plot.
        low, high = axes.get_ylim()
        room = max(_LEAST_SPAN - (high - low), 0.0) / 2
        axes.set_ylim(low - room, high + room)
    above.set_xlabel("")
    return _drawn(figure)


def _figure(size: tuple[float, float] = _SIZE) -> tuple[Figure, Axes]:
    # No pyplot: it keeps figures for all of the process, which may be someone's notebook.
    figure = Figure(figsize=size, layout="constrained")
    return figure, figure.subplots()


def _line(
    axes: Axes,
    values: Sequence[float],
    title: str,
    colour: str,
    *,
    at: Sequence[int] | None = None,
    width: float = 1.6,
) -> None:
    if not np.isfinite(values).any():
        return
    places = np.arange(len(values)) + 1 if at is None else at
    mark = "o" if len(values) <= _MARKED else ""
    axes.plot(places, values, color=colour, label=title, linewidth=width, marker=mark, markersize=3)


def _decorate(
    axes: Axes,
    count: int,
    title: str,
    cuts: Sequence[int],
    *,
    logarithmic: bool = False,
    floor: bool = True,
) -> None:
    """Add scales, labels, cuts and the legend, once the lines are there."""
    positive = any((np.asarray(line.get_ydata(), float) > 0.0).any() for line in axes.lines)
    if logarithmic and positive:
        axes.set_yscale("log", nonpositive="mask")
    elif floor:
        axes.set_ylim(bottom=0.0)
    for number, cut in enumerate(cuts):
        label = "cut" if number == 0 else None
        axes.axvline(cut + 0.5, color="#555555", linewidth=0.8, linestyle=":", label=label)
    axes.set_xlim(0.5, max(count, 1) + 0.5)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True, min_n_ticks=1))
    axes.set_xlabel("frame")
    axes.set_ylabel(title)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="#e4e7eb", linewidth=0.8)
    axes.set_axisbelow(True)
    if axes.get_legend_handles_labels()[1]:
        # Above the lines, where it hides none.
        axes.legend(
            loc="lower left",
            bbox_to_anchor=(0.0, 1.0),
            ncols=3,
            frameon=False,
            fontsize=9,
            handlelength=1.2,
            columnspacing=1.0,
            borderaxespad=0.1,
        )


def _drawn(figure: Figure) -> str:
    unsaid = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    svg = _saved(figure, format="svg", metadata=unsaid)
    svg = svg[svg.index(b"<svg") :]  # no address of a document type before it
    if len(svg) <= _HEAVIEST_SVG:
        return address("svg+xml", svg)
    return address("png", _saved(figure, format="png", dpi=160))


def _saved(figure: Figure, **how: Any) -> bytes:
    written = io.BytesIO()
    figure.savefig(written, **how)
    return written.getvalue()


def _finite(value: Any) -> float:
    """Return a number that can be drawn, or NaN, which leaves a gap."""
    known = isinstance(value, int | float) and math.isfinite(value)
    return float(value) if known else math.nan
