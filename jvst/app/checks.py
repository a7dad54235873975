"""Checks of options before any work is done."""

import dataclasses
import math
import os
from collections.abc import Sequence
from typing import Literal, get_args, get_origin

from jvst.app.options import (
    SMALLEST_SIDE,
    InputOptions,
    LookOptions,
    SolverOptions,
    StylizeConfig,
    coarse_factors,
    mask_knobs,
)
from jvst.core.masks import MaskMode
from jvst.errors import InputError
from jvst.network.layers import LayerTable
from jvst.solver.optimizers import SolverConfig
from jvst.video import pictures_of

#: Frames per second. Containers count time in fractions of 32 bits.
SLOWEST, FASTEST = 0.01, 1000.0
#: Counts are of 32 bits on the device.
_LARGEST = 2**31 - 1
_MOST_WORKERS = 256
_DIGITS = 10
#: Passes and processes beyond any use, which would keep a machine busy with counting them.
_MOST = 10_000
#: Each lag is a picture and a mask more on the device; the paper has four.
_MOST_LAGS = 32
#: Bytes of a file's name, on nearly all file systems, and of a path, on Linux.
_LONGEST_NAME, _LONGEST_PATH = 255, 4095


def check_config(config: StylizeConfig) -> None:
    """Refuse what can't be meant, before any work is done.

    Raises:
        InputError: with what was given and what was expected.
    """
    _check_names(config)
    if not config.input.clip or "" in config.input.clips:
        raise InputError("no clip was given; expected `clip` CLIP (or `demo`)")
    if not config.input.style:
        raise InputError("no style was given; expected `style` PAINTING (or `demo`)")
    _check_input(config.input)
    _check_look(config.look)
    _check_choices(config)
    mask = config.motion.mask
    if not mask.startswith("files:") and mask not in get_args(MaskMode):
        raise InputError(_not_among("`mask`", mask, get_args(MaskMode)))
    mask_knobs(config.motion)
    _check_time(config)
    coarse_factors(config.solver.scales)
    tile = config.solver.tile
    digits = tile.isdecimal() and len(tile) < _DIGITS
    if tile != "auto" and not (digits and int(tile) >= SMALLEST_SIDE):
        raise InputError(f"`tile` is {tile!r}; expected auto, or at least {SMALLEST_SIDE} pixels")
    _check_solver(config.solver)
    if not 0 <= config.solver.seed < 2**63:
        raise InputError(f"`seed` is {config.solver.seed}; expected 0 to 2^63 - 1")
    _check_output(config.output.output)
    if not 0 <= config.output.quality <= 51:
        raise InputError(f"`quality` is {config.output.quality}; expected 0 to 51")
    if not 1 <= config.motion.flow_workers <= _MOST_WORKERS:
        raise InputError(
            f"`flow_workers` is {config.motion.flow_workers}; expected 1 to {_MOST_WORKERS}"
        )


def _check_solver(solver: SolverOptions) -> None:
    caps, tolerance, carry = solver.iterations, solver.tolerance, solver.carry
    if len(caps) not in (0, 2) or not all(0 <= cap <= _LARGEST for cap in caps):
        raise InputError(
            f"`iterations` is {_spaced(caps)}; expected two numbers from 0 to {_LARGEST}, for the "
            "first frame and for the others"
        )
    if tolerance is not None and not (math.isfinite(tolerance) and tolerance >= 0.0):
        raise InputError(f"`tolerance` is {tolerance}; expected a number ≥ 0")
    longest = SolverConfig.history
    if carry is not None and not 0 <= carry <= longest:
        raise InputError(
            f"`carry` is {carry}; expected 0 to {longest}, the steps that L-BFGS keeps"
        )


def _check_input(given: InputOptions) -> None:
    blend = given.style_blend
    if blend and len(blend) != len(given.style):
        raise InputError(
            f"`style_blend` has {len(blend)} shares for {len(given.style)} styles; expected "
            "one for each"
        )
    if blend and not (all(math.isfinite(b) and b >= 0 for b in blend) and sum(blend) > 0):
        raise InputError(f"`style_blend` is {_spaced(blend)}; expected numbers ≥ 0, not all 0")
    if given.frame_rate and not SLOWEST <= given.frame_rate <= FASTEST:
        raise InputError(
            f"`frame_rate` is {given.frame_rate:g}; expected {SLOWEST:g} to {FASTEST:g} frames per "
            "second, or 0 for the clip's own"
        )
    for option, number in (
        ("`video_stream`", given.video_stream),
        ("`audio_stream`", given.audio_stream),
    ):
        if number is not None and not 0 <= number <= _LARGEST:
            raise InputError(f"{option} is {number}; expected a number from 0")
    if not 0.0 <= given.cut_sensitivity <= 1.0:
        raise InputError(
            f"`cut_sensitivity` is {given.cut_sensitivity}; expected a number from 0 to 1"
        )
    if given.size and given.max_side:
        raise InputError("`size` and `max_side` were both given; expected one of them")
    if given.max_side and given.max_side < SMALLEST_SIDE:
        raise InputError(f"`max_side` is {given.max_side}; expected at least 32 pixels")


