"""Processes that die: one life, ended before its first step, its second, … until it is lived whole.

    for moment in itertools.count(1):
        end = live(moment, life, arguments)      life(mortal, *arguments), in a process of its own
        …                                        what must hold after such a death
        if end is End.LIVED: break

Steps are the calls of `os` that change files, and whatever a life calls a step itself; a write
ends after half of its bytes. The process ends at once, as after `kill -9`. An adapter that keeps
nothing in files names what it changes things by, where its test file is imported:

    also_watch(Client, "insert", "update", "delete")
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable
from enum import Enum
from types import FunctionType
from typing import Any, Final

_CHANGING_CALLS: Final = (
    "chmod",
    "fchmod",
    "fdatasync",
    "fsync",
    "ftruncate",
    "link",
    "mkdir",
    "open",
    "remove",
    "rename",
    "replace",
    "rmdir",
    "symlink",
    "truncate",
    "unlink",
    "utime",
)


_watched: Final[list[tuple[Any, str]]] = [
    (os, name) for name in _CHANGING_CALLS if hasattr(os, name)
]


def also_watch(owner: Any, *names: str) -> None:
    """Make calls of these functions of a module, or methods of a class, steps of every life."""
    _watched.extend((owner, name) for name in names)


class End(Enum):
    """How a life ended; the values are exit codes."""

    LIVED = 0
    DIED = 101
    DIED_AFTER_ACKNOWLEDGING = 102


class Mortal:
    """Counts the steps of the process it is in, and ends it before one of them."""

    def __init__(self, moment: int) -> None:
        self._steps_left = moment
        self._acknowledged = False

    def step(self) -> None:
        """Die here, if this is the moment."""
        if self._is_over():
            self._die()

    def acknowledge(self) -> None:
        """Note that somebody was told that it is done, which is a step, too."""
        self._acknowledged = True
        self.step()

    def watch(self) -> None:
        """Make every call that changes something a step."""
        for owner, name in _watched:
            setattr(owner, name, self._stepping(getattr(owner, name)))
        whole_write = os.write

        def write(fd: int, data: bytes | memoryview) -> int:
            if self._is_over():
                whole_write(fd, data[: len(data) // 2])
                self._die()
            return whole_write(fd, data)

        os.write = write  # type: ignore[assignment]

    def _stepping(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def stepping(*args: Any, **options: Any) -> Any:
            self.step()
            return call(*args, **options)

        return stepping

    def _is_over(self) -> bool:
        self._steps_left -= 1
        return self._steps_left == 0

    def _die(self) -> None:
        end = End.DIED_AFTER_ACKNOWLEDGING if self._acknowledged else End.DIED
        os._exit(end.value)


def live(moment: int, life: Callable[..., None], *args: object) -> End:
    """Run `life(mortal, *args)` in a new process that dies before its step number `moment`.

    `life` and `args` must be picklable: functions and classes at the top of a module.
    """
    # A server that forks: a process costs milliseconds, and none inherits this one's threads.
    context: Any = multiprocessing.get_context("forkserver" if os.name == "posix" else "spawn")
    named = (each for each in (life, *args) if isinstance(each, type | FunctionType))
    context.set_forkserver_preload([each.__module__ for each in named])
    process = context.Process(target=_live, args=(moment, life, args))
    process.start()
    process.join()
    return End(process.exitcode)


def _live(moment: int, life: Callable[..., None], args: tuple[object, ...]) -> None:
    mortal = Mortal(moment)
    mortal.watch()
    life(mortal, *args)
    os._exit(End.LIVED.value)
