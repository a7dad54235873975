"""The run's page, one file that a browser opens offline."""

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2

from jvst._files import replacing, writing_to
from jvst.app.report import figures
from jvst.app.report.command import LINE_BY_LINE, changed_options, rerun_command
from jvst.app.report.gather import (
    DIFFERENCE_GAIN,
    FrameNumbers,
    Gathered,
    RunFrame,
    WorstFrame,
    gather,
)
from jvst.app.report.highlights import facts, remarks
from jvst.app.report.slices import Slices
from jvst.app.report.thumbnails import (
    SheetRow,
    drawing,
    flow_picture,
    longest_motion,
    photo,
    wheel_picture,
)
from jvst.app.report.wording import duration, number, option_value, percent, signed

_TALL_ENOUGH = 160  # CSS pixels of a slice


def write_report(path: Path, frames: Iterable[RunFrame], manifest: Mapping[str, Any]) -> None:
    """Write the page of a finished run, pictures inside.

    Args:
        path: where to; appears when it is whole.
        frames: the run's, in order; looked at once, one at a time.
        manifest: ``inputs.frames`` is their number; of ``inputs``, ``config``, ``options``,
            ``network``, ``versions``, ``device``, ``timings`` (stage -> seconds), ``cuts``
            (indices), ``command`` and ``passes`` (one list of the frames' infos a pass) the
            page shows what is there.

    Raises:
        InputError: the path can't be written, or the configuration is another version's.
        ValueError: no frames.
    """
    gathered = gather(frames, int(manifest["inputs"]["frames"]))
    text = render(gathered, manifest)
    with replacing(path) as part, writing_to(path):
        part.write_text(text, encoding="utf-8")


def render(gathered: Gathered, manifest: Mapping[str, Any]) -> str:
    """Return the page."""
    numbers = gathered.numbers
    cuts = [int(cut) for cut in manifest.get("cuts") or ()]
    timings = {str(stage): float(took) for stage, took in (manifest.get("timings") or {}).items()}
    solving = [float(one.info["seconds"]) for one in numbers if "seconds" in one.info]
    seconds = timings.get("total") or (sum(solving) if solving else None)
    template = jinja2.Environment(
        # The names of files must not become markup.
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        trim_blocks=True,
        lstrip_blocks=True,
    ).get_template("page.html")
    return template.render(
        **_titles(manifest),
        count=len(numbers),
        facts=facts(numbers, seconds),
        remarks=remarks(numbers),
        sheet=_sheet(gathered.sheet, cuts),
        longest=number(longest_motion(gathered.sheet)),
        wheel=drawing(wheel_picture()),
        slices=_slices(gathered.slices),
        gain=number(DIFFERENCE_GAIN),
        worst=[_worst(one) for one in gathered.worst],
        plots=_plots(gathered, cuts),
        rows=[_table_row(one) for one in numbers],
        passes=_passes(manifest.get("passes") or ()),
        timings=_timings(timings or ({"solving": sum(solving)} if solving else {})),
        **_configuration(manifest),
    )


def _titles(manifest: Mapping[str, Any]) -> dict[str, Any]:
    given = manifest.get("config", {}).get("input", {})
    clip = Path(given.get("clip") or "clip")
    if set("*?[%") & set(clip.name):  # a pattern says little without its folder
        clip = Path(clip.parent.name, clip.name)
        name = str(clip)
    else:
        name = clip.name
    return {
        "clip": name,
        "paintings": [Path(style).name for style in given.get("style", ())],
        "size": str(manifest["inputs"].get("size", "")).replace("x", "×"),
        "network": str(manifest.get("network", "")),
        "device": str(manifest.get("device", "")),
    }


def _sheet(rows: Sequence[SheetRow], cuts: Sequence[int]) -> list[dict[str, Any]]:
    longest = longest_motion(list(rows))
    shown = []
    for row in rows:
        missing = "first frame" if row.index == 0 else "cut" if row.index in cuts else "none"
        shown.append(
            {
                "frame": row.index + 1,
                "source": photo(row.source),
                "output": photo(row.output),
                "mask": None if row.mask is None else photo(row.mask),
                "flow": None if row.flow is None else photo(flow_picture(row.flow, longest)),
                "missing": missing,
            }
        )
    return shown


