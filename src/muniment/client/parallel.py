"""A few things at once, and all of them stopped when one fails."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from threading import Event
from typing import Final, TypeVar

T = TypeVar("T")
R = TypeVar("R")

WORKERS: Final = 4
"""How many files are hashed, sent or fetched at a time."""


class Stopped(BaseException):
    """Raised inside a task whose result nobody waits for any more; never seen by callers."""


def stoppable(pieces: Iterable[bytes], stop: Event) -> Iterator[bytes]:
    """Yield `pieces` until `stop` is set."""
    for piece in pieces:
        if stop.is_set():
            raise Stopped
        yield piece


def for_each(items: Sequence[T], work: Callable[[T, Event], R]) -> list[R]:
    """Return `work(item, stop)` for each item, in the order of `items`.

    The first error (Ctrl-C, too) sets `stop`, drops what has not begun, waits for what has, and is
    raised.
    """
    stop = Event()
    if len(items) <= 1:  # no threads: a plain traceback, and Ctrl-C at once
        return [work(item, stop) for item in items]
    with ThreadPoolExecutor(WORKERS, thread_name_prefix="muniment") as pool:
        futures = [pool.submit(work, item, stop) for item in items]
        try:
            for future in as_completed(futures):
                future.result()
        except BaseException:
            stop.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return [future.result() for future in futures]
