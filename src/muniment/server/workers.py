"""Several processes on one socket: forked when everything is imported, watched, replaced.

    this process ──fork──> worker ──"ready" or an error──> this process ──> announces, once
         │                   │ ends unasked: replaced (before it was ready: all end)
         └──SIGTERM──────────┘ this process is gone: the worker ends, too

Each worker opens the stores for itself, after the fork.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkProcess
from types import FrameType
from typing import Final, Protocol

from muniment.errors import ConfigurationError, MunimentError

ENDING: Final = (signal.SIGINT, signal.SIGTERM)
_log = logging.getLogger("muniment.server")


class Stoppable(Protocol):
    """A server that ends in order once `should_exit` is set."""

    should_exit: bool


Serve = Callable[[Callable[[Stoppable], None]], None]


@dataclass(frozen=True, slots=True)
class _Worker:
    process: ForkProcess
    news: Connection


def run(count: int, serve: Serve, announce: Callable[[], None]) -> int:
    """Let `count` processes `serve` until SIGINT or SIGTERM; return the exit code.

    `serve` is called in each with a function that it calls with its server as soon as that
    answers; `announce` is called here as soon as all do.

    Raises:
        ConfigurationError: this system can't fork.
        MunimentError: what a worker raised before it was ready.
    """
    if "fork" not in multiprocessing.get_all_start_methods():
        raise ConfigurationError(
            f"This system can't run {count} workers: it has no fork.", hint="Use one worker."
        )
    return _Watch(count, serve).run(announce)


class _Watch:
    """The process that serves nothing itself."""

    def __init__(self, count: int, serve: Serve) -> None:
        self._count = count
        self._serve = serve
        self._lifeline = os.pipe()  # its end reaches the workers when this process is gone
        self._workers: list[_Worker] = []
        self._ending = False

    def run(self, announce: Callable[[], None]) -> int:
        before = {number: signal.signal(number, self._end) for number in ENDING}
        try:
            self._workers = [self._start() for _ in range(self._count)]
            error = next(filter(None, map(self._fault_at_start, self._workers)), None)
            if error is None and not self._ending:
                announce()
                error = self._watch()
            self._stop()
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
            for end in self._lifeline:
                os.close(end)
        if error is not None:
            raise error
        return 0

    def _start(self) -> _Worker:
        ours, theirs = multiprocessing.Pipe(duplex=False)
        fork = multiprocessing.get_context("fork")
        process = fork.Process(target=self._work, args=(theirs,))
        process.start()
        theirs.close()
        if self._ending:
            process.terminate()
        return _Worker(process, ours)

    def _work(self, news: Connection) -> None:
        """Be a worker."""
        alive, parents_end = self._lifeline
        os.close(parents_end)
        for number in ENDING:
            signal.signal(number, signal.SIG_DFL)

        def started(server: Stoppable) -> None:
            threading.Thread(target=_end_with_parent, args=(alive, server), daemon=True).start()
            news.send(None)

        try:
            self._serve(started)
        except MunimentError as error:
            news.send(error)

    def _fault_at_start(self, worker: _Worker) -> MunimentError | None:
        """Wait until a worker is ready; return why if it is not to be."""
        try:
            error: MunimentError | None = worker.news.recv()
        except EOFError:
            if self._ending:
                return None
            return MunimentError("A worker ended before it was ready; the log says why.")
        return error

    def _watch(self) -> MunimentError | None:
        """Replace workers that end, until all are to end; return why if one can't be replaced."""
        while not self._ending:
            ended = wait([worker.process.sentinel for worker in self._workers])
            for index, worker in enumerate(self._workers):
                if worker.process.sentinel not in ended or self._ending:
                    continue
                worker.process.join()
                _log.error(
                    "Worker %d ended (exit code %s); another takes its place.",
                    worker.process.pid,
                    worker.process.exitcode,
                )
                worker.news.close()
                self._workers[index] = self._start()
                error = self._fault_at_start(self._workers[index])
                if error is not None:
                    return error
        return None

    def _stop(self) -> None:
        self._ending = True
        for worker in self._workers:
            worker.process.terminate()
        for worker in self._workers:
            worker.process.join()
            worker.news.close()

    def _end(self, number: int, frame: FrameType | None) -> None:
        self._ending = True
        for worker in self._workers:
            worker.process.terminate()


def _end_with_parent(lifeline: int, server: Stoppable) -> None:
    os.read(lifeline, 1)
    server.should_exit = True
