"""Results computed ahead of their use, in order, by a bounded number of threads."""

import time
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass
class Waiting:
    """How long a consumer stood still for its results, in seconds; it only grows."""

    seconds: float = 0.0


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
            result = pending.popleft().result()
            fill()  # before the consumer goes to work, so that the threads do too
            waiting.seconds += time.perf_counter() - started
            yield result
            started = time.perf_counter()
            del result  # or it would stay in memory until the next one is there
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
        pending.clear()  # results that nobody takes
