"""Numbers and lists in readable form."""

import math
from collections.abc import Sequence
from typing import Any


def number(value: Any) -> str:
    """Write a number with three or four digits; a dash where there is none."""
    if not isinstance(value, int | float) or math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    size = abs(value)
    if isinstance(value, int) or size >= 1000:
        text = f"{value:,.0f}".replace(",", "\u202f")  # a narrow space, not broken at a line's end
    elif size >= 0.001 or size == 0.0:
        text = f"{value:.3g}"
    else:
        mantissa, _, exponent = f"{value:.2e}".partition("e")
        text = f"{mantissa}·10{str(int(exponent)).translate(_RAISED)}"
    return text.replace("-", "−")


_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def signed(value: float) -> str:
    """Write a small difference with its sign; three decimals."""
    return "–" if math.isnan(value) else f"{value:+.3f}".replace("-", "−")


def percent(share: float) -> str:
    """Write a share of 1."""
    return "–" if math.isnan(share) else f"{100.0 * share:.0f} %"


def duration(seconds: float) -> str:
    """Write a time: seconds, minutes or hours."""
    if seconds < 60.0:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def frame_list(indices: Sequence[int], *, most: int = 12) -> str:
    """Name frames from 1, neighbours as ranges: ``frames 1–4, 7``.

    Args:
        indices: in order, from 0; at least one.
        most: ranges that are named; of the others only the number of frames is.
    """
    ranges: list[list[int]] = []
    for index in indices:
        if ranges and index == ranges[-1][1] + 1:
            ranges[-1][1] = index
        else:
            ranges.append([index, index])
    named = [f"{a + 1}" if a == b else f"{a + 1}–{b + 1}" for a, b in ranges[:most]]
    left = sum(b - a + 1 for a, b in ranges[most:])
    more = f" and {left} more" if left else ""
    return f"frame{'s' if len(indices) > 1 else ''} {', '.join(named)}{more}"


def option_value(value: Any) -> str:
    """Write an option's value: lists with commas, nothing as a dash."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(map(option_value, value)) or "–"
    if isinstance(value, dict):
        return ", ".join(f"{name} {option_value(one)}" for name, one in value.items()) or "–"
    if isinstance(value, float):
        return f"{value:.6g}"
    return "–" if value is None or value == "" else str(value)
