"""Remarks and facts of a run, shown first."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from jvst.app.report.gather import FrameNumbers
from jvst.app.report.wording import duration, frame_list, number, percent, signed

_FALLBACKS = {
    "smaller step": "the loss became non-finite; solved again with steps a tenth as long",
    "start image": "the loss became non-finite twice; left as the image that the frame began with",
}
#: Share of trusted pixels below which a frame is nearly on its own.
_HARDLY_TRUSTED = 0.5


class Remark(NamedTuple):
    """One remark."""

    grave: bool
    text: str


class Fact(NamedTuple):
    """One number of the whole run."""

    title: str
    value: str
    note: str


def remarks(numbers: Sequence[FrameNumbers]) -> list[Remark]:
    """Say which frames went wrong, which hit their cap, and where the flow is hardly trusted."""
    said = []
    fallbacks = [str(one.info.get("fallback", "none")) for one in numbers]
    for fallback in dict.fromkeys(fallbacks):
        if fallback != "none":
            which = [
                one.index for one, its in zip(numbers, fallbacks, strict=True) if its == fallback
            ]
            text = _FALLBACKS.get(fallback, f"fell back to the {fallback}")
            said.append(Remark(True, f"{_capital(frame_list(which))}: {text}."))
    broken = [one.index for one in numbers if one.info.get("stopped") == "non-finite loss"]
    if broken and not said:
        said.append(Remark(True, f"{_capital(frame_list(broken))}: the loss became non-finite."))
    capped = [one.index for one in numbers if one.info.get("stopped") == "iteration limit"]
    if capped:
        share = "Every frame" if len(capped) == len(numbers) else _capital(frame_list(capped))
        said.append(
            Remark(
                False,
                f"{share} stopped at the iteration cap, before the loss had settled; "
                "more iterations may still improve the picture.",
            )
        )
    alone = [one.index for one in numbers if one.trust < _HARDLY_TRUSTED]
    if alone:
        said.append(
            Remark(
                False,
                f"{_capital(frame_list(alone))}: less than half of the flow is trusted, so little "
                "holds the frame to the one before.",
            )
        )
    return said


def facts(numbers: Sequence[FrameNumbers], seconds: float | None) -> list[Fact]:
    """Sum up the run.

    Args:
        numbers: of every frame.
        seconds: what it took; None where that isn't known.
    """
    count = len(numbers)
    converged = sum(one.info.get("stopped") == "converged" for one in numbers)
    found = [Fact("converged", f"{converged} of {count}", "frames whose loss settled")]
    if seconds is not None:
        found.append(Fact("time", duration(seconds), f"{duration(seconds / count)} a frame"))
    errors = np.array([(one.error, one.floor) for one in numbers if not math.isnan(one.error)])
    if len(errors):
        error, floor = errors.mean(axis=0)
        times = f"{number(float(error / floor))} times the input's" if floor > 0 else "input: 0"
        found.append(Fact("warping error", f"{number(float(error * 1e4))} ×10⁻⁴", times))
        trust = float(np.mean([one.trust for one in numbers if not math.isnan(one.trust)]))
        found.append(Fact("trusted flow", percent(trust), "of all pixels"))
    if count > 1:
        change = numbers[-1].drift - numbers[0].drift
        found.append(Fact("drift of light", signed(change), "over the clip, less the input's"))
    return found


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]
