"""The film of a run, put together from its pictures."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from jvst._types import Frame
from jvst.app.claims import FILM, film_place
from jvst.app.events import Teller
from jvst.app.inputs import Clip, frame_rate_of
from jvst.app.options import StylizeConfig
from jvst.app.store import RunStore
from jvst.video import holds_times, is_whole_png, read_picture, try_film, write_video
from jvst.video.encode import FASTEST_GIF


@dataclass(frozen=True)
class FilmPlan:
    """Which pictures a film shows, and when.

    Attributes:
        order: number of the clip's frame for each picture of the film.
        frame_rate: pictures per second; the average where they vary.
        times: when each begins and the last one ends, in seconds; None for a constant rate.
        notices: what the user should know of that, a line each.
    """

    order: Sequence[int]
    frame_rate: Fraction
    times: tuple[Fraction, ...] | None = None
    notices: tuple[str, ...] = ()


def film_plan(clip: Clip, config: StylizeConfig) -> FilmPlan:
    """Choose when each frame is shown: at its own time where the output can hold it.

    A rate that the user gave for a clip with times of its own, a folder of pictures for a clip
    whose rate varies, and a gif of more than 50 a second make a constant rate: frames are repeated
    or left out.
    """
    output = config.output.output or FILM
    shown, chosen = clip.timeline, None
    if config.input.frame_rate and clip.has_times:
        chosen = frame_rate_of(config.input.frame_rate)
    elif not (shown.is_constant or holds_times(output)):
        chosen = shown.repeating_rate()
    if output.lower().endswith(".gif") and (chosen or shown.frame_rate) > FASTEST_GIF:
        chosen = Fraction(FASTEST_GIF)
    if chosen is None:
        times = None if shown.is_constant else shown.relative
        return FilmPlan(range(clip.count), shown.frame_rate, times)
    order = shown.at_rate(chosen)
    return FilmPlan(order, chosen, None, _describe(output, order, clip.count, chosen))


class LostPictureError(Exception):
    """A picture has been damaged since the run began."""


def write_film(clip: Clip, config: StylizeConfig, store: RunStore, tell: Teller) -> Path:
    """Write the film with its sound and return its path.

    Raises:
        InputError: it can't be written, or the sound not be read.
        LostPictureError: a picture is damaged.
    """
    output = config.output.output or str(store.folder / FILM)
    plan = film_plan(clip, config)
    write_video(
        output,
        _pictures(store, plan.order, tell),
        earlier=store.claims.films.get(film_place(output, store.folder), 0),
        **film_options(clip, config, plan),
    )
    store.drop_leftovers(clip.count)
    return Path(output)


def check_film(clip: Clip, config: StylizeConfig, folder: Path) -> None:
    """Make sure that the film of a run can be written where it shall go.

    Args:
        clip: the clip.
        config: the options.
        folder: of the run.

    Raises:
        InputError: it can't.
    """
    output = config.output.output or str(folder / FILM)
    try_film(output, clip.size, **film_options(clip, config, film_plan(clip, config)))


def film_options(clip: Clip, config: StylizeConfig, plan: FilmPlan) -> dict[str, Any]:
    """Return how ``write_video`` is to write a film, by its names."""
    options = config.output
    return {
        "frame_rate": plan.frame_rate,
        "times": plan.times,
        "audio_from": clip.source if options.audio and clip.has_audio else None,
        "audio_start": max(clip.timeline.start, Fraction(0)),
        "audio_stream": config.input.audio_stream,
        "video_stream": clip.video_stream,
        "quality": options.quality,
    }


def _pictures(store: RunStore, order: Sequence[int], tell: Teller) -> Iterator[Frame]:
    for index in order:
        tell.check()
        path = store.picture_path(index)
        if not is_whole_png(path):
            raise LostPictureError(path)
        yield read_picture(path)


def _describe(output: str, order: Sequence[int], count: int, rate: Fraction) -> tuple[str, ...]:
    left_out = count - len(set(order))
    repeats = len(order) - len(set(order))
    if not left_out and not repeats:
        return ()
    said = [f"{repeats} are repeats"] if repeats else []
    said += [f"{left_out} frames are left out"] if left_out else []
    return (
        f"{output} gets {len(order)} pictures of the clip's {count} frames, {float(rate):.6g} a "
        f"second: {' and '.join(said)}",
    )
