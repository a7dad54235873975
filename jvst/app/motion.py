"""Frames and the motion between them, computed ahead or read."""

import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, TypeVar

import jax.numpy as jnp

from jvst._files import unwritable, user_cache
from jvst._types import FlowField, Frame, Image
from jvst.app.events import FlowReady, Listener, WaitingForFlow, nobody
from jvst.app.inputs import Clip, clip_frames
from jvst.app.options import StylizeConfig
from jvst.app.task import chosen_engine
from jvst.core.image import to_float
from jvst.film.neighbours import Motion
from jvst.flow import FlowCache, FlowFiles, MaskFiles
from jvst.flow.estimation import scaled_engine
from jvst.flow.patterns import MaskField

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass
class Waiting:
    """How long a consumer stood still for the motion of its frames.

    Attributes:
        seconds: only grows.
        on_event: told when it begins to stand still, and when it goes on.
    """

    seconds: float = 0.0
    on_event: Listener = nobody

    def begins(self) -> None:
        """Tell that a result is not there yet."""
        self.on_event(WaitingForFlow())

    def ends(self, seconds: float) -> None:
        """Count the time that a result took."""
        self.seconds += seconds
        self.on_event(FlowReady(self.seconds))


def prefetch(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    *,
    workers: int = 2,
    ahead: int = 4,
    waiting: Waiting | None = None,
) -> Generator[Result, None, None]:
    """Yield ``function(item)`` for every item, in order, computed ahead on threads.

    Threads help where ``function`` releases the interpreter lock, as OpenCV does. At most
    ``ahead`` results beyond the one handed out are ready or being computed, and no item beyond
    them has been taken. Items are taken on the consumer's thread and stay the consumer's to
    close. What ``function`` or ``items`` raises is raised in its item's place, and ends the
    generator. Closing the generator, or its end for any reason, drops what has not started and
    waits for what has.

    Args:
        function: called on a thread of its own, for several items at once.
        items: may be lazy or endless.
        workers: number of threads.
        ahead: how many results may be under way or waiting.
        waiting: grows by the time that each ``next`` took.

    Raises:
        ValueError: ``workers`` or ``ahead`` is below 1.
    """
    if workers < 1 or ahead < 1:
        raise ValueError(f"prefetch with workers={workers}, ahead={ahead}; both must be at least 1")
    return _prefetch(function, items, workers, ahead, Waiting() if waiting is None else waiting)


def _prefetch(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    workers: int,
    ahead: int,
    waiting: Waiting,
) -> Generator[Result, None, None]:
    pending: deque[Future[Result]] = deque()
    exhausted = False
    started = time.perf_counter()
    source = iter(items)
    pool = ThreadPoolExecutor(workers, thread_name_prefix="prefetch")

    def fill() -> None:
        nonlocal exhausted
        while not exhausted and len(pending) < ahead:
            try:
                pending.append(pool.submit(function, next(source)))
            except StopIteration:
                exhausted = True
            except Exception as error:
                exhausted = True
                pending.append(Future())
                pending[-1].set_exception(error)  # raised after the results before it

    try:
        fill()
        while pending:
            first = pending.popleft()
            if not first.done():
                waiting.begins()
            result = first.result()
            fill()  # before the consumer goes to work, so that the threads do too
            waiting.ends(time.perf_counter() - started)
            yield result
            started = time.perf_counter()
            del first, result  # or they would stay in memory until the next one is there
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
        pending.clear()  # results that are not taken


def field_files(clip: Clip, config: StylizeConfig) -> Iterator[tuple[str, Path]]:
    """Look up and measure every file of flow and masks that a run will read.

    Yields:
        The option that names the file, and the file.

    Raises:
        InputError: a file is missing, cut short, or of another size than the frames.
    """
    choice, mask = config.motion.flow, config.motion.mask
    flow = FlowFiles(choice) if choice.startswith("files:") else None
    masks = MaskFiles(mask) if mask.startswith("files:") else None
    lags = config.time.lags if config.time.passes <= 1 else (1,)
    for index in range(clip.count if flow or masks else 0):
        known = index - clip.shot_start(index)
        for other in (index - lag for lag in lags if lag <= known):
            here, there = clip.start + index, clip.start + other
            if flow is not None:
                yield "flow", flow.measure(here, there, size=clip.size)
                yield "flow", flow.measure(there, here, size=clip.size)
            if masks is not None:
                yield "mask", masks.measure(here, there, size=clip.size)


class ReadyMotion(NamedTuple):
    """What is known of the motion between a frame and an earlier one."""

    flow: FlowField  # to the earlier frame
    flow_back: FlowField  # from it
    other: Frame  # the earlier frame
    mask: MaskField | None  # trust in ``flow`` from a file


class ReadyFrame(NamedTuple):
    """A frame with the motion between it and earlier ones."""

    index: int  # from 0 in the part of the clip
    frame: Frame
    motions: dict[int, ReadyMotion]  # by lag


