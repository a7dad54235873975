"""Several passes from files to the run's folder.

Frames and motion are read in any order.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import jax
import numpy as np

from jvst._types import Frame, Image, StyleTargets
from jvst.app.claims import INPUTS
from jvst.app.events import FramesStarted, StoppedError, Teller
from jvst.app.inputs import Clip, clip_frames
from jvst.app.motion import MotionSource, Waiting, image_on_device, motion_on_device
from jvst.app.sealed import DamagedError, check_seal, sealing
from jvst.app.single import frame_info, keep_unfinished
from jvst.app.store import LAST, RunStore
from jvst.app.task import Task
from jvst.core.image import to_uint8
from jvst.film.multipass import stylize_multipass
from jvst.film.neighbours import Motion
from jvst.film.one_pass import PaintingStatistics
from jvst.film.schedule import MultipassConfig, neighbours_in_pass
from jvst.network.vgg import VGG19


def stylize_passes(
    task: Task,
    settings: MultipassConfig,
    source: MotionSource,
    vgg: VGG19,
    style: StyleTargets,
    paintings: PaintingStatistics | None,
    store: RunStore,
    tell: Teller,
) -> None:
    """Stylize what is not finished in any pass."""
    config, clip = task.config, task.clip
    first_pass, position = where_to_go_on(store, settings, clip.count)
    if first_pass > settings.passes:
        return
    done = (first_pass - 1) * clip.count + position
    caps = settings.pass_iterations, settings.pass_iterations
    tell(FramesStarted(clip.count, clip.size, settings.passes, done, caps, frozenset()))
    order = settings.order(clip.count, first_pass)
    with (
        ClipOnDisk(clip, store.folder / INPUTS) as frames,
        ClipMotions(
            clip,
            frames,
            source,
            workers=config.motion.flow_workers,
            waiting=Waiting(on_event=tell),
        ) as motions,
    ):
        devices = jax.local_devices()
        made = stylize_multipass(
            frames,
            motions,
            vgg,
            style,
            task.weights,
            config=settings,
            key=jax.random.key(config.solver.seed),
            paintings=paintings,
            first_pass=first_pass,
            position=position,
            results=_Finished(store, settings.passes),
            resume=store.load_interrupted(
                order[position], pass_number=stored_as(first_pass, settings.passes)
            ),
            on_event=tell,
            devices=devices if len(devices) > 1 else None,
        )
        try:
            before = time.perf_counter()
            for frame in made:
                number = stored_as(frame.pass_number, settings.passes)
                picture = np.asarray(to_uint8(frame.image))
                info = frame_info(frame.info, time.perf_counter() - before)
                store.save(frame.index, np.asarray(frame.image), picture, info, pass_number=number)
                store.flush()  # the next frame may read it
                done += 1
                if done % clip.count == 0 and frame.pass_number > 1:
                    store.drop_states(frame.pass_number - 1)
                tell.check()
                before = time.perf_counter()
        except (KeyboardInterrupt, StoppedError):
            if tell.latest is not None:
                number = stored_as(tell.latest.pass_number, settings.passes)
                keep_unfinished(store, tell, pass_number=number)
            raise
    (store.folder / INPUTS).unlink(missing_ok=True)


def where_to_go_on(store: RunStore, settings: MultipassConfig, frames: int) -> tuple[int, int]:
    """Return the pass to go on with, and how many of its frames are finished, in its order.

    It is the latest whose other frames can be made from what is there: they need their own states
    of the pass before, and those beside them.
    """

    def has_state(number: int, index: int) -> bool:
        return store.has_state(index, pass_number=stored_as(number, settings.passes))

    for number in range(settings.passes, 0, -1):
        order = settings.order(frames, number)
        done = store.finished(order, pass_number=stored_as(number, settings.passes))
        if number == settings.passes and done == frames:
            return number + 1, 0
        if number < settings.passes:
            # The next pass starts from the state of every frame.
            whole = (place for place, index in enumerate(order) if not has_state(number, index))
            done = min(done, next(whole, frames))
            if done == frames:
                return number + 1, 0
        left = order[done:]
        beside = [neighbours_in_pass(settings, frames, number, index) for index in left]
        needed = {place for places in beside for place in places if place is not None}
        needed |= {(number - 1, index) for index in left if number > 1}
        if all(has_state(*place) for place in needed - {(number, index) for index in left}):
            return number, done
    raise AssertionError("the first pass needs nothing")


def stored_as(pass_number: int, passes: int) -> int:
    """Return the store's number of a pass: the last one's frames are the result."""
    return LAST if pass_number == passes else pass_number


class ClipOnDisk(Sequence[Image]):
    """The decoded clip in a file, for reading in any order; kept until the run is finished.

    Args:
        clip: the clip.
        path: where; a whole file that is there already is of the same clip, and is used.

    Raises:
        InputError: the disk is full, or the path can't be written.
    """

    def __init__(self, clip: Clip, path: Path):
        try:
            check_seal(path)
        except DamagedError:
            _write_clip(clip, path)
        self._frames = np.load(path, mmap_mode="r", allow_pickle=False)

    def __enter__(self) -> "ClipOnDisk":
        """Return the clip itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Let go of the file."""
        del self._frames

    def __len__(self) -> int:
        """Return the number of frames."""
        return len(self._frames)

    def __getitem__(self, index: int) -> Image:  # type: ignore[override]
        """Return a frame on the device."""
        return image_on_device(self.decoded(index))

    def decoded(self, index: int) -> Frame:
        """Return a frame in host memory."""
        return np.array(self._frames[index])


def _write_clip(clip: Clip, path: Path) -> None:
    """Write the frames of a clip as one array.

    Not through a map of the file: where the disk is full, that ends the process.
    """
    header = {
        "descr": np.lib.format.dtype_to_descr(np.dtype(np.uint8)),
        "fortran_order": False,
        "shape": (clip.count, clip.size[1], clip.size[0], 3),
    }
    with sealing(path) as file:
        np.lib.format.write_array_header_1_0(file, header)
        for frame in clip_frames(clip):
            file.write(frame.tobytes())


class ClipMotions(Sequence["Motion | None"]):
    """Motion between each frame and the one before; computed in order on threads from the start.

    The engine's fields stay in its cache and are read from there when asked for.

    Args:
        clip: the clip; there is no motion across its cuts.
        frames: its frames.
        source: the engine behind its cache, or the files.
        workers: number of threads.
        waiting: grows by the time that was spent waiting for the engine.
    """

    def __init__(
        self,
        clip: Clip,
        frames: ClipOnDisk,
        source: MotionSource,
        *,
        workers: int,
        waiting: Waiting,
    ):
        self._clip, self._frames, self._source, self._waiting = clip, frames, source, waiting
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="flow")
        self._computed: list[Future[None] | None] = [
            None if self._is_first(index) else self._pool.submit(self._compute, index)
            for index in range(clip.count)
        ]

    def __enter__(self) -> "ClipMotions":
        """Return the motions themselves."""
        return self

    def __exit__(self, *_: object) -> None:
        """Drop what has not been computed, and wait for what is being computed."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def __len__(self) -> int:
        """Return the number of frames."""
        return self._clip.count

    def __getitem__(self, index: int) -> Motion | None:  # type: ignore[override]
        """Return the motion between a frame and the one before, None at the start of a shot."""
        computed = self._computed[index]
        if computed is None:
            return None
        before = time.perf_counter()
        if not computed.done():
            self._waiting.begins()
        computed.result()
        motion = self._motion(index)
        self._waiting.ends(time.perf_counter() - before)
        return motion_on_device(motion)

    def _is_first(self, index: int) -> bool:
        return index == self._clip.shot_start(index)

    def _compute(self, index: int) -> None:
        self._motion(index)

    def _motion(self, index: int):
        decoded = self._frames.decoded
        return self._source.motion(index, decoded(index), 1, decoded(index - 1))


class _Finished(Mapping[tuple[int, int], np.ndarray]):
    """Finished frames of all passes, read from the run's folder."""

    def __init__(self, store: RunStore, passes: int):
        self._store, self._passes = store, passes

    def __getitem__(self, place: tuple[int, int]) -> np.ndarray:
        number, index = place
        return self._store.load(index, pass_number=stored_as(number, self._passes))

    def __iter__(self) -> Iterator[tuple[int, int]]:
        for number in range(1, self._passes + 1):
            for index in self._store.kept(pass_number=stored_as(number, self._passes)):
                yield number, index

    def __len__(self) -> int:
        return sum(1 for _ in self)