def _check_names(config: StylizeConfig) -> None:
    """Refuse a path that no system takes."""
    given = [
        *(("clip", clip) for clip in config.input.clips),
        *(("style", style) for style in config.input.style),
        ("output", config.output.output),
        ("run_dir", config.output.run_dir),
        ("weights", config.network.weights),
        ("normalise_on", config.network.normalise_on),
        ("flow", config.motion.flow),
        ("mask", config.motion.mask),
        ("flow_cache", config.motion.flow_cache),
        ("cluster", config.run.cluster),
    ]
    for option, text in given:
        encoded = os.fsencode(text)
        longest = max(encoded.split(b"/"), key=len)
        if len(longest) > _LONGEST_NAME or len(encoded) > _LONGEST_PATH:
            raise InputError(
                f"`{option}` is {text[:40]!r}… with a name of {len(longest)} bytes in "
                f"{len(encoded)}; expected at most {_LONGEST_NAME} in {_LONGEST_PATH}: shorten it"
            )
        if "\0" in text:
            raise InputError(f"`{option}` is {text!r}; expected a name without a null byte")


def _check_output(output: str) -> None:
    """Refuse a name that no film can be written under: it would show after hours."""
    if output:
        try:
            pictures_of(output)
        except InputError as error:
            raise InputError(f"`output`: {error}") from error


# What float32 holds, 3.4e38, after the largest factor of a preset, 1.8e7.
_LARGEST_WEIGHT = 1e30


def _check_look(look: LookOptions) -> None:
    weights = {
        "`content_weight`": look.content_weight,
        "`style_weight`": look.style_weight,
        "`temporal_weight`": look.temporal_weight,
        "`tv_weight`": look.tv_weight,
    }
    for option, value in weights.items():
        if value is not None and not 0.0 <= value <= _LARGEST_WEIGHT:
            raise InputError(f"{option} is {value}; expected 0 to {_LARGEST_WEIGHT:.0e}")
    if not (math.isfinite(look.style_scale) and 0.05 <= look.style_scale <= 20.0):
        raise InputError(f"`style_scale` is {look.style_scale}; expected 0.05 to 20")


def check_layers(look: LookOptions, table: LayerTable) -> None:
    """Refuse layers that the network hasn't.

    Raises:
        InputError: with the layer and the names that it has.
    """
    for option, layers in (
        ("`content_layers`", look.content_layers),
        ("`style_layers`", look.style_layers),
    ):
        for layer in layers:
            if layer not in table.names:
                raise InputError(
                    f"{option} names the unknown layer {layer!r}; expected names from "
                    f"{table.names[0]} to {table.names[-1]}, as the network's weights have them"
                )


def _check_time(config: StylizeConfig) -> None:
    time = config.time
    lags = time.lags
    if not lags or min(lags) < 1 or max(lags) > _LARGEST or len(set(lags)) < len(lags):
        raise InputError(f"`lags` is {_spaced(lags)}; expected different whole numbers from 1 on")
    if len(lags) > _MOST_LAGS:
        raise InputError(f"`lags` has {len(lags)} numbers; expected at most {_MOST_LAGS}")
    for option, value, least in (
        ("`long_term_after`", time.long_term_after, 0),
        ("`passes`", time.passes, 0),
        ("`pass_iterations`", time.pass_iterations, 0),
        ("`temporal_from`", time.temporal_from, 1),
        ("`batch`", time.batch, 0),
        ("`preview`", config.run.preview, 0),
        ("`jobs`", config.run.jobs, 1),
    ):
        if value is not None and not least <= value <= _LARGEST:
            raise InputError(f"{option} is {value}; expected a whole number from {least} on")
    for option, value in (("`passes`", time.passes), ("`jobs`", config.run.jobs)):
        if value > _MOST:
            raise InputError(f"{option} is {value}; expected at most {_MOST}")
    if not 0.0 <= time.blend <= 1.0:
        raise InputError(f"`blend` is {time.blend}; expected a number from 0 to 1")
    if time.passes > 1 and len(time.lags) > 1:
        raise InputError(
            f"`passes` {time.passes} and `lags` {_spaced(time.lags)} were both given; several "
            "passes hold a frame to its direct neighbours: leave one of them out"
        )
    if time.passes > 1 and config.solver.effort == "instant" and not config.solver.iterations:
        raise InputError(
            f"`passes` is {time.passes}, and `effort` is instant; several passes are solves that "
            "go over the clip again: give another effort, or 1 pass"
        )
    if time.passes > 1 and config.motion.mask.startswith("files:"):
        raise InputError(
            "`mask` files: was given with `passes`, which needs masks both ways; expected binary, "
            "soft, ijcv or photometric"
        )


def _check_choices(config: StylizeConfig) -> None:
    """Refuse a value that its option's type does not name; a manifest may hold any."""
    for group in dataclasses.fields(config):
        options = getattr(config, group.name)
        for field in dataclasses.fields(options):
            value = getattr(options, field.name)
            if get_origin(field.type) is Literal and value not in get_args(field.type):
                option = f"`{field.name}`"
                raise InputError(_not_among(option, value, get_args(field.type)))


def _not_among(option: str, value: str, choices: tuple[str, ...]) -> str:
    return f"{option} is {value!r}; expected one of {', '.join(choices)}"


def _spaced(numbers: Sequence[float | int]) -> str:
    return " ".join(str(number) for number in numbers)