class MotionSource:
    """Flow and masks of a clip: from an engine behind its cache, or from files.

    Args:
        clip: the clip.
        config: names the engine or the files.
        cache_folder: where flow is kept where the folder that ``config`` names can't be written,
            or is none.

    Raises:
        InputError: an unknown engine or a bad pattern.
    """

    def __init__(self, clip: Clip, config: StylizeConfig, *, cache_folder: Path | None = None):
        self._clip = clip
        self._files: FlowFiles | None = None
        self._notices: list[str] = []
        self.cache: FlowCache | None = None
        choice, mask = chosen_engine(config, clip.size), config.motion.mask
        self._masks = MaskFiles(mask) if mask.startswith("files:") else None
        if choice.startswith("files:"):
            self._files = FlowFiles(choice)
        else:
            engine = scaled_engine(choice, config.motion.flow_scale)
            folder = _flow_folder(config.motion.flow_cache)
            # One that can only be read still serves, unless there must be a place to write.
            needed = folder is not None and (cache_folder is not None or not folder.is_dir())
            if folder is not None and needed and (why := unwritable(folder)):
                folder = None
                self._notices.append(f"the flow cache can't be written ({why}), and is not used")
            self.cache = FlowCache(folder or cache_folder, engine)

    def motion(self, index: int, frame: Frame, lag: int, other: Frame) -> ReadyMotion:
        """Return the motion between frame ``index`` and the one ``lag`` before, ``other``.

        Raises:
            InputError: a file that is missing or damaged, or an engine that can't run.
        """
        here, size = self._clip.start + index, self._clip.size
        if self._files is not None:
            flow, flow_back = self._files.pair(here, here - lag, size=size)
        else:
            assert self.cache is not None
            flow, flow_back = self.cache.pair(frame, other)
        mask = None if self._masks is None else self._masks.read(here, here - lag, size=size)
        return ReadyMotion(flow, flow_back, other, mask)

    def notices(self) -> list[str]:
        """Say what the user should know of the cache: damage, and why it stopped writing."""
        return [*self._notices, *([] if self.cache is None else self.cache.notices())]


def ready_frames(
    clip: Clip,
    config: StylizeConfig,
    *,
    lags: tuple[int, ...],
    first: int = 0,
    stop: int | None = None,
    waiting: Waiting | None = None,
    source: MotionSource | None = None,
) -> Generator[ReadyFrame, None, None]:
    """Yield frames from number ``first`` on, each with its motion, computed ahead on threads.

    Args:
        clip: the clip.
        config: names the flow engine, the cache and the number of threads.
        lags: distances to the earlier frames.
        first: number of the first frame to yield.
        stop: number of the one after the last; None: to the end of the clip.
        waiting: grows by the time that the consumer stood still.
        source: where motion comes from; as ``config`` says when left out.

    Raises:
        InputError: a flow file that is missing or damaged; raised at its frame.
    """
    reach = max(lags)
    begin = max(first - reach, 0)

    def pairs() -> Iterator[tuple[int, Frame, dict[int, Frame]]]:
        recent: deque[Frame] = deque(maxlen=reach)
        frames = clip_frames(clip, first=begin)
        for index, frame in enumerate(frames, start=begin):
            if index == stop:
                break
            if index >= first:
                known = min(len(recent), index - clip.shot_start(index))
                yield index, frame, {lag: recent[-lag] for lag in lags if lag <= known}
            recent.append(frame)

    motion = (MotionSource(clip, config) if source is None else source).motion

    def estimate(item: tuple[int, Frame, dict[int, Frame]]) -> ReadyFrame:
        index, frame, earlier = item
        motions = {lag: motion(index, frame, lag, other) for lag, other in earlier.items()}
        return ReadyFrame(index, frame, motions)

    workers = config.motion.flow_workers
    return prefetch(estimate, pairs(), workers=workers, ahead=2 * workers, waiting=waiting)


def split(
    ready: Iterable[ReadyFrame],
) -> tuple[Iterator[Image], Iterator[dict[int, Motion]]]:
    """Part ready frames into images and motions on the device, to be taken in turn, images first.

    What has been taken is let go at once; ``itertools.tee`` would hold on to 57 frames and the
    flow between them, 2 GB at 1080p.
    """
    untaken: deque[dict[int, ReadyMotion]] = deque()

    def images() -> Iterator[Image]:
        for one in ready:
            untaken.append(one.motions)
            image = image_on_device(one.frame)
            del one
            yield image

    def motions() -> Iterator[dict[int, Motion]]:
        while untaken:
            yield {lag: motion_on_device(motion) for lag, motion in untaken.popleft().items()}

    return images(), motions()


def image_on_device(frame: Frame) -> Image:
    """Return a decoded frame as the solver takes it."""
    return to_float(jnp.asarray(frame))


def motion_on_device(motion: ReadyMotion) -> Motion:
    """Return motion as the solver takes it."""
    return Motion(
        jnp.asarray(motion.flow),
        jnp.asarray(motion.flow_back),
        image_on_device(motion.other),
        None if motion.mask is None else jnp.asarray(motion.mask),
    )


def _flow_folder(choice: str) -> Path | None:
    if choice == "none":
        return None
    return Path(choice) if choice else user_cache("flow")
