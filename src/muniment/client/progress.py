"""Telling people how far a transfer is: bars on a terminal, a callable of theirs, or nothing."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock
from typing import Final, Literal, TypeAlias

from muniment.client.backend import Progress

WORTH_A_BAR: Final = 4 * 1024 * 1024
"""Bytes; what is smaller is done before a bar could be read."""


@dataclass(frozen=True, slots=True)
class ProgressEvent:
    """How far one phase of a transfer is: `done` of `total` bytes.

    `phase` is "hash", "upload", "download" or "verify". `done` falls if bytes must be sent again.
    """

    phase: str
    done: int
    total: int


ProgressOption: TypeAlias = Callable[[ProgressEvent], None] | Literal[False] | None
"""A callable, False for silence, or None for bars if the standard error is a terminal."""


@contextmanager
def phase(option: ProgressOption, name: str, total: int) -> Iterator[Progress]:
    """Show one phase while the block runs; yield what to tell about bytes done."""
    if callable(option):
        yield _counter(option, name, total)
    elif option is None and total >= WORTH_A_BAR and sys.stderr.isatty():
        with _bar(name, total) as tell:
            yield tell
    else:
        yield _nobody


def _nobody(_bytes: int) -> None:
    pass


def _counter(tell: Callable[[ProgressEvent], None], name: str, total: int) -> Progress:
    lock, done = Lock(), 0

    def advance(count: int) -> None:
        nonlocal done
        with lock:  # so that the callable sees one event at a time, in order
            done += count
            tell(ProgressEvent(name, done, total))

    return advance


@contextmanager
def _bar(name: str, total: int) -> Iterator[Progress]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )
    from rich.progress import Progress as Bars

    bars = Bars(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(binary_units=True),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    with bars:
        task = bars.add_task(name, total=total)
        yield lambda count: bars.advance(task, count)