def _slices(slices: Slices) -> dict[str, Any]:
    source, output = slices.pictures()
    rows = len(source)
    return {
        "bands": [("input", drawing(source)), ("output", drawing(output))],
        "first": slices.first + 1,
        "last": slices.first + rows,
        "height": slices.height,
        "pixels": rows * max(round(_TALL_ENOUGH / rows), 1),
        "across": [(25 * part, round(slices.width * part / 4)) for part in range(5)],
    }


def _worst(frame: WorstFrame) -> dict[str, Any]:
    return {
        "frame": frame.index + 1,
        "error": number(frame.error * 1e4),
        "output": photo(frame.output),
        "difference": photo(frame.difference),
    }


def _plots(gathered: Gathered, cuts: Sequence[int]) -> dict[str, Any]:
    numbers, reports = gathered.numbers, gathered.reports
    limits = figures.loss_limits(list(reports.values()))
    return {
        "loss": figures.loss_per_frame(numbers, cuts),
        "stops": figures.stops(numbers, cuts),
        "iterations": [
            (index + 1, figures.loss_per_iteration(reports[index], limits))
            for index in sorted(reports)
        ],
        # There is none without a flow.
        "errors": figures.warping_errors(numbers, cuts) if gathered.worst else None,
        "drift": figures.drift(numbers, cuts),
    }


def _table_row(one: FrameNumbers) -> list[str]:
    info, terms = one.info, one.info.get("terms") or {}
    fallback = info.get("fallback", "none")
    stopped = str(info.get("stopped", "–"))
    return [
        str(one.index + 1),
        number(info.get("iterations")),
        number(info.get("evaluations")),
        stopped if fallback == "none" else f"{stopped}; {fallback}",
        number(info.get("loss")),
        *(number(terms.get(name)) for name in figures.TERMS),
        number(one.error * 1e4),
        number(one.floor * 1e4),
        percent(one.trust),
        signed(one.drift),
        number(one.spread),
        number(info.get("seconds")),
    ]


def _passes(passes: Sequence[Sequence[Mapping[str, Any]]]) -> list[list[str]]:
    """Sum up each pass over the clip: means of the losses, sums of the work."""
    rows = []
    for place, infos in enumerate(passes, start=1):
        terms = [info.get("terms") or {} for info in infos]
        losses = [_mean(info.get("loss") for info in infos)]
        losses += [_mean(term.get(name) for term in terms) for name in figures.TERMS]
        rows.append(
            [
                str(place),
                number(sum(int(info.get("iterations", 0)) for info in infos)),
                *map(number, losses),
                duration(sum((float(info.get("seconds", 0.0)) for info in infos), 0.0)),
            ]
        )
    return rows


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None and math.isfinite(value)]
    return sum(known) / len(known) if known else None


def _timings(timings: Mapping[str, float]) -> list[tuple[str, str, float]]:
    """Return name, time and length of the bar in percent, of each stage."""
    longest = max([*timings.values(), 1e-9])
    return [
        (stage.replace("_", " "), duration(took), 100.0 * took / longest)
        for stage, took in timings.items()
    ]


def _configuration(manifest: Mapping[str, Any]) -> dict[str, Any]:
    groups = manifest.get("config", {})
    changed = {name for name, _ in changed_options(groups)}
    return {
        "command": rerun_command(groups, option_separator=LINE_BY_LINE) if groups else "",
        "typed": str(manifest.get("command") or ""),
        "groups": [
            (group, [(name, option_value(value), name in changed) for name, value in its.items()])
            for group, its in groups.items()
        ],
        "others": [
            (title, [(name, option_value(value)) for name, value in its.items()])
            for title, its in (
                ("loss weights", manifest.get("options", {}).get("loss_weights") or {}),
                ("inputs", manifest["inputs"]),
                ("versions", manifest.get("versions") or {}),
            )
        ],
    }
