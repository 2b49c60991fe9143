"""SQLite's one writing thread, with group commit.

    callers ──submit──> queue ──> BEGIN IMMEDIATE
                                    work 1
                                    work 2      its caller gets the error
                                    work 3
                                  COMMIT  (one fsync)
    callers <──results───────────

Whatever waits when the thread comes round goes into one transaction, so that many callers share
one fsync. Nobody hears of success before the COMMIT; if it fails, everybody in it hears of that.

A work that fails leaves nothing behind, and the others stay. Nearly always it fails before it has
changed anything. If not, all of them are undone and made again, each within a savepoint now, to
which the one is undone alone. Savepoints from the start would cost each page twice.

Who can't wait (an event loop) sends a call instead, which makes its changes from within the thread:
each is a work as above, and the call's end is reported after the COMMIT that has them all.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from typing import Any, Final, TypeVar, cast

from muniment.errors import Unavailable
from muniment.storage.metadata import Done
from muniment.storage.sql.engine import Session

T = TypeVar("T")
MAX_BATCH: Final = 128
MAX_BATCH_SECONDS: Final = 0.05  # the first of a batch waits no longer for the last


class _Job:
    """A call that the thread makes, and what came of it."""

    __slots__ = ("_done", "call", "error", "result")

    def __init__(self, call: Callable[[], Any], done: Done[Any]) -> None:
        self.call = call
        self.result: Any = None
        self.error: BaseException | None = None
        self._done = done

    def finish(self) -> None:
        """Tell the caller."""
        self._done(self.result, self.error)
        self.error = None  # its traceback refers to the frame that knows this job


class _Waiting:
    """A caller that waits for its job."""

    __slots__ = ("_done", "_error", "_result")

    def __init__(self) -> None:
        self._done = threading.Lock()  # the cheapest thing to wait on
        self._done.acquire()

    def tell(self, result: Any, error: BaseException | None) -> None:
        """Wake the caller."""
        self._result, self._error = result, error
        self._done.release()

    def wait(self) -> Any:
        """Return the result or raise the error, once there is one."""
        self._done.acquire()
        if self._error is not None:
            try:
                raise self._error
            finally:
                self._error = None  # the traceback refers to this frame, and so to the error
        return self._result


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
        self._writing: _Writing | None = None  # the thread's own
        self._thread = threading.Thread(target=self._run, name="muniment-writer", daemon=True)
        self._thread.start()

    def run(self, work: Callable[[Session], T]) -> T:
        """Run `work` as one change; return its result when that is durable.

        Within a call of `submit`, that is when the call's end is reported.
        """
        if threading.get_ident() == self._thread.ident:
            return self._own().change(work)
        waiting = _Waiting()
        self.submit(lambda: self._own().change(work), waiting.tell)
        return cast(T, waiting.wait())

    def submit(self, call: Callable[[], T], done: Done[T]) -> None:
        """Make a call in the thread; see `MetadataStore.submit`."""
        job = _Job(call, done)
        with self._lock:
            self.check()
            self._queue.put(job)

    def session(self) -> Session | None:
        """Return the connection that writes to a call of `submit`, from within it; else None."""
        if threading.get_ident() != self._thread.ident:
            return None
        writing = self._own()
        return None if writing.is_changing else writing.session

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
        try:
            while not self._closing and (job := self._queue.get()) is not None:
                batch = [job]
                try:
                    self._write(batch)
                except Exception as error:
                    for failed in batch:
                        failed.error = failed.error or _explained(error, self._translate)
                    if self._writing is not None and not self._writing.reset():
                        self._writing = None
                for done in batch:
                    done.finish()
                batch = []
        except BaseException as error:
            self._die(batch, error)
            raise
        finally:
            if self._writing is not None:
                self._writing.close()

    def _write(self, batch: list[_Job]) -> None:
        """Make the calls of the batch, and what else waits, as one transaction."""
        writing = self._own()
        try:
            self._fill(batch, writing)
        except _Entangled:
            if not writing.reset():
                raise Unavailable("What was written could not be undone.") from None
            with writing.apart():
                for job in batch:
                    writing.run(job)
        writing.commit()

    def _fill(self, batch: list[_Job], writing: _Writing) -> None:
        """Make the first call and all that wait; those that were begun are in the batch."""
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

    def _own(self) -> _Writing:
        if self._writing is None:
            self._writing = _Writing(self._connect(), self._translate)
        return self._writing

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


class _Entangled(Exception):  # not an error: the batch is to be made again, each work apart
    """A work has failed that had changed something, after others that stay."""


class _Writing:
    """The connection that writes, and the transaction that is open on it, if any."""

    def __init__(
        self, session: Session, translate: Callable[[BaseException], BaseException]
    ) -> None:
        self.session = session
        self._database = cast(sqlite3.Connection, session.driver)
        self._translate = translate
        self.is_changing = False
        self._apart = False  # each work is in a savepoint
        self._lost: BaseException | None = None  # why the transaction is not what it should be

    @contextmanager
    def apart(self) -> Iterator[None]:
        """Keep works apart from each other, so that one can be undone alone."""
        self._apart = True
        try:
            yield
        finally:
            self._apart = False

    def run(self, job: _Job) -> None:
        """Make one call. If it fails, it knows its error, and the others are as they were.

        Raises:
            _Entangled: they are not: all have to be made again, apart.
            BaseException: SQLite has undone the whole transaction (the disk is full, …).
        """
        job.error = None
        try:
            job.result = job.call()
        except BaseException as error:
            job.error = _explained(error, self._translate)
        if self._lost is not None:
            raise self._lost

    def change(self, work: Callable[[Session], T]) -> T:
        """Run one work in the transaction. If it fails, it is undone alone."""
        if self.is_changing:
            raise RuntimeError("A write can't wait for another write: it would wait for itself.")
        database = self._database
        first = not database.in_transaction
        if first:
            database.execute("BEGIN IMMEDIATE")
        elif self._apart:
            database.execute("SAVEPOINT work")
        changes = database.total_changes
        self.is_changing = True
        try:
            result = work(self.session)
            if not database.in_transaction:
                raise Unavailable("The transaction was lost while it was written.")
            if self._apart and not first:
                database.execute("RELEASE work")
        except BaseException as error:
            if first:
                self.reset()
            else:
                self._undo(error, changes)
            raise
        finally:
            self.is_changing = False
        return result

    def _undo(self, error: BaseException, changes: int) -> None:
        """Undo a work, before which the connection had changed so many rows, and no other."""
        if not self._database.in_transaction:
            self._lost = error
        elif self._apart:
            self._database.execute("ROLLBACK TO work")
            self._database.execute("RELEASE work")
        elif self._database.total_changes != changes:
            self._lost = _Entangled()

    def commit(self) -> None:
        """Make it durable."""
        if self._database.in_transaction:
            self._database.execute("COMMIT")

    def reset(self) -> bool:
        """Undo what is open; say whether the connection can be used further."""
        self._lost = None
        try:
            if self._database.in_transaction:
                self._database.execute("ROLLBACK")
        except sqlite3.Error:
            self.close()
            return False
        return True

    def close(self) -> None:
        """Let go of the connection."""
        self.session.core.close()


def _explained(
    error: BaseException, translate: Callable[[BaseException], BaseException]
) -> BaseException:
    explained = translate(error)
    if explained is not error:
        explained.__cause__ = error
    return explained
