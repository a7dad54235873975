"""The evaluation of all methods on all clips."""

import math
import sys
from pathlib import Path
from typing import Any

from jvst._files import replacing, writing_to
from jvst.app.options import StylizeConfig
from jvst.app.task import keep_compiled_programs
from jvst.errors import InputError
from jvst.lab.evaluation.appearance import appearance
from jvst.lab.evaluation.making import make_frames
from jvst.lab.evaluation.measures import Numbers, Shown, stability, to_unit
from jvst.lab.evaluation.methods import Method, Passes, parse_method
from jvst.lab.evaluation.options import EvaluateOptions
from jvst.lab.evaluation.peers import peer_pictures, read_peer
from jvst.lab.evaluation.results import Entry, Results, locked
from jvst.lab.evaluation.sintel import read_sequences
from jvst.lab.evaluation.states import MadeClip, forget_frames
from jvst.lab.evaluation.study import Studio, Study
from jvst.lab.evaluation.table import FLOOR, csv_text, markdown


def evaluate(options: EvaluateOptions, config: StylizeConfig) -> str:
    """Do what the command says and return the tables.

    Args:
        options: the command's.
        config: how frames are stylized, see ``stylize_config``.

    Raises:
        InputError: something given can't be used.
    """
    methods = chosen_methods(options)
    sequences = read_sequences(Path(options.data), names=options.names)
    for sequence in sequences:  # missing frames are better known now than in an hour
        whole = len(sequence.frames)
        for method in methods:
            if method.kind == "frames":
                count = min(options.limit or whole, whole)
                peer_pictures(method.folder, sequence.name, count=count, whole=whole)
    keep_compiled_programs()
    studio = Studio(config)
    if studio.notice:
        print(f"evaluate: {studio.notice}", file=sys.stderr)
    out = Path(options.out)
    with locked(out):
        results = Results(out, {**studio.settings, "limit": options.limit}, fresh=options.fresh)
        if options.fresh:
            forget_frames(out)
        for sequence in sequences:
            study = studio.study(sequence, len(sequence.frames), options.limit)
            for method in (*methods, Method(FLOOR, FLOOR)):
                evaluate_method(method, study, results, options)
                _write(out / "results.md", markdown(results.entries))
                _write(out / "results.csv", csv_text(results.entries))
    return markdown(results.entries)


def chosen_methods(options: EvaluateOptions) -> list[Method]:
    """Read the methods that were named, each once.

    Raises:
        InputError: an unknown method, or two folders under one label.
    """
    methods: dict[str, Method] = {}
    for text in (*options.methods, *(f"frames:{peer}" for peer in options.frames)):
        method = parse_method(text, engine=options.flow)
        other = methods.setdefault(method.name, method)
        if other != method:
            raise InputError(
                f"{method.name} was given two folders, {other.folder} and {method.folder}; "
                "expected a LABEL of its own for each"
            )
    return list(methods.values())


def evaluate_method(
    method: Method, study: Study, results: Results, options: EvaluateOptions
) -> None:
    """Make and measure one method's frames of one clip, unless that was done.

    Other programs' frames are always measured: they may have changed.

    Raises:
        InputError: it was done with other settings, or something can't be read or written.
    """
    settings: dict[str, Any] = {"clip": study.digest}
    if method.kind == "multipass":
        settings |= {"passes": options.passes, "pass_iterations": options.pass_iterations}
    done = results.has(method.name, study.clip.name, settings)
    if done and not options.measure_again and method.kind != "frames":
        return
    images, cost = _images(method, study, results, settings, options)
    problem = study.problem
    numbers = {
        **stability(images, study.frames, study.clip),
        **appearance(
            images,
            study.frames,
            problem.vgg,
            problem.style,
            problem.weights,
            layers=problem.config.content_layers,
        ),
        **cost,
    }
    # JSON has no infinity.
    known = {k: v if v is not None and math.isfinite(v) else None for k, v in numbers.items()}
    results.add(Entry(method.name, study.clip.name, len(images), settings, known))
    if not options.quiet:
        error = known["warping_error"]
        shown = "unknown" if error is None else f"{1e4 * error:.2f}e-4"
        print(f"{study.clip.name}, {method.name}: warping error {shown}", file=sys.stderr)


def _images(
    method: Method,
    study: Study,
    results: Results,
    settings: dict[str, Any],
    options: EvaluateOptions,
) -> tuple[list[Shown], Numbers]:
    """Return a method's frames of a clip, made if need be, and what a frame has cost."""
    if method.kind == FLOOR:
        return [to_unit(frame) for frame in study.frames], {}
    if method.kind == "frames":
        pictures = peer_pictures(
            method.folder, study.clip.name, count=len(study.frames), whole=study.whole
        )
        return read_peer(pictures, study.size), {}
    out = results.path.parent
    depends_on = {**results.settings, **settings, "method": method.name}
    made = MadeClip(out, method.folder_name, study.clip.name, depends_on)
    make_frames(
        method,
        study,
        made,
        passes=Passes(options.passes, options.pass_iterations, options.batch),
        flow_folder=_flow_folder(options),
        flow_workers=options.flow_workers,
        quiet=options.quiet,
    )
    images = [made.load(index) for index in range(len(study.frames))]
    return images, {"iterations": made.iterations, "seconds": made.seconds}


def _flow_folder(options: EvaluateOptions) -> Path | None:
    if options.flow_cache == "none":
        return None
    return Path(options.flow_cache) if options.flow_cache else Path(options.out) / "flow"


def _write(path: Path, text: str) -> None:
    with replacing(path) as temporary, writing_to(path):
        temporary.write_text(text, encoding="utf-8")
