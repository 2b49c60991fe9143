"""SQLite's one writing thread, with group commit.

    callers ──submit──> queue ──> BEGIN IMMEDIATE
                                    work 1 (alone: no savepoint needed)
                                    SAVEPOINT  work 2  RELEASE
                                    SAVEPOINT  work 3  ROLLBACK TO      its caller gets the error
                                  COMMIT  (one fsync)
    callers <──results───────────

Whatever waits when the thread comes round goes into one transaction, so that many callers share
one fsync. Nobody hears of success before the COMMIT; if it fails, everybody in it hears of that.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Any, Final, TypeVar, cast

from muniment.errors import Unavailable
from muniment.storage.sql.engine import Session

T = TypeVar("T")
MAX_BATCH: Final = 128
MAX_BATCH_SECONDS: Final = 0.05  # the first of a batch waits no longer for the last


class _Job:
    """Work that somebody waits for."""

    __slots__ = ("_done", "error", "result", "work")

    def __init__(self, work: Callable[[Session], Any]) -> None:
        self.work = work
        self.result: Any = None
        self.error: BaseException | None = None
        self._done = threading.Lock()  # the cheapest thing to wait on
        self._done.acquire()

    def finish(self) -> None:
        """Wake the caller."""
        self._done.release()

    def wait(self) -> Any:
        """Return the result or raise the error, once there is one."""
        self._done.acquire()
        if self.error is not None:
            try:
                raise self.error
            finally:
                self.error = None  # the traceback refers to this frame, and so to the job
        return self.result


class Writer:
    """Runs all writes of one process on one connection.

    Args:
        connect: opens the connection, in autocommit mode; called in the thread, and again when
            the connection was lost.
        translate: returns a new error that says the same as the driver's, or the error itself.
    """

    def __init__(
        self,
        connect: Callable[[], Session],
        translate: Callable[[BaseException], BaseException],
    ) -> None:
        self._connect = connect
        self._translate = translate
        self._queue: SimpleQueue[_Job | None] = SimpleQueue()
        self._lock = threading.Lock()  # between accepting work and refusing it
        self._refusal = ""
        self._closing = False  # the thread has come to the end of its queue
        self._thread = threading.Thread(target=self._run, name="muniment-writer", daemon=True)
        self._thread.start()

    def submit(self, work: Callable[[Session], T]) -> T:
        """Run `work` in a transaction; return its result when that is durable."""
        if threading.current_thread() is self._thread:
            raise RuntimeError("A write can't wait for another write: it would wait for itself.")
        job = _Job(work)
        with self._lock:
            self.check()
            self._queue.put(job)
        return cast(T, job.wait())

    def check(self) -> None:
        """Raise Unavailable unless work is accepted."""
        if self._refusal:
            raise Unavailable(self._refusal, hint="Open the store again.")
        if not self._thread.is_alive():
            raise Unavailable(
                "The thread that writes belongs to the process that forked this one.",
                hint="Open the store after the fork.",
            )

    def close(self) -> None:
        """Finish what was accepted, refuse what comes, and end the thread."""
        with self._lock:
            if not self._refusal:
                self._refusal = "The store is closed."
                self._queue.put(None)
        self._thread.join()

    # -- the thread ------------------------------------------------------------------------------

    def _run(self) -> None:
        batch: list[_Job] = []
        writing: _Writing | None = None
        try:
            while not self._closing and (job := self._queue.get()) is not None:
                batch = [job]
                try:
                    writing = writing or _Writing(self._connect(), self._translate)
                    self._commit(writing, batch)
                except Exception as error:
                    for failed in batch:
                        failed.error = failed.error or _explained(error, self._translate)
                    if writing is not None and not writing.reset():
                        writing = None
                for done in batch:
                    done.finish()
                batch = []
        except BaseException as error:
            self._die(batch, error)
            raise
        finally:
            if writing is not None:
                writing.close()

    def _commit(self, writing: _Writing, batch: list[_Job]) -> None:
        """Run the batch, and what else waits, as one transaction."""
        deadline = time.monotonic() + MAX_BATCH_SECONDS
        writing.run(batch[0])
        while not self._closing and len(batch) < MAX_BATCH and time.monotonic() < deadline:
            try:
                job = self._queue.get_nowait()
            except Empty:
                break
            if job is None:
                self._closing = True
            else:
                batch.append(job)
                writing.run(job)
        writing.commit()

    def _die(self, batch: list[_Job], error: BaseException) -> None:
        """Fail everybody who waits, and everybody who comes."""
        with self._lock:
            self._refusal = f"The thread that writes has ended: {error!r:.300}."
        while True:
            for job in batch:
                job.error = job.error or Unavailable(self._refusal)
                job.finish()
            try:
                waiting = self._queue.get_nowait()
            except Empty:
                return
            batch = [] if waiting is None else [waiting]


class _Writing:
    """The connection that writes, and the transaction that is open on it, if any."""

    def __init__(
        self, session: Session, translate: Callable[[BaseException], BaseException]
    ) -> None:
        self._session = session
        self._database = cast(sqlite3.Connection, session.driver)
        self._translate = translate

    def run(self, job: _Job) -> None:
        """Run one work in the transaction. If it fails, it is undone alone, and knows its error.

        Raises:
            Exception: SQLite has undone the whole transaction (the disk is full, …).
        """
        execute = self._database.execute
        first = not self._database.in_transaction
        execute("BEGIN IMMEDIATE" if first else "SAVEPOINT work")
        try:
            job.result = job.work(self._session)
        except BaseException as error:
            if first:
                self.reset()
            elif not self._database.in_transaction:
                raise
            else:
                execute("ROLLBACK TO work")
                execute("RELEASE work")
            job.error = _explained(error, self._translate)
            return
        if not self._database.in_transaction:
            raise Unavailable("The transaction was lost while it was written.")
        if not first:
            execute("RELEASE work")

    def commit(self) -> None:
        """Make it durable."""
        if self._database.in_transaction:
            self._database.execute("COMMIT")

    def reset(self) -> bool:
        """Undo what is open; say whether the connection can be used further."""
        try:
            if self._database.in_transaction:
                self._database.execute("ROLLBACK")
        except sqlite3.Error:
            self.close()
            return False
        return True

    def close(self) -> None:
        """Let go of the connection."""
        self._session.core.close()


def _explained(
    error: BaseException, translate: Callable[[BaseException], BaseException]
) -> BaseException:
    explained = translate(error)
    if explained is not error:
        explained.__cause__ = error
    return explained
